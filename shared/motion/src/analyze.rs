//! From a recording to an analysis: clean the poses, then measure angles on what is left.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::angles::measure;
use crate::clean::Cleaner;
use crate::facing::sides_seen;
use crate::find::{Movement, find};
use crate::people::selected;
use crate::plane::{camera_plane, deviations_deg, view_note};
use crate::{
    Analysis, Angle, AngleRange, AngleSeries, Findings, MotionError, Person, PersonAnalysis, Recording, Settings,
    Skeleton, Spaces, skeleton::Conversion, swap,
};

/// Version of the layout of [`Analysis`]. Raise it when a reader of the old layout would misread the new one.
pub const ANALYSIS_SCHEMA_VERSION: u32 = 2;

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
    let mut notes: Vec<String> = origin_notes(recording);
    let recording = converted.as_ref().unwrap_or(recording);
    let cleaner = Cleaner::new(&recording.time_s, settings)?;
    notes.extend_from_slice(cleaner.notes());
    let (wanted, note) = selected(recording, settings.person)?;
    notes.extend(note);
    let people = wanted
        .into_iter()
        .map(|person| analyze_person(person, recording, &cleaner, settings, &mut notes))
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
fn origin_notes(recording: &Recording) -> Vec<String> {
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
        Spaces::Both => {}
        Spaces::Image => notes.push(
            "The recording has positions in the picture only: there are no angles in the world, and how far the person \
             turns out of the image plane is not known."
                .to_owned(),
        ),
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
    // The view is read from the world's depth, and in a laboratory's world there is no camera.
    let deviations_deg = match spaces {
        Spaces::Both => deviations_deg(&cleaned.poses, settings.minimum_visibility),
        Spaces::Image | Spaces::World => Vec::new(),
    };
    let camera_plane = camera_plane(&deviations_deg);
    notes.extend(camera_plane.and_then(|plane| view_note(person.id, plane, &deviations_deg)));
    let sides = sides_seen(&cleaned.poses, settings.minimum_visibility);
    let (raw, values) = rayon::join(
        || measure(&person.poses, &sides, spaces, settings.minimum_visibility),
        || measure(&cleaned.poses, &sides, spaces, settings.minimum_visibility),
    );
    let keys: Vec<_> = Angle::series().collect();
    let angles = (keys, raw, values)
        .into_par_iter()
        .map(|((angle, side, space), raw_deg, value_deg)| AngleSeries {
            angle,
            side,
            space,
            range: AngleRange::of(&recording.time_s, &value_deg),
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
        source: &recording.source,
        settings,
        longest_step_s: cleaner.longest_step_s(),
    };
    let found = find(&movement, notes);
    let findings = Findings { swaps, ..found };
    PersonAnalysis { findings, ..measured }
}

impl AngleRange {
    /// The extremes of the values that are there, or `None` if there are none.
    pub fn of(time_s: &[f64], value_deg: &[Option<f64>]) -> Option<Self> {
        let mut present = time_s
            .iter()
            .zip(value_deg)
            .filter_map(|(&time, value)| value.map(|value| (time, value)));
        let (first_s, first_deg) = present.next()?;
        let (mut low, mut high) = ((first_deg, first_s), (first_deg, first_s));
        let (mut sum, mut count) = (first_deg, 1_usize);
        for (time, value) in present {
            if value < low.0 {
                low = (value, time);
            }
            if value > high.0 {
                high = (value, time);
            }
            sum += value;
            count += 1;
        }
        Some(Self {
            minimum_deg: low.0,
            minimum_at_s: low.1,
            maximum_deg: high.0,
            maximum_at_s: high.1,
            mean_deg: sum / count as f64,
            coverage: count as f64 / value_deg.len() as f64,
        })
    }
}
