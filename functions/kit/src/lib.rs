//! What the stages share: tools at start-up, the description of the video and its ranges, and how errors are told.

mod shards;

use std::{borrow::Cow, path::Path};

use marey_cloud::{OutputFile, StageError, Work};
use marey_media::{CancelHandle, FrameSize, MediaError, Tools, VideoInfo};

pub use shards::{SHARDS_JSON, Shards, expected_frames, own_range, read_options};

/// The artifact in which `probe` leaves what it knows of the video.
pub const VIDEO_JSON: &str = "video.json";

/// Media type of Parquet files.
pub const PARQUET: &str = "application/vnd.apache.parquet";

/// Frames are read at most this large; a person needs no more pixels, and memory is bounded.
pub const FRAME_SIZE: FrameSize = FrameSize::Within {
    width: 1920,
    height: 1920,
};

/// ffmpeg and ffprobe, found once when the function starts.
///
/// # Errors
/// One of them is missing; the error says what to do.
pub fn tools() -> Result<Tools, MediaError> {
    Tools::from_env()
}

/// What `probe` found out about the upload.
///
/// # Errors
/// The artifact is missing or was written by another version.
pub fn video_info(work: &Work) -> Result<VideoInfo, StageError> {
    let path = work.artifact("probe", VIDEO_JSON)?;
    read_json(path)
}

/// A parameter of the job that is a number, or what stands for it in a workflow that does not offer it.
pub fn number_or(work: &Work, name: &str, otherwise: f64) -> f64 {
    work.number(name).unwrap_or(otherwise)
}

/// Writes an artifact into the folder of the attempt.
///
/// # Errors
/// The folder can't be written to.
pub fn save(
    work: &Work,
    name: impl Into<Cow<'static, str>>,
    content_type: &'static str,
    bytes: &[u8],
) -> Result<OutputFile, StageError> {
    let name = name.into();
    let path = work.scratch.join(name.as_ref());
    std::fs::write(&path, bytes)?;
    Ok(OutputFile {
        name,
        content_type,
        path,
    })
}

fn read_json<T>(path: &Path) -> Result<T, StageError>
where
    T: for<'a> serde::Deserialize<'a>,
{
    serde_json::from_slice(&std::fs::read(path)?).map_err(StageError::internal)
}

/// Tells what went wrong with a video.
pub fn media_error(error: MediaError) -> StageError {
    if matches!(error, MediaError::Cancelled) {
        return StageError::stopped();
    }
    let (code, message, hint) = (error.code(), sentence(&error.to_string()), error.hint());
    let told = if error.is_transient() {
        StageError::transient(code, message, hint)
    } else {
        StageError::permanent(code, message, hint)
    };
    match error.diagnostics() {
        Some(diagnostics) => told.because(diagnostics),
        None => told.because(error),
    }
}

/// Kills a child process when the stage must stop.
pub fn kill_on_stop(work: &Work, handle: CancelHandle) {
    work.control.on_stop(move || handle.cancel());
}

/// An error's text as a sentence for people.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use marey_engine::FailureClass;

    use super::*;

    #[test]
    fn an_error_becomes_a_sentence() {
        assert_eq!(sentence("the file is empty"), "The file is empty.");
        assert_eq!(sentence("Öl?"), "Öl?");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn bad_input_is_permanent_and_a_full_disk_is_not() {
        assert_eq!(media_error(MediaError::Empty).class, FailureClass::Permanent);
        assert_eq!(media_error(MediaError::NoSpace).class, FailureClass::Transient);
        assert_eq!(media_error(MediaError::Cancelled).class, FailureClass::Cancelled);
    }
}
