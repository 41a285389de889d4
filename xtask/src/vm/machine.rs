//! A kernel with all that it needs to be booted, from outside.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::boot::{self, End, Machine};
use super::cache::Cache;
use super::kernels::Kernel;
use super::matrix::Row;
use super::outcome::Outcome;
use super::payload::{self, Programs};
use super::plan::Plan;
use super::{fetch, initrd, root};
use crate::progress::seconds;

/// A kernel that is ready to boot.
pub struct Guest {
    kernel: Kernel,
    image: PathBuf,
    initrd: PathBuf,
    root: PathBuf,
    log: PathBuf,
}

impl Guest {
    /// Fetches what is not there yet; the newest of it if `anew`.
    pub fn prepare(cache: &Cache, kernel: Kernel, anew: bool) -> Result<Self> {
        let began = Instant::now();
        let fetched = fetch::kernel(cache, &kernel, anew)
            .with_context(|| format!("kernel {}", kernel.name))?;
        let initrd = initrd::for_kernel(cache, &fetched, kernel.arch)?;
        let root = root::image(cache, kernel.arch)?;
        let took = seconds(began.elapsed());
        println!("      {} is {}, in {took}", kernel.name, fetched.release);
        Ok(Self {
            kernel,
            image: fetched.image,
            initrd,
            root,
            log: cache.path(&format!("{}.log", kernel.name)),
        })
    }

    /// Boots it, once more if it does not come up, and has it do the plan.
    pub fn row(&self, programs: &[Programs], plan: &Plan) -> Row {
        let began = Instant::now();
        let plan = plan.only(self.kernel.only);
        let mut programs = programs.iter();
        let programs = programs.find(|programs| programs.are_for(self.kernel.arch));
        let programs = programs.expect("they are built for every processor wanted");
        let mut boots = 0;
        let mut outcome = Ok(Outcome::default());
        while boots < 2 && !outcome.as_ref().is_ok_and(|outcome| outcome.up) {
            boots += 1;
            outcome = self.boot(programs, &plan, began);
        }
        let outcome = match outcome {
            Ok(outcome) if !outcome.up => Err("it does not boot".to_owned()),
            other => other.map_err(|error| format!("{error:#}")),
        };
        let how = match &outcome {
            Ok(outcome) if outcome.complete => "is done".to_owned(),
            Ok(_) => "did not come to its end".to_owned(),
            Err(why) => why.clone(),
        };
        self.say(began, &format!("{how}; log in {}", self.log.display()));
        Row {
            kernel: self.kernel,
            boots,
            outcome,
        }
    }

    /// Several talk at the same time.
    fn say(&self, began: Instant, what: &str) {
        let (name, time) = (self.kernel.name, seconds(began.elapsed()));
        println!("      {name} at {time}: {what}");
    }

    fn boot(&self, programs: &Programs, plan: &Plan, began: Instant) -> Result<Outcome> {
        let folder = tempfile::tempdir().context("a folder for the initrd")?;
        let (second, both) = (folder.path().join("payload"), folder.path().join("initrd"));
        programs.pack(plan.clone(), &second)?;
        payload::join(&self.initrd, &second, &both)?;
        let machine = Machine {
            kernel: self.kernel,
            image: &self.image,
            initrd: &both,
            root: &self.root,
            log: &self.log,
        };
        let mut outcome = Outcome::default();
        let end = boot::run(&machine, |line| {
            if let Some(said) = outcome.line(line) {
                self.say(began, &said);
            }
        })?;
        match end {
            End::Over => {}
            End::Silent => self.say(began, "it fell silent and was stopped"),
            End::Late => self.say(began, "it took too long and was stopped"),
        }
        Ok(outcome)
    }
}
