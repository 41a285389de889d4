//! In which format a scraper wants it.

use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::MetricFamily;

use super::text::{Dialect, text};

/// What can be had, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Each family as a message, after its length: the only one with native histograms.
    Protobuf,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Plain,
}

impl Format {
    /// The one that the `Accept` header likes best; of those that it likes alike the
    /// best that there is.
    pub(super) fn wanted(accept: &str) -> Self {
        let liked = |format: Self| {
            let ranges = accept.split(',').filter(|range| format.is_meant(range));
            ranges.map(quality).max().unwrap_or(0)
        };
        let formats = [Self::Protobuf, Self::OpenMetrics, Self::Plain];
        let best = formats.map(liked).into_iter().max().unwrap_or(0);
        let mut suiting = formats.into_iter().filter(|_| best > 0);
        suiting
            .find(|format| liked(*format) == best)
            .unwrap_or(Self::Plain)
    }

    /// Whatever takes everything gets what people can read.
    fn is_meant(self, range: &str) -> bool {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let says = |wanted: &str| range.split(';').any(|part| part.trim() == wanted);
        match self {
            Self::Protobuf => {
                kind == "application/vnd.google.protobuf"
                    && says("proto=io.prometheus.client.MetricFamily")
                    && says("encoding=delimited")
            }
            Self::OpenMetrics => kind == "application/openmetrics-text" && !says("version=0.0.1"),
            Self::Plain => ["text/plain", "text/*", "*/*"].contains(&kind.as_str()),
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                 encoding=delimited"
            }
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    pub(super) fn encode(self, families: &[MetricFamily]) -> Vec<u8> {
        match self {
            Self::Protobuf => families
                .iter()
                .flat_map(prost::Message::encode_length_delimited_to_vec)
                .collect(),
            Self::OpenMetrics => text(families, Dialect::OpenMetrics).into_bytes(),
            Self::Plain => text(families, Dialect::Plain).into_bytes(),
        }
    }
}

/// Thousandths.
fn quality(range: &str) -> u16 {
    let given = range
        .split(';')
        .find_map(|part| part.trim().strip_prefix("q="));
    let given = given.map_or(Some(1.0), |text| text.parse::<f32>().ok());
    (given.unwrap_or(0.0).clamp(0.0, 1.0) * 1e3) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_liked_best_is_given() {
        let native = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                      encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,\
                      application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;\
                      q=0.5,*/*;q=0.1";
        let usual = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
                     version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (native, Format::Protobuf),
            (usual, Format::OpenMetrics),
            (
                "text/plain;q=0.5,application/openmetrics-text;q=0.2",
                Format::Plain,
            ),
            ("*/*", Format::Plain),
            ("application/vnd.google.protobuf;proto=other", Format::Plain),
            ("", Format::Plain),
        ] {
            assert_eq!(Format::wanted(accept), format, "{accept}");
        }
    }
}
