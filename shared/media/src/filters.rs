//! The arguments that every run of a tool begins with, and the chain of filters from a stored picture to upright RGB.

use std::ffi::OsString;
use std::path::Path;

use crate::info::{Container, Rational, VideoInfo};
use crate::{Limits, MediaError};

/// Decoders that may run: those of cameras, phones, browsers and editors. Others are seldom met in footage, and seldom tested.
const VIDEO_CODECS: [&str; 20] = [
    "h264",
    "hevc",
    "av1",
    "libdav1d",
    "libaom-av1",
    "vp8",
    "vp9",
    "libvpx",
    "libvpx-vp9",
    "mpeg4",
    "mpeg2video",
    "mpeg1video",
    "h263",
    "mjpeg",
    "prores",
    "dnxhd",
    "theora",
    "ffv1",
    "rawvideo",
    "flv",
];
const AUDIO_CODECS: [&str; 24] = [
    "aac",
    "aac_fixed",
    "mp3",
    "mp3float",
    "mp2",
    "mp2float",
    "ac3",
    "eac3",
    "opus",
    "libopus",
    "vorbis",
    "libvorbis",
    "flac",
    "alac",
    "amrnb",
    "amrwb",
    "pcm_s16le",
    "pcm_s16be",
    "pcm_s24le",
    "pcm_s24be",
    "pcm_u8",
    "pcm_f32le",
    "pcm_alaw",
    "pcm_mulaw",
];

/// Whether a video codec, in ffprobe's words, is one that may be decoded.
pub(crate) fn accepts_video_codec(codec: &str) -> bool {
    VIDEO_CODECS.contains(&codec) || codec == "flv1"
}

/// Options in front of an input that nobody vouches for.
pub(crate) fn guarded_input(container: Container, path: &Path, limits: &Limits) -> Result<Vec<OsString>, MediaError> {
    let codecs = VIDEO_CODECS
        .iter()
        .chain(&AUDIO_CODECS)
        .copied()
        .collect::<Vec<_>>()
        .join(",");
    let mut arguments: Vec<OsString> = [
        // ffmpeg 5.1 has no protocol `fd`; naming it is harmless there.
        "-protocol_whitelist",
        "file,pipe,fd",
        "-format_whitelist",
        container.demuxer(),
        "-codec_whitelist",
        &codecs,
        "-max_pixels",
        &limits.pixels.to_string(),
        "-max_streams",
        &limits.streams.to_string(),
        "-f",
        container.demuxer(),
        "-i",
    ]
    .map(OsString::from)
    .to_vec();
    arguments.push(file_url(path)?);
    Ok(arguments)
}

/// The path as ffmpeg takes it without reading a protocol, an option or a pattern into it.
pub(crate) fn file_url(path: &Path) -> Result<OsString, MediaError> {
    let absolute = std::path::absolute(path).map_err(|error| MediaError::io("naming a file", path, error))?;
    let mut url = OsString::from("file:");
    url.push(absolute);
    Ok(url)
}

/// The picture that frames are brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FrameSize {
    /// The upright picture with square pixels: [`VideoInfo::width_px`] by [`VideoInfo::height_px`].
    #[default]
    Source,
    /// The same picture made smaller, never larger, so that it fits; its shape stays.
    Within {
        /// Most pixels across.
        width: u32,
        /// Most pixels down.
        height: u32,
    },
}

impl FrameSize {
    /// Width and height of the frames, px.
    ///
    /// # Errors
    /// [`MediaError::Invalid`] for a side of zero.
    pub fn resolve(self, info: &VideoInfo) -> Result<(u32, u32), MediaError> {
        let (width, height) = (info.width_px, info.height_px);
        let (most_width, most_height) = match self {
            Self::Source => (width, height),
            Self::Within { width, height } => (width, height),
        };
        if width == 0 || height == 0 || most_width == 0 || most_height == 0 {
            return Err(MediaError::invalid("a picture side of zero pixels"));
        }
        let scale = (f64::from(most_width) / f64::from(width))
            .min(f64::from(most_height) / f64::from(height))
            .min(1.0);
        let scaled = |side: u32, most: u32| ((f64::from(side) * scale).round() as u32).clamp(1, most.min(side));
        Ok((scaled(width, most_width), scaled(height, most_height)))
    }
}

/// Frames whose ticks lie in `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TickRange {
    pub(crate) start: Option<i64>,
    pub(crate) end: Option<i64>,
}

impl TickRange {
    /// The ticks of a range of seconds. A time that was itself made from ticks falls on its own tick, however it was rounded.
    pub(crate) fn from_seconds(range_s: (f64, f64), time_base: Rational) -> Self {
        let tick = |time_s: f64| {
            let ticks = time_s / time_base.as_f64();
            let nearest = ticks.round();
            if (ticks - nearest).abs() < 1e-3 {
                nearest as i64
            } else {
                ticks.ceil() as i64
            }
        };
        Self {
            start: Some(tick(range_s.0)),
            end: range_s.1.is_finite().then(|| tick(range_s.1)),
        }
    }
}

/// From decoded, rotated pictures to RGB with 8 bits. Rotation is ffmpeg's own (it puts it in front of this chain).
///
/// Pictures that are not wanted are dropped first, so that they are not converted. A silent file of HD size is taken for BT.709, as
/// players do; swscale alone would take BT.601. PQ and HLG are brought to the range of ordinary screens with a
/// tone curve (`tonemap=mobius`), after scaling and in linear light, when this ffmpeg has zscale.
pub(crate) fn frame_filter(info: &VideoInfo, size: (u32, u32), range: TickRange, can_tone_map: bool) -> String {
    let (width, height) = size;
    let mut chain = vec![format!("settb={}", info.time_base)];
    if range != TickRange::default() {
        let start = range.start.map(|tick| format!("start_pts={tick}"));
        let end = range.end.map(|tick| format!("end_pts={tick}"));
        chain.push(format!(
            "trim={}",
            [start, end].into_iter().flatten().collect::<Vec<_>>().join(":")
        ));
    }
    let mut scale = format!("scale={width}:{height}:flags=bicubic");
    if info.colour.is_hdr && can_tone_map {
        let transfer = info.colour.transfer.as_deref().unwrap_or("smpte2084");
        scale.push_str(":in_color_matrix=bt2020");
        chain.push(scale);
        chain.push("format=gbrp16le".to_owned());
        chain.push(format!(
            "zscale=min=gbr:rin=full:pin=bt2020:tin={transfer}:m=gbr:r=full:p=bt709:t=linear:npl=203"
        ));
        chain.push("format=gbrpf32le".to_owned());
        chain.push("tonemap=mobius:desat=0".to_owned());
        chain.push("zscale=min=gbr:rin=full:pin=bt709:tin=linear:m=gbr:r=full:p=bt709:t=bt709".to_owned());
        chain.push("format=gbrp".to_owned());
    } else {
        if info.colour.space.is_none() && info.coded_width_px.min(info.coded_height_px) >= 720 {
            scale.push_str(":in_color_matrix=bt709");
        }
        chain.push(scale);
    }
    chain.push("format=rgb24".to_owned());
    chain.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::info::tests::plain_info;
    use proptest::prelude::*;

    #[test]
    fn a_time_made_from_a_tick_finds_that_tick_again() {
        let base = Rational { num: 1, den: 15360 };
        for tick in [0_i64, 1, 255, 256, 1_000_003] {
            let range = TickRange::from_seconds((tick as f64 * base.as_f64(), f64::INFINITY), base);
            assert_eq!(
                range,
                TickRange {
                    start: Some(tick),
                    end: None
                }
            );
        }
        let range = TickRange::from_seconds((0.5 / 15360.0, 1.5 / 15360.0), base);
        assert_eq!(
            range,
            TickRange {
                start: Some(1),
                end: Some(2)
            }
        );
    }

    #[test]
    fn an_untagged_picture_of_hd_size_is_taken_for_bt709_and_a_tagged_one_is_believed() {
        let mut info = plain_info(1080, 1920);
        assert!(frame_filter(&info, (1080, 1920), TickRange::default(), true).contains("in_color_matrix=bt709"));
        info.colour.space = Some("smpte170m".to_owned());
        assert!(!frame_filter(&info, (1080, 1920), TickRange::default(), true).contains("in_color_matrix"));
    }

    proptest! {
        #[test]
        fn a_picture_fits_keeps_its_shape_and_never_grows(
            width in 1..9000_u32, height in 1..9000_u32, most_width in 1..9000_u32, most_height in 1..9000_u32,
        ) {
            let info = plain_info(width, height);
            let (w, h) = FrameSize::Within { width: most_width, height: most_height }.resolve(&info).unwrap();
            prop_assert!(w >= 1 && h >= 1 && w <= most_width.min(width) && h <= most_height.min(height));
            // Each side is within rounding of the common scale.
            let scale = (f64::from(most_width) / f64::from(width)).min(f64::from(most_height) / f64::from(height)).min(1.0);
            prop_assert!((f64::from(w) - f64::from(width) * scale).abs() <= 1.0);
            prop_assert!((f64::from(h) - f64::from(height) * scale).abs() <= 1.0);
        }
    }
}
