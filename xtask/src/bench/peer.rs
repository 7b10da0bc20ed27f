//! MediaPipe's own Python pipeline: the peer of the pose estimation.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{
    root,
    setup::{self, Packages},
    shell::Program,
};

/// What it is called in tables.
pub(crate) const NAME: &str = "MediaPipe 0.10.21";

const REQUIREMENTS: &str = "xtask/bench/requirements-peer.txt";

/// MediaPipe in a Python environment of its own.
pub(crate) struct Peer {
    folder: PathBuf,
}

impl Peer {
    /// Installs it (about 400 MB), unless the same requirements are installed already.
    pub(crate) fn install() -> Result<Self> {
        let folder = setup::venv("venv-peer", "python3", &[Packages::Alone(REQUIREMENTS)])
            .with_context(|| format!("{NAME} needs Python 3.9 to 3.12 on x86-64 or Apple's processors"))?;
        Ok(Self { folder })
    }

    /// One of the programs in `shared/vision/tests/reference`, run with MediaPipe.
    pub(crate) fn program(&self, name: &str) -> Program {
        Program::new(self.folder.join("bin/python"))
            .arg(root().join("shared/vision/tests/reference").join(name))
            // Only its log is affected.
            .env("GLOG_minloglevel", "3")
    }

    /// The folder that holds what was installed.
    pub(crate) fn packages(&self) -> Result<PathBuf> {
        let library = self.folder.join("lib");
        let mut versions = std::fs::read_dir(&library).with_context(|| format!("cannot read {}", library.display()))?;
        let version = versions.next().context("the peer's environment is empty")??;
        Ok(version.path().join("site-packages"))
    }
}

/// What a program said of itself as `name=value name=value`; words that are nothing of the kind are passed over.
pub(crate) fn number(said: &str, name: &str) -> Result<f64> {
    said.split_whitespace()
        .filter_map(|word| word.split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
        .with_context(|| format!("{name} is missing in {said:?}"))
}

/// All bytes of the files under a folder.
pub(crate) fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_dir() {
                folders.push(entry.path());
            } else {
                sum += meta.len();
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_name() {
        let said = "INFO: ready\nframes=98 frames_per_second=124.0 share=0.954\n";
        assert_eq!(number(said, "frames").ok(), Some(98.0));
        assert_eq!(number(said, "frames_per_second").ok(), Some(124.0));
        assert!(number(said, "seconds").is_err(), "half a name is another name");
        assert!(number("frames=many", "frames").is_err());
    }

    #[test]
    fn a_folder_weighs_what_its_files_weigh() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        std::fs::write(folder.path().join("a"), [0; 10]).unwrap();
        std::fs::write(folder.path().join("inner/b"), [0; 32]).unwrap();
        assert_eq!(folder_bytes(folder.path()).unwrap(), 42);
    }
}
