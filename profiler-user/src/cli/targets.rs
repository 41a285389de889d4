//! What to watch, as it is said on the command line.

use clap::builder::FalseyValueParser;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, value_parser};
use regex::Regex;

use crate::discovery::Selection;
use crate::discovery::cgroup::{Cgroup, ContainerId};

const TARGETS: &str = "What to watch";

#[derive(Debug, Args)]
pub(super) struct TargetOptions {
    /// Watch these processes, all their descendants, and every worker forked later
    #[arg(long, value_name = "PID", num_args = 1.., value_delimiter = ',', action = ArgAction::Append,
          value_parser = value_parser!(u32).range(1..), help_heading = TARGETS)]
    pub pid: Vec<u32>,

    /// Watch the processes whose name, or first word of the command line, matches
    #[arg(long, value_name = "REGEX", help_heading = TARGETS)]
    pub name: Vec<Regex>,

    /// Watch whoever listens on this TCP port
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = value_parser!(u16).range(1..),
          help_heading = TARGETS)]
    pub port: Vec<u16>,

    /// Watch whatever runs in this cgroup or below, e.g. /system.slice/apache2.service
    #[arg(long, value_name = "PATH", help_heading = TARGETS)]
    pub cgroup: Vec<Cgroup>,

    /// Watch whatever runs in this container: the first digits of its id
    #[arg(long, value_name = "ID", value_delimiter = ',', help_heading = TARGETS)]
    pub container: Vec<ContainerId>,

    /// Watch every Apache of this host, in whichever container, now and later; what is named
    /// beside it need not be there yet
    #[arg(long, value_parser = FalseyValueParser::new(), help_heading = TARGETS)]
    pub all: bool,
}

impl TargetOptions {
    /// The targets are one setting in several options: who names a target on the
    /// command line does not mean those of the environment or the file as well.
    pub(super) fn resolve(&self, matches: &ArgMatches) -> Selection {
        let rank = |id| match matches.value_source(id) {
            Some(ValueSource::CommandLine) => 3,
            Some(ValueSource::EnvVariable) => 2,
            Some(_) => 1,
            None => 0,
        };
        let highest = ["pid", "name", "port", "cgroup", "container", "all"]
            .map(rank)
            .into_iter()
            .max();
        let speaks = |id| Some(rank(id)) == highest;
        let mut targets = Selection::default();
        if speaks("pid") {
            targets.pids.clone_from(&self.pid);
        }
        if speaks("name") {
            targets.names.clone_from(&self.name);
        }
        if speaks("port") {
            targets.ports.clone_from(&self.port);
        }
        if speaks("cgroup") {
            targets.cgroups.clone_from(&self.cgroup);
        }
        if speaks("container") {
            targets.containers.clone_from(&self.container);
        }
        targets.all = self.all && speaks("all");
        targets
    }
}
