//! Gait cycles from heel strikes.

use super::configuration::{Configuration, GaitCycles};
use super::peaks::SLACK_S;
use super::{Movement, ensemble};
use crate::findings::{Event, EventKind, Repetition, Repetitions};
use crate::{Angle, MotionError, Side, Space};

/// Cuts one person's movement into gait cycles, from each heel strike of a foot to the next of the same foot. The peak is where
/// that knee bends most, in swing.
///
/// Where there is none, [`Repetitions::withheld`] says why.
///
/// # Errors
///
/// [`MotionError::InvalidSettings`] if the limits are not durations.
pub fn gait_cycles(movement: &Movement<'_>, events: &[Event], how: &GaitCycles) -> Result<Repetitions, MotionError> {
    if !(how.minimum_cycle_s > 0.0 && how.longest_cycle_s >= how.minimum_cycle_s && how.longest_cycle_s.is_finite()) {
        let limits = format!(
            "a gait cycle cannot last {} to {} s",
            how.minimum_cycle_s, how.longest_cycle_s
        );
        return Err(MotionError::InvalidSettings(limits));
    }
    let mut strikes_s: Vec<f64> = (events.iter())
        .filter(|event| event.kind == EventKind::HeelStrike && event.side == Some(how.side))
        .map(|event| event.time_s)
        .collect();
    strikes_s.sort_unstable_by(f64::total_cmp);
    let knee = movement.person.series(
        Angle::KneeFlexion,
        Some(how.side),
        if movement.spaces.has(Space::Image) {
            Space::Image
        } else {
            Space::World
        },
    );
    let knee_deg = knee.map_or(&[][..], |series| &series.value_deg);
    let is_cycle = |pair: &&[f64]| {
        let lasts_s = pair[1] - pair[0];
        lasts_s >= how.minimum_cycle_s - SLACK_S && lasts_s <= how.longest_cycle_s + SLACK_S
    };
    let cycles = strikes_s.windows(2).filter(is_cycle);
    let mut segments: Vec<_> = cycles
        .filter_map(|pair| cycle(movement.time_s, knee_deg, pair[0], pair[1]))
        .collect();
    let unsteady = leave_out_unsteady(&mut segments);
    let withheld = segments.is_empty().then(|| {
        format!(
            "There are {} heel strikes of the {} foot, and no two of them are {} to {} s apart.",
            strikes_s.len(),
            how.side.id(),
            how.minimum_cycle_s,
            how.longest_cycle_s
        )
    });
    Ok(Repetitions {
        signal: format!("heel_strikes:{}", how.side.id()),
        unit: "deg".to_owned(),
        curves: ensemble::curves(movement, &segments),
        segments,
        configuration: Some(Configuration::HeelStrikesV1(how.clone())),
        partial: 0,
        notes: unsteady.into_iter().collect(),
        withheld,
    })
}

/// A cycle lasts at most so many times as long as the median one, and at least as many times as short.
const STEADY: f64 = 1.5;

/// Leaves out what lies between two strikes that do not follow each other, or one of which is none. Says how many.
fn leave_out_unsteady(segments: &mut Vec<Repetition>) -> Option<String> {
    let mut durations_s: Vec<f64> = segments.iter().map(Repetition::duration_s).collect();
    durations_s.sort_unstable_by(f64::total_cmp);
    // The lower one of two in the middle: a strike that was missed makes a cycle longer.
    let median_s = *durations_s.get(durations_s.len().checked_sub(1)? / 2)?;
    segments.retain(|one| (1.0 / STEADY..=STEADY).contains(&(one.duration_s() / median_s)));
    let left_out = durations_s.len() - segments.len();
    (left_out > 0).then(|| {
        format!(
            "{left_out} of {} stretches between heel strikes of that foot were left out, as they last more than {STEADY} times as long or as \
             short as the median of {median_s:.2} s: a turn, a stop or a strike that was missed.",
            durations_s.len()
        )
    })
}

/// The cycle between two strikes, which may lie between frames; `None` outside of the recording.
fn cycle(time_s: &[f64], knee_deg: &[Option<f64>], start_s: f64, end_s: f64) -> Option<Repetition> {
    let start = time_s.partition_point(|&time| time < start_s);
    let end = time_s.partition_point(|&time| time <= end_s);
    if end <= start || end_s > *time_s.last()? || start_s < *time_s.first()? {
        return None;
    }
    let bend = |frame: usize| knee_deg.get(frame).copied().flatten();
    let known = (start..end).filter_map(|frame| Some((frame, bend(frame)?)));
    let swing = known.max_by(|one, other| one.1.total_cmp(&other.1));
    let peak = swing.map_or(usize::midpoint(start, end - 1), |(frame, _)| frame);
    let straight = [start, end - 1]
        .into_iter()
        .filter_map(bend)
        .fold(f64::NEG_INFINITY, f64::max);
    let prominence = swing
        .filter(|_| straight.is_finite())
        .map_or(0.0, |(_, bent)| bent - straight);
    Some(Repetition {
        start,
        peak,
        end,
        start_s,
        peak_s: time_s[peak],
        end_s,
        prominence,
        whole: true,
    })
}

/// The side with the most gait cycles, if the heel strikes say that somebody walks: two cycles or more.
pub(super) fn walks(movement: &Movement<'_>, events: &[Event]) -> Option<Repetitions> {
    let of = |side: Side| gait_cycles(movement, events, &GaitCycles::of(side)).ok();
    let sides = [Side::Right, Side::Left].into_iter().filter_map(of);
    sides
        .max_by_key(|cycles| cycles.segments.len())
        .filter(|cycles| cycles.segments.len() >= 2)
}
