//! Writing several files, all of them or none where one must not be overwritten.

use std::path::PathBuf;

use crate::error::Error;
use crate::whole::save;

/// A file that is to be written.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

impl Target {
    /// A report; one that is there and says the same stays, as only the moment at which it was made differs.
    pub(super) fn report(path: PathBuf, bytes: Vec<u8>) -> Self {
        let there = std::fs::read(&path).ok();
        let bytes = there
            .filter(|there| timeless(there) == timeless(&bytes))
            .unwrap_or(bytes);
        Self { path, bytes }
    }
}

/// A report without the moment at which it was made.
fn timeless(report: &[u8]) -> Option<serde_json::Value> {
    let mut report: serde_json::Value = serde_json::from_slice(report).ok()?;
    report.as_object_mut()?.remove("created_at");
    Some(report)
}

/// Writes the files whose content is not there already, making their folders. Each appears at once and whole.
///
/// # Errors
/// [`Error::FileExists`] before anything is written if one is there and differs, unless `force`; [`Error::FileUnwritable`].
pub(super) fn write_all(targets: Vec<Target>, force: bool) -> Result<Vec<PathBuf>, Error> {
    let differs = |target: &&Target| match std::fs::read(&target.path) {
        Ok(there) => there != target.bytes,
        // What is there and cannot be read, such as a folder, is something else.
        Err(_) => std::fs::symlink_metadata(&target.path).is_ok(),
    };
    if let Some(target) = targets.iter().find(differs).filter(|_| !force) {
        return Err(Error::FileExists {
            path: target.path.clone(),
        });
    }
    let write = |Target { path, bytes }: Target| {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::FileUnwritable {
                path: folder.to_owned(),
                why: error.to_string(),
            })?;
        }
        save(&path, &bytes, force).map(|_| path)
    };
    targets.into_iter().map(write).collect()
}
