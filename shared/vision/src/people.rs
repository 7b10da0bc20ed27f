//! What tells whether two of those who are followed are one person, and which of the two to believe.

use std::collections::VecDeque;

use marey_motion::{Appearance, Pose, Sighting, people::Colours};

use crate::{Region, tracker::Track};

/// Two poses whose landmarks are on average nearer than this, in trunks, are of one person: 12 cm.
const SAME_POSE: f64 = 0.25;

/// A detection whose region is nearer than this to one that is followed, in sides of the smaller one, is of the person there...
const SAME_PLACE: f64 = 0.1;

/// ... if the one is not larger than this many times the other.
const SAME_SIZE: f64 = 1.3;

/// How much of the surprise of earlier frames is remembered in the next: half of it after some seven frames.
const REMEMBERED: f64 = 0.9;

/// How much the clothes of earlier frames still count in the next.
const WORN: f32 = 0.95;

/// Who is lost among others is looked for where his pace takes him for so long, in seconds, and so often.
const MISSED_S: f64 = 1.2;
const MISSED_EVERY_S: f64 = 0.1;

/// The pace of somebody lost is that of so many seconds, which ended so long before the loss: just before it he was mistaken already.
const PACE_S: f64 = 0.5;
const MISTAKEN_S: f64 = 0.15;

/// Clothes further apart than this are not those of the one who is looked for.
const OTHER_CLOTHES: f64 = 0.5;

/// Somebody who is followed from frame to frame.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) number: u64,
    pub(crate) track: Track,
    /// Where he was of late, and the region in which he was seen.
    past: VecDeque<(Sighting, Region)>,
    velocity_px_s: [f64; 2],
    clothes: Colours,
    /// How unlike what was expected the last frames were: in trunks, and shares of clothes.
    surprise: f64,
}

impl Followed {
    pub(crate) fn new(number: u64, smooth: bool) -> Self {
        Self {
            number,
            track: Track::new(smooth),
            past: VecDeque::new(),
            velocity_px_s: [0.0; 2],
            clothes: Colours::default(),
            surprise: 0.0,
        }
    }

    /// Remembers how this frame was, and how much of a surprise.
    pub(crate) fn notice(&mut self, pose: &Pose, region: &Region, appearance: Option<&Appearance>, time_s: f64) {
        self.surprise *= REMEMBERED;
        if let Some(appearance) = appearance {
            let known = self.clothes.appearance();
            self.surprise += known.and_then(|known| known.distance(appearance)).unwrap_or(0.0);
            self.clothes.fade(WORN);
            self.clothes.add_appearance(appearance);
        }
        let Some(seen) = Sighting::of(pose, time_s) else { return };
        if let Some((last, _)) = self.past.back() {
            let step_s = time_s - last.time_s();
            let moved: [f64; 2] = std::array::from_fn(|axis| seen.centre_px()[axis] - last.centre_px()[axis]);
            let off = |axis: usize| moved[axis] - self.velocity_px_s[axis] * step_s;
            self.surprise += off(0).hypot(off(1)) / seen.trunk_px().max(last.trunk_px());
            for (velocity, moved) in self.velocity_px_s.iter_mut().zip(moved) {
                *velocity += 0.3 * (moved / step_s - *velocity);
            }
        }
        self.past.push_back((seen, *region));
        while self.past.len() > 2 && time_s - self.past[0].0.time_s() > PACE_S + MISTAKEN_S {
            self.past.pop_front();
        }
    }

    /// Where to look for him now that he is lost; `None` if he was seen too shortly to tell.
    pub(crate) fn missed(&self, lost_s: f64) -> Option<Missed> {
        let trusted = self
            .past
            .iter()
            .rev()
            .find(|(seen, _)| lost_s - seen.time_s() >= MISTAKEN_S);
        let ((from, _), (to, region)) = (self.past.front()?, trusted?);
        let elapsed_s = to.time_s() - from.time_s();
        if elapsed_s < MISTAKEN_S {
            return None;
        }
        let pace = |axis: usize| (to.centre_px()[axis] - from.centre_px()[axis]) / elapsed_s;
        Some(Missed {
            region: *region,
            velocity_px_s: [pace(0), pace(1)],
            seen_s: to.time_s(),
            lost_s,
            looked_s: lost_s,
            clothes: self.clothes.appearance(),
        })
    }
}

/// Somebody who was lost while others were followed, such as behind one of them.
#[derive(Debug, Clone)]
pub(crate) struct Missed {
    region: Region,
    velocity_px_s: [f64; 2],
    seen_s: f64,
    lost_s: f64,
    looked_s: f64,
    clothes: Option<Appearance>,
}

impl Missed {
    /// Whether there is still a point in looking.
    pub(crate) fn is_worth_looking(&self, time_s: f64) -> bool {
        time_s - self.lost_s <= MISSED_S
    }

    /// The region in which to look now; `None` when it is too soon to look again.
    pub(crate) fn look(&mut self, time_s: f64) -> Option<Region> {
        if time_s - self.looked_s < MISSED_EVERY_S {
            return None;
        }
        self.looked_s = time_s;
        let ahead_s = time_s - self.seen_s;
        Some(Region {
            center_x_px: self.region.center_x_px + self.velocity_px_s[0] * ahead_s,
            center_y_px: self.region.center_y_px + self.velocity_px_s[1] * ahead_s,
            ..self.region
        })
        .filter(Region::is_usable)
    }

    /// Whether somebody in these clothes can be the one.
    pub(crate) fn wears(&self, appearance: Option<&Appearance>) -> bool {
        let distance = self
            .clothes
            .as_ref()
            .zip(appearance)
            .and_then(|(known, seen)| known.distance(seen));
        distance.is_none_or(|distance| distance <= OTHER_CLOTHES)
    }
}

/// Whether two poses in one frame are of the same person.
pub(crate) fn is_same_pose(a: &Pose, b: &Pose) -> bool {
    let trunk_px = |pose: &Pose| Sighting::of(pose, 0.0).map_or(0.0, |sighting| sighting.trunk_px());
    a.distance_px(b) < SAME_POSE * trunk_px(a).max(trunk_px(b))
}

/// Whether a detected region is that of somebody who is followed, so that there is no need to look.
pub(crate) fn is_same_place(a: &Region, b: &Region) -> bool {
    let (small, large) = (a.side_px.min(b.side_px), a.side_px.max(b.side_px));
    let apart_px = (a.center_x_px - b.center_x_px).hypot(a.center_y_px - b.center_y_px);
    apart_px < SAME_PLACE * small && large < SAME_SIZE * small
}

/// Which of two that follow the same person came there by surprise; the newer one where neither did.
pub(crate) fn which_to_drop(followed: &[Followed], a: u64, b: u64) -> Option<u64> {
    let find = |number: u64| followed.iter().find(|followed| followed.number == number);
    let (a, b) = (find(a)?, find(b)?);
    let (older, newer) = if a.number < b.number { (a, b) } else { (b, a) };
    Some(if older.surprise > newer.surprise {
        older.number
    } else {
        newer.number
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_beside_another_is_somebody_elses() {
        let here = Region::around(200, 200);
        let at = |center_x_px: f64, side_px: f64| Region {
            center_x_px,
            side_px,
            ..here
        };
        assert!(is_same_place(&here, &at(110.0, 210.0)));
        assert!(!is_same_place(&here, &at(160.0, 200.0)));
        assert!(
            !is_same_place(&here, &at(100.0, 300.0)),
            "a child in front of its mother"
        );
    }

    #[test]
    fn who_came_by_surprise_is_dropped_and_else_the_newer_one() {
        let mut both = [Followed::new(3, false), Followed::new(4, false)];
        assert_eq!(which_to_drop(&both, 4, 3), Some(4));
        both[0].surprise = 1.0;
        assert_eq!(which_to_drop(&both, 3, 4), Some(3));
        assert_eq!(which_to_drop(&both, 3, 9), None);
    }
}
