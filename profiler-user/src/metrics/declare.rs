//! What a metric is, before it has a value.

/// How its values behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from the start of the run on.
    Counter,
    /// What is the case now; adds up over its attributes (OpenTelemetry's up-down
    /// counter).
    UpDownCounter,
    /// What is the case now; adding it up means nothing.
    Gauge,
    /// How many were how large, from the start of the run on.
    Histogram,
}

impl Kind {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::UpDownCounter => "up-down counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What its values are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds; counted in nanoseconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share, 0 to 1.
    Ratio,
    /// None.
    One,
    /// A count of these: an annotation of UCUM, such as `{request}`.
    Of(&'static str),
}

impl Unit {
    /// As UCUM writes it, which is what OpenTelemetry takes.
    #[must_use]
    pub const fn ucum(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Bytes => "By",
            Self::Ratio | Self::One => "1",
            Self::Of(things) => things,
        }
    }

    /// As Prometheus has it at the end of a name; none for a count.
    #[must_use]
    pub const fn prometheus(self) -> Option<&'static str> {
        match self {
            Self::Seconds => Some("seconds"),
            Self::Bytes => Some("bytes"),
            Self::Ratio => Some("ratio"),
            Self::One | Self::Of(_) => None,
        }
    }
}

/// When a series ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// With the run.
    Run,
    /// With the process that it is of.
    Process,
    /// With the window that no longer has it.
    Window,
}

/// Something that tells one series of a metric from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// OpenTelemetry's name, where it has one.
    pub name: &'static str,
    /// What it may be.
    pub values: &'static str,
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// OpenTelemetry's name, where it has one; ours begin with `wsgiprobe.`.
    pub name: &'static str,
    /// How its values behave.
    pub kind: Kind,
    /// What they are in.
    pub unit: Unit,
    /// When its series end.
    pub life: Life,
    /// What tells its series apart, in the order of their labels.
    pub attributes: &'static [Attribute],
    /// What it means: a sentence without its full stop.
    pub description: &'static str,
    /// What it is measured by.
    pub source: &'static str,
    /// Where InfluxDB has the same (schema `otel`): measurement and field.
    pub influx: Option<(&'static str, &'static str)>,
    /// What Prometheus calls it where its rules forbid the usual translation: without
    /// unit and `_total`.
    pub(super) renamed: Option<&'static str>,
}

impl Metric {
    /// Whether it is of the run itself: those say nothing of containers.
    #[must_use]
    pub fn is_own(&self) -> bool {
        [
            "wsgiprobe.account.",
            "wsgiprobe.probe.",
            "wsgiprobe.influx.",
            "wsgiprobe.build.",
        ]
        .iter()
        .any(|start| self.name.starts_with(start))
    }

    /// What Prometheus calls it, without `_total`: dots become underscores, and the unit
    /// is at the end.
    #[must_use]
    pub fn prometheus_base(&self) -> String {
        let mut name = self.renamed.unwrap_or(self.name).replace('.', "_");
        if let Some(unit) = self.unit.prometheus() {
            name.push('_');
            name.push_str(unit);
        }
        name
    }

    /// What Prometheus calls it in queries; a histogram has `_bucket`, `_count` and
    /// `_sum` after it.
    #[must_use]
    pub fn prometheus_name(&self) -> String {
        let mut name = self.prometheus_base();
        if self.kind == Kind::Counter {
            name.push_str("_total");
        }
        name
    }
}
