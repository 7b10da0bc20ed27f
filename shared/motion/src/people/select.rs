//! Whom an analysis is about, where there are several.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::identity::Sighting;
use crate::{MotionError, Person, Recording, Source};

/// Who is analysed. As text: `all`, `largest`, `central`, `longest`, `most_moving`, `order:2` or `click:640,360@1.5`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Selection {
    /// Everybody.
    #[default]
    All,
    /// Whose trunk is longest in the picture, by its median over the frames.
    Largest,
    /// Whose hips are nearest to the middle of the picture, by the median over the frames, where the picture's sides count alike.
    MostCentral,
    /// Who is seen in most frames.
    LongestSeen,
    /// Whose landmarks go the longest way for each second in which they are seen, in trunks per second.
    MostMoving,
    /// So many from the left, from 1, in the first of the frames in which most people are seen.
    InOrder(u32),
    /// Who is nearest to a place in the picture at a moment.
    At {
        /// Right of the left edge of the upright picture, px.
        x_px: f64,
        /// Below its top edge, px.
        y_px: f64,
        /// The moment, s.
        time_s: f64,
    },
}

/// Further than this from the nearest of somebody's landmarks, in trunks, nobody was pointed at.
const POINTED_AT: f64 = 0.5;

/// Somebody who was pointed at may be out of sight in that frame, but was seen within so many seconds.
const POINTED_WITHIN_S: f64 = 0.5;

impl Selection {
    /// What the choice is called in a sentence: `the largest`.
    fn told(&self) -> String {
        match self {
            Self::All => "everybody".to_owned(),
            Self::Largest => "the largest".to_owned(),
            Self::MostCentral => "the nearest to the middle of the picture".to_owned(),
            Self::LongestSeen => "the one seen longest".to_owned(),
            Self::MostMoving => "the one moving most".to_owned(),
            Self::InOrder(place) => format!("number {place} from the left"),
            Self::At { x_px, y_px, time_s } => format!("the one at ({x_px}, {y_px}) px at {time_s} s"),
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Largest => f.write_str("largest"),
            Self::MostCentral => f.write_str("central"),
            Self::LongestSeen => f.write_str("longest"),
            Self::MostMoving => f.write_str("most_moving"),
            Self::InOrder(place) => write!(f, "order:{place}"),
            Self::At { x_px, y_px, time_s } => write!(f, "click:{x_px},{y_px}@{time_s}"),
        }
    }
}

impl From<Selection> for String {
    fn from(selection: Selection) -> Self {
        selection.to_string()
    }
}

impl TryFrom<String> for Selection {
    type Error = MotionError;

    fn try_from(text: String) -> Result<Self, MotionError> {
        text.parse()
    }
}

impl FromStr for Selection {
    type Err = MotionError;

    fn from_str(text: &str) -> Result<Self, MotionError> {
        let unknown = || {
            MotionError::InvalidSettings(format!(
                "person is {text:?}; it must be all, largest, central, longest, most_moving, order:1 for the first from the \
                 left, or click:X,Y@SECONDS"
            ))
        };
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        match text.trim() {
            "all" => return Ok(Self::All),
            "largest" => return Ok(Self::Largest),
            "central" => return Ok(Self::MostCentral),
            "longest" => return Ok(Self::LongestSeen),
            "most_moving" => return Ok(Self::MostMoving),
            _ => {}
        }
        if let Some(place) = text.trim().strip_prefix("order:") {
            let place = place.trim().parse().ok().filter(|&place| place > 0);
            return place.map(Self::InOrder).ok_or_else(unknown);
        }
        let click = || {
            let (place, time_s) = text.trim().strip_prefix("click:")?.split_once('@')?;
            let (x_px, y_px) = place.split_once(',')?;
            Some(Self::At {
                x_px: number(x_px)?,
                y_px: number(y_px)?,
                time_s: number(time_s)?,
            })
        };
        click().ok_or_else(unknown)
    }
}

/// The people of a recording who are wanted, with a note if that is not everybody.
///
/// Where two are alike in what is asked for, it is the one with the smaller number.
///
/// # Errors
///
/// [`MotionError::NoSuchPerson`] where nobody fits, unless everybody is wanted; [`MotionError::InvalidSettings`] where the recording does
/// not say what the choice is made by.
pub(crate) fn selected(
    recording: &Recording,
    selection: Selection,
) -> Result<(Vec<&Person>, Option<String>), MotionError> {
    check(selection, recording)?;
    let everybody: Vec<&Person> = recording.people.iter().collect();
    let greatest = |measure: &dyn Fn(&Person) -> Option<f64>| {
        let measured = everybody.iter().filter_map(|&person| Some((measure(person)?, person)));
        let best = measured.reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map(|(_, person)| person)
    };
    let chosen = match selection {
        Selection::All => return Ok((everybody, None)),
        Selection::Largest => greatest(&|person| median(sightings(person, recording).map(|(_, seen)| seen.trunk_px()))),
        Selection::MostCentral => greatest(&|person| Some(-off_centre(person, recording)?)),
        Selection::LongestSeen => greatest(&|person| Some(person.poses.iter().flatten().count() as f64)),
        Selection::MostMoving => greatest(&|person| pace(person, recording)),
        Selection::InOrder(place) => in_order(recording, place),
        Selection::At { x_px, y_px, time_s } => pointed_at(recording, [x_px, y_px], time_s),
    };
    let Some(chosen) = chosen else {
        return Err(MotionError::NoSuchPerson(selection.told()));
    };
    let note = (everybody.len() > 1).then(|| {
        format!(
            "Person {} of {} people was analysed: {} (person = {selection}).",
            chosen.id,
            everybody.len(),
            selection.told()
        )
    });
    Ok((vec![chosen], note))
}

/// Fails for a choice by what the recording does not say.
fn check(selection: Selection, recording: &Recording) -> Result<(), MotionError> {
    let Source {
        width_px, height_px, ..
    } = recording.source;
    if selection == Selection::MostCentral && (width_px == 0 || height_px == 0) {
        let reason = "person = central needs the picture's size, which the recording does not say; choose another way, such as largest";
        return Err(MotionError::InvalidSettings(reason.to_owned()));
    }
    Ok(())
}

/// Where a person was seen, with the frames.
fn sightings<'a>(person: &'a Person, recording: &'a Recording) -> impl Iterator<Item = (usize, Sighting)> {
    let frames = person.poses.iter().zip(&recording.time_s).enumerate();
    frames.filter_map(|(frame, (pose, &time_s))| Some((frame, Sighting::of(pose.as_ref()?, time_s)?)))
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

fn off_centre(person: &Person, recording: &Recording) -> Option<f64> {
    let size = [recording.source.width_px, recording.source.height_px].map(f64::from);
    let off = |sighting: Sighting| {
        let [x, y] = sighting.centre_px();
        (x / size[0] - 0.5).hypot(y / size[1] - 0.5)
    };
    median(sightings(person, recording).map(|(_, sighting)| off(sighting)))
}

/// The mean way of a landmark per second, in trunks.
fn pace(person: &Person, recording: &Recording) -> Option<f64> {
    let trunk_px = median(sightings(person, recording).map(|(_, seen)| seen.trunk_px()))?;
    let (mut way_px, mut lasted_s) = (0.0, 0.0);
    for (poses, time_s) in person.poses.windows(2).zip(recording.time_s.windows(2)) {
        if let [Some(from), Some(to)] = poses {
            way_px += from.distance_px(to);
            lasted_s += time_s[1] - time_s[0];
        }
    }
    (lasted_s > 0.0).then(|| way_px / trunk_px / lasted_s)
}

fn in_order(recording: &Recording, place: u32) -> Option<&Person> {
    let seen = |frame: usize| {
        let people = recording.people.iter();
        people.filter(move |person| person.poses[frame].is_some())
    };
    let frames = 0..recording.time_s.len();
    let frame = frames.reduce(|best, next| {
        if seen(next).count() > seen(best).count() {
            next
        } else {
            best
        }
    })?;
    let mut row: Vec<(f64, &Person)> = seen(frame)
        .filter_map(|person| {
            let sighting = Sighting::of(person.poses[frame].as_ref()?, recording.time_s[frame])?;
            Some((sighting.centre_px()[0], person))
        })
        .collect();
    row.sort_by(|a, b| a.0.total_cmp(&b.0));
    row.get(place as usize - 1).map(|(_, person)| *person)
}

fn pointed_at(recording: &Recording, [x_px, y_px]: [f64; 2], time_s: f64) -> Option<&Person> {
    let near = |person: &Person| {
        let seen = sightings(person, recording);
        let (frame, sighting) =
            seen.min_by(|(_, a), (_, b)| (a.time_s() - time_s).abs().total_cmp(&(b.time_s() - time_s).abs()))?;
        if (sighting.time_s() - time_s).abs() > POINTED_WITHIN_S {
            return None;
        }
        let points = &person.poses[frame].as_ref()?.points;
        let away = |x: f32, y: f32| (f64::from(x) - x_px).hypot(f64::from(y) - y_px) / sighting.trunk_px();
        // The middle of the trunk has no landmark of its own.
        let [hips_x, hips_y] = sighting.middle_px();
        let nearest = points
            .iter()
            .map(|point| away(point.x_px, point.y_px))
            .fold(f64::INFINITY, f64::min);
        let nearest = nearest.min(away(hips_x as f32, hips_y as f32));
        (nearest <= POINTED_AT).then_some(nearest)
    };
    let people = recording
        .people
        .iter()
        .filter_map(|person| Some((near(person)?, person)));
    people.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, person)| person)
}
