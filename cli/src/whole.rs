//! Files that are either whole or not there.

use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::Error;

/// A temporary file in the folder where it shall be, which removes itself unless it is renamed: only within a file system is a file
/// renamed at once.
///
/// # Errors
/// The folder is not there or is not writable.
pub(crate) fn temporary_in(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".marey-").suffix(".part");
    #[cfg(unix)]
    {
        // As any program's file: readable as the umask allows, not closed as temporary files are.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Gives a temporary file its name, in place of what has it if `force` says so.
///
/// # Errors
/// [`Error::FileExists`] unless `force`; [`Error::FileUnwritable`].
pub(crate) fn rename(file: NamedTempFile, path: &Path, force: bool) -> Result<(), Error> {
    let renamed = if force {
        file.persist(path)
    } else {
        // Something may have come there since anybody looked.
        file.persist_noclobber(path)
    };
    match renamed {
        Ok(_) => Ok(()),
        Err(error) if !force && error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Error::FileExists { path: path.to_owned() })
        }
        Err(error) => Err(unwritable(path, &error.error)),
    }
}

/// Writes a file. Tells whether the same content was there already.
///
/// # Errors
/// [`Error::FileExists`] if something else is there, unless `force`; [`Error::FileUnwritable`].
pub(crate) fn save(path: &Path, bytes: &[u8], force: bool) -> Result<bool, Error> {
    let mut file = temporary_in(folder_of(path)).map_err(|error| unwritable(path, &error))?;
    file.write_all(bytes).map_err(|error| unwritable(path, &error))?;
    match rename(file, path, force) {
        Err(Error::FileExists { .. }) if std::fs::read(path).is_ok_and(|there| there == bytes) => Ok(true),
        other => other.map(|()| false),
    }
}

/// The folder that a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The error of a file that cannot be written.
pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::FileUnwritable {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_unless_somebody_insists() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(!save(&path, b"one", false).unwrap());
        assert!(save(&path, b"one", false).unwrap(), "the same is there already");
        assert!(matches!(save(&path, b"two", false), Err(Error::FileExists { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert!(!save(&path, b"two", true).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file is left: {left:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_the_rights_of_any_programs_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, usual) = (folder.path().join("ours"), folder.path().join("usual"));
        save(&ours, b"", false).unwrap();
        std::fs::write(&usual, b"").unwrap();
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&usual));
    }
}
