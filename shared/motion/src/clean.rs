//! Cleaning one person's poses: landmarks that are not trusted count as missing, short gaps are filled, the rest is
//! filtered.

use crate::filter::Butterworth;
use crate::gaps::{State, fill, stretches};
use crate::timebase::{Grid, Timebase, longest_step_s};
use crate::{MotionError, Person, Point, Pose, Settings};

/// The coordinates of a landmark in one frame: `x_px, y_px, z_px, x_m, y_m, z_m`.
type Row = [f64; 6];

/// How many landmarks are cleaned in one pass over the poses: enough to read whole cache lines, few enough that an
/// hour of video needs little memory.
const AT_ONCE: usize = 8;

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
    /// A landmark was trusted or filled if and only if its visibility is at least [`Settings::minimum_visibility`]; a
    /// filled one has the lesser visibility of the frames on either side. Other landmarks are as the model gave them
    /// or, in a frame in which the model found nobody, where they were last seen, with a visibility of zero.
    pub poses: Vec<Option<Pose>>,
    /// Stretches of a landmark that were too short to be filtered and stayed as they were.
    pub unfiltered_stretches: usize,
    /// Stretches of a landmark that were filtered.
    pub filtered_stretches: usize,
}

/// How to filter, worked out once per recording.
enum Plan {
    Leave,
    Even(Butterworth),
    /// Resample to this interval in seconds first; the filter depends on the exact interval that fits a stretch.
    Uneven(f64),
}

/// Cleans the poses of people that share their frame times.
pub struct Cleaner<'a> {
    time_s: &'a [f64],
    settings: &'a Settings,
    plan: Plan,
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
        let timebase = Timebase::of(time_s);
        let mut notes = Vec::new();
        let plan = match (settings.cutoff_hz, timebase) {
            (Some(cutoff_hz), Some(timebase)) => plan(cutoff_hz, settings.order, time_s, timebase, &mut notes)?,
            _ => Plan::Leave,
        };
        Ok(Self {
            time_s,
            settings,
            plan,
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
        let mut cleaned = Cleaned {
            poses: person.poses.clone(),
            ..Cleaned::default()
        };
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
            for track in &mut *tracks {
                self.clean_track(track, &mut cleaned);
                for (trusted, state) in trusted.iter_mut().zip(&track.states) {
                    *trusted |= *state != State::Missing;
                }
            }
            store(person, first, tracks, &mut cleaned.poses);
        }
        for (pose, trusted) in cleaned.poses.iter_mut().zip(trusted) {
            if !trusted {
                *pose = None;
            }
        }
        cleaned
    }

    fn gather(&self, person: &Person, first: usize, tracks: &mut [Track]) {
        for (frame, pose) in person.poses.iter().enumerate().take(self.time_s.len()) {
            let points = pose.as_ref().map_or(&[][..], |pose| &pose.points[first..]);
            for (index, track) in tracks.iter_mut().enumerate() {
                let trusted = points
                    .get(index)
                    .filter(|point| point.visibility >= self.settings.minimum_visibility);
                track.states[frame] = if trusted.is_some() { State::Seen } else { State::Missing };
                if let Some(point) = trusted {
                    track.rows[frame] =
                        [point.x_px, point.y_px, point.z_px, point.x_m, point.y_m, point.z_m].map(f64::from);
                }
            }
        }
    }

    fn clean_track(&self, track: &mut Track, cleaned: &mut Cleaned) {
        fill(
            self.time_s,
            &mut track.rows,
            &mut track.states,
            self.settings.longest_gap_s,
        );
        for stretch in stretches(self.time_s, &track.states, self.longest_step_s) {
            match self.filter(&self.time_s[stretch.clone()], &mut track.rows[stretch]) {
                Some(true) => cleaned.filtered_stretches += 1,
                Some(false) => cleaned.unfiltered_stretches += 1,
                None => {}
            }
        }
    }

    /// Whether the stretch was filtered, or `None` where nothing was to be.
    fn filter(&self, time_s: &[f64], rows: &mut [Row]) -> Option<bool> {
        match &self.plan {
            Plan::Leave => None,
            Plan::Even(filter) => Some(filter.filter_both_ways(rows)),
            Plan::Uneven(interval_s) => Some(self.filter_resampled(*interval_s, time_s, rows).unwrap_or(false)),
        }
    }

    fn filter_resampled(&self, interval_s: f64, time_s: &[f64], rows: &mut [Row]) -> Option<bool> {
        if rows.len() < 2 {
            return Some(false);
        }
        let mut grid = Grid::resample(time_s, rows, interval_s);
        let filter = Butterworth::lowpass(self.settings.order, self.settings.cutoff_hz?, grid.rate_hz()).ok()?;
        let filtered = filter.filter_both_ways(&mut grid.rows);
        if filtered {
            grid.read_back(time_s, rows);
        }
        Some(filtered)
    }
}

fn plan(
    cutoff_hz: f64,
    order: usize,
    time_s: &[f64],
    timebase: Timebase,
    notes: &mut Vec<String>,
) -> Result<Plan, MotionError> {
    // Times rounded to milliseconds have a median interval that is off; their mean interval is not.
    let rate_hz = if timebase.is_even() {
        (time_s.len() - 1) as f64 / (time_s[time_s.len() - 1] - time_s[0])
    } else {
        1.0 / timebase.interval_s
    };
    // A stretch's own grid may be slower than the median rate; 0.9 keeps the cut-off below half of that rate as well.
    if cutoff_hz >= 0.9 * rate_hz / 2.0 {
        notes.push(format!(
            "{rate_hz:.1} frames per second are too few for a cut-off of {cutoff_hz} Hz: nothing was filtered."
        ));
        return Ok(Plan::Leave);
    }
    if timebase.is_even() {
        return Ok(Plan::Even(Butterworth::lowpass(order, cutoff_hz, rate_hz)?));
    }
    notes.push(format!(
        "The frames are unevenly spaced (intervals differ from their median of {:.1} ms by up to {:.0} %): they were \
         resampled evenly for filtering and read back at their true times.",
        1000.0 * timebase.interval_s,
        100.0 * timebase.unevenness
    ));
    Ok(Plan::Uneven(timebase.interval_s))
}

/// Writes cleaned landmarks into the poses, making poses where the model found nobody.
fn store(person: &Person, first: usize, tracks: &[Track], poses: &mut [Option<Pose>]) {
    for (frame, place) in poses.iter_mut().enumerate() {
        for (landmark, track) in (first..).zip(tracks) {
            let state = track.states[frame];
            if state == State::Missing {
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
    }
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
