//! What is measured of a variant, and in what.

use serde::{Deserialize, Serialize};

/// One of the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Requests answered a second.
    Throughput,
    /// What a request took in the mean, as the client saw it.
    Mean,
    /// What the half of them took at most.
    P50,
    /// What nine of ten took at most.
    P90,
    /// What 99 of 100 took at most.
    P99,
    /// What 999 of 1000 took at most.
    P999,
    /// What the slowest took.
    Max,
    /// CPU of the server's processes, a request.
    ServerCpu,
    /// CPU of wsgiprobe, a request.
    ProbeCpu,
    /// Memory of the server's processes.
    ServerMemory,
    /// Memory of wsgiprobe.
    ProbeMemory,
}

/// What a figure is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Requests a second.
    PerSecond,
    /// Seconds, of CPU too.
    Seconds,
    /// Bytes.
    Bytes,
}

impl Figure {
    /// All of them, as they are shown.
    pub const ALL: [Self; 11] = [
        Self::Throughput,
        Self::Mean,
        Self::P50,
        Self::P90,
        Self::P99,
        Self::P999,
        Self::Max,
        Self::ServerCpu,
        Self::ProbeCpu,
        Self::ServerMemory,
        Self::ProbeMemory,
    ];

    /// Its name in the JSON, and for InfluxDB.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Max => "max",
            Self::ServerCpu => "server_cpu",
            Self::ProbeCpu => "probe_cpu",
            Self::ServerMemory => "server_memory",
            Self::ProbeMemory => "probe_memory",
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Throughput => "requests/s",
            Self::Mean => "mean latency",
            Self::P50 => "p50 latency",
            Self::P90 => "p90 latency",
            Self::P99 => "p99 latency",
            Self::P999 => "p99.9 latency",
            Self::Max => "slowest request",
            Self::ServerCpu => "server CPU per request",
            Self::ProbeCpu => "probe CPU per request",
            Self::ServerMemory => "server memory",
            Self::ProbeMemory => "probe memory",
        }
    }

    /// What it is in.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Throughput => Unit::PerSecond,
            Self::ServerMemory | Self::ProbeMemory => Unit::Bytes,
            _ => Unit::Seconds,
        }
    }

    /// Whether more of it is better.
    #[must_use]
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::Throughput)
    }
}

/// Something of each figure; `None` where it could not be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures<T> {
    /// [`Figure::Throughput`], a second.
    pub throughput: Option<T>,
    /// [`Figure::Mean`], seconds.
    pub mean: Option<T>,
    /// [`Figure::P50`], seconds.
    pub p50: Option<T>,
    /// [`Figure::P90`], seconds.
    pub p90: Option<T>,
    /// [`Figure::P99`], seconds.
    pub p99: Option<T>,
    /// [`Figure::P999`], seconds.
    #[serde(rename = "p99.9")]
    pub p999: Option<T>,
    /// [`Figure::Max`], seconds.
    pub max: Option<T>,
    /// [`Figure::ServerCpu`], seconds a request.
    pub server_cpu: Option<T>,
    /// [`Figure::ProbeCpu`], seconds a request; `None` without wsgiprobe.
    pub probe_cpu: Option<T>,
    /// [`Figure::ServerMemory`], bytes.
    pub server_memory: Option<T>,
    /// [`Figure::ProbeMemory`], bytes; `None` without wsgiprobe.
    pub probe_memory: Option<T>,
}

impl<T> Figures<T> {
    /// What this makes of each figure.
    pub fn of(mut make: impl FnMut(Figure) -> Option<T>) -> Self {
        Self {
            throughput: make(Figure::Throughput),
            mean: make(Figure::Mean),
            p50: make(Figure::P50),
            p90: make(Figure::P90),
            p99: make(Figure::P99),
            p999: make(Figure::P999),
            max: make(Figure::Max),
            server_cpu: make(Figure::ServerCpu),
            probe_cpu: make(Figure::ProbeCpu),
            server_memory: make(Figure::ServerMemory),
            probe_memory: make(Figure::ProbeMemory),
        }
    }

    /// What there is of that figure.
    #[must_use]
    pub const fn get(&self, figure: Figure) -> Option<&T> {
        let found = match figure {
            Figure::Throughput => &self.throughput,
            Figure::Mean => &self.mean,
            Figure::P50 => &self.p50,
            Figure::P90 => &self.p90,
            Figure::P99 => &self.p99,
            Figure::P999 => &self.p999,
            Figure::Max => &self.max,
            Figure::ServerCpu => &self.server_cpu,
            Figure::ProbeCpu => &self.probe_cpu,
            Figure::ServerMemory => &self.server_memory,
            Figure::ProbeMemory => &self.probe_memory,
        };
        found.as_ref()
    }

    /// Those that there are, as they are shown.
    pub fn known(&self) -> impl Iterator<Item = (Figure, &T)> {
        Figure::ALL
            .into_iter()
            .filter_map(|figure| Some((figure, self.get(figure)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_place_and_its_name() {
        let figures = Figures::of(|figure| Some(figure.key()));
        assert!(
            Figure::ALL
                .iter()
                .all(|figure| figures.get(*figure) == Some(&figure.key()))
        );
        assert_eq!(figures.known().count(), Figure::ALL.len());
        let json = serde_json::to_value(&figures).unwrap();
        let json = json.as_object().unwrap();
        assert_eq!(json.len(), Figure::ALL.len());
        for figure in Figure::ALL {
            assert_eq!(json[figure.key()], figure.key());
        }
    }

    #[test]
    fn what_is_missing_is_left_out() {
        let figures = Figures::of(|figure| (figure != Figure::Mean).then_some(1));
        assert!(figures.known().all(|(figure, _)| figure != Figure::Mean));
        assert_eq!(figures.known().count(), Figure::ALL.len() - 1);
    }
}
