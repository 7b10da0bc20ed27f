//! `NeuroPose`'s files to recordings.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::super::check_version;
use super::super::format::{ReadOptions, WasRead};
use super::super::people::{Follower, Listed, times};
use super::{MM_PER_M, VERSION};
use crate::{Model, MotionError, Point, Pose, Recording, Skeleton, Source, Spaces};

/// Reads a `VideoPredictions`, or a video of a `results.json`: its only one, or the one that [`ReadOptions::video`] names. Frames are told apart
/// by their order; their times follow from the file's rate unless [`ReadOptions`] gives others.
///
/// # Errors
///
/// [`MotionError::MalformedJson`] with line and column, [`MotionError::NewerSchema`], [`MotionError::UnsupportedFile`] for joints of
/// no known skeleton or several videos of which none is named, [`MotionError::RateMissing`], or [`MotionError::TooLarge`].
pub fn recording_from_neuropose(text: &str, options: &ReadOptions) -> Result<WasRead, MotionError> {
    let text = without_nan(text);
    let mut options = options.clone();
    let video = match Shape::of(&text)? {
        Shape::Video => parse(&text)?,
        Shape::Frames => Video {
            schema_version: 1,
            metadata: Metadata::default(),
            frames: parse(&text)?,
        },
        Shape::Results(names) => {
            let name = pick(names, options.video.as_deref())?;
            let video = read_one(&text, &name)?;
            options.name = name;
            video
        }
    };
    check_version(video.schema_version, VERSION, MotionError::MalformedJson)?;
    recording(&video, &options)
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, MotionError> {
    serde_json::from_str(text).map_err(malformed)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn malformed(error: serde_json::Error) -> MotionError {
    MotionError::MalformedJson(error.to_string())
}

/// Python's numbers that are none, outside of texts, as `null`, in as many characters, so that columns stay what they are.
fn without_nan(text: &str) -> Cow<'_, str> {
    if !text.contains("NaN") && !text.contains("Infinity") {
        return Cow::Borrowed(text);
    }
    let (mut kept, mut rest, mut is_text) = (String::with_capacity(text.len() + 64), text, false);
    while let Some(at) = rest.find(['"', '\\', 'N', 'I', '-']) {
        let (before, tail) = rest.split_at(at);
        kept.push_str(before);
        let taken = if is_text {
            match tail.as_bytes()[0] {
                // The character behind a backslash is a part of the text, whatever it is.
                b'\\' => 1 + tail[1..].chars().next().map_or(0, char::len_utf8),
                b'"' => {
                    is_text = false;
                    1
                }
                _ => 1,
            }
        } else if let Some(word) = ["NaN", "Infinity", "-Infinity"]
            .iter()
            .find(|word| tail.starts_with(**word))
        {
            kept.push_str("null");
            rest = &tail[word.len()..];
            continue;
        } else {
            is_text = tail.starts_with('"');
            1
        };
        kept.push_str(&tail[..taken]);
        rest = &tail[taken..];
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// What a file turns out to be.
enum Shape {
    Video,
    /// Frames alone, as the prototype wrote them.
    Frames,
    /// Videos under these names.
    Results(Vec<String>),
}

#[derive(Deserialize)]
struct Keys {
    metadata: Option<IgnoredAny>,
    frames: Option<IgnoredAny>,
    poses3d: Option<IgnoredAny>,
}

impl Shape {
    fn of(text: &str) -> Result<Self, MotionError> {
        let outer: Keys = parse(text)?;
        if outer.metadata.is_some() && outer.frames.is_some() {
            return Ok(Self::Video);
        }
        let inner: Ordered<Keys> = parse(text)?;
        match inner.0.first() {
            Some((_, keys)) if keys.poses3d.is_some() => Ok(Self::Frames),
            Some((_, keys)) if keys.frames.is_some() => {
                Ok(Self::Results(inner.0.into_iter().map(|(name, _)| name).collect()))
            }
            Some((name, _)) => {
                let name: String = name.chars().take(80).collect();
                Err(MotionError::MalformedJson(format!(
                    "{name:?} is neither a frame nor a video of NeuroPose"
                )))
            }
            None => Err(MotionError::MalformedJson(
                "it has neither frames nor videos".to_owned(),
            )),
        }
    }
}

/// Whether some JSON is of `NeuroPose`.
pub(in super::super) fn is_neuropose(text: &str) -> bool {
    Shape::of(&without_nan(text)).is_ok()
}

fn pick(names: Vec<String>, wanted: Option<&str>) -> Result<String, MotionError> {
    let list = names.join(", ");
    let found = match wanted {
        Some(wanted) => names.into_iter().find(|name| name == wanted),
        None if names.len() == 1 => names.into_iter().next(),
        None => None,
    };
    found.ok_or_else(|| {
        MotionError::UnsupportedFile(match wanted {
            Some(wanted) => format!("it holds no video {wanted:?}, but {list}"),
            None => format!("it holds several videos, of which one must be named: {list}"),
        })
    })
}

/// An object's entries in their order.
struct Ordered<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads one video of several without keeping the others.
fn read_one(text: &str, name: &str) -> Result<Video, MotionError> {
    struct One<'a>(&'a str);
    impl<'de> DeserializeSeed<'de> for One<'_> {
        type Value = Option<Video>;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_map(self)
        }
    }
    impl<'de> Visitor<'de> for One<'_> {
        type Value = Option<Video>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object of videos")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(key) = map.next_key::<String>()? {
                if key == self.0 {
                    found = Some(map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let found = One(name).deserialize(&mut deserializer).map_err(malformed)?;
    found.ok_or_else(|| MotionError::MalformedJson("the video is not there".to_owned()))
}

#[derive(Deserialize)]
struct Video {
    #[serde(default = "first_version")]
    schema_version: u32,
    metadata: Metadata,
    frames: Ordered<Frame>,
}

fn first_version() -> u32 {
    1
}

#[derive(Deserialize, Default)]
struct Metadata {
    fps: f64,
    width: u32,
    height: u32,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(default)]
    boxes: Vec<Vec<Option<f64>>>,
    poses3d: Vec<Vec<[Option<f64>; 3]>>,
    poses2d: Vec<Vec<[Option<f64>; 2]>>,
}

fn recording(video: &Video, options: &ReadOptions) -> Result<WasRead, MotionError> {
    let mut people = Follower::default();
    let mut skeleton = None;
    for (name, frame) in &video.frames.0 {
        let wrong = |reason: &str| {
            let name: String = name.chars().take(80).collect();
            MotionError::MalformedJson(format!("{name:?}: {reason}"))
        };
        if frame.poses2d.len() != frame.poses3d.len() {
            return Err(wrong("it has not as many people in 2D as in 3D"));
        }
        let mut listed = Vec::with_capacity(frame.poses3d.len());
        for (index, (world, image)) in frame.poses3d.iter().zip(&frame.poses2d).enumerate() {
            if world.len() != image.len() {
                return Err(wrong("a person has not as many joints in 2D as in 3D"));
            }
            let of = Skeleton::of_len(world.len()).ok_or_else(|| {
                MotionError::UnsupportedFile(format!("{} joints are of no skeleton that Marey knows", world.len()))
            })?;
            if *skeleton.get_or_insert(of) != of {
                return Err(wrong("it has another number of joints than those before"));
            }
            let score = frame
                .boxes
                .get(index)
                .and_then(|numbers| numbers.get(4).copied().flatten());
            listed.extend(pose(world, image, score.unwrap_or(1.0)).map(|pose| Listed { id: None, pose }));
        }
        people.push(listed)?;
    }
    let rate_hz = options.rate_hz.or(Some(video.metadata.fps));
    let time_s = times(people.frames(), options.time_s.as_deref(), rate_hz)?;
    let people = people.finish();
    let mut notes =
        vec!["NeuroPose's files have no confidence of a joint: all that are there count as seen.".to_owned()];
    if people.len() > 1 {
        notes.push(format!(
            "NeuroPose's files do not say who is who: {} people were told apart by where they are from frame to frame.",
            people.len()
        ));
    }
    let recording = Recording {
        source: Source {
            name: options.name.clone(),
            width_px: video.metadata.width,
            height_px: video.metadata.height,
        },
        skeleton: skeleton.or(options.skeleton).unwrap_or(Skeleton::BerkeleyMhad43),
        model: Model {
            name: "neuropose_file".to_owned(),
            sha256: String::new(),
        },
        spaces: Spaces::Both,
        time_s,
        people,
    };
    recording.validate()?;
    Ok(WasRead { recording, notes })
}

/// `None` where no joint has numbers.
fn pose(world: &[[Option<f64>; 3]], image: &[[Option<f64>; 2]], score: f64) -> Option<Pose> {
    let point = |(world, image): (&[Option<f64>; 3], &[Option<f64>; 2])| {
        let [x, y, z] = world.map(|value| value.map(|value| (value / MM_PER_M) as f32));
        let [x_px, y_px] = image.map(|value| value.map(|value| value as f32));
        let point = Point {
            x_px: x_px?,
            y_px: y_px?,
            z_px: 0.0,
            x_m: x?,
            y_m: y?,
            z_m: z?,
            visibility: 1.0,
            presence: 1.0,
        };
        point.is_finite().then_some(point)
    };
    let points: Vec<Option<Point>> = world.iter().zip(image).map(point).collect();
    points.iter().any(Option::is_some).then(|| Pose {
        score: score.clamp(0.0, 1.0) as f32,
        points: points
            .into_iter()
            .map(|point| point.unwrap_or(Point::MISSING))
            .collect(),
    })
}
