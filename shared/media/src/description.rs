//! What ffprobe says about a file, and which stream and which sizes follow from it.

use serde::Deserialize;

use crate::child::Complaints;
use crate::filters::accepts_video_codec;
use crate::info::{AudioInfo, Colour, Rational};
use crate::{Limits, MediaError};

/// ffprobe's JSON, as far as it is used.
#[derive(Debug, Deserialize)]
pub(crate) struct Description {
    #[serde(default)]
    pub(crate) streams: Vec<Stream>,
    #[serde(default)]
    pub(crate) format: Format,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Format {
    pub(crate) start_time: Option<String>,
    pub(crate) duration: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Stream {
    pub(crate) index: u32,
    pub(crate) codec_name: Option<String>,
    pub(crate) codec_type: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) pix_fmt: Option<String>,
    pub(crate) width: Option<u64>,
    pub(crate) height: Option<u64>,
    pub(crate) sample_aspect_ratio: Option<String>,
    pub(crate) color_range: Option<String>,
    pub(crate) color_space: Option<String>,
    pub(crate) color_transfer: Option<String>,
    pub(crate) color_primaries: Option<String>,
    pub(crate) r_frame_rate: Option<String>,
    pub(crate) avg_frame_rate: Option<String>,
    pub(crate) time_base: Option<String>,
    pub(crate) nb_frames: Option<String>,
    pub(crate) start_time: Option<String>,
    pub(crate) duration: Option<String>,
    pub(crate) duration_ts: Option<i64>,
    pub(crate) bits_per_raw_sample: Option<String>,
    pub(crate) sample_rate: Option<String>,
    pub(crate) channels: Option<u32>,
    pub(crate) disposition: Disposition,
    pub(crate) tags: Tags,
    pub(crate) side_data_list: Vec<SideData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Disposition {
    default: u8,
    attached_pic: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tags {
    rotate: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SideData {
    rotation: Option<f64>,
}

impl Description {
    /// The stream a player would show: not a cover picture, marked as default, the largest.
    pub(crate) fn video_stream(&self, limits: &Limits) -> Result<&Stream, MediaError> {
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

    pub(crate) fn claimed_duration_s(&self) -> f64 {
        self.format.duration.as_deref().and_then(finite).unwrap_or(0.0)
    }

    pub(crate) fn sound_stream(&self) -> Option<&Stream> {
        let sounds = self
            .streams
            .iter()
            .filter(|stream| stream.is("audio") && stream.codec_name.is_some());
        sounds.max_by_key(|stream| (stream.disposition.default, std::cmp::Reverse(stream.index)))
    }

    pub(crate) fn audio(&self, video_duration_s: f64) -> Option<AudioInfo> {
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
    pub(crate) fn rotation_deg(&self) -> f64 {
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

    pub(crate) fn bit_depth(&self) -> u32 {
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

    pub(crate) fn colour(&self) -> Colour {
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

/// The picture's sizes.
pub(crate) struct Shape {
    pub(crate) coded: (u32, u32),
    pub(crate) upright: (u32, u32),
    pub(crate) pixel_aspect: Rational,
    pub(crate) rotation_deg: f64,
}

impl Shape {
    pub(crate) fn of(stream: &Stream, limits: &Limits, complaints: &Complaints) -> Result<Self, MediaError> {
        let (width, height) = (stream.width.unwrap_or(0), stream.height.unwrap_or(0));
        if width == 0 || height == 0 {
            // A size that no decoder takes is not in the description, only in the complaints.
            return Err(complaints.known_error().unwrap_or_else(unreadable));
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

pub(crate) fn unreadable() -> MediaError {
    MediaError::NotAVideo {
        diagnostics: "the stream has no size or no time base".to_owned(),
    }
}

pub(crate) fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

pub(crate) fn known(value: Option<&String>) -> Option<String> {
    value
        .filter(|value| !matches!(value.as_str(), "unknown" | "reserved" | "N/A"))
        .cloned()
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
        let shape = Shape::of(&stream, &Limits::default(), &Complaints::default()).unwrap();
        assert_eq!((shape.upright, shape.rotation_deg), ((576, 1047), 90.0));
        stream.side_data_list = vec![SideData { rotation: Some(180.0) }];
        assert_eq!(
            Shape::of(&stream, &Limits::default(), &Complaints::default())
                .unwrap()
                .upright,
            (1047, 576)
        );
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
