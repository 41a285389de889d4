//! `wsgiprobe dashboards`.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueHint};

use crate::dashboards::{self, DataSource};

pub(super) const EXAMPLES: &str = "\
Examples:
  wsgiprobe dashboards                               list their names
  wsgiprobe dashboards --dir dashboards              all for InfluxDB 1.x, one file each
  wsgiprobe dashboards --datasource prometheus request-anatomy > anatomy.json";

/// What is wanted of the dashboards.
#[derive(Clone, Debug, Args)]
pub struct Dashboards {
    /// The dashboard to write to stdout
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(dashboards::names()))]
    name: Option<String>,

    /// Write all of them into this folder instead
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "name")]
    dir: Option<PathBuf>,

    /// What Grafana gets the data from, and in which language
    #[arg(long, value_enum, default_value_t = DataSource::Influxql)]
    pub datasource: DataSource,
}

/// The three things that there are to do.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// Their names.
    List,
    /// That one, to stdout.
    One(&'a str),
    /// All, into that folder.
    All(&'a Path),
}

impl Dashboards {
    /// What to do.
    #[must_use]
    pub fn what(&self) -> Wanted<'_> {
        match (&self.name, &self.dir) {
            (Some(name), _) => Wanted::One(name),
            (None, Some(folder)) => Wanted::All(folder),
            (None, None) => Wanted::List,
        }
    }
}
