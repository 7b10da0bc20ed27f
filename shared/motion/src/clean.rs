//! Cleaning one person's poses: landmarks that are not trusted and outliers count as missing, short gaps are filled, the
//! rest is filtered.

use rayon::prelude::*;

use crate::filter::smoother::{Row, Smoother};
use crate::gaps::{State, runs, stretches};
use crate::timebase::longest_step_s;
use crate::{Hampel, MotionError, Person, Point, Pose, Settings};

/// How many landmarks are cleaned in one pass over the poses: enough to read whole cache lines and to keep a few cores
/// busy, few enough that an hour of video needs little memory. The 33 of BlazePose take three passes.
const AT_ONCE: usize = 11;

/// One landmark over time.
struct Track {
    rows: Vec<Row>,
    states: Vec<State>,
}

impl Track {
    fn missing(frames: usize) -> Self {
        Self {
            rows: vec![[0.0; 6]; frames],
            states: vec![State::Missing; frames],
        }
    }
}

/// One person's cleaned poses and what was done to get them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cleaned {
    /// Pose per frame; `None` where no landmark is trusted or filled.
    ///
    /// A landmark was trusted or filled if and only if [`Point::is_trusted`] by [`Settings::minimum_visibility`]; a
    /// filled one has the lesser visibility of the frames on either side. Other landmarks are as the model gave them
    /// or, in a frame in which the model found nobody, where they were last seen, with a visibility of zero. An outlier
    /// that was not filled has a visibility of zero too.
    pub poses: Vec<Option<Pose>>,
    /// What was done.
    pub counts: Counts,
}

/// What was done to a person's landmarks, counted over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Samples of a landmark that were seen and trusted, outliers among them.
    pub seen_samples: usize,
    /// Samples of a landmark that were rejected as outliers.
    pub rejected_samples: usize,
    /// Stretches of a landmark that were too short to be filtered, or whose times were too uneven, and stayed as they were.
    pub unfiltered_stretches: usize,
    /// Stretches of a landmark that were filtered.
    pub filtered_stretches: usize,
}

impl Counts {
    /// What a reader should know of it.
    pub(crate) fn notes(&self, person: u32) -> Vec<String> {
        let mut notes = Vec::new();
        if self.rejected_samples > 0 {
            notes.push(format!(
                "Person {person}: {} of {} sightings of a landmark were rejected as outliers and count as missing.",
                self.rejected_samples, self.seen_samples
            ));
        }
        if self.unfiltered_stretches > 0 {
            notes.push(format!(
                "Person {person}: {} of {} uninterrupted stretches of a landmark were too short to be filtered, or their \
                 times too uneven, and were left as they are.",
                self.unfiltered_stretches,
                self.unfiltered_stretches + self.filtered_stretches
            ));
        }
        notes
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            seen_samples: self.seen_samples + other.seen_samples,
            rejected_samples: self.rejected_samples + other.rejected_samples,
            unfiltered_stretches: self.unfiltered_stretches + other.unfiltered_stretches,
            filtered_stretches: self.filtered_stretches + other.filtered_stretches,
        }
    }
}

/// Cleans the poses of people that share their frame times.
pub struct Cleaner<'a> {
    time_s: &'a [f64],
    settings: &'a Settings,
    smoother: Smoother<'a>,
    longest_step_s: f64,
    notes: Vec<String>,
}

impl<'a> Cleaner<'a> {
    /// Plans the cleaning. `time_s` must be strictly increasing.
    ///
    /// # Errors
    ///
    /// [`MotionError::InvalidSettings`]; see [`Settings::validate`].
    pub fn new(time_s: &'a [f64], settings: &'a Settings) -> Result<Self, MotionError> {
        settings.validate()?;
        let mut notes = Vec::new();
        let smoother = Smoother::plan(&settings.filter, time_s, &mut notes)?;
        Ok(Self {
            time_s,
            settings,
            smoother,
            longest_step_s: longest_step_s(time_s, settings.longest_gap_s),
            notes,
        })
    }

    /// Sentences about the whole recording, such as that it was resampled.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Frames that lie further apart than this do not belong to one stretch, in seconds.
    pub(crate) fn longest_step_s(&self) -> f64 {
        self.longest_step_s
    }

    /// Cleans one person's poses, one per frame. All poses must have the same number of points.
    pub fn clean(&self, person: &Person) -> Cleaned {
        let mut poses: Vec<Option<Pose>> = person.poses.par_iter().cloned().collect();
        let mut counts = Counts::default();
        let frames = person.poses.len().min(self.time_s.len());
        let landmarks = person
            .poses
            .iter()
            .flatten()
            .map(|pose| pose.points.len())
            .min()
            .unwrap_or(0);
        let mut trusted = vec![false; frames];
        let mut tracks: Vec<Track> = (0..AT_ONCE).map(|_| Track::missing(frames)).collect();
        for first in (0..landmarks).step_by(AT_ONCE) {
            let tracks = &mut tracks[..AT_ONCE.min(landmarks - first)];
            self.gather(person, first, tracks);
            let sum: Counts = tracks
                .par_iter_mut()
                .map(|track| self.clean_track(track))
                .reduce(Counts::default, std::ops::Add::add);
            counts = counts + sum;
            for track in &*tracks {
                for (trusted, state) in trusted.iter_mut().zip(&track.states) {
                    *trusted |= state.has_value();
                }
            }
            store(person, first, tracks, &mut poses);
        }
        for (pose, trusted) in poses.iter_mut().zip(trusted) {
            if !trusted {
                *pose = None;
            }
        }
        Cleaned { poses, counts }
    }

    /// Takes landmarks out of the poses. Neighbours are taken together, as they lie next to each other in memory.
    fn gather(&self, person: &Person, first: usize, tracks: &mut [Track]) {
        let share = tracks.len().div_ceil(rayon::current_num_threads());
        tracks.par_chunks_mut(share).enumerate().for_each(|(index, tracks)| {
            let first = first + index * share;
            for (frame, pose) in person.poses.iter().enumerate().take(self.time_s.len()) {
                let points = pose.as_ref().map_or(&[][..], |pose| &pose.points[first..]);
                for (index, track) in tracks.iter_mut().enumerate() {
                    let trusted = points
                        .get(index)
                        .filter(|point| point.is_trusted(self.settings.minimum_visibility));
                    track.states[frame] = if trusted.is_some() { State::Seen } else { State::Missing };
                    if let Some(point) = trusted {
                        track.rows[frame] =
                            [point.x_px, point.y_px, point.z_px, point.x_m, point.y_m, point.z_m].map(f64::from);
                    }
                }
            }
        });
    }

    fn clean_track(&self, track: &mut Track) -> Counts {
        let (time_s, longest_gap_s) = (self.time_s, self.settings.longest_gap_s);
        let mut counts = Counts {
            seen_samples: track.states.iter().filter(|&&state| state == State::Seen).count(),
            ..Counts::default()
        };
        if let Some(rule) = &self.settings.outliers {
            counts.rejected_samples = reject(rule, time_s, track, longest_gap_s);
        }
        self.settings
            .gap_curve
            .fill(time_s, &mut track.rows, &mut track.states, longest_gap_s);
        for stretch in stretches(time_s, &track.states, self.longest_step_s) {
            match self.smoother.smooth(&time_s[stretch.clone()], &mut track.rows[stretch]) {
                Some(true) => counts.filtered_stretches += 1,
                Some(false) => counts.unfiltered_stretches += 1,
                None => {}
            }
        }
        // A curve through frames that lie together by chance can lead anywhere.
        for (row, state) in track.rows.iter().zip(&mut track.states) {
            if state.has_value() && !row.iter().all(|value| value.abs() <= f64::from(f32::MAX)) {
                *state = State::Missing;
            }
        }
        counts
    }
}

/// Marks the samples whose place in the image is an outlier, and counts them. Depth and world coordinates have no say:
/// they are the model's conclusions from the same picture, and noisier.
fn reject(rule: &Hampel, time_s: &[f64], track: &mut Track, longest_gap_s: f64) -> usize {
    let mut rejected = 0;
    for run in runs(time_s, &track.states, longest_gap_s) {
        for lane in [0, 1] {
            let signal: Vec<f64> = run.iter().map(|&frame| track.rows[frame][lane]).collect();
            for place in rule.outliers(&signal) {
                let state = &mut track.states[run[place]];
                rejected += usize::from(*state == State::Seen);
                *state = State::Rejected;
            }
        }
    }
    rejected
}

/// Writes cleaned landmarks into the poses, making poses where the model found nobody.
fn store(person: &Person, first: usize, tracks: &[Track], poses: &mut [Option<Pose>]) {
    poses.par_iter_mut().enumerate().for_each(|(frame, place)| {
        for (landmark, track) in (first..).zip(tracks) {
            let state = track.states[frame];
            if state == State::Rejected
                && let Some(pose) = place
            {
                (pose.points[landmark].visibility, pose.points[landmark].presence) = (0.0, 0.0);
            }
            if !state.has_value() {
                continue;
            }
            let pose = place.get_or_insert_with(|| stand_in(person, frame));
            let point = &mut pose.points[landmark];
            let [x_px, y_px, z_px, x_m, y_m, z_m] = track.rows[frame].map(|value| value as f32);
            *point = Point {
                x_px,
                y_px,
                z_px,
                x_m,
                y_m,
                z_m,
                ..*point
            };
            if state == State::Filled {
                (point.visibility, point.presence) = lesser(person, landmark, track, frame);
            }
        }
    });
}

/// The lesser visibility and presence of the frames on either side of a gap.
fn lesser(person: &Person, landmark: usize, track: &Track, frame: usize) -> (f32, f32) {
    let seen = |frame: &usize| track.states[*frame] == State::Seen;
    let sides = [(0..frame).rfind(seen), (frame..track.states.len()).find(seen)];
    let poses = sides
        .into_iter()
        .flatten()
        .filter_map(|side| person.poses[side].as_ref());
    poses
        .map(|pose| pose.points[landmark])
        .fold((1.0, 1.0), |(visibility, presence), point| {
            (point.visibility.min(visibility), point.presence.min(presence))
        })
}

/// A pose for a frame in a short gap: no landmark is visible yet, each is where it was last seen.
fn stand_in(person: &Person, frame: usize) -> Pose {
    let before = person.poses[..frame].iter().rev().flatten().next();
    let after = person.poses[frame..].iter().flatten().next();
    let score = [before, after]
        .into_iter()
        .flatten()
        .map(|pose| pose.score)
        .fold(1.0, f32::min);
    let hidden = |point: &Point| Point {
        visibility: 0.0,
        presence: 0.0,
        ..*point
    };
    let points = before
        .or(after)
        .map_or_else(Vec::new, |pose| pose.points.iter().map(hidden).collect());
    Pose { score, points }
}
