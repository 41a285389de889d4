//! What is sent, and what is answered.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};

/// Something to send.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Metrics(ExportMetricsServiceRequest),
    Spans(ExportTraceServiceRequest),
}

impl Message {
    /// Where it goes in HTTP, below the receiver's address.
    pub(super) const fn path(&self) -> &'static str {
        match self {
            Self::Metrics(_) => "v1/metrics",
            Self::Spans(_) => "v1/traces",
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        use prost::Message as _;
        match self {
            Self::Metrics(request) => request.encode_to_vec(),
            Self::Spans(request) => request.encode_to_vec(),
        }
    }

    /// Reads the body of a success to it in HTTP.
    pub(super) fn answer(&self, body: &[u8]) -> Answer {
        use prost::Message as _;
        // What cannot be read says nothing of a part that was rejected.
        match self {
            Self::Metrics(_) => ExportMetricsServiceResponse::decode(body)
                .unwrap_or_default()
                .into(),
            Self::Spans(_) => ExportTraceServiceResponse::decode(body)
                .unwrap_or_default()
                .into(),
        }
    }
}

/// What the receiver made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It took all but so many, for this reason.
    Taken { rejected: u64, words: String },
    /// It may take it later, in no less than that.
    Later {
        after: Option<Duration>,
        words: String,
    },
    /// It will never take that.
    Refused { words: String },
    /// It does not read gzip.
    Unpacked,
}

fn taken(rejected: i64, words: String) -> Answer {
    Answer::Taken {
        rejected: u64::try_from(rejected).unwrap_or(0),
        words,
    }
}

impl From<ExportMetricsServiceResponse> for Answer {
    fn from(response: ExportMetricsServiceResponse) -> Self {
        let part = response.partial_success.unwrap_or_default();
        taken(part.rejected_data_points, part.error_message)
    }
}

impl From<ExportTraceServiceResponse> for Answer {
    fn from(response: ExportTraceServiceResponse) -> Self {
        let part = response.partial_success.unwrap_or_default();
        taken(part.rejected_spans, part.error_message)
    }
}
