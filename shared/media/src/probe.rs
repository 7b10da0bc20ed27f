//! Looks at a video without decoding it: its streams, and the timestamps of all its packets.

use std::ffi::OsString;
use std::path::Path;

use serde::Deserialize;

use crate::child::{self, Complaints, Job};
use crate::filters::{accepts_video_codec, guarded_input};
use crate::info::{AudioInfo, Colour, Container, Rational, VideoInfo};
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
/// file, packets that end well before the stream's stated duration, or the demuxer's own complaint.
///
/// # Errors
/// Every code of [`MediaError`] that speaks of the input; `MEDIA_TIMEOUT`, `MEDIA_TOOL_MISSING`, `MEDIA_TOOL_FAILED`, `MEDIA_IO`.
pub fn probe(tools: &Tools, path: &Path, limits: &Limits) -> Result<VideoInfo, MediaError> {
    let sniffed = sniff::sniff(path, limits)?;
    let job = job(tools, path, limits);
    let description = describe(&job, path, &sniffed)?;
    let stream = description.video_stream(limits)?;
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
    let shape = Shape::of(stream, limits)?;
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
}

/// The sound a player would choose, if the file has any.
pub(crate) fn sound_track(tools: &Tools, path: &Path, limits: &Limits) -> Result<Option<SoundTrack>, MediaError> {
    let sniffed = sniff::sniff(path, limits)?;
    let description = describe(&job(tools, path, limits), path, &sniffed)?;
    Ok(description.sound_stream().and_then(|stream| {
        Some(SoundTrack {
            container: sniffed.container,
            index: stream.index,
            codec: stream.codec_name.clone()?,
        })
    }))
}

/// How many frames the index of an MP4 lists.
pub(crate) fn frames_in_header(tools: &Tools, path: &Path, limits: &Limits) -> Result<Option<u64>, MediaError> {
    let sniffed = sniff::sniff(path, limits)?;
    let description = describe(&job(tools, path, limits), path, &sniffed)?;
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

fn describe(job: &Job<'_>, path: &Path, sniffed: &Sniffed) -> Result<Description, MediaError> {
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
    serde_json::from_slice(&output.stdout).map_err(|error| MediaError::ToolFailed {
        tool: "ffprobe",
        diagnostics: error.to_string(),
    })
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
    // The durations of streams in other containers are estimates.
    if sniffed.container == Container::Mp4
        && let Some(claimed) = stream.duration_ts
    {
        let slack = (0.5 / time_base.as_f64()).max(3.0 * timeline.longest_gap as f64);
        is_cut |= (claimed as f64) > (timeline.end.saturating_sub(timeline.first.min(0))) as f64 + slack;
    }
    Ok((timeline, is_cut))
}

/// The picture's sizes.
struct Shape {
    coded: (u32, u32),
    upright: (u32, u32),
    pixel_aspect: Rational,
    rotation_deg: f64,
}

impl Shape {
    fn of(stream: &Stream, limits: &Limits) -> Result<Self, MediaError> {
        let (width, height) = (stream.width.unwrap_or(0), stream.height.unwrap_or(0));
        if width == 0 || height == 0 {
            return Err(unreadable());
        }
        limits.check_picture(width, height)?;
        // 0:1 means "not known"; beyond 8:1 it is damage, not optics.
        let pixel_aspect = stream
            .sample_aspect_ratio
            .as_deref()
            .and_then(Rational::parse)
            .filter(|aspect| (0.125..=8.0).contains(&aspect.as_f64()))
            .unwrap_or(Rational { num: 1, den: 1 });
        let square = ((width as f64 * pixel_aspect.as_f64()).round().max(1.0) as u64, height);
        let rotation_deg = stream.rotation_deg();
        // ffmpeg swaps the sides only for quarter turns; other angles turn inside the same frame.
        let quarter = (rotation_deg - 90.0).abs() < 1.0 || (rotation_deg - 270.0).abs() < 1.0;
        let upright = if quarter { (square.1, square.0) } else { square };
        limits.check_picture(upright.0, upright.1)?;
        let narrow = |(a, b): (u64, u64)| (a as u32, b as u32);
        Ok(Self {
            coded: narrow((width, height)),
            upright: narrow(upright),
            pixel_aspect,
            rotation_deg,
        })
    }
}

fn unreadable() -> MediaError {
    MediaError::NotAVideo {
        diagnostics: "the stream has no size or no time base".to_owned(),
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

fn known(value: Option<&String>) -> Option<String> {
    value
        .filter(|value| !matches!(value.as_str(), "unknown" | "reserved" | "N/A"))
        .cloned()
}

/// ffprobe's JSON, as far as it is used.
#[derive(Debug, Deserialize)]
struct Description {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Default, Deserialize)]
struct Format {
    start_time: Option<String>,
    duration: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stream {
    index: u32,
    codec_name: Option<String>,
    codec_type: Option<String>,
    profile: Option<String>,
    pix_fmt: Option<String>,
    width: Option<u64>,
    height: Option<u64>,
    sample_aspect_ratio: Option<String>,
    color_range: Option<String>,
    color_space: Option<String>,
    color_transfer: Option<String>,
    color_primaries: Option<String>,
    r_frame_rate: Option<String>,
    avg_frame_rate: Option<String>,
    time_base: Option<String>,
    nb_frames: Option<String>,
    duration: Option<String>,
    duration_ts: Option<i64>,
    bits_per_raw_sample: Option<String>,
    sample_rate: Option<String>,
    channels: Option<u32>,
    disposition: Disposition,
    tags: Tags,
    side_data_list: Vec<SideData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Disposition {
    default: u8,
    attached_pic: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tags {
    rotate: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SideData {
    rotation: Option<f64>,
}

impl Description {
    /// The stream a player would show: not a cover picture, marked as default, the largest.
    fn video_stream(&self, limits: &Limits) -> Result<&Stream, MediaError> {
        if self.streams.len() > limits.streams {
            let what = format!("{} streams, allowed are {}", self.streams.len(), limits.streams);
            return Err(MediaError::TooLarge { what });
        }
        let stream = self
            .streams
            .iter()
            .filter(|stream| stream.is("video") && stream.disposition.attached_pic == 0)
            .max_by_key(|stream| {
                let area = stream.width.unwrap_or(0).saturating_mul(stream.height.unwrap_or(0));
                (stream.disposition.default, area, std::cmp::Reverse(stream.index))
            })
            .ok_or(MediaError::NoVideoStream)?;
        match stream.codec_name.as_deref() {
            Some(codec) if accepts_video_codec(codec) => Ok(stream),
            codec => Err(MediaError::FormatRefused {
                what: format!("the codec {}", codec.unwrap_or("unknown")),
            }),
        }
    }

    fn claimed_duration_s(&self) -> f64 {
        self.format.duration.as_deref().and_then(finite).unwrap_or(0.0)
    }

    fn sound_stream(&self) -> Option<&Stream> {
        let sounds = self
            .streams
            .iter()
            .filter(|stream| stream.is("audio") && stream.codec_name.is_some());
        sounds.max_by_key(|stream| (stream.disposition.default, std::cmp::Reverse(stream.index)))
    }

    fn audio(&self, video_duration_s: f64) -> Option<AudioInfo> {
        let stream = self.sound_stream()?;
        Some(AudioInfo {
            codec: stream.codec_name.clone()?,
            sample_rate_hz: stream.sample_rate.as_deref()?.parse().ok()?,
            channels: stream.channels?,
            duration_s: stream
                .duration
                .as_deref()
                .or(self.format.duration.as_deref())
                .and_then(finite)
                .unwrap_or(video_duration_s),
        })
    }
}

impl Stream {
    fn is(&self, kind: &str) -> bool {
        self.codec_type.as_deref() == Some(kind)
    }

    /// The display matrix says how far the picture was turned anticlockwise; the old `rotate` tag how far to turn it clockwise.
    fn rotation_deg(&self) -> f64 {
        let from_matrix = self
            .side_data_list
            .iter()
            .find_map(|data| data.rotation)
            .map(|angle| -angle);
        let from_tag = || self.tags.rotate.as_deref().and_then(finite);
        let angle = from_matrix
            .or_else(from_tag)
            .filter(|angle| angle.is_finite())
            .unwrap_or(0.0);
        angle.rem_euclid(360.0)
    }

    fn bit_depth(&self) -> u32 {
        let stated = self.bits_per_raw_sample.as_deref().and_then(|bits| bits.parse().ok());
        let format = self.pix_fmt.as_deref().unwrap_or_default();
        let named = [16_u32, 14, 12, 10, 9].into_iter().find(|bits| {
            [format!("p{bits}le"), format!("p{bits}be")]
                .iter()
                .any(|ending| format.ends_with(ending.as_str()))
                || format.starts_with(&format!("p0{bits}"))
        });
        // The name of the pixel format is what the decoder gives; the header may be silent or wrong.
        named
            .or(stated.filter(|bits| (1..=16).contains(bits) && format.is_empty()))
            .unwrap_or(8)
    }

    fn colour(&self) -> Colour {
        let transfer = known(self.color_transfer.as_ref());
        Colour {
            range: known(self.color_range.as_ref()),
            space: known(self.color_space.as_ref()),
            is_hdr: matches!(transfer.as_deref(), Some("smpte2084" | "arib-std-b67")),
            transfer,
            primaries: known(self.color_primaries.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(text: &str) -> Description {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_cover_picture_is_not_the_video() {
        let found = description(
            r#"{"streams":[
              {"index":0,"codec_type":"video","codec_name":"mjpeg","width":9000,"height":9000,"disposition":{"attached_pic":1,"default":1}},
              {"index":1,"codec_type":"audio","codec_name":"aac"},
              {"index":2,"codec_type":"video","codec_name":"h264","width":640,"height":480,"disposition":{"default":1}}],"format":{}}"#,
        );
        assert_eq!(found.video_stream(&Limits::default()).unwrap().index, 2);
        let strict = Limits {
            streams: 2,
            ..Limits::default()
        };
        assert_eq!(found.video_stream(&strict).unwrap_err().code(), "MEDIA_TOO_LARGE");
    }

    #[test]
    fn a_codec_outside_the_list_is_refused_by_name() {
        let found = description(r#"{"streams":[{"codec_type":"video","codec_name":"rv40"}]}"#);
        let error = found.video_stream(&Limits::default()).unwrap_err();
        assert_eq!(
            (error.code(), error.to_string().contains("rv40")),
            ("MEDIA_FORMAT_REFUSED", true)
        );
    }

    #[test]
    fn quarter_turns_swap_the_sides_and_wide_pixels_widen() {
        let mut stream = Stream {
            width: Some(720),
            height: Some(576),
            ..Stream::default()
        };
        stream.sample_aspect_ratio = Some("16:11".to_owned());
        stream.side_data_list = vec![SideData { rotation: Some(-90.0) }];
        let shape = Shape::of(&stream, &Limits::default()).unwrap();
        assert_eq!((shape.upright, shape.rotation_deg), ((576, 1047), 90.0));
        stream.side_data_list = vec![SideData { rotation: Some(180.0) }];
        assert_eq!(Shape::of(&stream, &Limits::default()).unwrap().upright, (1047, 576));
    }

    #[test]
    fn bits_come_from_the_pixel_format() {
        for (format, bits) in [
            ("yuv420p", 8),
            ("yuv420p10le", 10),
            ("yuv422p12be", 12),
            ("p010le", 10),
            ("yuvj420p", 8),
        ] {
            let stream = Stream {
                pix_fmt: Some(format.to_owned()),
                ..Stream::default()
            };
            assert_eq!(stream.bit_depth(), bits, "{format}");
        }
    }
}
