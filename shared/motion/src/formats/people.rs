//! Who is who in files that list people anew for each frame, as `OpenPose` and `NeuroPose` do.
//!
//! A person in a frame is whoever was last seen in nearly the same posture and place; the best pairing of all counts, not the order in
//! the file. This bridges short absences only: two people who cross while one hides the other may be mixed up.

use std::collections::HashSet;

use super::limits;
use crate::assignment::assign;
use crate::{MotionError, Person, Point, Pose};

/// Landmarks may move this far between sightings, on average, in parts of the body's size in the picture.
const FARTHEST: f64 = 0.5;

/// Somebody unseen for more frames than this is not recognised again.
const LONGEST_ABSENCE: usize = 60;

/// More people in one frame are refused.
const MOST_PER_FRAME: usize = 100;

/// Nobody is compared with more people than these, who entered last.
const MOST_COMPARED: usize = 2 * MOST_PER_FRAME;

/// A person as a file lists it.
pub(super) struct Listed {
    /// The identity that the file gives, if it gives one.
    pub(super) id: Option<u32>,
    pub(super) pose: Pose,
}

/// People, frame after frame.
#[derive(Default)]
pub(super) struct Follower {
    known: Vec<Known>,
    frames: usize,
    points: usize,
}

struct Known {
    id: u32,
    /// Whether the file gave the identity.
    is_named: bool,
    poses: Vec<(usize, Pose)>,
}

impl Known {
    fn is_in(&self, frame: usize) -> bool {
        self.poses.last().is_some_and(|(last, _)| *last == frame)
    }

    /// Frames since the last sighting.
    fn absence(&self, frame: usize) -> usize {
        self.poses.last().map_or(0, |(last, _)| frame - last)
    }
}

impl Follower {
    /// How many frames there have been.
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    /// Adds a frame.
    pub(super) fn push(&mut self, listed: Vec<Listed>) -> Result<(), MotionError> {
        if listed.len() > MOST_PER_FRAME {
            let reason = format!(
                "{} people in frame {}, where {MOST_PER_FRAME} may be",
                listed.len(),
                self.frames
            );
            return Err(MotionError::TooLarge(reason));
        }
        self.points += listed.iter().map(|person| person.pose.points.len()).sum::<usize>();
        let places = self.places(&listed);
        for (person, place) in listed.into_iter().zip(places) {
            // Somebody who is listed twice in a frame is two.
            let free = place.filter(|&place| !self.known[place].is_in(self.frames));
            let place = free.unwrap_or_else(|| {
                self.known.push(Known {
                    id: person.id.unwrap_or_else(|| self.next_id()),
                    is_named: person.id.is_some(),
                    poses: Vec::new(),
                });
                self.known.len() - 1
            });
            self.known[place].poses.push((self.frames, person.pose));
        }
        self.frames += 1;
        limits::check(self.known.len(), self.frames, self.points)
    }

    fn next_id(&self) -> u32 {
        self.known
            .iter()
            .map(|known| known.id.saturating_add(1))
            .max()
            .unwrap_or(0)
    }

    /// Which of the known people each listed one is: by the identity that the file gives, else by place and posture among those without
    /// one.
    fn places(&self, listed: &[Listed]) -> Vec<Option<usize>> {
        let recent: Vec<usize> = (0..self.known.len())
            .rev()
            .filter(|&index| !self.known[index].is_named && self.known[index].absence(self.frames) <= LONGEST_ABSENCE)
            .take(MOST_COMPARED)
            .collect();
        let cost = |person: &Listed, index: usize| {
            let (_, last) = self.known[index].poses.last()?;
            distance(&person.pose, last)
        };
        let unnamed = listed.iter().filter(|person| person.id.is_none());
        let costs: Vec<Vec<Option<f64>>> = unnamed
            .map(|person| recent.iter().map(|&index| cost(person, index)).collect())
            .collect();
        let mut pairs = assign(&costs, FARTHEST).into_iter();
        let named = |id: u32| self.known.iter().position(|known| known.is_named && known.id == id);
        listed
            .iter()
            .map(|person| match person.id {
                Some(id) => named(id),
                None => pairs.next().flatten().map(|pair| recent[pair]),
            })
            .collect()
    }

    /// The people with a pose or a gap for every frame. Whoever has a number that another has gets one of his own.
    pub(super) fn finish(self) -> Vec<Person> {
        let frames = self.frames;
        let mut people: Vec<Person> = Vec::with_capacity(self.known.len());
        let mut taken = HashSet::new();
        let mut free = self.next_id();
        for known in self.known {
            let mut id = known.id;
            if !taken.insert(id) {
                id = free;
                free = free.saturating_add(1);
            }
            let mut poses = vec![None; frames];
            for (frame, pose) in known.poses {
                poses[frame] = Some(pose);
            }
            people.push(Person { id, poses });
        }
        people
    }
}

/// Mean distance in the picture between the landmarks that both poses have, in parts of the larger body; `None` without any.
fn distance(a: &Pose, b: &Pose) -> Option<f64> {
    let is_seen = |point: &Point| point.visibility > 0.0;
    let both = a.points.iter().zip(&b.points).filter(|(a, b)| is_seen(a) && is_seen(b));
    let (mut sum, mut count) = (0.0, 0.0);
    for (a, b) in both {
        sum += f64::from(a.x_px - b.x_px).hypot(f64::from(a.y_px - b.y_px));
        count += 1.0;
    }
    let size = size_px(a)?.max(size_px(b)?);
    (count > 0.0).then(|| sum / count / size.max(1.0))
}

/// Diagonal of the rectangle around the landmarks that were seen.
fn size_px(pose: &Pose) -> Option<f64> {
    let [x, y, width, height] = bounds_px(pose)?;
    let _ = (x, y);
    Some(f64::from(width).hypot(f64::from(height)))
}

/// The rectangle around the landmarks that were seen: left, top, width and height.
pub(super) fn bounds_px(pose: &Pose) -> Option<[f32; 4]> {
    let mut seen = pose.points.iter().filter(|point| point.visibility > 0.0);
    let first = seen.next()?;
    let start = [first.x_px, first.y_px, first.x_px, first.y_px];
    let [left, top, right, bottom] = seen.fold(start, |[left, top, right, bottom], point| {
        [
            left.min(point.x_px),
            top.min(point.y_px),
            right.max(point.x_px),
            bottom.max(point.y_px),
        ]
    });
    Some([left, top, right - left, bottom - top])
}

/// Frame times for files that have none: those given, or even ones at a rate.
pub(super) fn times(frames: usize, given_s: Option<&[f64]>, rate_hz: Option<f64>) -> Result<Vec<f64>, MotionError> {
    if let Some(given_s) = given_s {
        if given_s.len() != frames {
            let reason = format!("{} times were given for {frames} frames", given_s.len());
            return Err(MotionError::InvalidRecording(reason));
        }
        return Ok(given_s.to_vec());
    }
    let rate_hz = rate_hz.filter(|rate_hz| rate_hz.is_finite() && *rate_hz > 0.0);
    let rate_hz = rate_hz.ok_or(MotionError::RateMissing)?;
    Ok((0..frames).map(|frame| frame as f64 / rate_hz).collect())
}
