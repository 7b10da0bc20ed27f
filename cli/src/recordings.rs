//! Recordings from files: what kind of file it is, and its content. Every command that takes a recording loads it here.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use marey_motion::formats::{Format, OpenPoseFrames, ReadOptions, WasRead, read};
use marey_motion::outputs::RECORDING;
use marey_motion::{MotionError, Recording};
use sha2::{Digest, Sha256};

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
    /// SHA-256 of the file, or of the files of a folder one after the other, in lower-case hexadecimal.
    pub(crate) sha256: String,
}

/// Loads a recording in any format that Marey reads: a file, a folder of results with the recording in it, or one with `OpenPose`'s file
/// for each frame. `format` is the one that the person named; else the content decides, and then the file's ending.
///
/// # Errors
///
/// [`Error::FileUnreadable`], [`Error::RecordingTooLarge`], [`Error::NotARecording`] if nothing says what the file is, and
/// [`Error::Motion`] with the reader's own reason.
pub(crate) fn load(path: &Path, format: Option<Format>, options: &ReadOptions) -> Result<Loaded, Error> {
    if path.is_dir() {
        let of_results = path.join(RECORDING);
        if format.is_none() && of_results.is_file() {
            return load(&of_results, None, options);
        }
        return match format {
            None | Some(Format::OpenPose) => load_folder(path, named(path, options)),
            Some(_) => Err(Error::NotARecording { path: path.to_owned() }),
        };
    }
    load_content(path, &bytes(path)?, format, options)
}

/// [`load`] for a file that was read already.
pub(crate) fn load_content(
    path: &Path,
    bytes: &[u8],
    format: Option<Format>,
    options: &ReadOptions,
) -> Result<Loaded, Error> {
    let ending = || path.extension().and_then(OsStr::to_str);
    let format = format
        .or_else(|| Format::of_content(bytes))
        .or_else(|| ending().and_then(Format::from_ending))
        .ok_or_else(|| Error::NotARecording { path: path.to_owned() })?;
    let outcome = read(bytes, format, &named(path, options));
    loaded(path, format, Sha256::digest(bytes).as_slice(), outcome)
}

/// A recording is called as its file where nobody says otherwise.
fn named(path: &Path, options: &ReadOptions) -> ReadOptions {
    let mut options = options.clone();
    if options.name.is_empty() {
        options.name = name_of(path);
    }
    options
}

fn loaded(path: &Path, format: Format, digest: &[u8], outcome: Result<WasRead, MotionError>) -> Result<Loaded, Error> {
    let WasRead { recording, notes } = outcome.map_err(|cause| bad(path, cause))?;
    Ok(Loaded {
        recording,
        format,
        notes,
        sha256: hex::encode(digest),
    })
}

fn bad(path: &Path, source: MotionError) -> Error {
    Error::Motion {
        path: Some(path.to_owned()),
        source,
    }
}

/// `OpenPose`'s files of frames, in the order of the number in their names. Numbers that are left out are time that passed.
fn load_folder(folder: &Path, mut options: ReadOptions) -> Result<Loaded, Error> {
    let files = frames_of(folder)?;
    if files.is_empty() {
        return Err(Error::NotARecording {
            path: folder.to_owned(),
        });
    }
    if let Some(pair) = files
        .windows(2)
        .find(|pair| pair[0].0.is_some() && pair[0].0 == pair[1].0)
    {
        return Err(Error::FramesMixed {
            folder: folder.to_owned(),
            one: name_in_full(&pair[0].1),
            other: name_in_full(&pair[1].1),
        });
    }
    let mut frames = OpenPoseFrames::default();
    let (mut left, mut digest) = (MOST_BYTES, Sha256::new());
    for (_, path) in &files {
        let bytes = bytes_up_to(path, left)?;
        left -= bytes.len() as u64;
        digest.update(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        frames.push(&text).map_err(|cause| bad(path, cause))?;
    }
    let numbers: Option<Vec<u64>> = files.iter().map(|(number, _)| *number).collect();
    if let (Some(numbers), Some(rate_hz)) = (numbers, options.rate_hz)
        && options.time_s.is_none()
        && rate_hz > 0.0
    {
        options.time_s = Some(numbers.iter().map(|&number| number as f64 / rate_hz).collect());
    }
    loaded(
        folder,
        Format::OpenPose,
        digest.finalize().as_slice(),
        frames.finish(&options),
    )
}

/// The JSON files of a folder with the frame's number in their names, in order. Hidden files are none.
fn frames_of(folder: &Path) -> Result<Vec<(Option<u64>, PathBuf)>, Error> {
    let unreadable = |error: std::io::Error| Error::FileUnreadable {
        path: folder.to_owned(),
        why: error.to_string(),
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_json = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        if is_json && !name.starts_with('.') && path.is_file() {
            files.push((number_in(&name), path));
        }
    }
    files.sort();
    Ok(files)
}

/// The last number in a name: 42 in `walk2_000000000042_keypoints.json`.
fn number_in(name: &str) -> Option<u64> {
    let from_end = name.rsplit(|c: char| !c.is_ascii_digit());
    from_end.into_iter().find(|digits| !digits.is_empty())?.parse().ok()
}

/// The file's name without its ending.
fn name_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn name_in_full(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The content of a recording's file, unless it is too large for one.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    bytes_up_to(path, MOST_BYTES)
}

/// A file's content, unless it is larger than that.
fn bytes_up_to(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Error> {
    let unreadable = |error: std::io::Error| Error::FileUnreadable {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let too_large = |bytes: u64| Error::RecordingTooLarge {
        path: path.to_owned(),
        bytes,
        max_bytes,
    };
    if length > max_bytes {
        return Err(too_large(length));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // A pipe does not tell its length.
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > max_bytes {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: &str = r#"{"version":1.3,"people":[{"person_id":[-1],"pose_keypoints_2d":[100.0,200.0,0.9,110.0,210.0,0.8,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}]}"#;

    fn at(rate_hz: f64) -> ReadOptions {
        ReadOptions {
            rate_hz: Some(rate_hz),
            ..ReadOptions::default()
        }
    }

    #[test]
    fn a_folder_of_frames_is_one_recording_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        for number in [9, 10, 12] {
            let name = format!("walk_{number}_keypoints.json");
            std::fs::write(folder.path().join(name), PERSON).unwrap();
        }
        std::fs::write(folder.path().join(".hidden.json"), "{").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "{").unwrap();
        let loaded = load(folder.path(), None, &at(10.0)).unwrap();
        assert_eq!(loaded.format, Format::OpenPose);
        assert_eq!(loaded.recording.time_s, [0.9, 1.0, 1.2]);
        let missing = load(folder.path(), None, &ReadOptions::default()).unwrap_err();
        assert_eq!(missing.code(), "MOTION_RATE_MISSING");
        std::fs::write(folder.path().join("walk_11_keypoints.json"), "{").unwrap();
        let error = load(folder.path(), None, &at(10.0)).unwrap_err();
        assert_eq!(error.code(), "MOTION_MALFORMED_JSON");
        assert!(
            error.to_string().contains("walk_11_keypoints.json") && error.to_string().contains("frame 2"),
            "{error}"
        );
    }

    #[test]
    fn the_frames_of_two_videos_are_not_mixed() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "run_000_keypoints.json",
            "run_001_keypoints.json",
            "walk_000_keypoints.json",
        ] {
            std::fs::write(folder.path().join(name), PERSON).unwrap();
        }
        let error = load(folder.path(), None, &at(30.0)).unwrap_err();
        assert_eq!(error.code(), "FRAMES_MIXED");
        assert!(
            error
                .to_string()
                .contains("`run_000_keypoints.json` and `walk_000_keypoints.json`"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_recording_is_said_to_be_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        assert_eq!(
            load(folder.path(), None, &at(1.0)).unwrap_err().code(),
            "NOT_A_RECORDING"
        );
        let notes = file("notes.txt", "hello");
        assert_eq!(load(&notes, None, &at(1.0)).unwrap_err().code(), "NOT_A_RECORDING");
        assert_eq!(
            load(&notes, Some(Format::Trc), &at(1.0)).unwrap_err().code(),
            "MOTION_MALFORMED_FILE"
        );
        let table = file("angles.csv", "time_s,person\n");
        assert_eq!(
            load(&table, None, &at(1.0)).unwrap_err().code(),
            "MOTION_UNSUPPORTED_FILE"
        );
        assert_eq!(
            load(&folder.path().join("none.trc"), None, &at(1.0))
                .unwrap_err()
                .code(),
            "FILE_UNREADABLE"
        );
    }

    #[test]
    fn numbers_are_found_in_names() {
        assert_eq!(number_in("walk2_000000000042_keypoints.json"), Some(42));
        assert_eq!(number_in("frame7.json"), Some(7));
        assert_eq!(number_in("keypoints.json"), None);
        assert_eq!(number_in("x_99999999999999999999999.json"), None);
    }
}
