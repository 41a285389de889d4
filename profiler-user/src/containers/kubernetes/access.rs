//! Where the API server is, and as whom to ask it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tokio::runtime::Handle;
use tower::limit::RateLimitLayer;

use super::Settings;

/// A pod's environment and files (Kubernetes: "Accessing the Kubernetes API from a Pod").
const HOST: &str = "KUBERNETES_SERVICE_HOST";
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Where `kubectl` looks as well.
const KUBECONFIG: &str = "KUBECONFIG";

/// Nothing was read for so long: the connection is dead. Longer than the server keeps a
/// watch open on which nothing happens (290 s, as `kube` asks for).
const SILENCE: Duration = Duration::from_mins(5);

/// Requests through one client: ten times what a list and watches take that each end after
/// some seconds. Something between here and the server may end a watch as soon as it
/// begins, upon which `kube` begins the next one without a pause.
const REQUESTS: (u64, Duration) = (30, Duration::from_secs(30));

/// Whose word is taken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// The pod's service account.
    InCluster,
    /// That file.
    File(PathBuf),
    /// The files of `KUBECONFIG`, or `~/.kube/config`.
    Default,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the service account: {0}")]
    InCluster(#[from] InClusterError),
    #[error("cannot read {file}: {0}", file = .1.display())]
    Read(#[source] io::Error, PathBuf),
    #[error("the kubeconfig: {0}")]
    Kubeconfig(#[source] KubeconfigError),
    #[error("{0}")]
    Client(#[from] kube::Error),
}

impl From<KubeconfigError> for Error {
    fn from(error: KubeconfigError) -> Self {
        match error {
            KubeconfigError::ReadConfig(why, file) => Self::Read(why, file),
            other => Self::Kubeconfig(other),
        }
    }
}

/// A way to it.
#[derive(Clone)]
pub(super) struct Reached {
    pub(super) client: Client,
    /// Scheme, host and port.
    pub(super) server: String,
}

impl Access {
    /// `None` if it was not asked for, and this is no pod.
    pub(super) fn choose(
        settings: &Settings,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        Self::choose_with(settings, environment, Path::new(TOKEN))
    }

    fn choose_with(
        settings: &Settings,
        environment: impl Fn(&str) -> Option<String>,
        token: &Path,
    ) -> Option<Self> {
        if let Some(file) = &settings.kubeconfig {
            return Some(Self::File(file.clone()));
        }
        let is_pod = environment(HOST).is_some() && token.exists();
        // Somebody's KUBECONFIG is no reason to connect to whatever it names.
        let chosen = settings.always && environment(KUBECONFIG).is_some();
        if is_pod && !chosen {
            return Some(Self::InCluster);
        }
        settings.always.then_some(Self::Default)
    }

    /// Reads what is needed for it. Whatever it starts runs there.
    pub(super) async fn reach(&self, there: &Handle) -> Result<Reached, Error> {
        // Another part of the program may have chosen one before; either serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = self.config().await?;
        config.read_timeout = Some(SILENCE);
        config.reset_reader_on_write = true;
        // Who waits between attempts also says so.
        config.default_retry = false;
        let server = place(&config);
        let _there = there.enter();
        let client = ClientBuilder::try_from(config)?
            .with_layer(&RateLimitLayer::new(REQUESTS.0, REQUESTS.1))
            .build();
        Ok(Reached { client, server })
    }

    async fn config(&self) -> Result<Config, Error> {
        let options = KubeConfigOptions::default();
        Ok(match self {
            Self::InCluster => Config::incluster_env()?,
            Self::File(file) => {
                let read = Kubeconfig::read_from(file)?;
                Config::from_custom_kubeconfig(read, &options).await?
            }
            Self::Default => Config::from_kubeconfig(&options).await?,
        })
    }
}

/// Without what else an address may hold: a user's password.
fn place(config: &Config) -> String {
    let url = &config.cluster_url;
    let host = url.host().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}"));
    format!(
        "{}://{host}{}",
        url.scheme_str().unwrap_or("http"),
        port.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(always: bool, file: Option<&str>, variables: &[&str], token: &str) -> Option<Access> {
        let settings = Settings {
            always,
            node: None,
            kubeconfig: file.map(Into::into),
        };
        let environment = |name: &str| variables.contains(&name).then(|| "x".to_owned());
        Access::choose_with(&settings, environment, Path::new(token))
    }

    #[test]
    fn by_itself_only_in_a_pod() {
        let there = "/proc/self/stat";
        assert_eq!(chosen(false, None, &[HOST], there), Some(Access::InCluster));
        assert_eq!(chosen(false, None, &[HOST], "/nowhere"), None);
        assert_eq!(chosen(false, None, &[], there), None);
        assert_eq!(chosen(false, None, &[KUBECONFIG], "/nowhere"), None);
    }

    #[test]
    fn a_file_that_is_named_goes_first() {
        let file = Some(Access::File("f".into()));
        assert_eq!(chosen(false, Some("f"), &[HOST], "/proc/self/stat"), file);
        assert_eq!(chosen(true, Some("f"), &[KUBECONFIG], "/nowhere"), file);
    }

    #[test]
    fn if_asked_for_wherever_there_is_one() {
        let there = "/proc/self/stat";
        assert_eq!(chosen(true, None, &[HOST], there), Some(Access::InCluster));
        let both = [HOST, KUBECONFIG];
        assert_eq!(chosen(true, None, &both, there), Some(Access::Default));
        assert_eq!(chosen(true, None, &[], "/nowhere"), Some(Access::Default));
    }

    #[test]
    fn a_password_in_the_address_is_not_told() {
        let config = Config::new("https://u:p@[::1]:6443/x?y".parse().unwrap());
        assert_eq!(place(&config), "https://[::1]:6443");
    }
}
