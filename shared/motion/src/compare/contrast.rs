//! Makes a [`Comparison`] of two analyses: warp them onto each other, then tell how they differ along the path.

mod angles;
mod joints;

use std::ops::Range;

use self::angles::{Values, differences, on_one_branch, series_in_common};
use super::comparison::{
    Basis, COMPARISON_SCHEMA_VERSION, Compared, Comparison, ComparisonSettings, Moment, RepetitionDifference,
    WarpSummary, score,
};
use super::{AngleDifference, Cost, Features, Warp, WarpSettings, warp_features};
use crate::{Analysis, MotionError, PersonAnalysis, Space, View};

/// An angle or joint is warped on if it is known in at least this share of the frames of either.
const LEAST_KNOWN: f64 = 0.5;

/// A movement that lasts so many times as long as the other is probably not the same movement as often.
const MOST_STRETCHED: f64 = 2.0;

/// Compares one person's movement in an analysis with one person's movement in another.
///
/// Angles are compared wherever both are known. Joints are compared if both analyses hold their poses.
///
/// # Errors
///
/// [`MotionError::NotComparable`] if a person or frames are missing, or nothing is known in both;
/// [`MotionError::MissingValues`] as the settings tell; [`MotionError::InvalidSettings`] for repetitions that are not
/// there.
pub fn compare(a: &Analysis, b: &Analysis, settings: &ComparisonSettings) -> Result<Comparison, MotionError> {
    let (one, other) = (Half::new(a, settings.person_a)?, Half::new(b, settings.person_b)?);
    let repetitions = repetitions(&one, settings)?;
    let mut notes = Vec::new();
    let joints = joints::in_common(&one, &other, settings, &mut notes);
    let turned = joints.as_ref().is_some_and(joints::Joints::turned);
    let (warp, summary) = match (settings.basis, &joints) {
        (Basis::Angles, _) => warp_angles(&one, &other, settings, &mut notes)?,
        (Basis::Joints, Some(joints)) => joints.warp(settings, &mut notes)?,
        (Basis::Joints, None) => {
            let reason = "their poses are not at hand, or no joint is known in both".to_owned();
            return Err(MotionError::NotComparable(reason));
        }
    };
    let (alignment, joints) = match joints {
        Some(joints) => joints.differences(&warp.path, settings)?,
        None => (None, Vec::new()),
    };
    let most_different = joints::most_different(&joints, warp.path.len());
    let moments: Vec<Moment> = warp
        .path
        .iter()
        .zip(most_different)
        .map(|(&(i, j), most_different)| Moment {
            time_s: f64::midpoint(one.passed_s(i), other.passed_s(j)),
            a_frame: i,
            a_time_s: one.time_s[i],
            b_frame: j,
            b_time_s: other.time_s[j],
            most_different,
        })
        .collect();
    let angles = differences(&one, &other, settings.space, &warp.path);
    if angles.is_empty() && joints.is_empty() {
        let reason = "no angle and no joint is known in both at the same moment".to_owned();
        return Err(MotionError::NotComparable(reason));
    }
    notes.extend(doubts(&one, &other, settings));
    let all = 0..moments.len();
    Ok(Comparison {
        schema_version: COMPARISON_SCHEMA_VERSION,
        score: mean_score(&angles, all),
        repetitions: repetitions
            .into_iter()
            .filter_map(|frames| repetition(frames, &one, &other, &warp.path, &angles))
            .collect(),
        a: one.told(),
        b: other.told(),
        settings: settings.clone(),
        warp: summary,
        alignment,
        moments,
        angles,
        turned,
        joints,
        notes,
    })
}

/// One person in one analysis.
struct Half<'a> {
    analysis: &'a Analysis,
    person: &'a PersonAnalysis,
    time_s: &'a [f64],
}

impl<'a> Half<'a> {
    fn new(analysis: &'a Analysis, person: Option<u32>) -> Result<Self, MotionError> {
        let name = &analysis.source.name;
        let found = match person {
            Some(id) => analysis.people.iter().find(|person| person.id == id),
            // The first of those who are seen equally often.
            None => analysis.people.iter().rev().max_by_key(|person| person.frames_seen),
        };
        let Some(person) = found else {
            let reason = match person {
                Some(id) => format!("there is no person {id} in {name}"),
                None => format!("nobody is seen in {name}"),
            };
            return Err(MotionError::NotComparable(reason));
        };
        if analysis.time_s.is_empty() {
            return Err(MotionError::NotComparable(format!("{name} has no frames")));
        }
        Ok(Self {
            analysis,
            person,
            time_s: &analysis.time_s,
        })
    }

    /// The time since the first frame in seconds.
    fn passed_s(&self, frame: usize) -> f64 {
        self.time_s[frame] - self.time_s[0]
    }

    fn duration_s(&self) -> f64 {
        self.passed_s(self.time_s.len() - 1)
    }

    /// How long frames take: each lasts until the next, and the last as long as the one before it.
    fn lasting_s(&self, frames: &Range<usize>) -> f64 {
        let last = self.time_s.len() - 1;
        let end_s = if frames.end <= last {
            self.time_s[frames.end]
        } else {
            self.time_s[last] + (self.time_s[last] - self.time_s[last.saturating_sub(1)])
        };
        end_s - self.time_s[frames.start]
    }

    fn told(&self) -> Compared {
        Compared {
            name: self.analysis.source.name.clone(),
            model: self.analysis.model.clone(),
            person: self.person.id,
            frames: self.time_s.len(),
            duration_s: self.duration_s(),
            camera_plane: self.person.camera_plane,
        }
    }
}

fn repetitions(one: &Half<'_>, settings: &ComparisonSettings) -> Result<Vec<Range<usize>>, MotionError> {
    let Some(given) = &settings.repetitions else {
        let found = one.person.findings.repetitions.iter().flat_map(|found| &found.segments);
        return Ok(found.map(|segment| segment.start..segment.end).collect());
    };
    match given
        .iter()
        .find(|frames| frames.start >= frames.end || frames.end > one.time_s.len())
    {
        Some(wrong) => Err(MotionError::InvalidSettings(format!(
            "frames {} to {} are no repetition among {} frames",
            wrong.start,
            wrong.end,
            one.time_s.len()
        ))),
        None => Ok(given.clone()),
    }
}

/// Warps on all angles that are known often enough in both.
fn warp_angles(
    one: &Half<'_>,
    other: &Half<'_>,
    settings: &ComparisonSettings,
    notes: &mut Vec<String>,
) -> Result<(Warp, WarpSummary), MotionError> {
    let (often, rarely): (Vec<_>, Vec<_>) = series_in_common(one, other, settings.space).partition(|(a, b)| {
        let share = |values: &[Option<f64>]| values.iter().flatten().count() as f64 / values.len().max(1) as f64;
        share(&a.value_deg) >= LEAST_KNOWN && share(&b.value_deg) >= LEAST_KNOWN
    });
    if often.is_empty() {
        let reason = "no angle is known in half of the frames of both".to_owned();
        return Err(MotionError::NotComparable(reason));
    }
    // What is never known, such as the pelvis from the side, is no news.
    let known = |values: &[Option<f64>]| values.iter().any(Option::is_some);
    let missed = rarely
        .iter()
        .filter(|(a, b)| known(&a.value_deg) || known(&b.value_deg));
    let missed: Vec<_> = missed.map(|(series, _)| series.label().to_lowercase()).collect();
    if !missed.is_empty() {
        notes.push(format!(
            "Known in less than half of the frames of one of them and left out of the warping: {}.",
            missed.join(", ")
        ));
    }
    let on = often.iter().map(|(series, _)| series.id()).collect();
    let (a, b): (Vec<_>, Vec<_>) = often.iter().map(|(a, b)| on_one_branch(a, b)).unzip();
    let features = |columns: &[Values<'_>]| {
        let columns: Vec<&[Option<f64>]> = columns.iter().map(|column| &**column).collect();
        Features::from_columns(&columns)
    };
    let warp = warp_features(features(&a)?, features(&b)?, &warp_settings(settings))?;
    Ok((warp.clone(), summary(&warp, "deg", on)))
}

fn warp_settings(settings: &ComparisonSettings) -> WarpSettings {
    WarpSettings {
        method: settings.method,
        cost: Cost::Euclidean,
        missing: settings.missing,
        ..WarpSettings::default()
    }
}

fn summary(warp: &Warp, unit: &str, on: Vec<String>) -> WarpSummary {
    WarpSummary {
        distance: warp.distance,
        mean_distance: warp.mean_cost(),
        unit: unit.to_owned(),
        on,
    }
}

/// The mean over moments of the means over the angles that are known then.
fn mean_score(angles: &[AngleDifference], moments: Range<usize>) -> Option<f64> {
    mean(moments.filter_map(|moment| {
        mean(
            angles
                .iter()
                .filter_map(|angle| angle.difference_deg[moment])
                .map(score),
        )
    }))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// `None` for a repetition that no moment belongs to, as all its frames were dropped.
fn repetition(
    frames: Range<usize>,
    one: &Half<'_>,
    other: &Half<'_>,
    path: &[(usize, usize)],
    angles: &[AngleDifference],
) -> Option<RepetitionDifference> {
    let from = path.partition_point(|&(i, _)| i < frames.start);
    let to = path.partition_point(|&(i, _)| i < frames.end);
    let b_frames = path.get(from)?.1..path[..to].last()?.1 + 1;
    let within = |angle: &AngleDifference| mean(angle.difference_deg[from..to].iter().flatten().map(|deg| deg.abs()));
    let means: Vec<_> = angles.iter().map(within).collect();
    let worst = means
        .iter()
        .enumerate()
        .filter_map(|(place, mean)| Some((place, (*mean)?)));
    (from < to).then(|| RepetitionDifference {
        a_duration_s: one.lasting_s(&frames),
        b_duration_s: other.lasting_s(&b_frames),
        a_frames: frames,
        b_frames,
        score: mean_score(angles, from..to),
        mean_absolute_deg: mean(means.iter().copied().flatten()),
        most_different: worst.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place),
    })
}

/// Why a reader should be careful.
fn doubts(one: &Half<'_>, other: &Half<'_>, settings: &ComparisonSettings) -> Vec<String> {
    let mut notes = Vec::new();
    let count = |half: &Half<'_>| {
        half.person
            .findings
            .repetitions
            .as_ref()
            .map(|found| found.segments.len())
    };
    if let (Some(a), Some(b)) = (count(one), count(other))
        && a != b
    {
        notes.push(format!(
            "The first has {a} repetitions and the second {b}: each was matched to what fits best, not one to one."
        ));
    }
    let (a_s, b_s) = (one.duration_s(), other.duration_s());
    if a_s.max(b_s) > MOST_STRETCHED * a_s.min(b_s) {
        notes.push(format!(
            "One lasts {a_s:.1} s and the other {b_s:.1} s: cut them to the same movement if they are not the same."
        ));
    }
    if settings.space == Space::Image
        && let (Some(a), Some(b)) = (one.person.camera_plane, other.person.camera_plane)
        && a.view != b.view
    {
        notes.push(format!(
            "The cameras stood elsewhere, {:.0} and {:.0} degrees off the side view: differences of angles in the image \
             are partly those of the view.",
            a.deviation_deg, b.deviation_deg
        ));
    }
    let planes = [one.person.camera_plane, other.person.camera_plane];
    if settings.space == Space::Image
        && let Some(plane) = planes.into_iter().flatten().find(|plane| plane.view != View::Side)
    {
        notes.push(format!(
            "Seen {:.0} degrees off the side view, angles of flexion in the image are foreshortened, and from the front their \
             signs may turn round from one recording to the other: warp on joints, or look at unsigned angles.",
            plane.deviation_deg
        ));
    }
    if one.analysis.model != other.analysis.model {
        notes.push("Different models found the landmarks, and differ between themselves by some degrees.".to_owned());
    }
    notes
}
