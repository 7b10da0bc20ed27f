//! Angles as Parquet in long form: a row for each frame of each series, series after series.

use super::table::{Column, Field, Kind, Values, write};
use crate::{Analysis, AngleSeries, MotionError};

/// Version of the layout. Raise it when a reader of the old layout would misread the new one.
pub const ANGLES_SCHEMA_VERSION: u32 = 1;

const KIND: &str = "marey_angles";
const UNITS: &str = "_deg: degrees; _deg_per_s: degrees per second; _s: seconds of presentation time";

/// Writes every angle of every person: columns `frame`, `time_s`, `person`, `angle`, `side` (none for trunk and
/// pelvis), `space`, `raw_deg`, `value_deg` (none in gaps) and `velocity_deg_per_s` (of `value_deg`, see
/// [`Analysis::velocity_deg_per_s`]). The settings of the analysis are in the metadata, as JSON.
///
/// # Errors
///
/// [`MotionError::InvalidAnalysis`] or [`MotionError::NotFinite`] as [`Analysis::validate`] says, or
/// [`MotionError::Encoding`].
pub fn angles_to_parquet(analysis: &Analysis) -> Result<Vec<u8>, MotionError> {
    analysis.validate()?;
    let series: Vec<(u32, &AngleSeries)> = analysis
        .people
        .iter()
        .flat_map(|person| person.angles.iter().map(move |series| (person.id, series)))
        .collect();
    let frames = analysis.time_s.len();
    let required = |values| Column { values, levels: None };
    let sides = levels(
        series
            .iter()
            .flat_map(|(_, series)| std::iter::repeat_n(series.side.is_some(), frames)),
    );
    let raw = levels(
        series
            .iter()
            .flat_map(|(_, series)| series.raw_deg.iter().map(Option::is_some)),
    );
    let value = levels(
        series
            .iter()
            .flat_map(|(_, series)| series.value_deg.iter().map(Option::is_some)),
    );
    let velocities: Vec<Option<f64>> = series
        .iter()
        .flat_map(|(_, series)| analysis.velocity_deg_per_s(series))
        .collect();
    let velocity = levels(velocities.iter().map(Option::is_some));
    write(KIND, &fields(), metadata(analysis)?, |index| match index {
        0 => required(Values::Int32(series.iter().flat_map(|_| 0..frames as i32).collect())),
        1 => required(Values::Double(
            series.iter().flat_map(|_| analysis.time_s.iter().copied()).collect(),
        )),
        2 => required(Values::Int64(repeat(&series, frames, |(id, _)| i64::from(*id)))),
        3 => required(Values::Text(repeat(&series, frames, |(_, series)| series.angle.id()))),
        4 => {
            let named: Vec<_> = series.iter().filter(|(_, series)| series.side.is_some()).collect();
            let values = Values::Text(repeat(&named, frames, |(_, series)| {
                series.side.map_or("", crate::Side::id)
            }));
            Column {
                values,
                levels: Some(&sides),
            }
        }
        5 => required(Values::Text(repeat(&series, frames, |(_, series)| series.space.id()))),
        6 => {
            let values = series
                .iter()
                .flat_map(|(_, series)| series.raw_deg.iter().copied().flatten());
            Column {
                values: Values::Double(values.collect()),
                levels: Some(&raw),
            }
        }
        7 => {
            let values = series
                .iter()
                .flat_map(|(_, series)| series.value_deg.iter().copied().flatten());
            Column {
                values: Values::Double(values.collect()),
                levels: Some(&value),
            }
        }
        _ => Column {
            values: Values::Double(velocities.iter().copied().flatten().collect()),
            levels: Some(&velocity),
        },
    })
}

fn levels(present: impl Iterator<Item = bool>) -> Vec<i16> {
    present.map(i16::from).collect()
}

/// A value for each frame of each series.
fn repeat<S, T: Copy>(series: &[S], frames: usize, value: impl Fn(&S) -> T) -> Vec<T> {
    series
        .iter()
        .flat_map(|series| std::iter::repeat_n(value(series), frames))
        .collect()
}

fn fields() -> [Field; 9] {
    [
        Field::required("frame", Kind::Int32),
        Field::required("time_s", Kind::Double),
        Field::required("person", Kind::Int64),
        Field::required("angle", Kind::Text),
        Field::optional("side", Kind::Text),
        Field::required("space", Kind::Text),
        Field::optional("raw_deg", Kind::Double),
        Field::optional("value_deg", Kind::Double),
        Field::optional("velocity_deg_per_s", Kind::Double),
    ]
}

fn metadata(analysis: &Analysis) -> Result<Vec<(&'static str, String)>, MotionError> {
    let settings =
        serde_json::to_string(&analysis.settings).map_err(|error| MotionError::Encoding(error.to_string()))?;
    Ok(vec![
        ("marey.kind", KIND.to_owned()),
        ("marey.schema_version", ANGLES_SCHEMA_VERSION.to_string()),
        ("marey.skeleton", analysis.skeleton.name().to_owned()),
        ("marey.model_name", analysis.model.name.clone()),
        ("marey.model_sha256", analysis.model.sha256.clone()),
        ("marey.source_name", analysis.source.name.clone()),
        ("marey.settings", settings),
        ("marey.units", UNITS.to_owned()),
    ])
}
