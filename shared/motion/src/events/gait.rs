//! Heel strikes and toe offs of a walking bout, by the methods that are published for marker trajectories.
//!
//! The foot's foremost and rearmost place against the pelvis mark each stride roughly. Every method looks for its own event
//! in a window about these marks, so that methods differ in where they see the event and not in how many they find.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::bouts::Bout;
use super::signal::{Extreme, bends, maxima, minima, slopes, vertex_s};
use super::tracks::{SIDES, Spot, Tracks};
use crate::{Event, EventKind, Side};

/// By which published method heel strikes and toe offs are found. In files under its [`id`](Self::id); the aliases are what the first
/// analyses wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum GaitMethod {
    /// Zeni, Richards and Higginson 2008 (Gait & Posture 27, 710–714): heel strike where the heel is foremost, toe off where
    /// the toes are rearmost against the pelvis, along the way.
    #[serde(rename = "zeni_2008", alias = "zeni2008")]
    Zeni2008,
    /// Hreljac and Marshall 2000 (Journal of Biomechanics 33, 783–786): heel strike at the greatest vertical acceleration
    /// of the heel, toe off at the greatest horizontal acceleration of the toes, each where the jerk is zero.
    #[serde(rename = "hreljac_marshall_2000", alias = "hreljac_marshall2000")]
    HreljacMarshall2000,
    /// O'Connor, Thorpe, O'Malley and Vaughan 2007 (Gait & Posture 25, 469–474): heel strike at the trough of the vertical
    /// velocity of the foot's middle while the heel is low, toe off at its peak. The default: docs/MEASURES.md tells why.
    #[default]
    #[serde(rename = "oconnor_2007", alias = "o_connor2007")]
    OConnor2007,
}

impl GaitMethod {
    /// All methods.
    pub const ALL: [Self; 3] = [Self::Zeni2008, Self::HreljacMarshall2000, Self::OConnor2007];

    /// The method of a name, if there is one.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.id() == id)
    }

    /// Stable name, as in [`crate::Measure::method`].
    pub const fn id(self) -> &'static str {
        match self {
            Self::Zeni2008 => "zeni_2008",
            Self::HreljacMarshall2000 => "hreljac_marshall_2000",
            Self::OConnor2007 => "oconnor_2007",
        }
    }
}

/// The foot swings by at least so many leg lengths against the pelvis; a stride is about 1.3 of them.
const LEAST_SWING: f64 = 0.25;

/// Half of the window about a mark, as a share of the stride's time. Half of the shortest phase, double support, is 5 %;
/// the events of two methods lie up to 8 % apart.
const WINDOW: f64 = 0.12;

/// The heel is low below this share of its range (O'Connor et al. 2007).
const LOW_HEEL: f64 = 0.35;

/// Between a foot's strike and its leaving the floor lies at least this share of a stride (a sprinter's stance), and between
/// leaving and strike at least this (the shortest swing); two events of a kind lie at least `LEAST_REPEAT` apart.
const LEAST_STANCE: f64 = 0.22;
const LEAST_SWING_TIME: f64 = 0.2;
const LEAST_REPEAT: f64 = 0.6;

/// An event and how clearly the foot's swing shows it.
struct Found {
    event: Event,
    prominence: f64,
}

/// Heel strikes and toe offs of a bout, in the order of time.
pub(crate) fn gait_events(tracks: &Tracks<'_>, bout: &Bout, method: GaitMethod) -> Vec<Event> {
    let mut events: Vec<Event> = SIDES
        .into_iter()
        .flat_map(|side| in_order(side_events(tracks, bout, side, method), 2.0 * bout.step_s))
        .collect();
    events.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    events
}

/// Of two events of a foot that follow each other too soon, the one that stands out less is left out.
fn in_order(mut found: Vec<Found>, stride_s: f64) -> Vec<Event> {
    found.sort_by(|a, b| a.event.time_s.total_cmp(&b.event.time_s));
    let mut kept: Vec<Found> = Vec::new();
    for next in found {
        loop {
            let too_soon = kept.last().is_some_and(|last| {
                let least = match (last.event.kind, next.event.kind) {
                    (EventKind::HeelStrike, EventKind::ToeOff) => LEAST_STANCE,
                    (EventKind::ToeOff, EventKind::HeelStrike) => LEAST_SWING_TIME,
                    _ => LEAST_REPEAT,
                };
                next.event.time_s - last.event.time_s < least * stride_s
            });
            if !too_soon {
                kept.push(next);
                break;
            }
            if kept.last().is_some_and(|last| last.prominence >= next.prominence) {
                break;
            }
            kept.pop();
        }
    }
    kept.into_iter().map(|found| found.event).collect()
}

fn side_events(tracks: &Tracks<'_>, bout: &Bout, side: Side, method: GaitMethod) -> Vec<Found> {
    let leg = tracks.leg(side);
    let known = bout
        .frames
        .clone()
        .map(|frame| leg.heel[frame].is_some() && leg.toe[frame].is_some() && tracks.hips[frame].is_some());
    let view = bout.camera_plane.deviation_deg.to_radians().cos();
    let mut events = Vec::new();
    for run in tracks.runs(bout.frames.start, known) {
        let foot = Foot::new(tracks, bout, side, run.clone());
        for (kind, marks) in [
            (EventKind::HeelStrike, foot.foremost()),
            (EventKind::ToeOff, foot.rearmost()),
        ] {
            let signal = foot.signal(kind, method);
            for mark in marks {
                if let Some(time_s) = foot.event_s(kind, mark, method, &signal) {
                    let visibility = leg.visibility[run.start + mark.index];
                    events.push(Found {
                        event: Event {
                            kind,
                            side: Some(side),
                            time_s,
                            confidence: (view * visibility).clamp(0.0, 1.0),
                        },
                        prominence: mark.prominence,
                    });
                }
            }
        }
    }
    events
}

/// One foot during an unbroken run of frames: along the way ahead, and up, in pixels.
struct Foot<'a> {
    time_s: &'a [f64],
    heel: [Vec<f64>; 2],
    toe: [Vec<f64>; 2],
    pelvis: Vec<f64>,
    leg_px: f64,
    stride_s: f64,
}

impl<'a> Foot<'a> {
    fn new(tracks: &Tracks<'a>, bout: &Bout, side: Side, run: Range<usize>) -> Self {
        // Along the way, and over it.
        let axis = |track: &[Spot], axis: usize| -> Vec<f64> {
            let place = |spot: &[f64; 2]| match axis {
                0 => bout.ahead * spot[0],
                _ => spot[1] - bout.rise * spot[0],
            };
            track[run.clone()].iter().flatten().map(place).collect()
        };
        let leg = tracks.leg(side);
        Self {
            time_s: &tracks.time_s[run.clone()],
            heel: [axis(&leg.heel, 0), axis(&leg.heel, 1)],
            toe: [axis(&leg.toe, 0), axis(&leg.toe, 1)],
            pelvis: axis(&tracks.hips, 0),
            leg_px: tracks.leg_px,
            stride_s: 2.0 * bout.step_s,
        }
    }

    fn against_pelvis(&self, track: &[f64]) -> Vec<f64> {
        track
            .iter()
            .zip(&self.pelvis)
            .map(|(point, pelvis)| point - pelvis)
            .collect()
    }

    fn foremost(&self) -> Vec<Extreme> {
        maxima(
            self.time_s,
            &self.against_pelvis(&self.heel[0]),
            LEAST_SWING * self.leg_px,
        )
    }

    fn rearmost(&self) -> Vec<Extreme> {
        minima(
            self.time_s,
            &self.against_pelvis(&self.toe[0]),
            LEAST_SWING * self.leg_px,
        )
    }

    /// What a method looks for the greatest value of in the window about each mark: accelerations or velocities, of a strike
    /// downward. Empty where the method takes the mark itself.
    fn signal(&self, kind: EventKind, method: GaitMethod) -> Vec<f64> {
        let is_strike = kind == EventKind::HeelStrike;
        match method {
            GaitMethod::Zeni2008 => Vec::new(),
            GaitMethod::HreljacMarshall2000 => bends(self.time_s, if is_strike { &self.heel[1] } else { &self.toe[0] }),
            GaitMethod::OConnor2007 => {
                let feet = self.heel[1].iter().zip(&self.toe[1]);
                let middle: Vec<f64> = feet.map(|(heel, toe)| f64::midpoint(*heel, *toe)).collect();
                let mut velocity = slopes(self.time_s, &middle);
                if is_strike {
                    for velocity in &mut velocity {
                        *velocity = -*velocity;
                    }
                }
                velocity
            }
        }
    }

    /// The moment of the event at a mark, given the [`Self::signal`] of its kind and method.
    fn event_s(&self, kind: EventKind, mark: Extreme, method: GaitMethod, signal: &[f64]) -> Option<f64> {
        let window = self.within(mark.time_s, WINDOW * self.stride_s);
        let is_strike = kind == EventKind::HeelStrike;
        let index = match method {
            GaitMethod::Zeni2008 => return Some(mark.time_s),
            GaitMethod::HreljacMarshall2000 => {
                // A swinging heel is braked before the foot is foremost, and would be taken for a strike there.
                let braked = |index: usize| is_strike && self.time_s[index] < mark.time_s;
                greatest(signal, window, |index| !braked(index))?
            }
            GaitMethod::OConnor2007 if is_strike => {
                let low = self.low_heel(mark.time_s);
                greatest(signal, window, |index| self.heel[1][index] <= low)?
            }
            GaitMethod::OConnor2007 => greatest(signal, window, |_| true)?,
        };
        // Of an acceleration: the jerk between frames, on a straight line from each to the next, is zero at the parabola's turn.
        Some(vertex_s(self.time_s, signal, index))
    }

    /// The samples within a reach of a moment.
    fn within(&self, middle_s: f64, reach_s: f64) -> Range<usize> {
        let start = self.time_s.partition_point(|&time| time < middle_s - reach_s);
        start..self.time_s.partition_point(|&time| time <= middle_s + reach_s)
    }

    /// The height below which the heel is low, from its range in the strides about a moment: over the whole way, somebody who
    /// comes nearer to the camera sinks in the picture.
    fn low_heel(&self, moment_s: f64) -> f64 {
        let strides = self.within(moment_s, self.stride_s);
        let heights = self.heel[1][strides].iter();
        let (low, high) = heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
        low + LOW_HEEL * (high - low)
    }
}

/// The local maximum with the greatest value in a window; `None` if there is none.
fn greatest(values: &[f64], window: Range<usize>, allowed: impl Fn(usize) -> bool) -> Option<usize> {
    window
        .filter(|&index| index > 0 && index + 1 < values.len())
        .filter(|&index| values[index] >= values[index - 1] && values[index] > values[index + 1])
        .filter(|&index| allowed(index))
        .max_by(|&a, &b| values[a].total_cmp(&values[b]))
}
