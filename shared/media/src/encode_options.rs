//! What an encoder is asked for.

use std::path::PathBuf;

use crate::info::{Rational, VideoInfo};
use crate::{Limits, MediaError};

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
    pub(crate) fn name(self) -> &'static str {
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
    /// A file whose sound goes along, on the same timeline as the frames' times: AAC is copied, everything else, and what has to be
    /// cut, becomes AAC. A file
    /// without sound adds none.
    pub audio_from: Option<PathBuf>,
    /// Where the sound ends, s on the frames' timeline. `None`: with its file.
    pub audio_end_s: Option<f64>,
    /// The file becomes a piece for [`crate::join`]: it starts at its first frame, wherever that lies in the whole. The origin and the
    /// ticks stay those of the whole.
    pub is_piece: bool,
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
            is_piece: false,
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

    /// The tick of the written file at which something of this moment stands; `None` before the origin and beyond all times.
    pub(crate) fn tick(&self, time_s: f64) -> Option<i64> {
        let ticks = ((time_s - self.origin_s) * f64::from(self.ticks_per_second)).round();
        (0.0..9e15).contains(&ticks).then_some(ticks as i64)
    }

    pub(crate) fn check(&self) -> Result<(), MediaError> {
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
        } else if !self.origin_s.is_finite()
            || self
                .audio_end_s
                .is_some_and(|end_s| end_s.is_nan() || end_s <= self.origin_s)
        {
            "an origin that is not finite or not before the end of the sound"
        } else if self.is_piece && self.audio_from.is_some() {
            "a piece with sound, which belongs to the whole"
        } else {
            return self.limits.check_picture(self.width.into(), self.height.into());
        };
        Err(MediaError::invalid(problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            EncodeOptions {
                is_piece: true,
                audio_from: Some("x.mp4".into()),
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
