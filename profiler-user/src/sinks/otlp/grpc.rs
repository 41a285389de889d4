//! Messages by gRPC.

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::codec::CompressionEncoding;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

use super::Error;
use super::message::{Answer, Message};
use super::settings::Settings;

/// Knows where to write and as whom.
#[derive(Clone)]
pub(super) struct Grpc {
    channel: Channel,
    headers: MetadataMap,
}

impl Grpc {
    /// Connects with the first message.
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let mut endpoint = Endpoint::from_shared(settings.url.to_string())
            .map_err(Error::Grpc)?
            .user_agent(super::USER_AGENT)
            .map_err(Error::Grpc)?
            .connect_timeout(settings.timeout)
            .timeout(settings.timeout);
        if settings.url.scheme() == "https" {
            // Another part of the program may have chosen one before; either serves.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let tls = ClientTlsConfig::new();
            let tls = match super::authorities(settings)? {
                // Who names an authority means no other.
                Some(named) => tls.ca_certificate(Certificate::from_pem(named.pem)),
                None => tls.with_native_roots(),
            };
            endpoint = endpoint.tls_config(tls).map_err(Error::Grpc)?;
        }
        let mut headers = MetadataMap::new();
        for (name, value) in &settings.headers {
            let key: AsciiMetadataKey = name.parse().map_err(|_| Error::Header(name.clone()))?;
            let mut value: AsciiMetadataValue =
                value.parse().map_err(|_| Error::Header(name.clone()))?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        Ok(Self {
            channel: endpoint.connect_lazy(),
            headers,
        })
    }

    pub(super) async fn send(&self, message: &Message, gzip: bool) -> Answer {
        let answer = match message {
            Message::Metrics(message) => {
                let mut client = MetricsServiceClient::new(self.channel.clone());
                if gzip {
                    client = client.send_compressed(CompressionEncoding::Gzip);
                }
                let sent = client.export(self.request(message.clone())).await;
                sent.map(|answer| answer.into_inner().into())
            }
            Message::Spans(message) => {
                let mut client = TraceServiceClient::new(self.channel.clone());
                if gzip {
                    client = client.send_compressed(CompressionEncoding::Gzip);
                }
                let sent = client.export(self.request(message.clone())).await;
                sent.map(|answer| answer.into_inner().into())
            }
        };
        answer.unwrap_or_else(|status| failure(&status, gzip))
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.headers.clone();
        request
    }
}

/// Which of these to try again is laid down in OTLP's specification.
fn failure(status: &Status, gzip: bool) -> Answer {
    let words = format!("{:?}: {}", status.code(), words(status));
    match status.code() {
        Code::Unimplemented if gzip => Answer::Unpacked,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss
        | Code::ResourceExhausted => Answer::Later { after: None, words },
        // What tonic says of a connection that broke.
        Code::Unknown if std::error::Error::source(status).is_some() => {
            Answer::Later { after: None, words }
        }
        _ => Answer::Refused { words },
    }
}

/// The innermost cause says most.
fn words(status: &Status) -> String {
    let mut cause: &dyn std::error::Error = status;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match std::error::Error::source(status) {
        Some(_) => cause.to_string(),
        None => status.message().to_owned(),
    }
}
