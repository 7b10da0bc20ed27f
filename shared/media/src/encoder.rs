//! Writes H.264 in MP4 from RGB frames with times of their own.
//!
//! The frames go through a pipe as raw pictures in Matroska ([`crate::matroska`]), each with its time, and ffmpeg is told to
//! neither repeat nor drop any: a variable rate stays variable, tick for tick. The file gets its name only when it is whole.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::child::{CancelHandle, Job, PatientWriter, Running};
use crate::error::TimeLimit;
use crate::filters::{file_url, guarded_input};
use crate::info::{Rational, VideoInfo};
use crate::matroska::{self, RawVideo};
use crate::probe::{SoundTrack, frames_in_header, sound_track};
use crate::sandbox::{Access, SandboxReport};
use crate::{Limits, MediaError, Tools};

/// How hard x264 tries: slower is smaller at the same quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// For tests and previews.
    Ultrafast,
    /// About the speed of decoding.
    Veryfast,
    /// Half as fast as `Veryfast`.
    #[default]
    Fast,
    /// x264's own default.
    Medium,
    /// For what is kept.
    Slow,
}

impl Preset {
    fn name(self) -> &'static str {
        match self {
            Self::Ultrafast => "ultrafast",
            Self::Veryfast => "veryfast",
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
        }
    }
}

/// What to write.
#[derive(Debug, Clone)]
pub struct EncodeOptions {
    /// Pixels across of the frames that will be written. H.264 with ordinary colours needs an even number: an odd picture gets its
    /// last column once more, at the right.
    pub width: u32,
    /// Pixels down; an odd picture gets its last row once more, at the bottom.
    pub height: u32,
    /// x264's constant rate factor, 0 (lossless) to 51; 18 is hard to tell from the original, 23 is x264's default.
    pub quality: u8,
    /// Effort.
    pub preset: Preset,
    /// The ordinary rate: the length of the last frame and what rate control goes by. The frames' own times decide when they are shown.
    pub frame_rate: Rational,
    /// Resolution of the times in the file. The default, 90000, holds 24, 25, 30, 50, 60 and 30000/1001 frames per second exactly.
    pub ticks_per_second: u32,
    /// Longest distance between key frames, s.
    pub key_frame_every_s: f64,
    /// The moment on the frames' (and the sound's) timeline that becomes zero in the file, s.
    pub origin_s: f64,
    /// A file whose sound goes along, on the same timeline as the frames' times: AAC is copied, everything else becomes AAC. A file
    /// without sound adds none.
    pub audio_from: Option<PathBuf>,
    /// Where the sound ends, s on the frames' timeline. `None`: with its file.
    pub audio_end_s: Option<f64>,
    /// Bounds for the child and for the file with the sound.
    pub limits: Limits,
    /// Threads of the encoder; 0 leaves it to x264.
    pub threads: usize,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self {
            width: 0,
            height: 0,
            quality: 21,
            preset: Preset::default(),
            frame_rate: Rational { num: 30, den: 1 },
            ticks_per_second: 90_000,
            key_frame_every_s: 2.0,
            origin_s: 0.0,
            audio_from: None,
            audio_end_s: None,
            limits: Limits::default(),
            threads: 0,
        }
    }
}

impl EncodeOptions {
    /// Defaults for frames of this size.
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            ..Self::default()
        }
    }

    /// For frames of this size with the times of an existing video: its rate and its ticks, and its start as the origin.
    pub fn like(info: &VideoInfo, width: u32, height: u32) -> Self {
        let exact = info.time_base.num == 1 && (1..=1_000_000).contains(&info.time_base.den);
        Self {
            frame_rate: info.frame_rate,
            ticks_per_second: if exact { info.time_base.den as u32 } else { 90_000 },
            origin_s: info.first_timestamp_s.min(info.start_offset_s),
            ..Self::new(width, height)
        }
    }

    fn check(&self) -> Result<(), MediaError> {
        let rate = self.frame_rate.as_f64();
        let problem = if self.width == 0 || self.height == 0 {
            "a picture side of zero pixels"
        } else if self.quality > 51 {
            "a quality above 51"
        } else if !(rate.is_finite() && rate > 0.0) {
            "a frame rate that is not positive"
        } else if self.ticks_per_second == 0 || self.ticks_per_second > 1_000_000 {
            "ticks per second outside 1 to 1000000"
        } else if !(self.key_frame_every_s.is_finite() && self.key_frame_every_s > 0.0) {
            "a distance between key frames that is not positive"
        } else if !self.origin_s.is_finite() || self.audio_end_s.is_some_and(|end_s| !(end_s > self.origin_s)) {
            "an origin that is not finite or not before the end of the sound"
        } else {
            return self.limits.check_picture(self.width.into(), self.height.into());
        };
        Err(MediaError::invalid(problem))
    }
}

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
    running: Option<Running>,
    pipe: Option<PatientWriter>,
    part: NamedTempFile,
    cancel: CancelHandle,
    sandbox: SandboxReport,
    /// Only for odd pictures: the frame with its last column and row doubled.
    padded: Vec<u8>,
    frames: u64,
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
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let part = tempfile::Builder::new()
            .prefix(".marey-")
            .suffix(".part")
            .permissions(std::fs::Permissions::from_mode(0o644))
            .tempfile_in(folder)
            .map_err(|error| MediaError::io("making a file for the video", path, error))?;
        let sound = match &options.audio_from {
            Some(source) => sound_track(tools, source, &options.limits)?.map(|track| (source.clone(), track)),
            None => None,
        };
        let mut access = Access {
            read: Vec::new(),
            write: vec![part.path().to_path_buf()],
        };
        access.read.extend(sound.iter().map(|(source, _)| source.clone()));
        let arguments = arguments(&options, sound.as_ref(), part.path())?;
        let job = Job {
            tool: "ffmpeg",
            program: &tools.ffmpeg,
            limits: &options.limits,
            access,
        };
        let cancel = CancelHandle::default();
        let mut running = Running::start(&job, arguments, true, &cancel)?;
        let sandbox = running.sandbox;
        let io = |error| MediaError::io("feeding the encoder", path, error);
        let stdin = running
            .stdin
            .take()
            .ok_or_else(|| io(io::ErrorKind::BrokenPipe.into()))?;
        let pipe = PatientWriter::new(stdin, options.limits.stall).map_err(io)?;
        let (width, height) = even(&options);
        let mut encoder = Self {
            tools: tools.clone(),
            path: path.to_path_buf(),
            running: Some(running),
            pipe: Some(pipe),
            part,
            cancel,
            sandbox,
            padded: Vec::new(),
            frames: 0,
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
        encoder.send(|pipe| pipe.write_all(&header))?;
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
        let ticks = ((time_s - self.options.origin_s) * f64::from(self.options.ticks_per_second)).round();
        if !(0.0..9e15).contains(&ticks) {
            return Err(MediaError::invalid(format!(
                "a frame at {time_s} s, before the start or beyond all times"
            )));
        }
        let tick = ticks as i64;
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
            self.send(|pipe| matroska::write_frame(pipe, time_ns as u64, &padded))?;
            self.padded = padded;
        } else {
            self.send(|pipe| matroska::write_frame(pipe, time_ns as u64, rgb))?;
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
        self.pipe = None;
        self.end_of_child()?;
        let found = frames_in_header(&self.tools, self.part.path(), &self.options.limits)?;
        if found != Some(self.frames) {
            let diagnostics = format!("{found:?} frames in the file, {} were written", self.frames);
            return Err(MediaError::ToolFailed {
                tool: "ffmpeg",
                diagnostics,
            });
        }
        let Self {
            part,
            path,
            options,
            frames,
            first_tick,
            last_tick,
            ..
        } = self;
        let file = part
            .persist(&path)
            .map_err(|error| MediaError::io("naming the video", &path, error.error))?;
        let bytes = file
            .metadata()
            .map_err(|error| MediaError::io("looking at the video", &path, error))?
            .len();
        let span_s = (last_tick - first_tick) as f64 / f64::from(options.ticks_per_second);
        Ok(EncodedVideo {
            path,
            frames,
            bytes,
            duration_s: span_s + 1.0 / options.frame_rate.as_f64(),
        })
    }

    /// Stops the encoder from any thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// What the kernel enforces on the encoder.
    pub fn sandbox(&self) -> SandboxReport {
        self.sandbox
    }

    fn send(&mut self, action: impl FnOnce(&mut PatientWriter) -> io::Result<()>) -> Result<(), MediaError> {
        if self.cancel.is_cancelled() {
            return Err(MediaError::Cancelled);
        }
        let Some(pipe) = self.pipe.as_mut() else {
            return Err(MediaError::invalid("a frame after the encoder failed"));
        };
        let Err(error) = action(pipe) else { return Ok(()) };
        self.pipe = None;
        if error.kind() == io::ErrorKind::TimedOut {
            self.running = None;
            return Err(MediaError::Timeout {
                limit: TimeLimit::Stall,
            });
        }
        // The encoder closed its end: what it says about that is the reason.
        self.end_of_child()?;
        Err(MediaError::ToolFailed {
            tool: "ffmpeg",
            diagnostics: error.to_string(),
        })
    }

    fn end_of_child(&mut self) -> Result<(), MediaError> {
        let Some(running) = self.running.take() else {
            return Err(MediaError::invalid("the encoder failed before"));
        };
        let ending = running.finish(self.options.limits.finish_wall)?;
        if ending.success {
            return Ok(());
        }
        let diagnostics = ending.complaints.text();
        Err(ending.complaints.known_error().unwrap_or(MediaError::ToolFailed {
            tool: "ffmpeg",
            diagnostics,
        }))
    }
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

fn arguments(
    options: &EncodeOptions,
    sound: Option<&(PathBuf, SoundTrack)>,
    part: &Path,
) -> Result<Vec<OsString>, MediaError> {
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
    if let Some((source, track)) = sound {
        if options.origin_s > 0.0 {
            add(&["-seek_timestamp", "1", "-ss", &format!("{:.6}", options.origin_s)]);
        }
        if let Some(end_s) = options.audio_end_s {
            add(&["-t", &format!("{:.6}", end_s - options.origin_s.max(0.0))]);
        }
        add(&["-itsoffset", &format!("{:.6}", -options.origin_s), "-vn", "-sn", "-dn"]);
        arguments.extend(guarded_input(track.container, source, &options.limits)?);
    }
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&["-map", "0:v:0"]);
    if let Some((_, track)) = sound {
        add(&["-map", &format!("1:{}", track.index)]);
        add(if track.codec == "aac" {
            &["-c:a", "copy"]
        } else {
            &["-c:a", "aac", "-b:a", "160k"]
        });
    }
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
    add(&[
        "-fps_mode",
        "passthrough",
        "-enc_time_base",
        &format!("1:{ticks}"),
        "-video_track_timescale",
        &ticks,
    ]);
    add(&[
        "-map_metadata",
        "-1",
        "-map_chapters",
        "-1",
        "-movflags",
        "+faststart",
        "-f",
        "mp4",
    ]);
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

    #[test]
    fn senseless_options_are_refused_before_anything_starts() {
        let good = EncodeOptions::new(64, 48);
        assert!(good.check().is_ok());
        let bad = [
            EncodeOptions::new(0, 48),
            EncodeOptions {
                quality: 52,
                ..good.clone()
            },
            EncodeOptions {
                frame_rate: Rational { num: 0, den: 1 },
                ..good.clone()
            },
            EncodeOptions {
                ticks_per_second: 0,
                ..good.clone()
            },
            EncodeOptions {
                origin_s: f64::NAN,
                ..good.clone()
            },
            EncodeOptions {
                audio_end_s: Some(-1.0),
                ..good.clone()
            },
        ];
        for options in bad {
            assert_eq!(
                options.check().unwrap_err().code(),
                "MEDIA_REQUEST_INVALID",
                "{options:?}"
            );
        }
        assert_eq!(
            EncodeOptions::new(9000, 48).check().unwrap_err().code(),
            "MEDIA_TOO_LARGE"
        );
    }
}
