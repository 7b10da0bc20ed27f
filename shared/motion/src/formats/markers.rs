//! What TRC and C3D have in common: markers over time as recordings, and recordings as one person's markers over time.

use super::format::{ReadOptions, Units, Up, WasRead, WriteOptions};
use super::limits;
use crate::skeleton::{MarkerSet, marker_name, recognise};
use crate::timebase::Timebase;
use crate::{Model, MotionError, Person, Point, Pose, Recording, Source, Space, Spaces};

/// Files with more people are refused.
const MOST_PEOPLE: usize = 100;

/// Files with more markers are refused; laboratories use some hundreds at most.
pub(super) const MOST_MARKERS: usize = 4_000;

/// More names of markers than this are not listed.
const MOST_LISTED: usize = 12;

/// What a file's numbers are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unit {
    /// So many of them are a metre.
    PerMetre(f64),
    /// Pixels of a picture.
    Pixels,
}

impl Unit {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "m" | "meters" | "metres" => Some(Self::PerMetre(1.0)),
            "cm" => Some(Self::PerMetre(100.0)),
            "mm" => Some(Self::PerMetre(1000.0)),
            "px" | "pixel" | "pixels" => Some(Self::Pixels),
            _ => None,
        }
    }
}

/// A recording in the making, frame after frame.
pub(super) struct Builder {
    set: MarkerSet,
    unit: Unit,
    up: Up,
    people: Vec<Vec<Option<Pose>>>,
    points: usize,
}

impl Builder {
    pub(super) fn new(names: &[&str], unit: Unit, up: Up, options: &ReadOptions) -> Result<Self, MotionError> {
        if names.len() > MOST_MARKERS {
            let reason = format!("{} markers, where {MOST_MARKERS} may be", names.len());
            return Err(MotionError::TooLarge(reason));
        }
        let set = recognise(names, options.skeleton).ok_or_else(|| {
            let wanted = options
                .skeleton
                .map_or_else(String::new, |skeleton| format!("none is of {}; ", skeleton.name()));
            MotionError::UnknownMarkers(format!("{wanted}there are {}", listed(names)))
        })?;
        if set.subjects > MOST_PEOPLE {
            let reason = format!("{} people, where {MOST_PEOPLE} may be", set.subjects);
            return Err(MotionError::TooLarge(reason));
        }
        Ok(Self {
            people: vec![Vec::new(); set.subjects],
            set,
            unit,
            up,
            points: 0,
        })
    }

    /// Adds a frame, given where each marker is in the file's own axes and unit, if it was seen.
    pub(super) fn push(&mut self, mut position: impl FnMut(usize) -> Option<[f64; 3]>) -> Result<(), MotionError> {
        for person in &mut self.people {
            person.push(None);
        }
        for (marker, place) in self.set.places.iter().enumerate() {
            let Some((subject, landmark)) = *place else { continue };
            let Some(point) = position(marker).and_then(|position| self.point(position)) else {
                continue;
            };
            let Some(pose) = self.people[subject].last_mut() else {
                continue;
            };
            let pose = pose.get_or_insert_with(|| {
                self.points += self.set.skeleton.len();
                Pose {
                    score: 1.0,
                    points: vec![Point::MISSING; self.set.skeleton.len()],
                }
            });
            pose.points[landmark] = point;
        }
        let frames = self.people.first().map_or(0, Vec::len);
        limits::check(self.people.len(), frames, self.points)
    }

    /// `None` where a number is none or too great to be kept.
    fn point(&self, [x, y, z]: [f64; 3]) -> Option<Point> {
        // A difference from zero has no negative zero.
        let [x, y, z] = match self.up {
            Up::Y => [x, 0.0 - y, 0.0 - z],
            Up::Z => [x, 0.0 - z, y],
        };
        let seen = Point {
            visibility: 1.0,
            presence: 1.0,
            ..Point::MISSING
        };
        let point = match self.unit {
            Unit::Pixels => Point {
                x_px: x as f32,
                y_px: y as f32,
                z_px: z as f32,
                ..seen
            },
            Unit::PerMetre(per_m) => Point {
                x_m: (x / per_m) as f32,
                y_m: (y / per_m) as f32,
                z_m: (z / per_m) as f32,
                ..seen
            },
        };
        point.is_finite().then_some(point)
    }

    /// The recording. `format` stands in for the model, which a file of markers does not name.
    pub(super) fn finish(
        self,
        names: &[&str],
        time_s: Vec<f64>,
        format: &str,
        name: String,
        mut notes: Vec<String>,
    ) -> Result<WasRead, MotionError> {
        let left_out: Vec<&str> = names
            .iter()
            .zip(&self.set.places)
            .filter_map(|(name, place)| place.is_none().then_some(*name))
            .collect();
        if !left_out.is_empty() {
            notes.push(format!(
                "{} of {} markers are not of the skeleton {} and were left out: {}.",
                left_out.len(),
                names.len(),
                self.set.skeleton.name(),
                listed(&left_out)
            ));
        }
        let people = self.people.into_iter().zip(0..);
        let recording = Recording {
            source: Source {
                name,
                width_px: 0,
                height_px: 0,
            },
            skeleton: self.set.skeleton,
            model: Model {
                name: format.to_owned(),
                sha256: String::new(),
            },
            spaces: match self.unit {
                Unit::Pixels => Spaces::Image,
                Unit::PerMetre(_) => Spaces::World,
            },
            time_s,
            people: people.map(|(poses, id)| Person { id, poses }).collect(),
        };
        recording.validate()?;
        Ok(WasRead { recording, notes })
    }
}

/// Names in a sentence, shortened.
fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(MOST_LISTED)
        .map(|name| name.chars().take(40).collect())
        .collect();
    match names.len().saturating_sub(MOST_LISTED) {
        0 if names.is_empty() => "no markers".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// One person's landmarks as markers with y up and z towards the camera.
pub(super) struct Track<'a> {
    recording: &'a Recording,
    person: &'a Person,
    units: Units,
    minimum_visibility: f32,
}

impl<'a> Track<'a> {
    pub(super) fn of(recording: &'a Recording, options: &WriteOptions) -> Result<Self, MotionError> {
        recording.validate()?;
        let (space, what) = match options.units {
            Units::Px => (Space::Image, "the picture"),
            Units::M => (Space::World, "the world"),
        };
        if !recording.spaces.has(space) {
            return Err(MotionError::SpaceMissing(what));
        }
        Ok(Self {
            recording,
            person: person_of(recording, options.person)?,
            units: options.units,
            minimum_visibility: options.minimum_visibility,
        })
    }

    pub(super) fn names(&self) -> Vec<String> {
        let names = self.recording.skeleton.landmark_names().iter();
        names.map(|name| marker_name(self.recording.skeleton, name)).collect()
    }

    pub(super) fn time_s(&self) -> &[f64] {
        &self.recording.time_s
    }

    /// Mean number of frames per second; 1 for fewer than two frames, which have none.
    pub(super) fn rate_hz(&self) -> f64 {
        rate_hz(self.time_s())
    }

    /// Where each landmark is in a frame; `None` where it was not seen surely enough.
    pub(super) fn positions(&self, frame: usize) -> impl Iterator<Item = Option<[f32; 3]>> + '_ {
        let pose = self.person.poses[frame].as_ref();
        (0..self.recording.skeleton.len()).map(move |landmark| {
            let point = pose?.points.get(landmark)?;
            point.is_trusted(self.minimum_visibility).then_some(match self.units {
                Units::Px => [point.x_px, 0.0 - point.y_px, 0.0 - point.z_px],
                Units::M => [point.x_m, 0.0 - point.y_m, 0.0 - point.z_m],
            })
        })
    }
}

/// The person of a number, or the one seen in most frames.
pub(super) fn person_of(recording: &Recording, id: Option<u32>) -> Result<&Person, MotionError> {
    let seen = |person: &&Person| person.poses.iter().flatten().count();
    let found = match id {
        Some(id) => recording.people.iter().find(|person| person.id == id),
        // The first of those seen equally often.
        None => recording.people.iter().rev().max_by_key(seen),
    };
    found.ok_or_else(|| {
        let ids: Vec<String> = recording.people.iter().map(|person| person.id.to_string()).collect();
        MotionError::NoSuchPerson(match (id, ids.as_slice()) {
            (_, []) => "it has nobody".to_owned(),
            (Some(id), ids) => format!("{id} is not among {}", ids.join(", ")),
            (None, _) => "nobody was seen".to_owned(),
        })
    })
}

/// Mean number of frames per second; 1 for fewer than two frames.
pub(super) fn rate_hz(time_s: &[f64]) -> f64 {
    match time_s {
        [first, .., last] => (time_s.len() - 1) as f64 / (last - first),
        _ => 1.0,
    }
}

/// Whether frames follow each other evenly enough that a rate says when each was.
pub(super) fn is_even(time_s: &[f64]) -> bool {
    Timebase::of(time_s).is_none_or(|timebase| timebase.is_even())
}
