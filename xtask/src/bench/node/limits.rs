//! What a pod may take, as the chart's values say.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// The limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// CPU that is asked for, cores. The chart sets no limit of it: who is throttled loses
    /// requests.
    pub cpu: f64,
    /// Memory, with that of the kernel's maps: bytes.
    pub memory: u64,
}

#[derive(Deserialize)]
struct Values {
    resources: Resources,
}

#[derive(Deserialize)]
struct Resources {
    requests: Requests,
    limits: Most,
}

#[derive(Deserialize)]
struct Requests {
    cpu: String,
}

#[derive(Deserialize)]
struct Most {
    memory: String,
}

impl Limits {
    /// Reads `values.yaml`.
    pub fn read(path: &Path) -> Result<Self> {
        let context = || format!("reading the limits in {}", path.display());
        let text = fs::read_to_string(path).with_context(context)?;
        Self::of(&text).with_context(context)
    }

    fn of(text: &str) -> Result<Self> {
        let values: Values = serde_saphyr::from_str(text)?;
        Ok(Self {
            cpu: cores(&values.resources.requests.cpu)?,
            memory: bytes(&values.resources.limits.memory)?,
        })
    }
}

/// `50m`, `0.5` or `2`.
fn cores(text: &str) -> Result<f64> {
    let (number, divisor) = match text.strip_suffix('m') {
        Some(number) => (number, 1e3),
        None => (text, 1.0),
    };
    let number: f64 = number.parse().with_context(|| format!("cpu: {text}"))?;
    Ok(number / divisor)
}

/// `256Mi` and the like; of the decimal units those that are used.
fn bytes(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        other => bail!("memory: no such unit: {other}"),
    };
    let number: u64 = digits.parse().with_context(|| format!("memory: {text}"))?;
    Ok(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn quantities_are_kubernetes_own() {
        let text =
            "resources:\n  requests: {cpu: 50m, memory: 64Mi}\n  limits:\n    memory: 256Mi\n";
        let found = Limits::of(text).unwrap();
        let expected = Limits {
            cpu: 0.05,
            memory: 256 << 20,
        };
        assert_eq!(found, expected);
        assert!((cores("1.5").unwrap() - 1.5).abs() < 1e-9);
        assert_eq!(bytes("1G").unwrap(), 1_000_000_000);
        assert!(bytes("1Q").is_err() && cores("x").is_err());
    }

    #[test]
    fn the_charts_own_are_read() {
        let values = workspace::root().join("deploy/kubernetes/chart/values.yaml");
        let limits = Limits::read(&values).unwrap();
        assert!(limits.cpu > 0.0 && limits.memory > 1 << 20, "{limits:?}");
    }
}
