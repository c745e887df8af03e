//! The user's own programs, and the world that they run in.

use super::process::{self, Bounds, ProcessError};
use crate::document::RenderTool;
use crate::system::is_program;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where requests would go that get past everything else: nobody listens on the port `discard`.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Why a program cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The one that was named is none.
    #[error("{flag} {}: it is no program that can be run", path.display())]
    Named {
        /// The flag.
        flag: &'static str,
        /// What was named.
        path: PathBuf,
    },
    /// The system cannot bound it.
    #[error("charts and kustomizations are not rendered on this system: nothing bounds the programs that would do it")]
    Unbounded,
    /// There is no place for its files.
    #[error("there is no temporary folder for what renders: {0}")]
    Home(#[from] io::Error),
}

/// The programs that render, with a home that holds nothing of the user's and is removed in the end.
pub struct Programs {
    helm: Option<PathBuf>,
    kustomize: Option<Kustomize>,
    home: tempfile::TempDir,
    bounds: Bounds,
}

/// What builds kustomizations.
enum Kustomize {
    /// `kustomize build`
    Own(PathBuf),
    /// `kubectl kustomize`
    Kubectl(PathBuf),
}

impl Programs {
    /// Takes the programs that were named, else those of `PATH`; folders of it that are relative do not count, since
    /// they would be the repository's.
    ///
    /// # Errors
    /// When one that was named cannot be run, there is no temporary folder, or the system is not Unix.
    pub fn find(helm: Option<&Path>, kustomize: Option<&Path>, bounds: Bounds) -> Result<Self, ProgramError> {
        if !cfg!(unix) {
            return Err(ProgramError::Unbounded);
        }
        let search = std::env::var_os("PATH").unwrap_or_default();
        let kubectl = || Some(Kustomize::Kubectl(on_path(&search, "kubectl")?));
        let home = tempfile::Builder::new().prefix("policy-host-").tempdir()?;
        for folder in ["home", "path", "tmp", "work", "wrappers"] {
            std::fs::create_dir(home.path().join(folder))?;
        }
        Ok(Self {
            helm: named("--helm", helm)?.or_else(|| on_path(&search, "helm")),
            kustomize: match named("--kustomize", kustomize)? {
                Some(path) if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"kubectl")) => {
                    Some(Kustomize::Kubectl(path))
                }
                Some(path) => Some(Kustomize::Own(path)),
                None => on_path(&search, "kustomize").map(Kustomize::Own).or_else(kubectl),
            },
            home,
            bounds,
        })
    }

    /// Whether there is a program of a kind.
    pub(super) fn has(&self, tool: RenderTool) -> bool {
        match tool {
            RenderTool::Helm => self.helm.is_some(),
            RenderTool::Kustomize => self.kustomize.is_some(),
        }
    }

    /// The folder in which kustomizations are written that lead to those of the repository, links followed.
    pub(super) fn wrappers(&self) -> io::Result<PathBuf> {
        self.home.path().join("wrappers").canonicalize()
    }

    /// Runs `helm` and gives what it wrote.
    pub(super) fn helm(&self, arguments: &[&OsStr]) -> Result<String, ProcessError> {
        let mut command = self.command(self.helm.as_deref().unwrap_or(Path::new("helm")));
        command.args(arguments);
        process::run(command, &self.bounds)
    }

    /// Builds the kustomization of a folder and gives what was written.
    pub(super) fn kustomize(&self, folder: &Path) -> Result<String, ProcessError> {
        let (program, verb) = match &self.kustomize {
            Some(Kustomize::Kubectl(path)) => (path.as_path(), "kustomize"),
            Some(Kustomize::Own(path)) => (path.as_path(), "build"),
            None => (Path::new("kustomize"), "build"),
        };
        let mut command = self.command(program);
        command.arg(verb).arg(folder);
        process::run(command, &self.bounds)
    }

    /// A command in an environment made from nothing.
    fn command(&self, program: &Path) -> Command {
        let inside = |folder: &str| self.home.path().join(folder);
        let mut command = Command::new(program);
        command.env_clear().current_dir(inside("work"));
        // No further program is found: no git, no plugin of anybody.
        command.env("PATH", inside("path")).env("TMPDIR", inside("tmp")).env("LANG", "C.UTF-8");
        for (variable, folder) in [
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "home/config"),
            ("XDG_CACHE_HOME", "home/cache"),
            ("XDG_DATA_HOME", "home/data"),
            ("HELM_CONFIG_HOME", "home/helm/config"),
            ("HELM_CACHE_HOME", "home/helm/cache"),
            ("HELM_DATA_HOME", "home/helm/data"),
            ("HELM_PLUGINS", "home/helm/plugins"),
            ("KUSTOMIZE_PLUGIN_HOME", "home/kustomize"),
            ("KUBECONFIG", "home/kubeconfig"),
        ] {
            command.env(variable, inside(folder));
        }
        for variable in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            command.env(variable, NOWHERE);
        }
        command
    }
}

/// A program that a flag names.
fn named(flag: &'static str, path: Option<&Path>) -> Result<Option<PathBuf>, ProgramError> {
    let Some(path) = path else { return Ok(None) };
    let whole = std::path::absolute(path).ok().filter(|path| is_program(path));
    whole.map(Some).ok_or_else(|| ProgramError::Named { flag, path: path.to_owned() })
}

fn on_path(search: &OsStr, name: &str) -> Option<PathBuf> {
    let folders = std::env::split_paths(search).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|path| is_program(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_absolute_folders_only() {
        let home = tempfile::tempdir().unwrap();
        let program = home.path().join("helm");
        std::fs::write(&program, "").unwrap();
        assert_eq!(on_path(home.path().as_os_str(), "helm"), None, "it cannot be run");
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, permissions).unwrap();
        assert_eq!(on_path(home.path().as_os_str(), "helm"), Some(program.clone()));
        std::fs::create_dir(home.path().join("kustomize")).unwrap();
        assert_eq!(on_path(home.path().as_os_str(), "kustomize"), None, "it is a folder");
        for search in ["", ".", "bin:./x"] {
            assert_eq!(on_path(OsStr::new(search), "sh"), None, "{search}");
        }
        assert_eq!(named("--helm", Some(&program)).unwrap(), Some(program));
        let refused = named("--helm", Some(home.path())).unwrap_err().to_string();
        assert!(refused.contains("it is no program"), "{refused}");
    }
}
