//! Attributes, and who says all this.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::settings::Settings;
use crate::identity;
use crate::tick::About;

/// Of which version of OpenTelemetry's conventions the names are.
pub(super) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";

pub(super) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

pub(super) fn number(key: &str, value: u64) -> KeyValue {
    attribute(
        key,
        Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)),
    )
}

pub(super) fn seconds(key: &str, ns: u64) -> KeyValue {
    attribute(key, Value::DoubleValue(ns as f64 / 1e9))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// What tells one resource from another: Prometheus makes the label `instance` of it.
const INSTANCE: &str = "service.instance.id";

/// The host that is watched; what the settings say goes first.
pub(super) fn resource(about: &About, settings: &Settings) -> Resource {
    let own = u64::from(std::process::id());
    let known = [
        text("service.name", "wsgiprobe"),
        text("service.version", about.version),
        text(INSTANCE, format!("{}:{own}", about.hostname)),
        text("host.name", about.hostname.as_str()),
        text("os.type", "linux"),
        text("os.version", about.kernel.as_str()),
        text("process.executable.name", "wsgiprobe"),
        number("process.pid", own),
    ];
    let given = &settings.resource;
    let mut attributes: Vec<KeyValue> = given.iter().map(|(key, value)| text(key, value)).collect();
    let said = |key: &str| given.iter().any(|(known, _)| known == key);
    attributes.extend(known.into_iter().filter(|known| !said(&known.key)));
    Resource {
        attributes,
        ..Resource::default()
    }
}

/// A container on that host: what is said of it, and not what is said of wsgiprobe's own
/// process. Receivers that keep no more of a resource than its `service.instance.id` would
/// else take the series of two containers for one.
pub(super) fn contained(host: &Resource, said: &[(&'static str, &str)]) -> Resource {
    let of_host = host.attributes.iter();
    let of_host = of_host.filter(|given| !given.key.starts_with("process."));
    let mut attributes: Vec<KeyValue> = of_host.cloned().collect();
    for given in attributes.iter_mut().filter(|given| given.key == INSTANCE) {
        let value = given.value.as_ref().and_then(|value| value.value.as_ref());
        if let Some(Value::StringValue(id)) = value {
            *given = text(INSTANCE, format!("{id}/{}", identity::path(said)));
        }
    }
    attributes.extend(said.iter().map(|(name, value)| text(name, *value)));
    Resource {
        attributes,
        ..Resource::default()
    }
}

pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "wsgiprobe".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        ..InstrumentationScope::default()
    }
}
