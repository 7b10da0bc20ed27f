//! What is known about a video before a frame of it is decoded.

use serde::{Deserialize, Serialize};

/// A fraction, as frame rates and time bases are: 30000/1001 is not 29.97.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rational {
    /// Numerator.
    pub num: u64,
    /// Denominator, never zero in values made by this crate.
    pub den: u64,
}

impl Rational {
    /// A fraction in lowest terms; `None` when the denominator is zero.
    pub fn new(num: u64, den: u64) -> Option<Self> {
        if den == 0 {
            return None;
        }
        let (mut a, mut b) = (num, den);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Some(Self {
            num: num / a,
            den: den / a,
        })
    }

    /// The value; infinite or not a number when the denominator is zero.
    pub fn as_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }

    /// The time of a tick, s, where the fraction is a time base. The same tick always gives the same number, bit for bit.
    pub fn seconds(self, tick: i64) -> f64 {
        (tick as f64 * self.num as f64) / self.den as f64
    }

    /// Parses `30000/1001` or `1:1`; refuses zero denominators.
    pub fn parse(text: &str) -> Option<Self> {
        let (num, den) = text.split_once(['/', ':'])?;
        Self::new(num.trim().parse().ok()?, den.trim().parse().ok()?)
    }
}

impl std::fmt::Display for Rational {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.num, self.den)
    }
}

/// The kind of file, found from its first bytes and never from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    /// MP4, MOV, M4V, 3GP, also fragmented.
    Mp4,
    /// Matroska and `WebM`.
    Matroska,
    /// AVI.
    Avi,
    /// MPEG transport stream.
    MpegTs,
    /// MPEG program stream.
    MpegPs,
    /// Ogg.
    Ogg,
    /// Flash video.
    Flv,
}

/// The colours of the stored picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Colour {
    /// `tv` (16 to 235), `pc` (0 to 255), or `None` when the file is silent.
    pub range: Option<String>,
    /// Matrix, in ffmpeg's words: `bt709`, `smpte170m`, `bt2020nc`…
    pub space: Option<String>,
    /// Transfer: `bt709`, `smpte2084`, `arib-std-b67`…
    pub transfer: Option<String>,
    /// Primaries: `bt709`, `bt2020`…
    pub primaries: Option<String>,
    /// The transfer is PQ or HLG: the frames are tone-mapped when read.
    pub is_hdr: bool,
}

/// The sound that comes with a video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioInfo {
    /// Codec in ffmpeg's words: `aac`, `opus`…
    pub codec: String,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Number of channels.
    pub channels: u32,
    /// Length, s; of the container where the stream doesn't say.
    pub duration_s: f64,
}

/// A video, as far as it can be known without decoding. Times are presentation times on the file's own timeline, in seconds:
/// the same that [`crate::Frame::time_s`] carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoInfo {
    /// Kind of file.
    pub container: Container,
    /// Size of the file, bytes.
    pub file_bytes: u64,
    /// Which stream of the file is the video.
    pub stream_index: u32,
    /// Codec in ffmpeg's words: `h264`, `hevc`, `vp9`…
    pub codec: String,
    /// Profile, where known: `High`, `Main 10`…
    pub profile: Option<String>,
    /// Pixel format in ffmpeg's words: `yuv420p`, `yuv420p10le`…
    pub pixel_format: Option<String>,
    /// Bits per colour sample.
    pub bit_depth: u32,
    /// Width of the upright picture with square pixels, px.
    pub width_px: u32,
    /// Height of the upright picture with square pixels, px.
    pub height_px: u32,
    /// Width as stored, before rotation and pixel shape, px.
    pub coded_width_px: u32,
    /// Height as stored, before rotation and pixel shape, px.
    pub coded_height_px: u32,
    /// Width of a stored pixel over its height.
    pub pixel_aspect: Rational,
    /// Clockwise turn that makes the stored picture upright, degrees in [0, 360).
    pub rotation_deg: f64,
    /// From the first frame to the end of the last one, s.
    pub duration_s: f64,
    /// Frames that will be shown, counted from the packets.
    pub frame_count: u64,
    /// Frames per second: the container's fraction where the timestamps agree with it, else the mean that they give.
    pub frame_rate: Rational,
    /// The intervals between frames differ by more than rounding.
    pub variable_frame_rate: bool,
    /// Seconds per tick of the timestamps.
    pub time_base: Rational,
    /// Time of the first frame, s.
    pub first_timestamp_s: f64,
    /// Time of the last frame, s.
    pub last_timestamp_s: f64,
    /// The longest interval between two frames, s; zero for a single frame.
    pub longest_gap_s: f64,
    /// Time at which the container says that it starts, s; sound may start before the picture.
    pub start_offset_s: f64,
    /// Times of the frames at which decoding can start, ascending, s.
    pub key_frames_s: Vec<f64>,
    /// Colours.
    pub colour: Colour,
    /// Sound, if there is any.
    pub audio: Option<AudioInfo>,
    /// The file is cut: what is here ends early. Only ever true with [`crate::Limits::accept_truncated`].
    pub is_truncated: bool,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A silent H.264 file of ten frames at 25 per second.
    pub(crate) fn plain_info(width_px: u32, height_px: u32) -> VideoInfo {
        VideoInfo {
            container: Container::Mp4,
            file_bytes: 1000,
            stream_index: 0,
            codec: "h264".to_owned(),
            profile: None,
            pixel_format: Some("yuv420p".to_owned()),
            bit_depth: 8,
            width_px,
            height_px,
            coded_width_px: width_px,
            coded_height_px: height_px,
            pixel_aspect: Rational { num: 1, den: 1 },
            rotation_deg: 0.0,
            duration_s: 0.4,
            frame_count: 10,
            frame_rate: Rational { num: 25, den: 1 },
            variable_frame_rate: false,
            time_base: Rational { num: 1, den: 25 },
            first_timestamp_s: 0.0,
            last_timestamp_s: 0.36,
            longest_gap_s: 0.04,
            start_offset_s: 0.0,
            key_frames_s: vec![0.0],
            colour: Colour {
                range: None,
                space: None,
                transfer: None,
                primaries: None,
                is_hdr: false,
            },
            audio: None,
            is_truncated: false,
        }
    }

    #[test]
    fn fractions_are_reduced_and_zero_denominators_refused() {
        assert_eq!(Rational::parse("60000/2002"), Some(Rational { num: 30000, den: 1001 }));
        assert_eq!(Rational::parse("4:3"), Some(Rational { num: 4, den: 3 }));
        assert_eq!(Rational::parse("0/0"), None);
        assert_eq!(Rational::parse("30"), None);
        assert_eq!(Rational::new(0, 5), Some(Rational { num: 0, den: 1 }));
    }
}
