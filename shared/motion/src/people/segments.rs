//! Cuts what was followed into stretches in which it was one person beyond doubt.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Appearance, Colours, Seen};
use crate::identity::{End, Sighting};

/// Two trunks that are nearer than this, in trunks, may be taken for each other: about 30 cm, the depth of a chest.
const MEETING: f64 = 0.6;

/// Two who stand so close for longer than this, in seconds, are not passing each other: following them has to be trusted.
const PASSING_S: f64 = 1.0;

/// A stretch of fewer frames than this beside a meeting tells neither pace nor looks, and belongs to the meeting.
const LEAST_FRAMES: usize = 3;

/// The pace at an end is that of so many seconds.
const PACE_S: f64 = 0.3;

/// A trunk that is this far, in trunks, from where its pace takes it within a tenth of a second is somebody else's: a quarter of a
/// metre off in a frame is ten times what a jump accelerates by.
const JUMP: f64 = 0.5;
const JUMP_WITHIN_S: f64 = 0.1;

/// A stretch of one track without doubt.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Indices of what was seen, in the order of time.
    pub(super) seen: Vec<usize>,
    pub(super) head: End,
    pub(super) tail: End,
    pub(super) looks: Option<Appearance>,
}

/// The stretches, and the indices of all observations in between.
pub(super) fn cut(seen: &[Seen]) -> (Vec<Segment>, Vec<usize>) {
    let is_meeting = meetings(seen);
    let mut tracks: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (index, seen) in seen.iter().enumerate() {
        tracks.entry(seen.observation.track).or_default().push(index);
    }
    let (mut segments, mut loose) = (Vec::new(), Vec::new());
    for track in tracks.values() {
        for run in runs(track, seen, &is_meeting) {
            let members = &track[run.range.clone()];
            if run.is_trusted {
                segments.push(Segment::of(members, seen));
            } else {
                loose.extend_from_slice(members);
            }
        }
    }
    segments.sort_by_key(|segment| segment.seen[0]);
    loose.sort_unstable();
    (segments, loose)
}

/// For each observation whether somebody else is so near that they may be mistaken for each other.
fn meetings(seen: &[Seen]) -> Vec<bool> {
    let mut is_meeting = vec![false; seen.len()];
    let mut start = 0;
    while start < seen.len() {
        let end = start + seen[start..].partition_point(|other| other.frame == seen[start].frame);
        for a in start..end {
            for b in a + 1..end {
                if seen[a].sighting.trunks_apart(&seen[b].sighting) < MEETING {
                    (is_meeting[a], is_meeting[b]) = (true, true);
                }
            }
        }
        start = end;
    }
    is_meeting
}

/// Part of a track: places in it.
struct Run {
    range: Range<usize>,
    is_trusted: bool,
}

/// The parts of a track: cut at jumps, and where meetings begin and end.
fn runs(track: &[usize], seen: &[Seen], is_meeting: &[bool]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut start = 0;
    let mut before: Option<Sighting> = None;
    for place in 1..=track.len() {
        let last = &seen[track[place - 1]].sighting;
        let goes_on = track.get(place).is_some_and(|&index| {
            is_meeting[index] == is_meeting[track[place - 1]] && follows(before.as_ref(), last, &seen[index].sighting)
        });
        before = Some(*last);
        if !goes_on {
            let met = is_meeting[track[start]];
            let lasted_s = last.time_s() - seen[track[start]].sighting.time_s();
            runs.push(Run {
                range: start..place,
                is_trusted: !met || lasted_s >= PASSING_S,
            });
            (start, before) = (place, None);
        }
    }
    let met: Vec<bool> = runs.iter().map(|run| !run.is_trusted).collect();
    for (index, run) in runs.iter_mut().enumerate() {
        let beside = |index: Option<usize>| index.and_then(|index| met.get(index)).copied().unwrap_or(false);
        if run.range.len() < LEAST_FRAMES && (beside(index.checked_sub(1)) || beside(Some(index + 1))) {
            run.is_trusted = false;
        }
    }
    runs
}

/// Whether somebody can have moved on like that from one frame to the next.
fn follows(before: Option<&Sighting>, last: &Sighting, next: &Sighting) -> bool {
    let step_s = next.time_s() - last.time_s();
    let jumps = before.is_some_and(|before| {
        let past_s = last.time_s() - before.time_s();
        if step_s > JUMP_WITHIN_S || past_s > JUMP_WITHIN_S {
            return false;
        }
        let off = |axis: usize| {
            let pace = (last.centre_px()[axis] - before.centre_px()[axis]) / past_s;
            next.centre_px()[axis] - last.centre_px()[axis] - pace * step_s
        };
        off(0).hypot(off(1)) > JUMP * last.trunk_px().max(next.trunk_px())
    });
    last.can_become(next) && !jumps
}

impl Segment {
    fn of(members: &[usize], seen: &[Seen]) -> Self {
        let sightings: Vec<Sighting> = members.iter().map(|&index| seen[index].sighting).collect();
        let mut colours = Colours::default();
        for looks in members
            .iter()
            .filter_map(|&index| seen[index].observation.appearance.as_ref())
        {
            colours.add_appearance(looks);
        }
        let backwards: Vec<Sighting> = sightings.iter().rev().copied().collect();
        Self {
            seen: members.to_vec(),
            head: end(&sightings),
            tail: end(&backwards),
            looks: colours.appearance(),
        }
    }
}

/// The first of the sightings, with the pace of those after it: the slope of the straight line through them with the least squares.
pub(crate) fn end(sightings: &[Sighting]) -> End {
    let first = sightings[0];
    let near: Vec<&Sighting> = sightings
        .iter()
        .take_while(|sighting| (sighting.time_s() - first.time_s()).abs() <= PACE_S)
        .collect();
    let count = near.len() as f64;
    let mean_s = near.iter().map(|sighting| sighting.time_s()).sum::<f64>() / count;
    let spread: f64 = near.iter().map(|sighting| (sighting.time_s() - mean_s).powi(2)).sum();
    let slope = |axis: usize| {
        let mean_px = near.iter().map(|sighting| sighting.centre_px()[axis]).sum::<f64>() / count;
        let covariance: f64 = near
            .iter()
            .map(|sighting| (sighting.time_s() - mean_s) * (sighting.centre_px()[axis] - mean_px))
            .sum();
        covariance / spread
    };
    let velocity_px_s = if near.len() < LEAST_FRAMES || spread <= 0.0 {
        [0.0; 2]
    } else {
        [slope(0), slope(1)]
    };
    End {
        sighting: first,
        velocity_px_s,
    }
}
