//! The kernels, and where Debian keeps them.

use std::process::Command;

use anyhow::{Result, bail};

/// A series of kernels, of which the newest is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// What it is called on the command line and in the matrix.
    pub name: &'static str,
    /// How its versions begin.
    pub series: &'static str,
    /// What it runs on.
    pub arch: Arch,
    /// Debian's suite that has it.
    pub suite: Suite,
    /// Only tests with this in their name; all without it.
    pub only: Option<&'static str>,
    /// Whether the test command boots it, too.
    pub usual: bool,
    /// Whether its processor has `cmpxchg16b`. QEMU 7.2 miscompiles it: Linux 6.12 does
    /// not come up with it.
    pub has_cx16: bool,
}

/// A processor, in Debian's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// x86-64.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

/// A part of Debian's archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// On the mirror of the distribution itself.
    Main(&'static str),
    /// On the mirror of security updates.
    Security(&'static str),
}

/// All of them, the oldest first.
pub const ALL: [Kernel; 6] = [
    kernel("5.10", "5.10.", Suite::Security("bullseye-security")),
    Kernel {
        usual: true,
        ..kernel("6.1", "6.1.", Suite::Security("bookworm-security"))
    },
    kernel("6.12", "6.12.", Suite::Security("bookworm-security")),
    kernel("6.18", "6.18.", Suite::Main("trixie-backports")),
    Kernel {
        // Without it, it keeps nothing in task storage, and takes the programs for old kernels.
        has_cx16: true,
        usual: true,
        ..kernel("7.x", "7.", Suite::Main("sid"))
    },
    Kernel {
        arch: Arch::Arm64,
        // What differs are register numbers and types: a few requests show it.
        only: Some("keepalive::"),
        ..kernel("6.12-arm64", "6.12.", Suite::Main("trixie"))
    },
];

const fn kernel(name: &'static str, series: &'static str, suite: Suite) -> Kernel {
    Kernel {
        name,
        series,
        arch: Arch::Amd64,
        suite,
        only: None,
        usual: false,
        has_cx16: false,
    }
}

/// The named ones, all, or else the usual ones.
pub fn choose(names: &[String], all: bool) -> Result<Vec<Kernel>> {
    if all {
        return Ok(ALL.to_vec());
    }
    if names.is_empty() {
        return Ok(ALL.into_iter().filter(|kernel| kernel.usual).collect());
    }
    names.iter().map(|name| find(name)).collect()
}

fn find(name: &str) -> Result<Kernel> {
    let found = ALL.into_iter().find(|kernel| kernel.name == name);
    found.map_or_else(
        || {
            let names = ALL.map(|kernel| kernel.name).join(", ");
            bail!("there is no kernel {name}; there are {names}")
        },
        Ok,
    )
}

impl Kernel {
    /// Its name in the verifier's budget: other kernels of that series allow other
    /// hooks.
    pub fn budget(&self) -> String {
        format!("debian-{}", self.name)
    }

    /// QEMU for it, with its machine and processor; it ends when we do.
    pub fn qemu(&self) -> Command {
        let (program, machine, cpu) = match self.arch {
            Arch::Amd64 if self.has_cx16 => ("qemu-system-x86_64", "pc", "max"),
            Arch::Amd64 => ("qemu-system-x86_64", "pc", "max,cx16=off"),
            // The two it would emulate slowly.
            Arch::Arm64 => (
                "qemu-system-aarch64",
                "virt,gic-version=3",
                "max,pauth=off,lpa2=off",
            ),
        };
        let mut qemu = Command::new("setpriv");
        qemu.args(["--pdeathsig=KILL", "--", program]);
        qemu.args(["-machine", machine, "-cpu", cpu]);
        qemu
    }
}

impl Suite {
    /// Its name on the mirror.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main(name) | Self::Security(name) => name,
        }
    }
}

impl Arch {
    /// Debian's name.
    pub const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Rust's name for it, with Linux; none if it is this machine's.
    pub const fn target(self) -> Option<&'static str> {
        match self {
            Self::Amd64 => None,
            Self::Arm64 => Some("aarch64-unknown-linux-gnu"),
        }
    }

    /// What the names of GNU's tools for it begin with.
    pub const fn tools(self) -> &'static str {
        match self {
            Self::Amd64 => "",
            Self::Arm64 => "aarch64-linux-gnu-",
        }
    }

    /// What Linux calls its first serial line.
    pub const fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_name_it_is_the_usual_ones() {
        let names = |kernels: Vec<Kernel>| -> Vec<&str> {
            kernels.into_iter().map(|kernel| kernel.name).collect()
        };
        assert_eq!(names(choose(&[], false).unwrap()), ["6.1", "7.x"]);
        assert_eq!(names(choose(&["5.10".into()], false).unwrap()), ["5.10"]);
        assert_eq!(choose(&[], true).unwrap().len(), ALL.len());
        let error = choose(&["6.2".into()], false).unwrap_err().to_string();
        assert!(error.contains("6.2") && error.contains("6.18"), "{error}");
    }
}
