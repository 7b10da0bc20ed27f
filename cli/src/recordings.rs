//! Recordings from files: what kind of file it is, and its content. Every command that takes a recording loads it here.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use marey_motion::Recording;
use marey_motion::formats::{Format, ReadOptions, WasRead, read};

use crate::error::Error;

/// Larger files are refused before they are read: at this size an hour of video with ten people has room.
const MOST_BYTES: u64 = 2_000_000_000;

/// A recording and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Loaded {
    pub(crate) recording: Recording,
    /// The format that the file turned out to have.
    pub(crate) format: Format,
    /// Sentences for the person: what was left out or assumed.
    pub(crate) notes: Vec<String>,
}

/// Loads a recording in any format that Marey reads. `format` is the one that the person named; else the content decides, and
/// then the file's ending.
///
/// # Errors
///
/// [`Error::FileUnreadable`], [`Error::RecordingTooLarge`], [`Error::NotARecording`] if nothing says what the file is, and
/// [`Error::BadRecording`] with the reader's own reason.
pub(crate) fn load(path: &Path, format: Option<Format>, options: &ReadOptions) -> Result<Loaded, Error> {
    let bytes = bytes(path)?;
    let ending = || path.extension().and_then(|ending| ending.to_str());
    let format = format
        .or_else(|| Format::of_content(&bytes))
        .or_else(|| ending().and_then(Format::from_ending))
        .ok_or_else(|| Error::NotARecording { path: path.to_owned() })?;
    let mut options = options.clone();
    if options.name.is_empty() {
        options.name = name_of(path);
    }
    let WasRead { recording, notes } = read(&bytes, format, &options).map_err(|cause| Error::BadRecording {
        path: path.to_owned(),
        cause,
    })?;
    Ok(Loaded {
        recording,
        format,
        notes,
    })
}

/// The file's name without its ending.
fn name_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |error: std::io::Error| Error::FileUnreadable {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let too_large = |bytes: u64| Error::RecordingTooLarge {
        path: path.to_owned(),
        bytes,
        max_bytes: MOST_BYTES,
    };
    if length > MOST_BYTES {
        return Err(too_large(length));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // A pipe does not tell its length.
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}
