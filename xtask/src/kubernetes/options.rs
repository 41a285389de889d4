//! Whether wsgiprobe takes what its container is started with.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::references::{container, of_kind, texts};

/// Where the chart mounts the settings.
const CONFIG: &str = "/etc/wsgiprobe/wsgiprobe.toml";

/// What it ends with where the privileges do not suffice; 2 would be wrong usage.
const NO_PRIVILEGES: i32 = 3;

/// Starts it so, without any capability: it says that these are missing, once it has read
/// all options, variables and settings, and before it opens anything.
pub fn check(program: &Path, objects: &[Value], folder: &Path) -> Result<()> {
    let container = container(objects)?;
    let settings = folder.join("wsgiprobe.toml");
    let settings_path = settings.to_str().context("a path that is no text")?;
    let map = of_kind(objects, "ConfigMap").next();
    let text = map.and_then(|map| map["data"]["wsgiprobe.toml"].as_str());
    fs::write(&settings, text.unwrap_or_default())?;
    let arguments = texts(&container["args"]);
    let arguments = arguments.map(|argument| argument.replace(CONFIG, settings_path));

    let mut command = if rustix::process::geteuid().is_root() {
        let mut without = Command::new("setpriv");
        without.args(["--inh-caps=-all", "--bounding-set=-all"]);
        without.arg(program);
        without
    } else {
        Command::new(program)
    };
    command.args(arguments).env_clear();
    for variable in container["env"].as_array().into_iter().flatten() {
        let name = variable["name"].as_str().context("a variable's name")?;
        // Whatever is in the Secret: headers have this form, too.
        command.env(name, variable["value"].as_str().unwrap_or("a=b"));
    }
    // A node's name has no such sign.
    command.env("WSGIPROBE_KUBE_NODE", "node-1");
    let output = command.output().context("starting wsgiprobe")?;
    ensure!(
        output.status.code() == Some(NO_PRIVILEGES),
        "wsgiprobe does not take its arguments: {command:?}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    Ok(())
}
