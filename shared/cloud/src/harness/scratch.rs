//! Folders for attempts, and what dead processes left of theirs.
//!
//! Lambda keeps `/tmp` when it starts a process anew after a crash or a timeout, so the videos of an attempt that was killed
//! would fill the disk of the next. A folder is named after the process that made it; what belongs to no living process is
//! deleted when a function starts.

use std::{io, path::Path};

use tempfile::TempDir;

/// Begins the name of every folder.
const PREFIX: &str = "marey-attempt-";

/// A new folder that is deleted with the value.
pub(super) fn make() -> io::Result<TempDir> {
    let prefix = format!("{PREFIX}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir()
}

/// Deletes what dead processes left in the system's folder for temporary files. To be called before the first attempt of a
/// process: what bears its number now was left by another. Processes of other containers look dead: the folder must not be
/// shared with them.
pub fn sweep() {
    sweep_in(&std::env::temp_dir());
}

fn sweep_in(root: &Path) {
    // Without this file system nobody knows who is alive.
    if !Path::new("/proc/self").exists() {
        return;
    }
    for entry in root.read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
        let Some(process) = owner.and_then(|(process, _)| process.parse::<u32>().ok()) else {
            continue;
        };
        let lives = process != std::process::id() && Path::new(&format!("/proc/{process}")).exists();
        if !lives {
            let deleted = std::fs::remove_dir_all(entry.path());
            tracing::info!(folder = %entry.path().display(), ok = deleted.is_ok(), "leftover of a dead process deleted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_dead_processes_left_is_deleted() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: String| {
            let path = root.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("upload"), "video").unwrap();
            path
        };
        // No process has this number: it is above the kernel's limit (`PID_MAX_LIMIT`, 2²²).
        let dead = folder(format!("{PREFIX}4194305-a"));
        let namesake = folder(format!("{PREFIX}{}-b", std::process::id()));
        let alive = folder(format!("{PREFIX}{}-c", std::os::unix::process::parent_id()));
        let strange = folder("somebody-else".to_owned());
        sweep_in(root.path());
        assert!(!dead.exists() && !namesake.exists());
        assert!(alive.exists() && strange.exists());
    }

    #[test]
    fn a_folder_bears_its_process_and_goes_with_its_value() {
        let folder = make().unwrap();
        let path = folder.path().to_owned();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(&format!("{PREFIX}{}-", std::process::id())), "{name}");
        drop(folder);
        assert!(!path.exists());
    }
}
