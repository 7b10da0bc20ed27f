//! Positions, velocities and accelerations of joints and of the centre of mass, as Parquet and CSV: a row for each frame of each
//! person, a column for each number of each point.

use std::fmt::Write;

use super::csv::push;
use super::table::{Column, Field, Kind, Values, write as write_table};
use crate::findings::{Kinematics, LengthUnit, Track};
use crate::kinematics::all_tracks;
use crate::{Analysis, MotionError};

/// Version of the layout. Raise it when a reader of the old layout would misread the new one.
pub const KINEMATICS_SCHEMA_VERSION: u32 = 1;

const KIND: &str = "marey_kinematics";
const UNITS: &str = "unit: that of the row's positions; x: right from the picture's left edge, y: up from the floor or the \
                     picture's bottom edge; velocity: unit per second; acceleration: unit per second squared; \
                     time_s: seconds of presentation time";

/// Columns before those of the points: frame, time, person, unit.
const LEADING: usize = 4;

/// The numbers of a point: what its column's name ends with, and where they are.
type Part = (&'static str, fn(&Track) -> &[Option<[f64; 2]>], usize);

const PARTS: [Part; 6] = [
    ("x", |track| &track.position, 0),
    ("y", |track| &track.position, 1),
    ("velocity_x", |track| &track.velocity, 0),
    ("velocity_y", |track| &track.velocity, 1),
    ("acceleration_x", |track| &track.acceleration, 0),
    ("acceleration_y", |track| &track.acceleration, 1),
];

/// Every person's number and tracks. All people have the same points.
fn people(analysis: &Analysis) -> Result<Vec<(u32, Kinematics)>, MotionError> {
    analysis.validate()?;
    let people = analysis.people.iter();
    people
        .map(|person| Ok((person.id, all_tracks(analysis, person)?)))
        .collect()
}

fn points(people: &[(u32, Kinematics)]) -> Vec<String> {
    let tracks = people.first().map_or(&[][..], |(_, kinematics)| &kinematics.tracks);
    tracks.iter().map(|track| track.id.clone()).collect()
}

fn unit(kinematics: &Kinematics) -> &'static str {
    match kinematics.unit {
        LengthUnit::M => "m",
        LengthUnit::Px => "px",
    }
}

/// Writes the kinematics of every person: columns `frame`, `time_s`, `person`, `unit`, then
/// `<point>_<x, y, velocity_x, velocity_y, acceleration_x, acceleration_y>` for the centre of mass, the nose and every landmark from
/// the shoulders down; none in gaps. See [`all_tracks`].
///
/// # Errors
///
/// [`MotionError::InvalidAnalysis`] if the analysis contradicts itself or is without poses,
/// [`MotionError::NotFinite`], or [`MotionError::Encoding`].
pub fn kinematics_to_parquet(analysis: &Analysis) -> Result<Vec<u8>, MotionError> {
    let people = people(analysis)?;
    let frames = analysis.time_s.len();
    let leading = [
        Field::required("frame", Kind::Int32),
        Field::required("time_s", Kind::Double),
        Field::required("person", Kind::Int64),
        Field::required("unit", Kind::Text),
    ];
    let points = points(&people);
    let numbers = points
        .iter()
        .flat_map(|point| PARTS.map(|(ending, ..)| Field::optional(&format!("{point}_{ending}"), Kind::Double)));
    let fields: Vec<Field> = leading.into_iter().chain(numbers).collect();
    let levels: Vec<Vec<i16>> = (0..points.len() * PARTS.len())
        .map(|column| {
            values(&people, column)
                .map(|value| i16::from(value.is_some()))
                .collect()
        })
        .collect();
    let required = |values| Column { values, levels: None };
    let each_frame = |value: &dyn Fn(&(u32, Kinematics)) -> &'static str| -> Vec<&'static str> {
        people
            .iter()
            .flat_map(|person| std::iter::repeat_n(value(person), frames))
            .collect()
    };
    write_table(KIND, &fields, metadata(analysis), |index| match index {
        0 => required(Values::Int32(people.iter().flat_map(|_| 0..frames as i32).collect())),
        1 => required(Values::Double(
            people.iter().flat_map(|_| analysis.time_s.iter().copied()).collect(),
        )),
        2 => required(Values::Int64(
            people
                .iter()
                .flat_map(|(id, _)| std::iter::repeat_n(i64::from(*id), frames))
                .collect(),
        )),
        3 => required(Values::Text(each_frame(&|(_, kinematics)| unit(kinematics)))),
        _ => Column {
            values: Values::Double(values(&people, index - LEADING).flatten().collect()),
            levels: Some(&levels[index - LEADING]),
        },
    })
}

/// The values of a column in the order of its rows.
fn values(people: &[(u32, Kinematics)], column: usize) -> impl Iterator<Item = Option<f64>> {
    let (point, (_, of, axis)) = (column / PARTS.len(), PARTS[column % PARTS.len()]);
    people.iter().flat_map(move |(_, kinematics)| {
        let values = of(&kinematics.tracks[point]).iter();
        values.map(move |value| value.map(|value| value[axis]))
    })
}

fn metadata(analysis: &Analysis) -> Vec<(&'static str, String)> {
    vec![
        ("marey.kind", KIND.to_owned()),
        ("marey.schema_version", KINEMATICS_SCHEMA_VERSION.to_string()),
        ("marey.skeleton", analysis.skeleton.name().to_owned()),
        ("marey.model_name", analysis.model.name.clone()),
        ("marey.model_sha256", analysis.model.sha256.clone()),
        ("marey.source_name", analysis.source.name.clone()),
        ("marey.units", UNITS.to_owned()),
    ]
}

/// Writes what [`kinematics_to_parquet`] writes as CSV, without the frame's number: numbers have six decimals, times all
/// their digits, gaps are empty. Lines end with a line feed.
///
/// # Errors
///
/// [`MotionError::InvalidAnalysis`] if the analysis contradicts itself or is without poses, or [`MotionError::NotFinite`].
pub fn kinematics_to_csv(analysis: &Analysis) -> Result<String, MotionError> {
    let people = people(analysis)?;
    let mut csv = "time_s,person,unit".to_owned();
    for point in points(&people) {
        for (ending, ..) in PARTS {
            csv.push(',');
            csv.push_str(&point);
            csv.push('_');
            csv.push_str(ending);
        }
    }
    csv.push('\n');
    for (id, kinematics) in &people {
        for (frame, time_s) in analysis.time_s.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(csv, "{time_s},{id},{}", unit(kinematics));
            for track in &kinematics.tracks {
                for (_, of, axis) in PARTS {
                    push(&mut csv, of(track)[frame].map(|value| value[axis]), 6);
                }
            }
            csv.push('\n');
        }
    }
    Ok(csv)
}
