//! Writes H.264 in MP4 from RGB frames with times of their own.
//!
//! The frames go through a pipe as raw pictures in Matroska ([`crate::matroska`]), each with its time, and ffmpeg is told to
//! neither repeat nor drop any: a variable rate stays variable, tick for tick. The file gets its name only when it is whole.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::child::{CancelHandle, Job};
use crate::encode_options::EncodeOptions;
use crate::feed::Feed;
use crate::filters::file_url;
use crate::matroska::{self, RawVideo};
use crate::probe::frames_in_header;
use crate::sandbox::{Access, SandboxReport};
use crate::sound::Sound;
use crate::{MediaError, Tools};

/// A finished file.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedVideo {
    /// Where it is.
    pub path: PathBuf,
    /// Frames in it.
    pub frames: u64,
    /// Its size.
    pub bytes: u64,
    /// From the first frame to the end of the last one, s.
    pub duration_s: f64,
}

/// An MP4 being written. Dropped before [`Encoder::finish`] it leaves nothing behind: no process and no file.
#[derive(Debug)]
pub struct Encoder {
    tools: Tools,
    path: PathBuf,
    options: EncodeOptions,
    feed: Feed,
    part: NamedTempFile,
    cancel: CancelHandle,
    /// Only for odd pictures: the frame with its last column and row doubled.
    padded: Vec<u8>,
    frames: u64,
    /// Of a piece: its first frame's tick in the whole, which it counts from.
    start_tick: Option<i64>,
    first_tick: i64,
    last_tick: i64,
}

impl Encoder {
    /// Starts the encoder. Until it is finished the file has another name in the same folder.
    ///
    /// # Errors
    /// `MEDIA_REQUEST_INVALID`, `MEDIA_IO` for a folder that can't be written, `MEDIA_TOOL_MISSING`, and what the file with the sound deserves.
    pub fn create(tools: &Tools, path: &Path, options: EncodeOptions) -> Result<Self, MediaError> {
        options.check()?;
        let part = part_beside(path)?;
        let sound = Sound::wanted(tools, &options)?;
        let mut access = Access {
            read: Vec::new(),
            write: vec![part.path().to_path_buf()],
        };
        access.read.extend(sound.iter().map(|sound| sound.source.clone()));
        let arguments = arguments(&options, sound.as_ref(), part.path())?;
        let job = Job {
            tool: "ffmpeg",
            program: &tools.ffmpeg,
            limits: &options.limits,
            access,
        };
        let cancel = CancelHandle::default();
        let feed = Feed::start(&job, arguments, &cancel)?;
        let (width, height) = even(&options);
        let mut encoder = Self {
            tools: tools.clone(),
            path: path.to_path_buf(),
            feed,
            part,
            cancel,
            padded: Vec::new(),
            frames: 0,
            start_tick: None,
            first_tick: 0,
            last_tick: 0,
            options,
        };
        let frame_ns = (1e9 / encoder.options.frame_rate.as_f64()).round() as u64;
        let header = matroska::header(RawVideo {
            width,
            height,
            frame_ns,
        });
        encoder.feed.send(|pipe| pipe.write_all(&header))?;
        Ok(encoder)
    }

    /// Adds a frame: `3 * width * height` bytes of RGB, shown from `time_s` on. Waits while the encoder is busy.
    ///
    /// # Errors
    /// `MEDIA_REQUEST_INVALID` for a wrong length or a time that is not later (by a tick) than the last one or before the origin: nothing is
    /// written then and the next frame may be right. All others end the encoding.
    pub fn write(&mut self, rgb: &[u8], time_s: f64) -> Result<(), MediaError> {
        let (width, height) = (self.options.width as usize, self.options.height as usize);
        if rgb.len() != width * height * 3 {
            return Err(MediaError::invalid(format!(
                "{} bytes for a frame of {width} by {height}",
                rgb.len()
            )));
        }
        let Some(mut tick) = self.options.tick(time_s) else {
            return Err(MediaError::invalid(format!(
                "a frame at {time_s} s, before the start or beyond all times"
            )));
        };
        if self.options.is_piece {
            let start_tick = *self.start_tick.get_or_insert(tick);
            tick -= start_tick;
        }
        if self.frames > 0 && tick <= self.last_tick {
            return Err(MediaError::invalid(format!(
                "a frame at {time_s} s, not after the one before it"
            )));
        }
        let time_ns = (i128::from(tick) * 1_000_000_000 + i128::from(self.options.ticks_per_second / 2))
            / i128::from(self.options.ticks_per_second);
        if (width | height) & 1 == 1 {
            let mut padded = std::mem::take(&mut self.padded);
            pad_to_even(rgb, width, height, &mut padded);
            self.feed
                .send(|pipe| matroska::write_frame(pipe, time_ns as u64, &padded))?;
            self.padded = padded;
        } else {
            self.feed
                .send(|pipe| matroska::write_frame(pipe, time_ns as u64, rgb))?;
        }
        if self.frames == 0 {
            self.first_tick = tick;
        }
        self.last_tick = tick;
        self.frames += 1;
        Ok(())
    }

    /// Ends the video, makes sure that every frame is in it, and gives it its name (replacing a file that has it).
    ///
    /// # Errors
    /// `MEDIA_REQUEST_INVALID` when no frame was written, `MEDIA_NO_SPACE`, `MEDIA_TOOL_FAILED` and the other ends of a child.
    pub fn finish(mut self) -> Result<EncodedVideo, MediaError> {
        if self.frames == 0 {
            return Err(MediaError::invalid("a video without frames"));
        }
        self.feed.end()?;
        let span = self.last_tick - self.first_tick;
        name_file(&self.tools, self.part, &self.path, &self.options, self.frames, span)
    }

    /// Stops the encoder from any thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// What the kernel enforces on the encoder.
    pub fn sandbox(&self) -> SandboxReport {
        self.feed.sandbox
    }
}

/// A file next to the one that is to be, so that it can be renamed to it.
pub(crate) fn part_beside(path: &Path) -> Result<NamedTempFile, MediaError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".marey-")
        .suffix(".part")
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(|error| MediaError::io("making a file for the video", path, error))
}

/// Makes sure that every frame is in a written file and gives it its name. `span`: ticks from the first to the last frame.
pub(crate) fn name_file(
    tools: &Tools,
    part: NamedTempFile,
    path: &Path,
    options: &EncodeOptions,
    frames: u64,
    span: i64,
) -> Result<EncodedVideo, MediaError> {
    let found = frames_in_header(tools, part.path(), &options.limits)?;
    if found != Some(frames) {
        let diagnostics = format!("{found:?} frames in the file, {frames} were written");
        return Err(MediaError::ToolFailed {
            tool: "ffmpeg",
            diagnostics,
        });
    }
    let file = part
        .persist(path)
        .map_err(|error| MediaError::io("naming the video", path, error.error))?;
    let bytes = file
        .metadata()
        .map_err(|error| MediaError::io("looking at the video", path, error))?
        .len();
    Ok(EncodedVideo {
        path: path.to_path_buf(),
        frames,
        bytes,
        duration_s: span as f64 / f64::from(options.ticks_per_second) + 1.0 / options.frame_rate.as_f64(),
    })
}

/// Encodes frames that are all at hand: `(rgb, time_s)` each.
///
/// # Errors
/// Those of [`Encoder`].
pub fn encode_frames<'a>(
    tools: &Tools,
    path: &Path,
    options: EncodeOptions,
    frames: impl IntoIterator<Item = (&'a [u8], f64)>,
) -> Result<EncodedVideo, MediaError> {
    let mut encoder = Encoder::create(tools, path, options)?;
    for (rgb, time_s) in frames {
        encoder.write(rgb, time_s)?;
    }
    encoder.finish()
}

fn arguments(options: &EncodeOptions, sound: Option<&Sound>, part: &Path) -> Result<Vec<OsString>, MediaError> {
    let mut arguments: Vec<OsString> = Vec::new();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&["-hide_banner", "-nostdin", "-nostats", "-v", "warning", "-copyts", "-y"]);
    add(&[
        "-protocol_whitelist",
        "pipe,fd",
        "-format_whitelist",
        "matroska",
        "-f",
        "matroska",
        "-i",
        "pipe:0",
    ]);
    if let Some(sound) = sound {
        arguments.extend(sound.input(options)?);
    }
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&["-map", "0:v:0"]);
    if let Some(sound) = sound {
        arguments.extend(sound.output(options));
    }
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&[
        "-vf",
        "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic,format=yuv420p",
    ]);
    add(&[
        "-c:v",
        "libx264",
        "-preset",
        options.preset.name(),
        "-crf",
        &options.quality.to_string(),
    ]);
    let key_distance = (options.key_frame_every_s * options.frame_rate.as_f64())
        .round()
        .clamp(1.0, 10_000.0);
    add(&[
        "-g",
        &format!("{key_distance}"),
        "-threads:v",
        &options.threads.to_string(),
    ]);
    add(&[
        "-colorspace",
        "bt709",
        "-color_primaries",
        "bt709",
        "-color_trc",
        "bt709",
        "-color_range",
        "tv",
    ]);
    let ticks = options.ticks_per_second.to_string();
    add(&["-fps_mode", "passthrough", "-enc_time_base", &format!("1:{ticks}")]);
    arguments.extend(mp4_output(options, part)?);
    Ok(arguments)
}

/// The words that end a command that writes an MP4: nothing of the source's metadata, the index in front, and an edit list as exact
/// as the frames' times (by default it is rounded to milliseconds).
pub(crate) fn mp4_output(options: &EncodeOptions, part: &Path) -> Result<Vec<OsString>, MediaError> {
    let ticks = options.ticks_per_second.to_string();
    let words = ["-map_metadata", "-1", "-map_chapters", "-1", "-movflags", "+faststart"];
    let mut arguments = words.map(OsString::from).to_vec();
    arguments.extend(
        [
            "-video_track_timescale",
            &ticks,
            "-movie_timescale",
            &ticks,
            "-f",
            "mp4",
        ]
        .map(OsString::from),
    );
    arguments.push(file_url(part)?);
    Ok(arguments)
}

fn even(options: &EncodeOptions) -> (u32, u32) {
    (options.width.next_multiple_of(2), options.height.next_multiple_of(2))
}

/// Doubles the last column and the last row where their number is odd.
fn pad_to_even(rgb: &[u8], width: usize, height: usize, padded: &mut Vec<u8>) {
    padded.clear();
    for row in rgb.chunks_exact(width * 3) {
        padded.extend_from_slice(row);
        if width & 1 == 1 {
            padded.extend_from_slice(&row[(width - 1) * 3..]);
        }
    }
    if height & 1 == 1 {
        let start = padded.len() - width.next_multiple_of(2) * 3;
        padded.extend_from_within(start..);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_picture_gets_its_last_column_and_row_twice() {
        let rgb: Vec<u8> = (0..27).collect();
        let mut padded = Vec::new();
        pad_to_even(&rgb, 3, 3, &mut padded);
        assert_eq!(padded.len(), 48);
        assert_eq!(padded[..12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 6, 7, 8]);
        assert_eq!(padded[36..], padded[24..36]);
        pad_to_even(&rgb[..6], 1, 2, &mut padded);
        assert_eq!(padded, [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]);
    }
}
