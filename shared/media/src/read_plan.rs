//! How the decoder is started for one reading of a video, and what may be expected of it.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::child::{self, CancelHandle, Job, Running};
use crate::filters::{TickRange, frame_filter, guarded_input};
use crate::info::VideoInfo;
use crate::sandbox::Access;
use crate::{Limits, MediaError, Tools};

pub(crate) fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}

/// Everything needed to start the decoder, and to start it again.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) tools: Tools,
    pub(crate) path: PathBuf,
    pub(crate) info: VideoInfo,
    pub(crate) size: (u32, u32),
    pub(crate) range_s: Option<(f64, f64)>,
    pub(crate) threads: usize,
    pub(crate) limits: Limits,
}

impl Plan {
    pub(crate) fn start(&self, seek_s: Option<f64>, cancel: &CancelHandle) -> Result<Running, MediaError> {
        let access = Access {
            read: vec![self.path.clone()],
            write: Vec::new(),
        };
        let job = Job {
            tool: "ffmpeg",
            program: &self.tools.ffmpeg,
            limits: &self.limits,
            access,
        };
        let can_tone_map = self.info.colour.is_hdr && has_filter(&self.tools, &self.limits, "zscale")?;
        Running::start(&job, self.arguments(seek_s, can_tone_map)?, false, cancel)
    }

    fn arguments(&self, seek_s: Option<f64>, can_tone_map: bool) -> Result<Vec<OsString>, MediaError> {
        let mut arguments = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
        let threads = self.threads.to_string();
        add(&[
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-v",
            "warning",
            "-copyts",
            "-threads",
            &threads,
        ]);
        if let Some(seek_s) = seek_s {
            // Absolute, to a key frame, and the filter drops what is too early: exact on any container.
            add(&[
                "-seek_timestamp",
                "1",
                "-noaccurate_seek",
                "-ss",
                &format!("{seek_s:.6}"),
            ]);
        }
        add(&["-an", "-sn", "-dn"]);
        arguments.extend(guarded_input(self.info.container, &self.path, &self.limits)?);
        let base = self.info.time_base;
        let mut filter = frame_filter(&self.info, self.size, self.ticks(), can_tone_map);
        if self.shift() > 0 {
            filter = format!("{filter},setpts=PTS+{}", self.shift());
        }
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
        add(&[
            "-map",
            &format!("0:{}", self.info.stream_index),
            "-filter_threads",
            &threads,
            "-vf",
            &filter,
        ]);
        add(&[
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            &format!("{}:{}", base.num, base.den),
        ]);
        add(&[
            "-c:v",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-map_metadata",
            "-1",
            "-avoid_negative_ts",
            "disabled",
        ]);
        add(&["-f", "nut", "pipe:1"]);
        Ok(arguments)
    }

    fn ticks(&self) -> TickRange {
        self.range_s.map_or_else(TickRange::default, |range| {
            TickRange::from_seconds(range, self.info.time_base)
        })
    }

    /// Ticks added on the way through the pipe: NUT has no times below zero.
    pub(crate) fn shift(&self) -> i64 {
        (-self.info.first_timestamp_s / self.info.time_base.as_f64())
            .ceil()
            .max(0.0) as i64
    }

    /// Where to start in the file: the last key frame at or before the range; early enough before it where seeking is not exact.
    pub(crate) fn seek_s(&self) -> Option<f64> {
        let (start_s, _) = self.range_s?;
        let margin_s = if self.info.container.seeks_exactly() { 0.0 } else { 2.0 };
        let key_frames = &self.info.key_frames_s;
        let before = key_frames.partition_point(|&key_s| key_s <= start_s - margin_s + 1e-6);
        // The first key frame is where decoding starts anyway.
        (before > 1).then(|| key_frames[before - 1])
    }

    /// A key frame that lies in the range must be among the frames; if the first frame comes after it, seeking went too far.
    pub(crate) fn overshoots(&self, first_s: f64) -> bool {
        let Some((start_s, end_s)) = self.range_s else {
            return false;
        };
        let tolerance_s = self.info.time_base.as_f64() / 2.0;
        let keys = &self.info.key_frames_s;
        let next = keys.partition_point(|&key_s| key_s < start_s - tolerance_s);
        let within_gap =
            first_s > start_s + self.info.longest_gap_s + tolerance_s && first_s > self.info.first_timestamp_s;
        within_gap
            || keys
                .get(next)
                .is_some_and(|&key_s| key_s < end_s && first_s > key_s + tolerance_s)
    }

    pub(crate) fn expected(&self) -> Expected {
        let info = &self.info;
        let frame_s = (1.0 / info.frame_rate.as_f64()).max(info.time_base.as_f64());
        let count = self.range_s.is_none().then_some(info.frame_count);
        // One frame is forgiven: some decoders keep the very last picture of a damaged stream.
        let whole_s = info.last_timestamp_s - 1.5 * frame_s;
        let last_from_s = match self.range_s {
            None => whole_s,
            // A range outside the video is empty, and that is no fault.
            Some((start_s, end_s)) if start_s > info.last_timestamp_s || end_s <= info.first_timestamp_s => {
                f64::NEG_INFINITY
            }
            Some((start_s, end_s)) => {
                let from_s = whole_s.min(end_s - info.longest_gap_s - 1.5 * frame_s);
                if from_s <= start_s { f64::NEG_INFINITY } else { from_s }
            }
        };
        Expected { count, last_from_s }
    }
}

/// What probing promised about the frames to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// Number of frames, where the whole video is read.
    pub(crate) count: Option<u64>,
    /// No frame may be missing from this time on… s.
    pub(crate) last_from_s: f64,
}

fn has_filter(tools: &Tools, limits: &Limits, name: &str) -> Result<bool, MediaError> {
    let job = Job {
        tool: "ffmpeg",
        program: &tools.ffmpeg,
        limits,
        access: Access::default(),
    };
    let output = child::output(&job, ["-hide_banner", "-filters"].map(OsString::from).to_vec(), 1 << 20)?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().any(|line| line.split_whitespace().nth(1) == Some(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::info::tests::plain_info;

    fn plan(info: VideoInfo, range_s: Option<(f64, f64)>) -> Plan {
        let tools = Tools {
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
        };
        Plan {
            tools,
            path: "/x.mp4".into(),
            info,
            size: (2, 2),
            range_s,
            threads: 1,
            limits: Limits::default(),
        }
    }

    #[test]
    fn times_below_zero_are_shifted_for_the_pipe_and_back() {
        let mut info = plain_info(64, 48);
        assert_eq!(plan(info.clone(), None).shift(), 0);
        info.first_timestamp_s = -0.4;
        let plan = plan(info, None);
        assert_eq!(plan.shift(), 10);
        let arguments = plan.arguments(None, false).unwrap();
        assert!(
            arguments
                .iter()
                .any(|word| word.to_string_lossy().contains("setpts=PTS+10"))
        );
    }

    #[test]
    fn reading_starts_at_the_key_frame_before_the_range_and_notices_when_it_did_not() {
        let mut info = plain_info(64, 48);
        (info.last_timestamp_s, info.key_frames_s) = (9.96, vec![0.0, 2.0, 4.0]);
        let seek = |range_s| plan(info.clone(), Some(range_s)).seek_s();
        assert_eq!(
            [seek((0.0, 1.0)), seek((1.9, 3.0)), seek((2.0, 3.0)), seek((9.0, 9.5))],
            [None, None, Some(2.0), Some(4.0)]
        );
        let plan = plan(info.clone(), Some((3.0, 6.0)));
        assert!(!plan.overshoots(3.0) && !plan.overshoots(3.04));
        assert!(plan.overshoots(4.04), "a key frame of the range is missing");
        info.container = crate::Container::MpegTs;
        let plan = super::tests::plan(info, Some((4.5, 6.0)));
        assert_eq!(plan.seek_s(), Some(2.0), "where seeking is not exact there is a margin");
    }
}
