//! Recordings as Parquet: a row for each person in each frame, a column for each number of each landmark.
//!
//! A landmark's coordinate over time is one column, which is how it is read, plotted and compressed. A frame in which
//! nobody was found has one row without a person, so that every frame time is kept.

use std::collections::HashMap;

use super::check_version;
use super::limits;
use super::table::{Column, Field, Kind, Table, Values, guarded, malformed, write};
use crate::{Model, MotionError, Person, Point, Pose, Recording, Skeleton, Source, Spaces};

/// Greatest version of the layout of recordings, in Parquet and in JSON. Raise it when a reader of the old layout would misread the
/// new one.
///
/// Version 2 added skeletons other than `BlazePose`'s and recordings with one space only. Files state the least version that holds
/// what is in them, so that older programs read all that they can understand.
pub const RECORDING_SCHEMA_VERSION: u32 = 2;

/// The least version that holds a recording.
pub(super) fn version_of(recording: &Recording) -> u32 {
    if recording.skeleton == Skeleton::BlazePose33 && recording.spaces == Spaces::Both {
        1
    } else {
        2
    }
}

const KIND: &str = "marey_recording";
const UNITS: &str = "_px: pixels of the upright picture, x right, y down, z away from the camera in the scale of x; \
                     _m: metres from the middle of the hips, x right, y down, z away from the camera; \
                     _s: seconds of presentation time; visibility, presence, score: probabilities";

/// One number of a point, in a column of its own.
struct Part {
    ending: &'static str,
    get: fn(&Point) -> f32,
    set: fn(&mut Point, f32),
}

impl Part {
    fn column(&self, landmark: &str) -> String {
        format!("{landmark}_{}", self.ending)
    }
}

macro_rules! part {
    ($field:ident) => {
        Part {
            ending: stringify!($field),
            get: |point| point.$field,
            set: |point, value| point.$field = value,
        }
    };
}

const PARTS: [Part; 8] = [
    part!(x_px),
    part!(y_px),
    part!(z_px),
    part!(x_m),
    part!(y_m),
    part!(z_m),
    part!(visibility),
    part!(presence),
];

/// Columns before those of the landmarks: frame, time, person, score.
const LEADING: usize = 4;

/// Writes a recording; [`recording_from_parquet`] gives back exactly the same one.
///
/// # Errors
///
/// [`MotionError::InvalidRecording`] as [`Recording::validate`] says, [`MotionError::TooLarge`] for what would not be read again, or
/// [`MotionError::Encoding`].
pub fn recording_to_parquet(recording: &Recording) -> Result<Vec<u8>, MotionError> {
    recording.validate()?;
    let rows = Rows::of(recording);
    let seen = rows.rows.iter().filter(|row| row.1.is_some()).count();
    limits::check(
        recording.people.len(),
        recording.time_s.len(),
        seen * recording.skeleton.len(),
    )?;
    let seen = || rows.rows.iter().filter_map(|row| row.1);
    let levels = Some(rows.levels.as_slice());
    let fields = fields(recording.skeleton);
    write(KIND, &fields, metadata(recording), |index| match index {
        0 => Column {
            values: Values::Int32(rows.rows.iter().map(|row| row.0 as i32).collect()),
            levels: None,
        },
        1 => Column {
            values: Values::Double(rows.rows.iter().map(|row| recording.time_s[row.0]).collect()),
            levels: None,
        },
        2 => Column {
            values: Values::Int64(seen().map(|(id, _)| i64::from(id)).collect()),
            levels,
        },
        3 => Column {
            values: Values::Float(seen().map(|(_, pose)| pose.score).collect()),
            levels,
        },
        _ => {
            let (landmark, part) = ((index - LEADING) / PARTS.len(), &PARTS[(index - LEADING) % PARTS.len()]);
            let values = seen().map(|(_, pose)| (part.get)(&pose.points[landmark])).collect();
            Column {
                values: Values::Float(values),
                levels,
            }
        }
    })
}

/// The rows of the table, and for each whether it has a person.
struct Rows<'a> {
    rows: Vec<(usize, Option<(u32, &'a Pose)>)>,
    levels: Vec<i16>,
}

impl<'a> Rows<'a> {
    fn of(recording: &'a Recording) -> Self {
        let mut rows = Vec::new();
        for frame in 0..recording.time_s.len() {
            let before = rows.len();
            let people = recording.people.iter();
            rows.extend(people.filter_map(|person| {
                person.poses[frame]
                    .as_ref()
                    .map(|pose| (frame, Some((person.id, pose))))
            }));
            if rows.len() == before {
                rows.push((frame, None));
            }
        }
        let levels = rows.iter().map(|row| i16::from(row.1.is_some())).collect();
        Self { rows, levels }
    }
}

fn fields(skeleton: Skeleton) -> Vec<Field> {
    let leading = [
        Field::required("frame", Kind::Int32),
        Field::required("time_s", Kind::Double),
        Field::optional("person", Kind::Int64),
        Field::optional("score", Kind::Float),
    ];
    let landmarks = skeleton.landmark_names().iter();
    let points = landmarks.flat_map(|name| {
        PARTS
            .iter()
            .map(move |part| Field::optional(&part.column(name), Kind::Float))
    });
    leading.into_iter().chain(points).collect()
}

fn metadata(recording: &Recording) -> Vec<(&'static str, String)> {
    let people: Vec<String> = recording.people.iter().map(|person| person.id.to_string()).collect();
    vec![
        ("marey.kind", KIND.to_owned()),
        ("marey.schema_version", version_of(recording).to_string()),
        ("marey.skeleton", recording.skeleton.name().to_owned()),
        ("marey.spaces", recording.spaces.id().to_owned()),
        ("marey.model_name", recording.model.name.clone()),
        ("marey.model_sha256", recording.model.sha256.clone()),
        ("marey.source_name", recording.source.name.clone()),
        ("marey.width_px", recording.source.width_px.to_string()),
        ("marey.height_px", recording.source.height_px.to_string()),
        ("marey.people", people.join(",")),
        ("marey.units", UNITS.to_owned()),
    ]
}

/// Reads what [`recording_to_parquet`] wrote. Columns that it does not know are ignored.
///
/// # Errors
///
/// [`MotionError::NewerSchema`] if a later version of Marey wrote the file, [`MotionError::MalformedParquet`] if the
/// file is damaged or something else, [`MotionError::InvalidRecording`] if its content contradicts itself. No content
/// makes it panic.
pub fn recording_from_parquet(bytes: &[u8]) -> Result<Recording, MotionError> {
    guarded(|| {
        let table = Table::open(bytes)?;
        if table.entry("marey.kind")? != KIND {
            return Err(malformed(format!(
                "it holds {:?} and not a recording",
                table.entry("marey.kind")?
            )));
        }
        check_version(
            table.number("marey.schema_version")?,
            RECORDING_SCHEMA_VERSION,
            MotionError::MalformedParquet,
        )?;
        let recording = read(&table)?;
        recording.validate()?;
        Ok(recording)
    })
}

fn read(table: &Table) -> Result<Recording, MotionError> {
    let skeleton = Skeleton::from_name(table.entry("marey.skeleton")?)
        .ok_or_else(|| malformed("its skeleton is not one that this version knows"))?;
    let (frames, time_s) = frames(&table.int32("frame")?, &table.double("time_s")?)?;
    let ids = people(table.entry("marey.people")?)?;
    let (seen, present) = table.optional_int64("person")?;
    limits::check(ids.len(), time_s.len(), seen.len().saturating_mul(skeleton.len()))?;
    let mut recording = Recording {
        source: Source {
            name: table.entry("marey.source_name")?.to_owned(),
            width_px: table.number("marey.width_px")?,
            height_px: table.number("marey.height_px")?,
        },
        skeleton,
        model: Model {
            name: table.entry("marey.model_name")?.to_owned(),
            sha256: table.entry("marey.model_sha256")?.to_owned(),
        },
        spaces: spaces(table)?,
        people: ids
            .into_iter()
            .map(|id| Person {
                id,
                poses: vec![None; time_s.len()],
            })
            .collect(),
        time_s,
    };
    read_poses(table, &frames, (&seen, &present), &mut recording)?;
    Ok(recording)
}

/// Files of version 1 do not say it and have both.
fn spaces(table: &Table) -> Result<Spaces, MotionError> {
    table.optional_entry("marey.spaces").map_or(Ok(Spaces::Both), |id| {
        Spaces::from_id(id).ok_or_else(|| malformed(format!("its spaces are {id:?}, which this version does not know")))
    })
}

/// The frame of each row, and the time of each frame.
fn frames(frame_of_row: &[i32], time_of_row: &[f64]) -> Result<(Vec<usize>, Vec<f64>), MotionError> {
    let mut time_s: Vec<f64> = Vec::new();
    let mut frames = Vec::with_capacity(frame_of_row.len());
    for (&frame, &time) in frame_of_row.iter().zip(time_of_row) {
        let frame = usize::try_from(frame).map_err(|_| malformed("a frame number is negative"))?;
        if frame == time_s.len() {
            time_s.push(time);
        } else if frame + 1 != time_s.len() || time_s[frame].to_bits() != time.to_bits() {
            return Err(malformed(format!(
                "the rows of frame {frame} are not together or differ in their time"
            )));
        }
        frames.push(frame);
    }
    Ok((frames, time_s))
}

fn people(list: &str) -> Result<Vec<u32>, MotionError> {
    let ids = list.split(',').filter(|id| !id.is_empty());
    ids.map(|id| id.parse().map_err(|_| malformed("its list of people is damaged")))
        .collect()
}

/// Fills the poses, given the frame of each row and the column of people: who is in the rows that have somebody, and which those are.
fn read_poses(
    table: &Table,
    frames: &[usize],
    (ids, present): (&[i64], &[bool]),
    recording: &mut Recording,
) -> Result<(), MotionError> {
    let place_of: HashMap<i64, usize> = recording
        .people
        .iter()
        .map(|person| i64::from(person.id))
        .zip(0..)
        .collect();
    let landmarks = recording.skeleton.len();
    let mut places = Vec::with_capacity(ids.len());
    let seen = frames
        .iter()
        .zip(present)
        .filter_map(|(&frame, &present)| present.then_some(frame));
    for (frame, id) in seen.zip(ids) {
        let person = *place_of
            .get(id)
            .ok_or_else(|| malformed(format!("person {id} is not in its list of people")))?;
        let place = &mut recording.people[person].poses[frame];
        if place.is_some() {
            return Err(malformed(format!("person {id} is in frame {frame} twice")));
        }
        *place = Some(Pose {
            score: 0.0,
            points: vec![Point::MISSING; landmarks],
        });
        places.push((person, frame));
    }
    let mut fill = |name: &str, set: &dyn Fn(&mut Pose, f32)| -> Result<(), MotionError> {
        let (values, has_value) = table.optional_float(name)?;
        if has_value != present {
            return Err(malformed(format!(
                "column {name} has values in other rows than there are people"
            )));
        }
        for (&(person, frame), value) in places.iter().zip(values) {
            if let Some(pose) = &mut recording.people[person].poses[frame] {
                set(pose, value);
            }
        }
        Ok(())
    };
    fill("score", &|pose, value| pose.score = value)?;
    for (landmark, name) in recording.skeleton.landmark_names().iter().enumerate() {
        for part in &PARTS {
            fill(&part.column(name), &|pose, value| {
                (part.set)(&mut pose.points[landmark], value);
            })?;
        }
    }
    Ok(())
}
