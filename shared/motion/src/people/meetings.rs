//! Gives the poses of moments in which people met to those whom they fit.

use super::segments::end;
use super::{Appearance, Colours, Member, Seen};
use crate::assignment::assign;
use crate::identity::{End, OTHER_CLOTHES, Sighting};

/// Further than this from where somebody is expected, in trunks, it is not him.
const EXPECTED: f64 = 0.6;

/// Nobody is expected anywhere so long after, or before, he was seen, in seconds; between two sightings, so long between them.
const EXPECTED_FOR_S: f64 = 0.5;
const EXPECTED_BETWEEN_S: f64 = 2.0;

/// Two poses whose landmarks are on average nearer than this, in trunks, are of one person.
pub(crate) const SAME_POSE: f64 = 0.25;

/// Weights of place and clothes in the cost, which sum up to 1.
const WEIGHTS: [f64; 2] = [0.6, 0.4];

/// Where somebody is known to have been.
struct Known {
    sightings: Vec<Sighting>,
    looks: Option<Appearance>,
}

/// Gives loose observations, indices in the order of time, to the people whom they fit; the others belong to nobody.
pub(super) fn settle(members: &mut Vec<Member>, loose: &[usize], seen: &[Seen]) {
    let known: Vec<Known> = members.iter().map(|member| Known::of(member, seen)).collect();
    let mut start = 0;
    while start < loose.len() {
        let frame = seen[loose[start]].frame;
        let end = start + loose[start..].partition_point(|&index| seen[index].frame == frame);
        let poses = &loose[start..end];
        let costs: Vec<Vec<Option<f64>>> = poses
            .iter()
            .map(|&index| known.iter().map(|known| known.cost(&seen[index])).collect())
            .collect();
        let mut given: Vec<(usize, usize, f64)> = (assign(&costs, 1.0).into_iter().enumerate())
            .filter_map(|(row, member)| Some((poses[row], member?, costs[row][member?]?)))
            .collect();
        given.sort_by(|a, b| a.2.total_cmp(&b.2));
        let mut taken: Vec<usize> = Vec::new();
        for (index, member, _) in given {
            if taken.iter().all(|&other| !is_same(&seen[index], &seen[other])) {
                taken.push(index);
                members[member].seen.push(index);
            }
        }
        start = end;
    }
    if members.is_empty() {
        strangers(members, loose, seen);
    }
}

/// If nobody was ever alone, whoever was followed is somebody.
fn strangers(members: &mut Vec<Member>, loose: &[usize], seen: &[Seen]) {
    let mut tracks: Vec<u64> = Vec::new();
    for &index in loose {
        let track = seen[index].observation.track;
        let place = tracks.iter().position(|&known| known == track).unwrap_or_else(|| {
            tracks.push(track);
            members.push(Member::default());
            tracks.len() - 1
        });
        members[place].seen.push(index);
        if let Some(looks) = &seen[index].observation.appearance {
            members[place].looks.add_appearance(looks);
        }
    }
}

fn is_same(a: &Seen, b: &Seen) -> bool {
    let trunk_px = a.sighting.trunk_px().max(b.sighting.trunk_px());
    a.observation.pose.distance_px(&b.observation.pose) < SAME_POSE * trunk_px
}

impl Known {
    fn of(member: &Member, seen: &[Seen]) -> Self {
        Self {
            sightings: member.seen.iter().map(|&index| seen[index].sighting).collect(),
            looks: Colours::appearance(&member.looks),
        }
    }

    /// What it costs to take a pose for this person's; `None` where he is not expected.
    fn cost(&self, seen: &Seen) -> Option<f64> {
        let [x, y] = self.expected_px(seen.sighting.time_s())?;
        let [seen_x, seen_y] = seen.sighting.centre_px();
        let off = (x - seen_x).hypot(y - seen_y) / seen.sighting.trunk_px().max(self.trunk_px()) / EXPECTED;
        let looks = self.looks.as_ref().zip(seen.observation.appearance.as_ref());
        let clothes = looks.and_then(|(known, seen)| known.distance(seen));
        if off > 1.0 || clothes.is_some_and(|distance| distance > OTHER_CLOTHES) {
            return None;
        }
        Some(off.mul_add(WEIGHTS[0], clothes.unwrap_or(0.5) * WEIGHTS[1]))
    }

    fn trunk_px(&self) -> f64 {
        self.sightings.first().map_or(0.0, Sighting::trunk_px)
    }

    /// Where the hips should be at a moment at which the person was not seen: on the way between the two sightings beside it.
    fn expected_px(&self, time_s: f64) -> Option<[f64; 2]> {
        let after = self.sightings.partition_point(|sighting| sighting.time_s() < time_s);
        let next = self.sightings.get(after);
        if next.is_some_and(|next| next.time_s().total_cmp(&time_s).is_eq()) {
            return None;
        }
        let last = after.checked_sub(1).and_then(|last| self.sightings.get(last));
        if let (Some(last), Some(next)) = (last, next) {
            let gap_s = next.time_s() - last.time_s();
            if gap_s <= EXPECTED_BETWEEN_S {
                let share = (time_s - last.time_s()) / gap_s;
                let between = |axis: usize| last.centre_px()[axis] * (1.0 - share) + next.centre_px()[axis] * share;
                return Some([between(0), between(1)]);
            }
        }
        let is_near = |end: &End| (end.sighting.time_s() - time_s).abs() <= EXPECTED_FOR_S;
        let backwards: Vec<Sighting> = self.sightings[..after].iter().rev().take(60).copied().collect();
        let tail = (!backwards.is_empty()).then(|| end(&backwards)).filter(is_near);
        let head = (after < self.sightings.len())
            .then(|| end(&self.sightings[after..]))
            .filter(is_near);
        tail.or(head).map(|end| end.predicted_px(time_s))
    }
}
