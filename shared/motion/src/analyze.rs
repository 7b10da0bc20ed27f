//! From a recording to an analysis: clean the poses, then measure angles on what is left.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::angles::measure;
use crate::branch::without_jump;
use crate::clean::Cleaner;
use crate::facing::sides_seen;
use crate::find::{Movement, find};
use crate::people::selected;
use crate::plane::{camera_plane, deviations_deg, view_note};
use crate::{
    Analysis, Angle, AngleRange, AngleSeries, CameraPlane, Findings, MotionError, Person, PersonAnalysis, Recording,
    Settings, Skeleton, Spaces, View, skeleton::Conversion, swap,
};

/// Version of the layout of [`Analysis`]. Raise it when a reader of the old layout would misread the new one.
pub const ANALYSIS_SCHEMA_VERSION: u32 = 4;

/// Cleans a recording and measures every angle of every person.
///
/// A recording of another skeleton is converted to `BlazePose`'s first, so the analysis and its poses are always of
/// [`Skeleton::BlazePose33`]. In a space that the recording lacks, angles have no values.
///
/// Stretches that are too short for the filter pass unfiltered; that and everything else that a reader should know is
/// in [`Analysis::notes`].
///
/// # Errors
///
/// [`MotionError::InvalidSettings`] or [`MotionError::InvalidRecording`], as [`Settings::validate`] and
/// [`Recording::validate`] say; [`MotionError::NoSuchPerson`] where [`Settings::person`] is nobody.
pub fn analyze(recording: &Recording, settings: &Settings) -> Result<Analysis, MotionError> {
    recording.validate()?;
    let converted = (recording.skeleton != Skeleton::BlazePose33).then(|| recording.converted(Skeleton::BlazePose33));
    let mut notes: Vec<String> = origin_notes(recording, settings.view);
    let recording = converted.as_ref().unwrap_or(recording);
    let cleaner = Cleaner::new(&recording.time_s, settings)?;
    notes.extend_from_slice(cleaner.notes());
    let (wanted, note) = selected(recording, settings.person)?;
    notes.extend(note);
    let mut in_effect = settings.clone();
    if recording.spaces != Spaces::Image {
        in_effect.view = None;
    }
    let people = wanted
        .into_iter()
        .map(|person| analyze_person(person, recording, &cleaner, &in_effect, &mut notes))
        .collect();
    Ok(Analysis {
        schema_version: ANALYSIS_SCHEMA_VERSION,
        source: recording.source.clone(),
        model: recording.model.clone(),
        skeleton: recording.skeleton,
        spaces: recording.spaces,
        settings: settings.clone(),
        time_s: recording.time_s.clone(),
        people,
        notes,
    })
}

/// What a reader should know of a recording that Marey's own model did not make.
fn origin_notes(recording: &Recording, view: Option<View>) -> Vec<String> {
    let mut notes = Vec::new();
    if recording.skeleton != Skeleton::BlazePose33 {
        let conversion = Conversion::new(recording.skeleton, Skeleton::BlazePose33);
        let missing = conversion.missing();
        let what = match missing.as_slice() {
            [] => "It has all of its landmarks.".to_owned(),
            missing => format!("Missing there: {}.", missing.join(", ")),
        };
        notes.push(format!(
            "The recording is of the skeleton {} and was converted to {}. {what}",
            recording.skeleton.name(),
            Skeleton::BlazePose33.name()
        ));
    }
    match recording.spaces {
        Spaces::Both if view.is_some() => notes.push(
            "The view that was given has no effect: the recording has depth, which tells from where the camera looks.".to_owned(),
        ),
        Spaces::Both => {}
        Spaces::Image => notes.push(format!(
            "The recording has positions in the picture only: there are no angles in the world, and how far the person \
             turns out of the image plane is not known. {}",
            match view {
                Some(view) => format!("The camera is taken to look from where it was said to: {}.", view.id()),
                None => "Measures that depend on from where the camera looks are not given unless somebody says it (view).".to_owned(),
            }
        )),
        Spaces::World => notes.push(
            "The recording has positions in the world only: there are no angles in the image, and no scale, events and \
             measures, which are read from it."
                .to_owned(),
        ),
    }
    notes
}

fn analyze_person(
    person: &Person,
    recording: &Recording,
    cleaner: &Cleaner<'_>,
    settings: &Settings,
    notes: &mut Vec<String>,
) -> PersonAnalysis {
    let spaces = recording.spaces;
    let mut person = Cow::Borrowed(person);
    let mut swaps = Vec::new();
    // Sides are told apart by where the limbs are in the picture.
    if settings.repair_swaps && spaces != Spaces::World {
        swaps = swap::find(&person.poses, &recording.time_s);
        if !swaps.is_empty() {
            swap::repair(&mut person.to_mut().poses, &swaps);
        }
        notes.extend(swap::note(person.id, &swaps));
    }
    let person = person.as_ref();
    let cleaned = cleaner.clean(person);
    notes.extend(cleaned.counts.notes(person.id));
    // The view is read from the depth that the model gives, and in a laboratory's world there is no camera.
    let deviations_deg = match spaces {
        Spaces::Both => deviations_deg(&cleaned.poses, settings.minimum_visibility),
        Spaces::Image | Spaces::World => Vec::new(),
    };
    let camera_plane = camera_plane(&deviations_deg).or(settings.view.map(CameraPlane::of_view));
    notes.extend(camera_plane.and_then(|plane| view_note(person.id, plane, &deviations_deg)));
    let sides = sides_seen(&cleaned.poses, settings.minimum_visibility);
    let (raw, values) = rayon::join(
        || measure(&person.poses, &sides, spaces, settings.minimum_visibility),
        || measure(&cleaned.poses, &sides, spaces, settings.minimum_visibility),
    );
    let frames_seen = cleaned.poses.iter().flatten().count();
    let keys: Vec<_> = Angle::series().collect();
    let angles = (keys, raw, values)
        .into_par_iter()
        .map(|((angle, side, space), raw_deg, value_deg)| AngleSeries {
            angle,
            side,
            space,
            range: AngleRange::of(
                &recording.time_s,
                &without_jump(angle.bounds(space), &value_deg),
                frames_seen,
            ),
            raw_deg,
            value_deg,
        })
        .collect();
    let measured = PersonAnalysis {
        id: person.id,
        frames_seen: person.poses.iter().flatten().count(),
        poses: cleaned.poses,
        angles,
        camera_plane,
        findings: Findings::default(),
    };
    let movement = Movement {
        person: &measured,
        time_s: &recording.time_s,
        spaces,
        deviations_deg: &deviations_deg,
        source: &recording.source,
        settings,
        longest_step_s: cleaner.longest_step_s(),
    };
    let found = find(&movement, notes);
    let findings = Findings { swaps, ..found };
    PersonAnalysis { findings, ..measured }
}

impl AngleRange {
    /// The extremes of the values that are there, or `None` if there are none. The person is seen in so many of the frames.
    pub fn of(time_s: &[f64], value_deg: &[Option<f64>], frames_seen: usize) -> Option<Self> {
        // Several values at a time in lanes of their own, so that none has to wait for the one before it.
        let mut lanes = [Lane::EMPTY; LANES];
        for values in value_deg[..value_deg.len().min(time_s.len())].chunks(LANES) {
            for (lane, value) in lanes.iter_mut().zip(values) {
                lane.add(value.unwrap_or(f64::NAN));
            }
        }
        let Lane { low, high, sum, count } = lanes.into_iter().reduce(Lane::and)?;
        let at_s = |extreme: f64| {
            let first = value_deg.iter().position(|&value| value == Some(extreme))?;
            time_s.get(first).copied()
        };
        Some(Self {
            minimum_deg: low,
            minimum_at_s: at_s(low)?,
            maximum_deg: high,
            maximum_at_s: at_s(high)?,
            mean_deg: sum / count,
            coverage: count / frames_seen as f64,
        })
    }
}

/// Values that are summed up at a time.
const LANES: usize = 8;

/// Extremes, sum and number of some of the values.
#[derive(Clone, Copy)]
struct Lane {
    low: f64,
    high: f64,
    sum: f64,
    count: f64,
}

impl Lane {
    const EMPTY: Self = Self {
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
        sum: 0.0,
        count: 0.0,
    };

    /// Not a number changes nothing.
    fn add(&mut self, value: f64) {
        let is_there = !value.is_nan();
        self.low = if value < self.low { value } else { self.low };
        self.high = if value > self.high { value } else { self.high };
        self.sum += if is_there { value } else { 0.0 };
        self.count += if is_there { 1.0 } else { 0.0 };
    }

    fn and(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            sum: self.sum + other.sum,
            count: self.count + other.count,
        }
    }
}
