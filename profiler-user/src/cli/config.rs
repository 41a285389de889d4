//! The configuration file: its settings become the options' defaults, so that
//! clap checks them like arguments, and arguments and environment win.

use std::path::Path;

use clap::{Arg, Command};
use toml::{Table, Value};

/// Options that mean nothing inside the file.
pub(super) const NOT_SETTINGS: [&str; 3] = ["config", "help", "version"];

/// Reads `file` into the defaults of `command`.
pub(super) fn as_defaults(command: Command, file: &Path) -> Result<Command, String> {
    into_defaults(command, read(file)?)
}

/// Reads `file`.
pub(super) fn read(file: &Path) -> Result<Table, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot be read: {error}; check the path and its permissions"))?;
    // Only the message and the place: the line itself may hold a secret.
    text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(start).filter(|b| *b == b'\n').count() + 1;
        format!("line {line} is no TOML: {}", error.message())
    })
}

/// The settings of a file become the defaults of `command`.
pub(super) fn into_defaults(command: Command, table: Table) -> Result<Command, String> {
    table
        .into_iter()
        .try_fold(command, |command, (key, value)| {
            set_default(command, &key, value)
        })
}

fn set_default(command: Command, key: &str, value: Value) -> Result<Command, String> {
    let Some(arg) = command.get_arguments().find(|arg| is_setting(arg, key)) else {
        return Err(unknown(&command, key));
    };
    let id = arg.get_id().clone();
    let takes_value = arg.get_action().takes_values();
    let values = texts(value).ok_or_else(|| {
        format!("`{key}` must be a string, a number, true, false, or a list of these")
    })?;
    check(&command, key, &values, takes_value)?;
    Ok(command.mut_arg(id, |arg| arg.default_values(values)))
}

/// Tries the values as if they had been arguments. Otherwise clap would take
/// them on trust, and blame the command line for what the file says.
fn check(command: &Command, key: &str, values: &[String], takes_value: bool) -> Result<(), String> {
    if !takes_value {
        return match values {
            [value] if value == "true" || value == "false" => Ok(()),
            _ => Err(format!("`{key}` must be true or false")),
        };
    }
    let arguments = values.iter().map(|value| format!("--{key}={value}"));
    command
        .clone()
        .try_get_matches_from(std::iter::once("wsgiprobe".to_owned()).chain(arguments))
        .map(|_| ())
        .map_err(|error| {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            first.trim_start_matches("error: ").to_owned()
        })
}

fn is_setting(arg: &Arg, key: &str) -> bool {
    arg.get_long() == Some(key) && !NOT_SETTINGS.contains(&key)
}

fn unknown(command: &Command, key: &str) -> String {
    let known: Vec<_> = command
        .get_arguments()
        .filter_map(Arg::get_long)
        .filter(|long| !NOT_SETTINGS.contains(long))
        .collect();
    format!("unknown setting `{key}`; there are: {}", known.join(", "))
}

fn texts(value: Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => values.into_iter().map(text).collect(),
        single => text(single).map(|text| vec![text]),
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(key: &str, value: impl Into<Value>) -> String {
        set_default(super::super::command(), key, value.into()).unwrap_err()
    }

    #[test]
    fn a_bad_value_names_its_key() {
        assert!(problem("interval", "soon").contains("--interval"));
        assert!(problem("interval", vec!["1s", "2s"]).contains("--interval"));
        assert!(problem("no-tui", "maybe").contains("`no-tui`"));
        assert!(problem("port", 1.5).contains("`port`"));
    }

    #[test]
    fn an_unknown_key_is_told_the_known_ones() {
        let message = problem("influx-token", "hunter2");
        assert!(message.contains("`influx-token`") && message.contains("influx-token-file"));
        assert!(!message.contains("hunter2"));
        assert!(problem("config", "x").starts_with("unknown setting `config`"));
    }
}
