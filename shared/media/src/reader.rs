//! Decoded frames with their true times, one after the other, decoded ahead while the caller works on the last one.
//!
//! ffmpeg turns, scales and converts the pictures and writes them as raw RGB in NUT into a pipe ([`crate::nut`] says why
//! NUT); a thread takes them out of the pipe, straight into the buffers that the caller gets, and keeps a few waiting.

use std::io::{self, BufReader};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use crate::child::{CancelHandle, PatientReader, Running, enlarge_pipe};
use crate::error::TimeLimit;
use crate::filters::FrameSize;
use crate::info::{Rational, VideoInfo};
use crate::nut::NutReader;
use crate::read_plan::{Expected, Plan, default_threads};
use crate::sandbox::SandboxReport;
use crate::{Limits, MediaError, Tools, sniff};

/// How a video is read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Size of the frames.
    pub size: FrameSize,
    /// Only frames with `start <= time_s < end`, on the file's own timeline, s. `None`: all.
    pub range_s: Option<(f64, f64)>,
    /// Bounds for the child.
    pub limits: Limits,
    /// Threads that decode; 0 means one per core, at most 8.
    pub threads: usize,
    /// Frames decoded ahead. Each costs its bytes.
    pub queue: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            size: FrameSize::Source,
            range_s: None,
            limits: Limits::default(),
            threads: 0,
            queue: 3,
        }
    }
}

/// A picture and its moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Position among the frames of this reader, from 0. With a range it does not count what lies before.
    pub index: u64,
    /// Presentation time on the file's own timeline, s: the numbers of [`VideoInfo::first_timestamp_s`] and
    /// [`VideoInfo::key_frames_s`], bit for bit.
    pub time_s: f64,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Red, green, blue, 8 bits each, rows from the top without gaps: `3 * width * height` bytes, full range, BT.709 or sRGB colours.
    pub rgb: Vec<u8>,
}

/// A video being decoded.
///
/// Frames come in the order they are shown, none twice and none left out, however their rate varies. A decode that ends before
/// the frames that [`crate::probe`] counted is [`MediaError::Truncated`], after all frames that could be had: the caller decides whether they are of
/// use. ffmpeg conceals or leaves out single damaged frames in the middle; [`FrameReader::missing_frames`] counts those.
///
/// Dropping the reader kills the decoder.
#[derive(Debug)]
pub struct FrameReader {
    frames: Option<Receiver<Result<Frame, MediaError>>>,
    used: Sender<Vec<u8>>,
    cancel: CancelHandle,
    decoder: Option<JoinHandle<()>>,
    expected: Expected,
    accept_truncated: bool,
    read: u64,
    last_time_s: Option<f64>,
    is_over: bool,
    size: (u32, u32),
    sandbox: SandboxReport,
}

impl FrameReader {
    /// Starts decoding.
    ///
    /// # Errors
    /// Those of sniffing the file again (it may have changed), `MEDIA_REQUEST_INVALID`, `MEDIA_TOOL_MISSING`, `MEDIA_TOOL_FAILED`.
    pub fn open(tools: &Tools, path: &Path, info: &VideoInfo, options: ReadOptions) -> Result<Self, MediaError> {
        let limits = options.limits;
        if sniff::sniff(path, &limits)?.container != info.container {
            return Err(MediaError::invalid("the description is of another file"));
        }
        limits.check_picture(info.coded_width_px.into(), info.coded_height_px.into())?;
        let size = options.size.resolve(info)?;
        limits.check_picture(size.0.into(), size.1.into())?;
        if let Some((start, end)) = options.range_s
            && (start.is_nan() || end.is_nan() || start >= end)
        {
            return Err(MediaError::invalid("a range of time that ends before it starts"));
        }
        let plan = Plan {
            tools: tools.clone(),
            path: path.to_path_buf(),
            info: info.clone(),
            size,
            range_s: options.range_s,
            threads: if options.threads == 0 {
                default_threads()
            } else {
                options.threads
            },
            limits,
        };
        let cancel = CancelHandle::default();
        let running = plan.start(plan.seek_s(), &cancel)?;
        let sandbox = running.sandbox;
        let (sender, frames) = sync_channel(options.queue.max(1));
        let (used, spare) = channel();
        let expected = plan.expected();
        let accept_truncated = plan.limits.accept_truncated;
        let decoder = std::thread::Builder::new()
            .name("marey-decode".to_owned())
            .spawn({
                let cancel = cancel.clone();
                move || decode(&plan, running, &cancel, &Hose { queue: sender, spare })
            })
            .map_err(|error| MediaError::io("starting a thread", path, error))?;
        Ok(Self {
            frames: Some(frames),
            used,
            cancel,
            decoder: Some(decoder),
            expected,
            accept_truncated,
            read: 0,
            last_time_s: None,
            is_over: false,
            size,
            sandbox,
        })
    }

    /// Width and height of the frames, px.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// The next frame; `None` when there are no more.
    ///
    /// # Errors
    /// `MEDIA_TRUNCATED` after the last frame of a video that ends too early, `MEDIA_CANCELLED`, `MEDIA_TIMEOUT`, `MEDIA_TOO_LARGE` (more memory than
    /// allowed), `MEDIA_TOOL_KILLED`, `MEDIA_TOOL_FAILED`. After an error the reader is at its end and gives `None`.
    pub fn read(&mut self) -> Result<Option<Frame>, MediaError> {
        if self.is_over {
            return Ok(None);
        }
        let outcome = match self.frames.as_ref().map(Receiver::recv) {
            // What was decoded before a cancel is not wanted any more.
            _ if self.cancel.is_cancelled() => Err(MediaError::Cancelled),
            Some(Ok(Ok(frame))) => {
                self.read += 1;
                self.last_time_s = Some(frame.time_s);
                return Ok(Some(frame));
            }
            Some(Ok(Err(error))) => Err(error),
            _ => self.check_end().map(|()| None),
        };
        self.is_over = true;
        outcome
    }

    /// Gives a frame's buffer back to be filled again. Without it every frame is a new allocation.
    pub fn recycle(&self, frame: Frame) {
        // Nobody takes it any more when the decoder is done.
        let _unused = self.used.send(frame.rgb);
    }

    /// Stops the reader from any thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// How many frames fewer than probing counted have come, once the whole video was read; zero before that and for ranges.
    pub fn missing_frames(&self) -> u64 {
        let expected = self.expected.count.filter(|_| self.is_over).unwrap_or(self.read);
        expected.saturating_sub(self.read)
    }

    /// What the kernel enforces on the decoder.
    pub fn sandbox(&self) -> SandboxReport {
        self.sandbox
    }

    fn check_end(&self) -> Result<(), MediaError> {
        let is_whole = self.expected.count.is_some_and(|count| self.read >= count);
        let reaches_end = self
            .last_time_s
            .is_some_and(|time_s| time_s >= self.expected.last_from_s)
            || self.expected.last_from_s == f64::NEG_INFINITY;
        if is_whole || reaches_end || self.accept_truncated {
            return Ok(());
        }
        Err(MediaError::Truncated {
            frames: self.read,
            at_s: self.last_time_s.unwrap_or(0.0),
        })
    }
}

impl Drop for FrameReader {
    fn drop(&mut self) {
        self.cancel.cancel();
        // Unblocks the thread where it waits for room in the queue.
        self.frames = None;
        if let Some(decoder) = self.decoder.take() {
            // It reports its errors through the queue; a panic there has been printed.
            let _ended = decoder.join();
        }
    }
}

/// Both directions of the buffers.
struct Hose {
    queue: SyncSender<Result<Frame, MediaError>>,
    spare: Receiver<Vec<u8>>,
}

/// The thread: frames into the queue until the end, an error, or nobody who wants them.
fn decode(plan: &Plan, running: Running, cancel: &CancelHandle, hose: &Hose) {
    let outcome = match pump(plan, running, hose, true) {
        Ok(Copied::TooFar) => {
            tracing::debug!("seek went beyond the range, decoding from the start");
            plan.start(None, cancel)
                .and_then(|running| pump(plan, running, hose, false))
        }
        outcome => outcome,
    };
    if let Err(error) = outcome {
        // Nobody listens any more when the reader was dropped.
        let _unheard = hose.queue.send(Err(error));
    }
}

/// Why copying frames stopped.
enum Copied {
    /// There are no more.
    All,
    /// The reader was dropped.
    Unwanted,
    /// The first frame comes after one that should be there.
    TooFar,
}

fn pump(plan: &Plan, mut running: Running, hose: &Hose, is_sought: bool) -> Result<Copied, MediaError> {
    let Some(stdout) = running.stdout.take() else {
        return Ok(Copied::All);
    };
    enlarge_pipe(&stdout);
    let source = PatientReader {
        stdout,
        stall: plan.limits.stall,
        deadline: None,
    };
    // Small reads of headers come from the buffer; pictures, being larger than it, bypass it.
    let mut source = BufReader::with_capacity(16 << 10, source);
    match copy_frames(plan, &mut source, hose, is_sought) {
        Ok(Copied::All) => finish(running, plan, None).map(|()| Copied::All),
        Ok(stopped) => Ok(stopped),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(MediaError::Timeout {
            limit: TimeLimit::Stall,
        }),
        Err(error) => {
            drop(source);
            finish(running, plan, Some(&error)).map(|()| Copied::All)
        }
    }
}

fn copy_frames(plan: &Plan, source: &mut BufReader<PatientReader>, hose: &Hose, is_sought: bool) -> io::Result<Copied> {
    let (width, height) = plan.size;
    let Some(mut nut) = NutReader::open(source, width, height)? else {
        return Ok(Copied::All);
    };
    let base = plan.info.time_base;
    for index in 0.. {
        let mut rgb = hose.spare.try_recv().unwrap_or_default();
        let Some(tick) = nut.next(&mut rgb)? else { break };
        let time_s = base.seconds(source_tick(tick, nut.time_base(), base) - plan.shift());
        if index == 0 && is_sought && plan.overshoots(time_s) {
            return Ok(Copied::TooFar);
        }
        if hose
            .queue
            .send(Ok(Frame {
                index,
                time_s,
                width,
                height,
                rgb,
            }))
            .is_err()
        {
            return Ok(Copied::Unwanted);
        }
    }
    Ok(Copied::All)
}

/// NUT's ticks are a whole fraction of the video's own.
fn source_tick(tick: i64, from: Rational, to: Rational) -> i64 {
    let numerator = i128::from(tick) * i128::from(from.num) * i128::from(to.den);
    let denominator = i128::from(from.den) * i128::from(to.num);
    ((numerator + denominator / 2).div_euclid(denominator)) as i64
}

fn finish(running: Running, plan: &Plan, broken: Option<&io::Error>) -> Result<(), MediaError> {
    let ending = running.finish(plan.limits.stall)?;
    let fault = if ending.success {
        None
    } else {
        ending.complaints.known_error()
    };
    match (fault, broken) {
        (Some(error), _) => Err(error),
        (None, None) if ending.success => Ok(()),
        (None, broken) => {
            let broken = broken.map(ToString::to_string).unwrap_or_default();
            Err(MediaError::ToolFailed {
                tool: "ffmpeg",
                diagnostics: format!("{}\n{broken}", ending.complaints.text()),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ticks_survive_the_finer_ticks_of_the_pipe(tick in 0..1_000_000_000_i64, den in 1..200_000_u64, factor in 1..5000_u64) {
            let base = Rational { num: 1, den };
            let finer = Rational { num: 1, den: den * factor };
            prop_assert_eq!(source_tick(tick * factor as i64, finer, base), tick);
        }
    }
}
