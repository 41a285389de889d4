//! One hook: a program and the place in the kernel where it is attached.

use std::cmp::Reverse;
use std::io::ErrorKind;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;

use aya::programs::{BtfTracePoint, FExit, Iter, Program, ProgramError, TracePoint};
use aya::sys::SyscallError;
use aya::{Btf, BtfError, Ebpf};

use super::btf::Named;
use crate::privileges;

/// A program and its place.
#[derive(Clone, Copy, Debug)]
pub enum Hook {
    /// `tp_btf`: program and tracepoint.
    Typed(&'static str, &'static str),
    /// A tracepoint's record: program, group and name.
    Record(&'static str, &'static str, &'static str),
    /// `fexit`: program and function.
    End(&'static str, &'static str),
    /// As `End`, of a function that some kernels do not have.
    EndIfThere(&'static str, &'static str),
    /// Tracepoints of system calls: program, prefix of their names, and the calls.
    Calls(&'static str, &'static str, &'static [&'static str]),
    /// Goes through all threads when it is read (`iter/task`): program.
    Threads(&'static str),
}

/// How often a program is offered again when the verifier was told to give up: a signal
/// is enough (`EAGAIN`, `do_check` in kernel/bpf/verifier.c). As often as libbpf does.
const ATTEMPTS: u32 = 5;

impl Hook {
    /// The program's name.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Typed(name, _)
            | Self::End(name, _)
            | Self::EndIfThere(name, _)
            | Self::Record(name, ..)
            | Self::Calls(name, ..)
            | Self::Threads(name) => name,
        }
    }

    /// The kernel's type that the program is loaded with.
    pub fn named(self) -> Option<Named> {
        match self {
            Self::Typed(_, tracepoint) => Some(Named::Typedef(format!("btf_trace_{tracepoint}"))),
            Self::End(_, function) | Self::EndIfThere(_, function) => {
                Some(Named::Function(function.into()))
            }
            Self::Record(..) | Self::Calls(..) => None,
            Self::Threads(_) => Some(Named::Function("bpf_iter_task".into())),
        }
    }

    /// Loads the program, unless it is.
    pub fn load(self, program: &mut Program, btf: &Btf) -> Result<(), ProgramError> {
        let mut left = ATTEMPTS;
        loop {
            let loaded = match self.try_load(program, btf) {
                Err(ProgramError::AlreadyLoaded) => Ok(()),
                loaded => loaded,
            };
            left -= 1;
            if left == 0 || !loaded.as_ref().is_err_and(is_interrupted) {
                return loaded;
            }
        }
    }

    fn try_load(self, program: &mut Program, btf: &Btf) -> Result<(), ProgramError> {
        match self {
            Self::Typed(_, tracepoint) => {
                <&mut BtfTracePoint>::try_from(program)?.load(tracepoint, btf)
            }
            Self::End(_, function) | Self::EndIfThere(_, function) => {
                <&mut FExit>::try_from(program)?.load(function, btf)
            }
            Self::Record(..) | Self::Calls(..) => <&mut TracePoint>::try_from(program)?.load(),
            Self::Threads(_) => <&mut Iter>::try_from(program)?.load("task", btf),
        }
    }

    /// Loads and attaches the program.
    pub fn attach(self, programs: &mut Ebpf, btf: &Btf) -> Result<(), String> {
        let name = self.program();
        let program = programs
            .program_mut(name)
            .ok_or_else(|| format!("{name} is not in the object"))?;
        let attached = self
            .load(program, btf)
            .map_err(|error| (self.place(), error));
        let attached = attached.and_then(|()| self.hang(program));
        match (self, attached) {
            (
                Self::EndIfThere(..),
                Err((_, ProgramError::Btf(BtfError::UnknownBtfTypeName { .. }))),
            ) => Ok(()),
            (_, attached) => attached.map_err(|(place, error)| {
                format!("{place}: {}{}", explain(&error), advice(&error))
            }),
        }
    }

    /// Attaches it; an error comes with the place.
    fn hang(self, program: &mut Program) -> Result<(), (String, ProgramError)> {
        let here = |error| (self.place(), error);
        match self {
            Self::Typed(..) => {
                let program: &mut BtfTracePoint = program.try_into().map_err(here)?;
                program.attach().map(|_| ()).map_err(here)
            }
            Self::Record(_, group, tracepoint) => {
                let program: &mut TracePoint = program.try_into().map_err(here)?;
                program.attach(group, tracepoint).map(|_| ()).map_err(here)
            }
            Self::End(..) | Self::EndIfThere(..) => {
                let program: &mut FExit = program.try_into().map_err(here)?;
                program.attach().map(|_| ()).map_err(here)
            }
            Self::Calls(_, prefix, calls) => {
                let program: &mut TracePoint = program.try_into().map_err(here)?;
                calls.iter().try_for_each(|call| {
                    let tracepoint = format!("{prefix}{call}");
                    let attached = program.attach("syscalls", &tracepoint);
                    let place = |error| (format!("syscalls/{tracepoint}"), error);
                    attached.map(|_| ()).map_err(place)
                })
            }
            // Runs when it is read.
            Self::Threads(_) => Ok(()),
        }
    }

    fn place(self) -> String {
        match self {
            Self::Typed(_, tracepoint) => format!("tp_btf/{tracepoint}"),
            Self::End(_, function) | Self::EndIfThere(_, function) => format!("fexit/{function}"),
            Self::Record(_, group, tracepoint) => format!("{group}/{tracepoint}"),
            Self::Calls(name, ..) => name.into(),
            Self::Threads(_) => "iter/task".into(),
        }
    }

    /// Takes the program out. One that was never loaded answers that it is not,
    /// which is as good.
    pub fn detach(self, programs: &mut Ebpf) {
        let _ = match self {
            Self::Typed(name, _) => find(programs, name).map(BtfTracePoint::unload),
            Self::End(name, _) | Self::EndIfThere(name, _) => {
                find(programs, name).map(FExit::unload)
            }
            Self::Record(name, ..) | Self::Calls(name, ..) => {
                find(programs, name).map(TracePoint::unload)
            }
            Self::Threads(name) => find(programs, name).map(Iter::unload),
        };
    }
}

/// Tracepoints' records and those of system calls come by perf events.
fn advice(error: &ProgramError) -> String {
    match error {
        ProgramError::SyscallError(SyscallError { call, io_error })
            if call.starts_with("perf_event_open")
                && io_error.kind() == ErrorKind::PermissionDenied =>
        {
            privileges::of_a_perf_event()
        }
        _ => String::new(),
    }
}

fn is_interrupted(error: &ProgramError) -> bool {
    matches!(error, ProgramError::LoadError { io_error, .. }
        if io_error.raw_os_error() == Some(libc::EAGAIN))
}

/// Loads the programs of these hooks on all CPUs, those first that come first: the
/// verifier takes no lock for the privileged. One that is refused stays as it was; to
/// attach it says why.
pub fn load_together(programs: &mut Ebpf, hooks: &[Hook], btf: &Btf) {
    let mut jobs: Vec<_> = programs
        .programs_mut()
        .filter_map(|(name, program)| {
            let place = hooks.iter().position(|hook| hook.program() == name)?;
            Some((place, program))
        })
        .collect();
    jobs.sort_unstable_by_key(|(place, _)| Reverse(*place));
    let threads = available_parallelism()
        .map_or(1, NonZero::get)
        .min(jobs.len());
    let jobs = Mutex::new(jobs);
    let work = || {
        let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some((place, program)) = next() {
            let _ = hooks[place].load(program, btf);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
}

/// A program of the object, as its type.
pub fn find<'a, P>(programs: &'a mut Ebpf, name: &str) -> Result<&'a mut P, String>
where
    &'a mut P: TryFrom<&'a mut Program, Error = ProgramError>,
{
    programs
        .program_mut(name)
        .ok_or_else(|| format!("{name} is not in the object"))?
        .try_into()
        .map_err(|error: ProgramError| format!("{name}: {error}"))
}

/// The kernel's answer, with the end of the verifier's log where there is one.
pub fn explain(error: &ProgramError) -> String {
    if let ProgramError::LoadError {
        io_error,
        verifier_log,
    } = error
    {
        let log = verifier_log.to_string();
        let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
        let tail = &lines[lines.len().saturating_sub(12)..];
        return std::iter::once(format!("refused by the kernel: {io_error}"))
            .chain(tail.iter().map(ToString::to_string))
            .collect::<Vec<_>>()
            .join("\n    ");
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
