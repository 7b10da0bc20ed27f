//! Several people: which of the poses that a model followed through a video belong to whom.
//!
//! A model follows regions, and a region may slide from one person to another where two pass each other. So what it followed is cut
//! into stretches in which nobody else was near ([`segments`]); when the video has ended, the stretches are linked so that the sum of
//! all costs is least ([`link`]); then the poses of the moments in which people met are given to whom they fit, and those that
//! fit nobody, such as the second of two poses of one person, are left out ([`meetings`]).

mod appearance;
mod link;
mod meetings;
mod segments;
mod select;

use crate::identity::Sighting;
use crate::{Person, Pose};

pub use appearance::{Appearance, BodyPart, Colours};
pub(crate) use segments::end;
pub use select::Selection;
pub(crate) use select::selected;

/// Somebody who is seen for less than this, in seconds, and only while others are in the picture, is none.
const GHOST_S: f64 = 0.2;

/// A frame counts for no longer than this, in seconds: before a hole in the video nobody knows how long he was there.
const LONGEST_FRAME_S: f64 = 0.1;

/// A pose in one frame, as it was followed.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What was followed from frame to frame has one number; a number is never given twice.
    pub track: u64,
    /// Where the landmarks are.
    pub pose: Pose,
    /// How the clothes look, as far as they are in the picture.
    pub appearance: Option<Appearance>,
}

/// All that was seen in a video, frame after frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observations {
    time_s: Vec<f64>,
    seen: Vec<Seen>,
}

/// An observation with its place in time and in the picture.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    frame: usize,
    sighting: Sighting,
    observation: Observation,
}

/// The people of a video, and how each looks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Crowd {
    /// Everybody, in the order in which they appear, those who appear together from left to right; numbered from 0.
    pub people: Vec<Person>,
    /// What each of them wears, as far as it is known.
    pub appearances: Vec<Option<Appearance>>,
}

impl Observations {
    /// Takes in the next frame, presented at `time_s` seconds: later than the one before.
    ///
    /// A pose in which shoulders and hips have no place belongs to nobody and is left out.
    pub fn add_frame(&mut self, time_s: f64, observations: Vec<Observation>) {
        let frame = self.time_s.len();
        self.time_s.push(time_s);
        self.seen.extend(observations.into_iter().filter_map(|observation| {
            let sighting = Sighting::of(&observation.pose, time_s)?;
            Some(Seen {
                frame,
                sighting,
                observation,
            })
        }));
    }

    /// Presentation time of each frame, s.
    pub fn time_s(&self) -> &[f64] {
        &self.time_s
    }

    /// Who is who, now that everything was seen.
    pub fn crowd(self) -> Crowd {
        let (segments, loose) = segments::cut(&self.seen);
        let mut members = link::link(&segments);
        meetings::settle(&mut members, &loose, &self.seen);
        self.gathered(members)
    }

    /// Sorts poses by person: a pose or a gap for every frame.
    fn gathered(self, mut members: Vec<Member>) -> Crowd {
        for member in &mut members {
            member.seen.sort_unstable_by_key(|&index| self.seen[index].frame);
        }
        let members = without_ghosts(members, &self.seen, &self.time_s);
        let frames = self.time_s.len();
        let mut poses: Vec<Option<Pose>> = self.seen.into_iter().map(|seen| Some(seen.observation.pose)).collect();
        let mut crowd = Crowd::default();
        for (id, (member, places)) in members.into_iter().enumerate() {
            let mut person = Person {
                id: id as u32,
                poses: vec![None; frames],
            };
            for (index, frame) in member.seen.into_iter().zip(places) {
                person.poses[frame] = poses[index].take();
            }
            crowd.people.push(person);
            crowd.appearances.push(member.looks.appearance());
        }
        crowd
    }
}

/// Somebody: indices of what was seen of him, and how he looks where nobody is near.
#[derive(Debug, Clone, Default)]
struct Member {
    seen: Vec<usize>,
    looks: Colours,
}

/// Everybody but those who were seen for a moment only, while others were there: shadows and mistakes. With each the frames in which he
/// was seen; in the order of appearance.
fn without_ghosts(members: Vec<Member>, seen: &[Seen], time_s: &[f64]) -> Vec<(Member, Vec<usize>)> {
    let mut count = vec![0_usize; time_s.len()];
    for member in &members {
        for &index in &member.seen {
            count[seen[index].frame] += 1;
        }
    }
    // Up to the next frame, but not over a hole in the video.
    let lasts_s = |frame: usize| {
        time_s
            .get(frame + 1)
            .map_or(0.0, |next_s| (next_s - time_s[frame]).min(LONGEST_FRAME_S))
    };
    let is_ghost = |member: &Member| {
        // What flickers for longer is no more for that.
        let but_last = member.seen.split_last().map_or(&[][..], |(_, others)| others);
        let seen_s: f64 = but_last.iter().map(|&index| lasts_s(seen[index].frame)).sum();
        seen_s < GHOST_S && member.seen.iter().all(|&index| count[seen[index].frame] > 1)
    };
    let mut all: Vec<Member> = members.into_iter().filter(|member| !member.seen.is_empty()).collect();
    // Two ghosts in the same frames must not both vanish: the one seen longer, else the one who came first, stays.
    all.sort_by_key(|member| (std::cmp::Reverse(member.seen.len()), member.seen[0]));
    let keep_one = all.iter().all(is_ghost);
    let mut people: Vec<Member> = Vec::new();
    for (index, member) in all.into_iter().enumerate() {
        if !is_ghost(&member) || keep_one && index == 0 {
            people.push(member);
        }
    }
    people.sort_by(|a, b| {
        let (a, b) = (&seen[a.seen[0]], &seen[b.seen[0]]);
        let left = |seen: &Seen| seen.sighting.centre_px()[0];
        a.frame.cmp(&b.frame).then(left(a).total_cmp(&left(b)))
    });
    let frames = |member: &Member| member.seen.iter().map(|&index| seen[index].frame).collect();
    people
        .into_iter()
        .map(|member| {
            let frames = frames(&member);
            (member, frames)
        })
        .collect()
}

#[cfg(test)]
mod tests;
