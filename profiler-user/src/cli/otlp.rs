//! The options for OTLP, and what OpenTelemetry's own variables say.

#![expect(
    clippy::doc_markdown,
    reason = "help is read in a terminal, not as Markdown"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use percent_encoding::percent_decode_str;
use url::Url;

use super::Secret;
use super::options::OUTPUTS;
use super::values;

/// The port that gRPC has by convention.
const GRPC_PORT: u16 = 4317;

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OtlpProtocol {
    /// gRPC
    Grpc,
    /// Protobuf in HTTP requests, to URL/v1/metrics and URL/v1/traces
    #[value(name = "http/protobuf", alias = "http")]
    Http,
}

/// In which form durations are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OtlpHistogram {
    /// The buckets of OpenTelemetry's conventions, and finer ones below
    Explicit,
    /// Exponential ones: each 9 % wider than the one below
    Exponential,
}

#[derive(Debug, Args)]
pub(super) struct OtlpOptions {
    /// Send metrics, and spans of slow and failed requests, to an OpenTelemetry collector, e.g.
    /// http://127.0.0.1:4317
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, help_heading = OUTPUTS)]
    pub otlp: Option<String>,

    /// How; otherwise OTEL_EXPORTER_OTLP_PROTOCOL, otherwise grpc to port 4317 and http/protobuf
    /// to others
    #[arg(long, value_enum, value_name = "PROTOCOL", help_heading = OUTPUTS)]
    pub otlp_protocol: Option<OtlpProtocol>,

    /// File with headers to send along, name=value with commas between; otherwise
    /// OTEL_EXPORTER_OTLP_HEADERS from the environment
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = OUTPUTS)]
    pub otlp_headers_file: Option<PathBuf>,

    /// PEM file with the authority that vouches for an https:// collector, instead of those that
    /// the system trusts; otherwise OTEL_EXPORTER_OTLP_CERTIFICATE
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = OUTPUTS)]
    pub otlp_ca: Option<PathBuf>,

    /// Send metrics no more often than this
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::duration, allow_hyphen_values = true,
          help_heading = OUTPUTS)]
    pub otlp_interval: Duration,

    /// Form of the durations
    #[arg(long, value_enum, value_name = "FORM", default_value_t = OtlpHistogram::Explicit, help_heading = OUTPUTS)]
    pub otlp_histogram: OtlpHistogram,

    /// A request that took this long gets a span with its parts; one that failed does in any case
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = values::duration, allow_hyphen_values = true,
          help_heading = OUTPUTS)]
    pub otlp_slow: Duration,

    /// Requests a second that get one, 0 for none; those passed over are counted
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=10_000),
          help_heading = OUTPUTS)]
    pub otlp_spans: u32,
}

/// Where and how to write OTLP.
#[derive(Debug)]
pub struct Otlp {
    /// The receiver, without the paths of the signals.
    pub url: Url,
    /// How messages travel.
    pub protocol: OtlpProtocol,
    /// Sent along.
    pub headers: Vec<(String, Secret)>,
    /// PEM file of the authorities to trust, if not those of the system.
    pub ca: Option<PathBuf>,
    /// Of the resource.
    pub resource: Vec<(String, String)>,
    /// Metrics are sent no more often than that.
    pub interval: Duration,
    /// Form of the durations.
    pub histogram: OtlpHistogram,
    /// From there on a request is slow.
    pub slow: Duration,
    /// Requests with spans a second.
    pub spans: u32,
}

/// Checks what is wanted. `environment` looks up OpenTelemetry's own variables.
pub(super) fn resolve(
    options: &OtlpOptions,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Option<Otlp>, String> {
    let Some(text) = &options.otlp else {
        let given = [
            ("--otlp-protocol", options.otlp_protocol.is_some()),
            ("--otlp-headers-file", options.otlp_headers_file.is_some()),
            ("--otlp-ca", options.otlp_ca.is_some()),
        ];
        return match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(format!("--otlp is missing: {option} needs it")),
            None => Ok(None),
        };
    };
    let url = url(text)?;
    Ok(Some(Otlp {
        protocol: protocol(options, &url, environment)?,
        ca: authority(options, &url, environment)?,
        url,
        headers: headers(options, environment)?,
        resource: resource(environment)?,
        interval: options.otlp_interval,
        histogram: options.otlp_histogram,
        slow: options.otlp_slow,
        spans: options.otlp_spans,
    }))
}

/// The messages leave the address out: it may hold a password.
fn url(text: &str) -> Result<Url, String> {
    const EXAMPLE: &str = "give something like http://127.0.0.1:4317";
    let url = Url::parse(text).map_err(|error| format!("--otlp: {error}; {EXAMPLE}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(format!(
            "--otlp must start with http:// or https://; {EXAMPLE}"
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "--otlp holds a user or password, which anybody on this host can see; \
                    use --otlp-headers-file or OTEL_EXPORTER_OTLP_HEADERS"
                .into(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() || url.path().contains("/v1/") {
        return Err(format!(
            "--otlp must end before /v1/... and any ? or #; {EXAMPLE}"
        ));
    }
    Ok(url)
}

fn protocol(
    options: &OtlpOptions,
    url: &Url,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<OtlpProtocol, String> {
    const VARIABLE: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
    if let Some(protocol) = options.otlp_protocol {
        return Ok(protocol);
    }
    match environment(VARIABLE).as_deref() {
        Some("grpc") => Ok(OtlpProtocol::Grpc),
        Some("http/protobuf") => Ok(OtlpProtocol::Http),
        Some(_) => Err(format!("{VARIABLE} must be grpc or http/protobuf")),
        None if url.port() == Some(GRPC_PORT) => Ok(OtlpProtocol::Grpc),
        None => Ok(OtlpProtocol::Http),
    }
}

/// The variable may be meant for other programs: without TLS it says nothing.
fn authority(
    options: &OtlpOptions,
    url: &Url,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Option<PathBuf>, String> {
    let secure = url.scheme() == "https";
    match &options.otlp_ca {
        Some(_) if !secure => {
            Err("--otlp-ca is for an https:// collector, and --otlp names none".into())
        }
        Some(file) => Ok(Some(file.clone())),
        None => Ok(environment("OTEL_EXPORTER_OTLP_CERTIFICATE")
            .filter(|_| secure)
            .map(PathBuf::from)),
    }
}

fn headers(
    options: &OtlpOptions,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Vec<(String, Secret)>, String> {
    const VARIABLE: &str = "OTEL_EXPORTER_OTLP_HEADERS";
    let (source, text) = match &options.otlp_headers_file {
        Some(path) => {
            let source = format!("--otlp-headers-file {}", path.display());
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("{source}: {error}"))?;
            (source, text)
        }
        None => (VARIABLE.into(), environment(VARIABLE).unwrap_or_default()),
    };
    let header = |(name, value): (String, String)| {
        let secret = Secret::new(&value).map_err(|why| format!("{source}: {name}: {why}"))?;
        Ok((name.to_ascii_lowercase(), secret))
    };
    let pairs = pairs(&text).ok_or_else(|| format!("{source}: give name=value,name=value"))?;
    pairs.into_iter().map(header).collect()
}

fn resource(
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, String> {
    const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let text = environment(VARIABLE).unwrap_or_default();
    let mut given =
        pairs(&text).ok_or_else(|| format!("{VARIABLE}: give name=value,name=value"))?;
    if let Some(name) = environment("OTEL_SERVICE_NAME") {
        given.retain(|(key, _)| key != "service.name");
        given.push(("service.name".into(), name));
    }
    Ok(given)
}

/// As in W3C's baggage: commas between, values percent-encoded.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let each = text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        let name = name.trim();
        (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
    };
    each.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        options: OtlpOptions,
    }

    fn resolved(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Option<Otlp>, String> {
        let arguments = std::iter::once("x").chain(arguments.iter().copied());
        let only = Only::parse_from(arguments);
        resolve(&only.options, &|name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_protocol_is_told_or_guessed() {
        let of = |arguments: &[&str], variables: &[(&str, &str)]| {
            resolved(arguments, variables).unwrap().unwrap().protocol
        };
        let variable = [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        assert_eq!(of(&["--otlp", "http://h:4317"], &[]), OtlpProtocol::Grpc);
        assert_eq!(of(&["--otlp", "http://h:4318"], &[]), OtlpProtocol::Http);
        assert_eq!(of(&["--otlp", "http://h:1"], &variable), OtlpProtocol::Grpc);
        let told = [
            "--otlp",
            "http://h:4317",
            "--otlp-protocol",
            "http/protobuf",
        ];
        assert_eq!(of(&told, &variable), OtlpProtocol::Http);
    }

    #[test]
    fn headers_and_resource_come_from_the_environment() {
        let variables = [
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "Authorization=Basic%20eA==, x-scope=a",
            ),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "service.name=a,deployment.environment.name=test",
            ),
            ("OTEL_SERVICE_NAME", "shop"),
        ];
        let otlp = resolved(&["--otlp", "http://h:4318"], &variables)
            .unwrap()
            .unwrap();
        let headers = otlp
            .headers
            .iter()
            .map(|(name, value)| (&**name, value.reveal()));
        let expected = [("authorization", "Basic eA=="), ("x-scope", "a")];
        assert_eq!(headers.collect::<Vec<_>>(), expected);
        assert_eq!(otlp.resource.len(), 2);
        assert_eq!(otlp.resource[1], ("service.name".into(), "shop".into()));
        assert!(!format!("{otlp:?}").contains("eA=="));
    }

    #[test]
    fn an_authority_is_for_tls() {
        let variable = [("OTEL_EXPORTER_OTLP_CERTIFICATE", "theirs.pem")];
        let of = |arguments: &[&str]| resolved(arguments, &variable).map(|otlp| otlp.unwrap().ca);
        let secure = ["--otlp", "https://h:4317"];
        assert_eq!(of(&secure).unwrap(), Some("theirs.pem".into()));
        assert_eq!(of(&["--otlp", "http://h:4317"]).unwrap(), None);
        let named = [secure[0], secure[1], "--otlp-ca", "ours.pem"];
        assert_eq!(of(&named).unwrap(), Some("ours.pem".into()));
    }

    #[test]
    fn what_cannot_work_is_told() {
        for (arguments, variables, word) in [
            (&["--otlp", "h:4317"][..], &[][..], "http://"),
            (&["--otlp", "http://u:p@h:4317"], &[], "--otlp-headers-file"),
            (&["--otlp", "http://h:4318/v1/metrics"], &[], "/v1/"),
            (&["--otlp-protocol", "grpc"], &[], "--otlp is missing"),
            (&["--otlp-ca", "f"], &[], "--otlp is missing"),
            (&["--otlp", "http://h", "--otlp-ca", "f"], &[], "https://"),
            (
                &["--otlp", "http://h"],
                &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")],
                "grpc",
            ),
            (
                &["--otlp", "http://h"],
                &[("OTEL_EXPORTER_OTLP_HEADERS", "secret")],
                "name=value",
            ),
        ] {
            let said = resolved(arguments, variables).unwrap_err();
            assert!(said.contains(word) && !said.contains("secret"), "{said}");
        }
    }
}
