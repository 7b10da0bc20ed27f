//! Who is who: which poses of a video belong to the same person.
//!
//! Poses of two people in one series would be filtered into limbs that nobody has. So a pose that is too far from where a person
//! can have got to begins, or goes on with, another person.

use crate::{Landmark, Pose};

/// A pose this many trunks away is another person even if no time has passed: the error of the model between frames.
const LEEWAY: f64 = 0.35;

/// Faster than this nobody moves, in lengths of the trunk per second. The trunk is about half a metre (0.288 of the body's
/// height: Drillis and Contini 1966), so this is 12 m/s, a sprinter at his fastest.
const FASTEST_PER_S: f64 = 24.0;

/// For so many seconds somebody out of sight may go on at that pace.
const SPRINT_S: f64 = 0.1;

/// Afterwards a walk is likelier than a sprint, and a swap likelier than both: 2 m/s, in trunks per second.
const USUAL_PER_S: f64 = 4.0;

/// After this long a lost person may be anywhere, in seconds; the size still has to agree.
const FORGOTTEN_S: f64 = 2.0;

/// A person does not grow or shrink by more than this factor while he is out of sight.
const LARGEST_CHANGE: f64 = 1.8;

/// Where somebody was at a moment: centre and size of the trunk, of all landmarks the ones that a model moves least.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sighting {
    centre_px: [f64; 2],
    trunk_px: f64,
    time_s: f64,
}

impl Sighting {
    /// What a pose tells of where somebody is; `None` without a trunk.
    pub fn of(pose: &Pose, time_s: f64) -> Option<Self> {
        let middle = |a: Landmark, b: Landmark| {
            let (a, b) = (pose.point(a)?, pose.point(b)?);
            Some([
                f64::midpoint(a.x_px.into(), b.x_px.into()),
                f64::midpoint(a.y_px.into(), b.y_px.into()),
            ])
        };
        let hips = middle(Landmark::LeftHip, Landmark::RightHip)?;
        let shoulders = middle(Landmark::LeftShoulder, Landmark::RightShoulder)?;
        let trunk_px = (hips[0] - shoulders[0]).hypot(hips[1] - shoulders[1]);
        (trunk_px.is_finite() && trunk_px > 0.0).then_some(Self {
            centre_px: hips,
            trunk_px,
            time_s,
        })
    }

    /// Length of the trunk, px.
    pub fn trunk_px(&self) -> f64 {
        self.trunk_px
    }

    /// How far apart two sightings are, px.
    pub fn distance_px(&self, other: &Self) -> f64 {
        (self.centre_px[0] - other.centre_px[0]).hypot(self.centre_px[1] - other.centre_px[1])
    }

    /// Whether this person can be the one who is seen there later.
    pub fn can_become(&self, later: &Self) -> bool {
        let change = if self.trunk_px > 0.0 {
            later.trunk_px / self.trunk_px
        } else {
            1.0
        };
        let elapsed_s = (later.time_s - self.time_s).max(0.0);
        if elapsed_s > FORGOTTEN_S {
            return (1.0 / LARGEST_CHANGE..=LARGEST_CHANGE).contains(&change);
        }
        // A trunk that bends towards the camera looks short; the larger of the two sizes is nearer to the truth.
        let size_px = self.trunk_px.max(later.trunk_px);
        let reach = FASTEST_PER_S * elapsed_s.min(SPRINT_S) + USUAL_PER_S * (elapsed_s - SPRINT_S).max(0.0);
        self.distance_px(later) <= size_px * (LEEWAY + reach)
    }
}

/// Gives each pose of a model that follows one person at a time to a person, frame after frame. When such a model loses somebody
/// it takes whomever it finds next, and that may be somebody else at the other end of the picture.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    last: Vec<Sighting>,
}

impl Identities {
    /// The number, from 0, of the person to whom a pose at `time_s` belongs; a number not given before is a new person.
    /// Times must not run backwards.
    pub fn assign(&mut self, pose: &Pose, time_s: f64) -> usize {
        let Some(seen) = Sighting::of(pose, time_s) else {
            // Without a trunk there is nothing to tell people apart by: it is whoever was seen last.
            return self.most_recent().unwrap_or_else(|| {
                self.enter(Sighting {
                    centre_px: [0.0, 0.0],
                    trunk_px: 0.0,
                    time_s,
                })
            });
        };
        let fitting = self.last.iter().enumerate().filter(|(_, last)| last.can_become(&seen));
        let nearest = fitting.min_by(|(_, a), (_, b)| a.distance_px(&seen).total_cmp(&b.distance_px(&seen)));
        if let Some((index, _)) = nearest {
            self.last[index] = seen;
            return index;
        }
        self.enter(seen)
    }

    /// How many people there have been.
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// Whether nobody has been seen yet.
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    fn enter(&mut self, seen: Sighting) -> usize {
        self.last.push(seen);
        self.last.len() - 1
    }

    fn most_recent(&self) -> Option<usize> {
        let latest = self
            .last
            .iter()
            .enumerate()
            .max_by(|(_, a), (_, b)| a.time_s.total_cmp(&b.time_s));
        latest.map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use crate::Point;

    use super::*;

    /// A person whose hips are at `x`, with a trunk of 100 px.
    fn at(x: f32) -> Pose {
        let point = |index: usize| {
            let y_px = if index == Landmark::LeftHip.index() || index == Landmark::RightHip.index() {
                300.0
            } else {
                200.0
            };
            Point {
                x_px: x,
                y_px,
                z_px: 0.0,
                x_m: 0.0,
                y_m: 0.0,
                z_m: 0.0,
                visibility: 1.0,
                presence: 1.0,
            }
        };
        Pose {
            score: 1.0,
            points: (0..33).map(point).collect(),
        }
    }

    #[test]
    fn somebody_who_moves_stays_the_same_person() {
        let mut who = Identities::default();
        for frame in 0..90 {
            assert_eq!(who.assign(&at(frame as f32 * 12.0), f64::from(frame) / 30.0), 0);
        }
        assert_eq!(who.len(), 1);
    }

    #[test]
    fn a_jump_across_the_picture_is_somebody_else_and_back_again_is_the_first() {
        let mut who = Identities::default();
        assert_eq!(who.assign(&at(100.0), 0.0), 0);
        assert_eq!(who.assign(&at(900.0), 0.033), 1);
        assert_eq!(who.assign(&at(910.0), 0.067), 1);
        assert_eq!(who.assign(&at(105.0), 0.1), 0);
    }

    #[test]
    fn a_short_loss_is_forgiven_within_what_a_body_can_do() {
        let mut who = Identities::default();
        assert_eq!(who.assign(&at(100.0), 0.0), 0);
        assert_eq!(who.assign(&at(400.0), 0.5), 0, "three trunks in half a second is a run");
        assert_eq!(
            who.assign(&at(1400.0), 0.6),
            1,
            "ten trunks in a tenth of a second is not"
        );
    }

    #[test]
    fn a_pose_without_numbers_belongs_to_whoever_was_seen_last() {
        let mut who = Identities::default();
        who.assign(&at(100.0), 0.0);
        who.assign(&at(900.0), 0.1);
        assert_eq!(who.assign(&at(f32::NAN), 0.2), 1);
        assert_eq!(Identities::default().assign(&at(f32::NAN), 0.0), 0);
    }
}
