//! Unevenly timed recordings on an even grid, for formats that have a rate instead of times.

use super::markers::rate_hz;
use crate::timebase::longest_step_s;
use crate::{Person, Point, Pose, Recording, Settings};

/// The recording at its mean rate, from its first frame to its last, with as many frames.
///
/// A landmark between two frames lies on the straight line between its places there, and is as visible as in the lesser of the two. It is
/// missing if it is in one of them, or if they lie further apart than the longest gap that an analysis fills: so nothing is made up.
pub(super) fn evenly(recording: &Recording) -> Recording {
    let (count, rate_hz) = (recording.time_s.len(), rate_hz(&recording.time_s));
    let first_s = recording.time_s.first().copied().unwrap_or(0.0);
    let last_s = recording.time_s.last().copied().unwrap_or(0.0);
    let time_s: Vec<f64> = (0..count)
        // The last step must not lead beyond the last frame by a rounding.
        .map(|frame| (first_s + frame as f64 / rate_hz).min(last_s))
        .collect();
    let longest_step_s = longest_step_s(&recording.time_s, Settings::default().longest_gap_s);
    let places = time_s
        .iter()
        .map(|&time_s| place(&recording.time_s, time_s, longest_step_s));
    let places: Vec<Option<(usize, f32)>> = places.collect();
    let people = recording.people.iter().map(|person| Person {
        id: person.id,
        poses: places
            .iter()
            .map(|place| place.and_then(|(frame, share)| between(person, frame, share)))
            .collect(),
    });
    Recording {
        people: people.collect(),
        time_s,
        source: recording.source.clone(),
        model: recording.model.clone(),
        ..*recording
    }
}

/// The frame at or before a moment, and how far the moment lies on the way to the next; `None` within a gap.
fn place(time_s: &[f64], moment_s: f64, longest_step_s: f64) -> Option<(usize, f32)> {
    let after = time_s.partition_point(|&time_s| time_s <= moment_s);
    let frame = after.saturating_sub(1);
    let (Some(from), Some(to)) = (time_s.get(frame), time_s.get(frame + 1)) else {
        return Some((frame, 0.0));
    };
    let share = ((moment_s - from) / (to - from)).clamp(0.0, 1.0);
    (share <= 0.0 || to - from <= longest_step_s).then_some((frame, share as f32))
}

fn between(person: &Person, frame: usize, share: f32) -> Option<Pose> {
    let from = person.poses[frame].as_ref()?;
    if share <= 0.0 {
        return Some(from.clone());
    }
    let to = person.poses[frame + 1].as_ref()?;
    let points = from
        .points
        .iter()
        .zip(&to.points)
        .map(|(from, to)| blend(from, to, share));
    Some(Pose {
        score: from.score.min(to.score),
        points: points.collect(),
    })
}

fn blend(from: &Point, to: &Point, share: f32) -> Point {
    if from.visibility <= 0.0 || to.visibility <= 0.0 {
        return Point::MISSING;
    }
    let mix = |from: f32, to: f32| from + share * (to - from);
    Point {
        x_px: mix(from.x_px, to.x_px),
        y_px: mix(from.y_px, to.y_px),
        z_px: mix(from.z_px, to.z_px),
        x_m: mix(from.x_m, to.x_m),
        y_m: mix(from.y_m, to.y_m),
        z_m: mix(from.z_m, to.z_m),
        visibility: from.visibility.min(to.visibility),
        presence: from.presence.min(to.presence),
    }
}
