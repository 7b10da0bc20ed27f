//! One recording from the recordings of a video's parts, which overlap.
//!
//! What follows somebody through a video starts anew with each part, and its people have numbers of their own. In the overlap both
//! parts saw the same frames: whoever stands in the same place in both is the same person, whatever the numbers. The poses in the
//! overlap are then those of the part before, so that nothing is taken from the first second of a part, in which whatever follows people
//! is still finding them.

use crate::assignment::assign;
use crate::identity::{End, Sighting};
use crate::people::{Appearance, Colours, end};
use crate::{MotionError, Person, Pose, Recording};

/// Poses of two people, on average, are further apart than this, in lengths of the trunk; those of one person in the same frames are not.
const SAME_PERSON: f64 = 0.5;

/// The pace at an end is looked for in at most so many sightings.
const NEAR_FRAMES: usize = 120;

/// The recording of a part of a video: its own frames, and some before them.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What was seen, in the frames of the part before, too, as far as they were read.
    pub recording: Recording,
    /// Frames from here on are the part's own, s.
    pub start_s: f64,
    /// Frames from here on are the next part's, s.
    pub end_s: f64,
    /// What each person of the recording wears, in its order; shorter where that is not known.
    pub appearances: Vec<Option<Appearance>>,
}

/// Puts the parts of a video together, in the order in which they are given: every frame once, one identity and one series of poses per
/// person.
///
/// Who is who across a cut is decided by the poses in the overlap. Somebody who is in no frame of it may be anybody who was seen
/// before and can have got there, at the least cost: it is that by which stretches within a part are linked, too.
///
/// # Errors
///
/// [`MotionError::PartsDisagree`] for no parts, parts that do not follow each other, or parts of different videos, skeletons or models;
/// [`MotionError::InvalidRecording`] for a part that contradicts itself.
pub fn join(parts: Vec<Part>) -> Result<Recording, MotionError> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else {
        return Err(MotionError::PartsDisagree("there are none".to_owned()));
    };
    first.recording.validate()?;
    let mut end_s = first.end_s;
    let mut joined = Recording {
        time_s: Vec::new(),
        people: Vec::new(),
        ..first.recording.clone()
    };
    let mut looks = Vec::new();
    append(&mut joined, &mut looks, first);
    for part in parts {
        part.recording.validate()?;
        check(&joined, &part, end_s)?;
        end_s = part.end_s;
        append(&mut joined, &mut looks, part);
    }
    joined.validate()?;
    Ok(joined)
}

fn check(joined: &Recording, part: &Part, end_s: f64) -> Result<(), MotionError> {
    let recording = &part.recording;
    let reason = if part.start_s.total_cmp(&end_s).is_ne() {
        format!("one ends at {end_s} s and the next begins at {} s", part.start_s)
    } else if recording.source != joined.source {
        "they are of different videos".to_owned()
    } else if recording.skeleton != joined.skeleton || recording.model != joined.model {
        "they were made with different models".to_owned()
    } else {
        return Ok(());
    };
    Err(MotionError::PartsDisagree(reason))
}

/// Adds a part's own frames. `looks` is how each of the joined people looks.
fn append(joined: &mut Recording, looks: &mut Vec<Colours>, part: Part) {
    let own: Vec<usize> = (0..part.recording.time_s.len())
        .filter(|&frame| (part.start_s..part.end_s).contains(&part.recording.time_s[frame]))
        .collect();
    let places = places(joined, looks, &part, &own);
    let before = joined.time_s.len();
    joined
        .time_s
        .extend(own.iter().map(|&frame| part.recording.time_s[frame]));
    let frames = joined.time_s.len();
    for person in &mut joined.people {
        person.poses.resize(frames, None);
    }
    let appearances = part.appearances.iter().copied().chain(std::iter::repeat(None));
    for ((mut person, appearance), place) in part.recording.people.into_iter().zip(appearances).zip(places) {
        let Some(place) = place else { continue };
        if looks.len() <= place {
            looks.resize_with(place + 1, Colours::default);
        }
        if let Some(appearance) = appearance {
            looks[place].add_appearance(&appearance);
        }
        while joined.people.len() <= place {
            joined.people.push(Person {
                id: joined.people.len() as u32,
                poses: vec![None; frames],
            });
        }
        for (at, &frame) in own.iter().enumerate() {
            joined.people[place].poses[before + at] = person.poses[frame].take();
        }
    }
}

/// Which of the joined people each person of a part is; a place that nobody has yet for somebody new, and none for whoever is in
/// none of the part's own frames.
fn places(joined: &Recording, looks: &[Colours], part: &Part, own: &[usize]) -> Vec<Option<usize>> {
    let people = &part.recording.people;
    let shared = shared_frames(joined, part);
    let distances: Vec<Vec<Option<f64>>> = people
        .iter()
        .map(|person| {
            let known = joined.people.iter();
            known.map(|known| distance(person, known, &shared)).collect()
        })
        .collect();
    let mut places = assign(&distances, SAME_PERSON);
    let mut is_taken: Vec<bool> = vec![false; joined.people.len()];
    for place in places.iter().flatten() {
        is_taken[*place] = true;
    }
    // In the order in which they appear, as if there had been no cut.
    let mut rest: Vec<(usize, usize)> = (0..people.len())
        .filter(|&person| places[person].is_none())
        .filter_map(|person| Some((first_own(&people[person], own)?, person)))
        .collect();
    rest.sort_unstable();
    let tails: Vec<Option<End>> = joined
        .people
        .iter()
        .map(|person| tail(person, &joined.time_s))
        .collect();
    let costs: Vec<Vec<Option<f64>>> = rest
        .iter()
        .map(|&(frame, person)| {
            let head = head(&people[person], &part.recording.time_s, frame);
            let appearance = part.appearances.get(person).copied().flatten();
            let cost = |known: usize| {
                let looks = looks.get(known).and_then(Colours::appearance);
                // Two who were seen in the same frame are two.
                let is_free = !is_taken[known] && distances[person][known].is_none();
                let (tail, head) = (tails[known].filter(|_| is_free)?, head?);
                tail.cost_of_becoming(&head, looks.as_ref(), appearance.as_ref())
            };
            (0..joined.people.len()).map(cost).collect()
        })
        .collect();
    let mut count = joined.people.len();
    for (&(_, person), known) in rest.iter().zip(assign(&costs, 1.0)) {
        places[person] = Some(known.unwrap_or(count));
        count += usize::from(known.is_none());
    }
    places
}

/// The first of a part's own frames in which somebody is.
fn first_own(person: &Person, own: &[usize]) -> Option<usize> {
    own.iter().copied().find(|&frame| person.poses[frame].is_some())
}

/// How somebody begins in a part.
fn head(person: &Person, time_s: &[f64], frame: usize) -> Option<End> {
    let poses = person.poses[frame..].iter().zip(&time_s[frame..]);
    let sightings = poses.filter_map(|(pose, &time_s)| Sighting::of(pose.as_ref()?, time_s));
    let sightings: Vec<Sighting> = sightings.take(NEAR_FRAMES).collect();
    (!sightings.is_empty()).then(|| end(&sightings))
}

/// How somebody was seen last.
fn tail(person: &Person, time_s: &[f64]) -> Option<End> {
    let poses = person.poses.iter().zip(time_s).rev();
    let sightings = poses.filter_map(|(pose, &time_s)| Sighting::of(pose.as_ref()?, time_s));
    let sightings: Vec<Sighting> = sightings.take(NEAR_FRAMES).collect();
    (!sightings.is_empty()).then(|| end(&sightings))
}

/// The frames that are in both: their place in the part and in what is joined already.
fn shared_frames(joined: &Recording, part: &Part) -> Vec<(usize, usize)> {
    let overlap = part
        .recording
        .time_s
        .iter()
        .take_while(|&&time_s| time_s < part.start_s);
    overlap
        .enumerate()
        .filter_map(|(frame, time_s)| {
            let known = joined
                .time_s
                .binary_search_by(|known_s| known_s.total_cmp(time_s))
                .ok()?;
            Some((frame, known))
        })
        .collect()
}

/// How far apart two people are in the frames in which both were seen, in lengths of the trunk: the median, since the first frames
/// of a part can be far off. `None` when there is no such frame.
fn distance(person: &Person, known: &Person, shared: &[(usize, usize)]) -> Option<f64> {
    let mut distances: Vec<f64> = shared
        .iter()
        .filter_map(|&(frame, known_frame)| {
            let (pose, known) = (person.poses[frame].as_ref()?, known.poses[known_frame].as_ref()?);
            let trunk_px = |pose| Sighting::of(pose, 0.0).map_or(0.0, |sighting| sighting.trunk_px());
            let trunk_px = trunk_px(pose).max(trunk_px(known));
            // Without a trunk there is no measure; those in the same place are the same.
            Some(pose.distance_px(known) / trunk_px.max(1.0))
        })
        .collect();
    let middle = distances.len() / 2;
    (!distances.is_empty()).then(|| *distances.select_nth_unstable_by(middle, f64::total_cmp).1)
}

impl Pose {
    /// The mean distance between the landmarks of two poses of one skeleton in the image, px. Landmarks count as far as both models
    /// trust them.
    pub fn distance_px(&self, other: &Self) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (a, b) in self.points.iter().zip(&other.points) {
            // So little that it counts only where nothing is trusted.
            let weight = f64::from(a.visibility.min(b.visibility)).max(1e-6);
            sum += weight * f64::from(a.x_px - b.x_px).hypot(f64::from(a.y_px - b.y_px));
            weights += weight;
        }
        if weights > 0.0 { sum / weights } else { 0.0 }
    }
}
