//! Where requests were served: containers, and Kubernetes' names for them.

use anyhow::Result;

use super::host;
use super::outputs::Outputs;
use crate::cli::Settings;
use crate::containers::{Containers, kubernetes};
use crate::ingest;
use crate::model::Request;
use crate::sinks::Notices;

/// Begins to ask for names, if there is anybody to ask, on the thread that outputs work on.
pub(super) async fn open(
    settings: &Settings,
    outputs: &mut Outputs,
    notices: &Notices,
) -> Result<Containers> {
    let wanted = settings.kubernetes.as_ref();
    let plan = wanted
        .and_then(|wanted| kubernetes::Plan::new(wanted, &host::name(), environment, notices));
    let directory = match plan {
        Some(plan) => Some(plan.start(outputs.services()?.handle(), notices).await),
        None => None,
    };
    Ok(Containers::new(settings.limits.processes, directory))
}

/// Says of a request in which container it was served: where the root is that the process
/// descends from, which was looked at when it came. The process itself may be gone.
pub(super) fn place(containers: &mut Containers, record: &[u8], request: &mut Request) {
    let origin = ingest::origin(record).unwrap_or(request.pid);
    request.container = containers.at(origin, request.pid);
}

/// A variable that says something.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
