//! Log lines of the kernel programs (feature `ebpf-log`): for debugging only, as
//! each costs more than the program around it. `RUST_LOG` chooses what is shown.

use aya::Ebpf;

use super::Error;

/// Reads them.
#[cfg(feature = "ebpf-log")]
pub struct KernelLog(aya_log::EbpfLogger<&'static dyn ::log::Log>);

/// The programs were built without them.
#[cfg(not(feature = "ebpf-log"))]
pub struct KernelLog;

impl KernelLog {
    /// Takes the log's map, which has to live while programs are loaded.
    #[cfg(feature = "ebpf-log")]
    pub fn open(programs: &mut Ebpf) -> Result<Self, Error> {
        // Set already is as good: somebody else chose.
        let _ =
            env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("debug"))
                .try_init();
        aya_log::EbpfLogger::init(programs)
            .map(Self)
            .map_err(|error| Error::Failed(format!("the kernel programs' log: {error}")))
    }

    #[cfg(not(feature = "ebpf-log"))]
    #[expect(clippy::unnecessary_wraps, reason = "the other build can fail")]
    pub fn open(_programs: &mut Ebpf) -> Result<Self, Error> {
        Ok(Self)
    }

    /// Writes what has gathered.
    #[cfg(feature = "ebpf-log")]
    pub fn flush(&mut self) {
        self.0.flush();
    }

    #[cfg(not(feature = "ebpf-log"))]
    #[expect(clippy::unused_self, reason = "the other build uses it")]
    pub fn flush(&mut self) {}
}
