//! Looks at a video without decoding it: its streams, and the timestamps of all its packets.

use std::ffi::OsString;
use std::path::Path;

use crate::child::{self, Complaints, Job};
use crate::description::{Description, Shape, Stream, finite, known, unreadable};
use crate::filters::guarded_input;
use crate::info::{Container, Rational, VideoInfo};
use crate::sandbox::Access;
use crate::sniff::{self, Sniffed};
use crate::timeline::{PacketReader, Timeline};
use crate::{Limits, MediaError, Tools};

/// Most bytes of ffprobe's description of a file.
const DESCRIPTION_BYTES: u64 = 4 << 20;

/// Says what a file is: sniffs it, asks ffprobe for its streams, and reads the timestamp of every packet of the video stream (the file is
/// read once, nothing is decoded).
///
/// A file that ends before its content does is refused, unless [`Limits::accept_truncated`] says to take what is there. What
/// shows a cut: an MP4 without its index or with a box that reaches beyond the end, a Matroska segment or an AVI list larger than the
/// file, fragments that end well before the stated duration, or the demuxer's own complaint.
///
/// # Errors
/// Every code of [`MediaError`] that speaks of the input; `MEDIA_TIMEOUT`, `MEDIA_TOOL_MISSING`, `MEDIA_TOOL_FAILED`, `MEDIA_IO`.
pub fn probe(tools: &Tools, path: &Path, limits: &Limits) -> Result<VideoInfo, MediaError> {
    let sniffed = sniff::sniff(path, limits)?;
    let job = job(tools, path, limits);
    let (description, complaints) = describe(&job, path, &sniffed)?;
    let stream = description.video_stream(limits)?;
    let shape = Shape::of(stream, limits, &complaints)?;
    let time_base = stream
        .time_base
        .as_deref()
        .and_then(Rational::parse)
        .filter(|base| base.num > 0)
        .ok_or_else(unreadable)?;
    limits.check_duration(description.claimed_duration_s())?;
    let (timeline, is_cut) = read_packets(&job, path, &sniffed, stream, time_base)?;
    let seconds = |tick: i64| time_base.seconds(tick);
    if is_cut && !limits.accept_truncated {
        return Err(MediaError::Truncated {
            frames: timeline.frame_count,
            at_s: seconds(timeline.last),
        });
    }
    let duration_s = seconds(timeline.end) - seconds(timeline.first);
    limits.check_duration(duration_s)?;
    let rates = [&stream.avg_frame_rate, &stream.r_frame_rate].map(|rate| rate.as_deref().and_then(Rational::parse));
    Ok(VideoInfo {
        container: sniffed.container,
        file_bytes: sniffed.file_bytes,
        stream_index: stream.index,
        codec: stream.codec_name.clone().unwrap_or_default(),
        profile: known(stream.profile.as_ref()),
        pixel_format: known(stream.pix_fmt.as_ref()),
        bit_depth: stream.bit_depth(),
        width_px: shape.upright.0,
        height_px: shape.upright.1,
        coded_width_px: shape.coded.0,
        coded_height_px: shape.coded.1,
        pixel_aspect: shape.pixel_aspect,
        rotation_deg: shape.rotation_deg,
        duration_s,
        frame_count: timeline.frame_count,
        frame_rate: timeline.frame_rate(&rates),
        variable_frame_rate: timeline.is_variable,
        time_base,
        first_timestamp_s: seconds(timeline.first),
        last_timestamp_s: seconds(timeline.last),
        longest_gap_s: seconds(timeline.longest_gap),
        start_offset_s: description.format.start_time.as_deref().and_then(finite).unwrap_or(0.0),
        key_frames_s: timeline.key_frames.iter().map(|&tick| seconds(tick)).collect(),
        colour: stream.colour(),
        audio: description.audio(duration_s),
        is_truncated: is_cut,
    })
}

/// A sound track that can go along with an encoded video.
#[derive(Debug, Clone)]
pub(crate) struct SoundTrack {
    pub(crate) container: Container,
    pub(crate) index: u32,
    pub(crate) codec: String,
    /// On the file's own timeline, s.
    pub(crate) start_s: f64,
}

/// The sound a player would choose, if the file has any.
pub(crate) fn sound_track(tools: &Tools, path: &Path, limits: &Limits) -> Result<Option<SoundTrack>, MediaError> {
    let sniffed = sniff::sniff(path, limits)?;
    let (description, _) = describe(&job(tools, path, limits), path, &sniffed)?;
    Ok(description.sound_stream().and_then(|stream| {
        Some(SoundTrack {
            container: sniffed.container,
            index: stream.index,
            codec: stream.codec_name.clone()?,
            start_s: stream.start_time.as_deref().and_then(finite).unwrap_or(0.0),
        })
    }))
}

/// How many frames the index of an MP4 lists.
pub(crate) fn frames_in_header(tools: &Tools, path: &Path, limits: &Limits) -> Result<Option<u64>, MediaError> {
    let sniffed = sniff::sniff(path, limits)?;
    let (description, _) = describe(&job(tools, path, limits), path, &sniffed)?;
    let stream = description.video_stream(limits)?;
    Ok(stream.nb_frames.as_deref().and_then(|count| count.parse().ok()))
}

fn job<'a>(tools: &'a Tools, path: &Path, limits: &'a Limits) -> Job<'a> {
    let access = Access {
        read: vec![path.to_path_buf()],
        write: Vec::new(),
    };
    Job {
        tool: "ffprobe",
        program: &tools.ffprobe,
        limits,
        access,
    }
}

fn describe(job: &Job<'_>, path: &Path, sniffed: &Sniffed) -> Result<(Description, Complaints), MediaError> {
    let mut arguments: Vec<OsString> = [
        "-hide_banner",
        "-v",
        "warning",
        "-show_streams",
        "-show_format",
        "-of",
        "json",
    ]
    .map(OsString::from)
    .to_vec();
    arguments.extend(guarded_input(sniffed.container, path, job.limits)?);
    let output = child::output(job, arguments, DESCRIPTION_BYTES)?;
    if !output.success {
        return Err(refusal(&output.complaints, sniffed));
    }
    let description = serde_json::from_slice(&output.stdout).map_err(|error| MediaError::ToolFailed {
        tool: "ffprobe",
        diagnostics: error.to_string(),
    })?;
    Ok((description, output.complaints))
}

/// Why ffprobe could not open a file that has the first bytes of a video.
fn refusal(complaints: &Complaints, sniffed: &Sniffed) -> MediaError {
    if let Some(error) = complaints.known_error() {
        return error;
    }
    if sniffed.is_cut || complaints.mentions_cut || complaints.mention("moov atom not found") {
        return MediaError::Truncated { frames: 0, at_s: 0.0 };
    }
    MediaError::NotAVideo {
        diagnostics: complaints.text(),
    }
}

/// The times of the frames, and whether the file is cut.
fn read_packets(
    job: &Job<'_>,
    path: &Path,
    sniffed: &Sniffed,
    stream: &Stream,
    time_base: Rational,
) -> Result<(Timeline, bool), MediaError> {
    let index = stream.index.to_string();
    let entries = "packet=pts,dts,duration,flags";
    let mut arguments: Vec<OsString> = [
        "-hide_banner",
        "-v",
        "warning",
        "-select_streams",
        &index,
        "-show_entries",
        entries,
        "-of",
        "csv=p=0",
    ]
    .map(OsString::from)
    .to_vec();
    arguments.extend(guarded_input(sniffed.container, path, job.limits)?);
    let mut reader = PacketReader::default();
    let ending = child::stream(job, arguments, |chunk| reader.take(chunk, job.limits))?;
    let packets = reader.finish();
    let mut is_cut = sniffed.is_cut || ending.complaints.mentions_cut;
    let Some(timeline) = packets.timeline(time_base) else {
        return Err(match ending.complaints.known_error() {
            Some(error) => error,
            None if is_cut => MediaError::Truncated { frames: 0, at_s: 0.0 },
            None => MediaError::NotAVideo {
                diagnostics: format!("no packets\n{}", ending.complaints.text()),
            },
        });
    };
    if !ending.success {
        let known = ending.complaints.known_error();
        return Err(known.unwrap_or(MediaError::ToolFailed {
            tool: "ffprobe",
            diagnostics: ending.complaints.text(),
        }));
    }
    // Elsewhere the stated duration is an estimate, or edits make it another one than that of the packets.
    if sniffed.is_fragmented
        && let Some(claimed) = stream.duration_ts
    {
        let slack = (0.5 / time_base.as_f64()).max(3.0 * timeline.longest_gap as f64);
        is_cut |= claimed as f64 > timeline.end.saturating_sub(timeline.first.min(0)) as f64 + slack;
    }
    Ok((timeline, is_cut))
}
