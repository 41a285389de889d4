//! All the servers of a demo, and where they are.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::apache::Apache;
use super::collector::Collector;
use super::pages::Pages;
use crate::influx::{self, InfluxDb};
use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// They end when it is dropped.
pub struct Scene {
    /// Where they keep their files.
    pub folder: PathBuf,
    pub apache: Apache,
    pub influx: InfluxDb,
    pub collector: Collector,
    /// What wsgiprobe itself shows.
    pub pages: Pages,
}

impl Scene {
    /// Starts them all.
    pub fn set(folder: &Path, interrupt: &Interrupt) -> Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            influx: InfluxDb::start(folder, interrupt)?,
            collector: Collector::start(folder, interrupt)?,
            apache: Apache::start(folder, interrupt)?,
            pages: Pages::new()?,
        })
    }

    /// Says where everything is to be seen.
    pub fn say_where(&self, progress: &Progress, binary: &Path) {
        let Pages {
            web,
            prometheus,
            report,
        } = &self.pages;
        let (apache, influx) = (&self.apache, self.influx.url());
        progress.say(format_args!(
            "Apache        {} (process {})",
            apache.url(),
            apache.pid()
        ));
        progress.say(format_args!("web page      http://{web}/"));
        progress.say(format_args!("Prometheus    http://{prometheus}/metrics"));
        progress.say(format_args!(
            "InfluxDB      {influx} (database {})",
            influx::DATABASE
        ));
        progress.say(format_args!(
            "OTLP          {} (Rotel, by gRPC)",
            self.collector.url
        ));
        progress.say(format_args!("report        {}", report.display()));
        progress.say(format_args!(
            "the screen    in another terminal: {} --pid {}",
            binary.display(),
            apache.pid()
        ));
    }
}
