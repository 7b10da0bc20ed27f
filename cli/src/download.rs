//! Downloads: streamed to a temporary file beside the target, checked, then renamed.
//!
//! Nothing is written outside the folder whatever a result's name says, and no file of the right name ever holds the
//! wrong content: not after a broken connection, not after Ctrl-C.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use marey_contract::ResultFile;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Client, cause, open_link};
use crate::error::Error;
use crate::whole::{rename, temporary_in, unwritable};

/// A download that brought nothing for this long has broken off.
const STALLED_AFTER: Duration = Duration::from_mins(1);
/// Breaks are tried again this often, after pauses.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// Read at once when a file is hashed.
const BUFFER_BYTES: usize = 256 * 1024;

/// What became of one result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was fetched.
    Downloaded,
    /// It was there already, with the right content.
    Kept,
}

/// Says under which name each result is stored, in the order of the results.
///
/// Two stages may have made files of the same name: these get their stage's name before theirs. Names are compared
/// without regard to case, as some file systems do.
pub fn local_names(files: &[ResultFile]) -> Vec<Result<String, Error>> {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        *uses.entry(file.name.to_lowercase()).or_default() += 1;
    }
    let mut taken = BTreeSet::new();
    files
        .iter()
        .map(|file| {
            let name = if uses.get(&file.name.to_lowercase()).is_some_and(|count| *count > 1) {
                format!("{}-{}", file.stage, file.name)
            } else {
                file.name.clone()
            };
            if is_safe(&file.name) && is_safe(&name) && taken.insert(name.to_lowercase()) {
                Ok(name)
            } else {
                Err(Error::UnsafeName {
                    name: file.name.clone(),
                })
            }
        })
        .collect()
}

/// Whether a name is the plain name of a file on every system that people use.
fn is_safe(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered = |device: &str| stem.strip_prefix(device).is_some_and(|number| number.len() == 1);
    let is_device = ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str()) || numbered("COM") || numbered("LPT");
    let is_forbidden = |character: char| character.is_control() || r#"/\:*?"<>|"#.contains(character);
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && !name.ends_with(['.', ' '])
        && !name.contains(is_forbidden)
        && !is_device
}

/// Fetches one result into a folder under a name from [`local_names`]. `got` is told how many bytes there are so far.
///
/// A file that is there already and has the right content is kept; one that differs is replaced only with `force`.
///
/// # Errors
/// [`Error::FileExists`], [`Error::LinkRefused`], [`Error::DownloadBroken`], [`Error::Damaged`] and
/// [`Error::FileUnwritable`].
pub async fn download(
    client: &Client,
    file: &ResultFile,
    folder: &Path,
    name: &str,
    force: bool,
    got: impl Fn(u64),
) -> Result<Outcome, Error> {
    if !is_safe(name) {
        return Err(Error::UnsafeName { name: name.to_owned() });
    }
    let target = folder.join(name);
    if let Ok(seen) = tokio::fs::symlink_metadata(&target).await {
        if seen.is_file() && seen.len() == file.bytes && hash_of(&target).await? == file.sha256.to_lowercase() {
            return Ok(Outcome::Kept);
        }
        if !force || seen.is_dir() {
            return Err(Error::FileExists { path: target });
        }
    }
    let mut pauses = PAUSES.iter();
    let temporary = loop {
        match fetch(client, file, folder, &got).await {
            Err(Error::DownloadBroken { name, why }) => match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(Error::DownloadBroken { name, why }),
            },
            other => break other?,
        }
    };
    rename(temporary, &target, force)?;
    Ok(Outcome::Downloaded)
}

/// Streams one link into a temporary file and checks size and hash.
async fn fetch(client: &Client, file: &ResultFile, folder: &Path, got: &impl Fn(u64)) -> Result<NamedTempFile, Error> {
    let name = || file.name.clone();
    let broken = |why: String| Error::DownloadBroken { name: name(), why };
    let request = tokio::time::timeout(STALLED_AFTER, open_link(client.links(), &file.url)).await;
    let mut response = match request {
        Ok(Ok(response)) => response,
        Ok(Err((host, why))) => return Err(broken(format!("{host}: {why}"))),
        Err(_) => return Err(broken("no answer in time".to_owned())),
    };
    match response.status().as_u16() {
        200 => {}
        // The store is busy: as good as a broken connection.
        status @ (429 | 500..) => return Err(broken(format!("HTTP status {status}"))),
        status => return Err(Error::LinkRefused { name: name(), status }),
    }
    let unwritable = |error| unwritable(folder, &error);
    let temporary = temporary_in(folder).map_err(unwritable)?;
    let mut writer = File::from_std(temporary.as_file().try_clone().map_err(unwritable)?);
    let mut hash = Sha256::new();
    let mut received = 0_u64;
    got(0);
    loop {
        let chunk = match tokio::time::timeout(STALLED_AFTER, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => break,
            Ok(Err(error)) => return Err(broken(cause(&error))),
            Err(_) => return Err(broken(format!("nothing came for {} s", STALLED_AFTER.as_secs()))),
        };
        received += chunk.len() as u64;
        if received > file.bytes {
            return Err(Error::Damaged {
                name: name(),
                why: format!("it is longer than {} bytes", file.bytes),
            });
        }
        hash.update(&chunk);
        writer.write_all(&chunk).await.map_err(unwritable)?;
        got(received);
    }
    writer.flush().await.map_err(unwritable)?;
    if received < file.bytes {
        return Err(Error::Damaged {
            name: name(),
            why: format!("{received} of {} bytes came", file.bytes),
        });
    }
    if hex::encode(hash.finalize()) != file.sha256.to_lowercase() {
        return Err(Error::Damaged {
            name: name(),
            why: "its SHA-256 is not the promised one".to_owned(),
        });
    }
    Ok(temporary)
}

/// The SHA-256 of a file, lower-case hexadecimal.
async fn hash_of(path: &Path) -> Result<String, Error> {
    let unreadable = |error: std::io::Error| Error::FileUnreadable {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let mut file = File::open(path).await.map_err(unreadable)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0_u8; BUFFER_BYTES];
    loop {
        let read = file.read(&mut buffer).await.map_err(unreadable)?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(stage: &str, name: &str) -> ResultFile {
        ResultFile {
            stage: stage.to_owned(),
            name: name.to_owned(),
            content_type: String::new(),
            bytes: 0,
            sha256: String::new(),
            url: String::new(),
        }
    }

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        let long = "x".repeat(201);
        let names = [
            "",
            ".",
            "..",
            "../x",
            "/etc/passwd",
            "a/b",
            r"..\x",
            r"C:\x",
            "C:x",
            "x\0y",
            "x\ny",
            ".bashrc",
            "x.",
            "x ",
            "nul",
            "COM1.txt",
            &long,
        ];
        for name in names {
            assert_eq!(
                local_names(&[file("pose", name)])[0].as_ref().unwrap_err().code(),
                "UNSAFE_NAME",
                "{name:?}"
            );
        }
        for name in [
            "report.html",
            "angles.csv",
            "Kniebeuge größer.mp4",
            "a..b",
            "common.txt",
            "recording-0007.parquet",
        ] {
            assert_eq!(local_names(&[file("pose", name)])[0].as_ref().unwrap(), name);
        }
    }

    #[test]
    fn equal_names_of_two_stages_are_kept_apart() {
        let files = [
            file("pose", "log.json"),
            file("probe", "LOG.json"),
            file("probe", "x.csv"),
        ];
        let names: Vec<_> = local_names(&files).into_iter().map(Result::unwrap).collect();
        assert_eq!(names, ["pose-log.json", "probe-LOG.json", "x.csv"]);
        let names = local_names(&[file("pose", "a"), file("pose", "a")]);
        assert!(
            names[0].is_ok() && names[1].is_err(),
            "one of two equals must not replace the other"
        );
        let names = local_names(&[file("..", "a"), file("x/y", "a")]);
        assert!(names.iter().all(Result::is_err), "a stage's name is not trusted either");
    }
}
