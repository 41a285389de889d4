//! One hook: a program and the place in the kernel where it is attached.

use aya::programs::{BtfTracePoint, FExit, ProgramError, TracePoint};
use aya::{Btf, BtfError, Ebpf};

/// A program and its place.
#[derive(Clone, Copy, Debug)]
pub enum Hook {
    /// `tp_btf`: program and tracepoint.
    Typed(&'static str, &'static str),
    /// `fexit`: program and function.
    End(&'static str, &'static str),
    /// As `End`, of a function that some kernels do not have.
    EndIfThere(&'static str, &'static str),
    /// Tracepoints of system calls: program, prefix of their names, and the calls.
    Calls(&'static str, &'static str, &'static [&'static str]),
}

impl Hook {
    /// Loads and attaches the program.
    pub fn attach(self, programs: &mut Ebpf, btf: &Btf) -> Result<(), String> {
        match self {
            Self::Typed(name, tracepoint) => {
                let program: &mut BtfTracePoint = find(programs, name)?;
                program
                    .load(tracepoint, btf)
                    .and_then(|()| program.attach().map(|_| ()))
                    .map_err(|error| format!("tp_btf/{tracepoint}: {}", explain(&error)))
            }
            Self::End(name, function) => end(programs, btf, name, function)
                .map_err(|error| format!("fexit/{function}: {}", explain(&error))),
            Self::EndIfThere(name, function) => match end(programs, btf, name, function) {
                Err(ProgramError::Btf(BtfError::UnknownBtfTypeName { .. })) => Ok(()),
                attached => {
                    attached.map_err(|error| format!("fexit/{function}: {}", explain(&error)))
                }
            },
            Self::Calls(name, prefix, calls) => system_calls(programs, name, prefix, calls),
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
            Self::Calls(name, ..) => find(programs, name).map(TracePoint::unload),
        };
    }
}

fn end(programs: &mut Ebpf, btf: &Btf, name: &str, function: &str) -> Result<(), ProgramError> {
    let program: &mut FExit = programs
        .program_mut(name)
        .ok_or(ProgramError::NotLoaded)?
        .try_into()?;
    program.load(function, btf)?;
    program.attach().map(|_| ())
}

fn system_calls(
    programs: &mut Ebpf,
    name: &str,
    prefix: &str,
    calls: &[&str],
) -> Result<(), String> {
    let program: &mut TracePoint = find(programs, name)?;
    if program.fd().is_err() {
        program
            .load()
            .map_err(|error| format!("{name}: {}", explain(&error)))?;
    }
    for call in calls {
        let tracepoint = format!("{prefix}{call}");
        program
            .attach("syscalls", &tracepoint)
            .map_err(|error| format!("syscalls/{tracepoint}: {}", explain(&error)))?;
    }
    Ok(())
}

/// A program of the object, as its type.
pub fn find<'a, P>(programs: &'a mut Ebpf, name: &str) -> Result<&'a mut P, String>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
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
