//! Jumps: both feet leave the floor, and the pelvis flies as a thrown body does.

use std::ops::Range;

use super::signal::{Parabola, bends, maxima, median, value_at};
use super::tracks::{SIDES, Spot, Tracks};
use crate::{Event, EventKind};

/// Standard gravity in m/s² (ISO 80000-3).
pub(crate) const GRAVITY_M_S2: f64 = 9.80665;

/// Thigh and shank together as a share of the body's height (Winter, Biomechanics and Motor Control of Human Movement, 4th
/// ed., figure 4.1: 0.530 − 0.039), times 1.70 m: what a leg's length is taken for where no scale is known.
const USUAL_LEG_M: f64 = 0.491 * 1.70;

/// The lower foot rises by at least so many leg lengths over the floor, about 4 cm.
const LEAST_RISE: f64 = 0.05;

/// The part of the flight, from its top down, to which the parabola is fitted; below it the foot still leaves the floor or
/// meets it again, and the filter has rounded the corners.
const FLIGHT_FIT: f64 = 0.75;

/// A parabola that explains less than this of the feet's flight does not tell when it began: the legs were drawn up.
const LEAST_FIT: f64 = 0.9;

/// A flight takes at least and at most so long in seconds: shorter ones, of under 3 cm, drown in the noise of landmarks, and 1.2 s would
/// be a jump of 1.8 m.
const FLIGHT_S: Range<f64> = 0.15..1.2;

/// The pelvis falls with this share of gravity in a flight. A leg's usual length may be off by a sixth, the view changes no
/// heights; bending the trunk and a filter take something off.
const FALL: Range<f64> = 0.5..1.6;

/// By so many frames feet and pelvis may differ about a moment.
const MORE_THAN_FRAMES: f64 = 0.5;

/// Places where a jump begins and ends may differ by so many leg lengths in height, about 6 cm, or else the time of flight
/// does not tell the height.
const LEVEL: f64 = 0.07;

/// One jump.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Jump {
    pub(crate) take_off_s: f64,
    pub(crate) landing_s: f64,
    /// Whether it lands where it left, as to height.
    pub(crate) level: bool,
    /// The body's rise from take-off to the top of its flight in pixels.
    pub(crate) rise_px: Option<f64>,
    /// Whether that is the rise of the centre of mass, and not of the middle of the hips.
    pub(crate) of_centre: bool,
    /// Trust in it in `0..=1`.
    pub(crate) confidence: f64,
}

impl Jump {
    pub(crate) fn flight_s(&self) -> f64 {
        self.landing_s - self.take_off_s
    }

    pub(crate) fn events(&self) -> [Event; 2] {
        [
            (EventKind::TakeOff, self.take_off_s),
            (EventKind::Landing, self.landing_s),
        ]
        .map(|(kind, time_s)| Event {
            kind,
            side: None,
            time_s,
            confidence: self.confidence,
        })
    }
}

/// Finds the jumps, in the order of time. `m_per_px` is the scale, if one is known, and `centre_px` the height of the centre
/// of mass in each frame, or empty.
pub(crate) fn jumps(tracks: &Tracks<'_>, m_per_px: Option<f64>, centre_px: &[Option<f64>]) -> Vec<Jump> {
    let lowest: Vec<Option<f64>> = (0..tracks.time_s.len())
        .map(|frame| lower_foot(tracks, frame))
        .collect();
    let known = lowest
        .iter()
        .zip(&tracks.hips)
        .map(|(foot, hips)| foot.is_some() && hips.is_some());
    let m_per_px = m_per_px.unwrap_or(USUAL_LEG_M / tracks.leg_px);
    tracks
        .runs(0, known)
        .into_iter()
        .flat_map(|run| {
            let airborne = Airborne {
                time_s: &tracks.time_s[run.clone()],
                foot: lowest[run.clone()].iter().flatten().copied().collect(),
                pelvis: tracks.hips[run.clone()].iter().flatten().map(|hips| hips[1]).collect(),
                centre: run
                    .clone()
                    .map(|frame| centre_px.get(frame).copied().flatten())
                    .collect(),
                visibility: run
                    .map(|frame| SIDES.map(|side| tracks.leg(side).visibility[frame]))
                    .map(mean_of_two)
                    .collect(),
                leg_px: tracks.leg_px,
                m_per_px,
            };
            airborne.jumps()
        })
        .collect()
}

fn mean_of_two([one, other]: [f64; 2]) -> f64 {
    f64::midpoint(one, other)
}

/// Height of the lowest point of both feet in pixels. Every point that is seen counts, and each foot has to be seen.
fn lower_foot(tracks: &Tracks<'_>, frame: usize) -> Option<f64> {
    let lowest = |spots: [Spot; 2]| spots.into_iter().flatten().map(|spot| spot[1]).reduce(f64::min);
    let [left, right] = SIDES.map(|side| lowest([tracks.leg(side).heel[frame], tracks.leg(side).toe[frame]]));
    Some(left?.min(right?))
}

/// An unbroken run of frames: heights in pixels.
struct Airborne<'a> {
    time_s: &'a [f64],
    foot: Vec<f64>,
    pelvis: Vec<f64>,
    /// Height of the centre of mass, where all of the body that is seen is seen in the frames beside too.
    centre: Vec<Option<f64>>,
    visibility: Vec<f64>,
    leg_px: f64,
    m_per_px: f64,
}

impl Airborne<'_> {
    fn jumps(&self) -> Vec<Jump> {
        let bends = bends(self.time_s, &self.pelvis);
        let tops = maxima(self.time_s, &self.foot, LEAST_RISE * self.leg_px);
        let tops: Vec<usize> = tops.iter().map(|top| top.index).collect();
        tops.iter()
            .enumerate()
            .filter_map(|(index, &top)| {
                let before = if index == 0 { 0 } else { tops[index - 1] };
                let after = tops.get(index + 1).map_or(self.foot.len(), |&next| next + 1);
                self.jump(before, top, after, &bends)
            })
            .collect()
    }

    /// The jump whose top is at a frame, between the tops of its neighbours. `bends` is the pelvis' acceleration.
    fn jump(&self, before: usize, top: usize, after: usize, bends: &[f64]) -> Option<Jump> {
        let start = before.max(
            self.time_s
                .partition_point(|&time| time < self.time_s[top] - FLIGHT_S.end),
        );
        let end = after.min(
            self.time_s
                .partition_point(|&time| time <= self.time_s[top] + FLIGHT_S.end),
        );
        let from_px = self.floor(start..top)?;
        let to_px = self.floor(top + 1..end)?;
        let rise = self.foot[top] - from_px.max(to_px);
        if rise < LEAST_RISE * self.leg_px {
            return None;
        }
        let (take_off_s, landing_s, fit) = self.flight(top, from_px, to_px)?;
        let (take_off_s, landing_s) = self.while_weightless(bends, top, take_off_s, landing_s)?;
        let flight_s = landing_s - take_off_s;
        if !FLIGHT_S.contains(&flight_s) {
            return None;
        }
        let fall = self.fall(take_off_s, landing_s)?;
        let visibility = median(self.visibility[start..end].to_vec()).unwrap_or(0.0);
        let (rise_px, of_centre) = self.rise_px(take_off_s, landing_s);
        Some(Jump {
            take_off_s,
            landing_s,
            level: (from_px - to_px).abs() <= LEVEL * self.leg_px,
            rise_px,
            of_centre,
            confidence: (visibility * fit * fall.fit * flight_s / (flight_s + self.frame_s())).clamp(0.0, 1.0),
        })
    }

    /// Height of the floor beside a flight: the median of what lies within 3 % of a leg of the lowest.
    fn floor(&self, beside: Range<usize>) -> Option<f64> {
        let lowest = self.foot[beside.clone()].iter().copied().fold(f64::INFINITY, f64::min);
        median(
            self.foot[beside]
                .iter()
                .copied()
                .filter(|height| height - lowest <= 0.03 * self.leg_px)
                .collect(),
        )
    }

    /// Take-off, landing, and how well they are known. The upper part of the feet's flight is a parabola for a body that
    /// keeps its shape; where it meets the floor is exact at any frame rate. Otherwise the crossing of a height just above
    /// the floor counts, and is trusted half as much.
    fn flight(&self, top: usize, from_px: f64, to_px: f64) -> Option<(f64, f64, f64)> {
        let upper = from_px.max(to_px);
        let part = self.around(top, self.foot[top] - FLIGHT_FIT * (self.foot[top] - upper));
        if let Some(parabola) = Parabola::fit(&self.time_s[part.clone()], &self.foot[part])
            && parabola.fit >= LEAST_FIT
            && parabola.acceleration() < 0.0
            && let (Some([take_off_s, _]), Some([_, landing_s])) =
                (parabola.moments_of(from_px), parabola.moments_of(to_px))
        {
            return Some((take_off_s, landing_s, parabola.fit));
        }
        let margin = 0.5 * LEAST_RISE * self.leg_px;
        let take_off = self.around(top, from_px + margin).start;
        let landing = self.around(top, to_px + margin).end;
        let take_off_s = self.crossing_s(take_off.checked_sub(1)?, from_px + margin)?;
        let landing_s = self.crossing_s(landing.checked_sub(1)?, to_px + margin)?;
        Some((take_off_s, landing_s, 0.5))
    }

    /// The part of a feet's flight in which the pelvis falls. Feet that point down, or are drawn up, seem to leave the floor
    /// early and to reach it late; the pelvis is braked upward until they do, and from when they do. Between the push and
    /// the flight its acceleration goes through zero, and a filter without lag does not shift such a step. The pelvis
    /// overrules the feet only where it differs by more than half a frame, which is what its second derivative can tell.
    fn while_weightless(&self, bends: &[f64], top: usize, take_off_s: f64, landing_s: f64) -> Option<(f64, f64)> {
        if bends[top] >= 0.0 {
            return None;
        }
        let crossing_s = |falls: usize, pushes: usize| {
            let share = bends[falls] / (bends[falls] - bends[pushes]);
            self.time_s[falls] + share * (self.time_s[pushes] - self.time_s[falls])
        };
        let start = (0..top).rev().find(|&index| bends[index] >= 0.0);
        let end = (top..bends.len()).find(|&index| bends[index] >= 0.0);
        let (start_s, end_s) = (
            start.map(|at| crossing_s(at + 1, at)),
            end.map(|at| crossing_s(at - 1, at)),
        );
        let frame_s = self.frame_s();
        Some((
            start_s
                .filter(|start_s| *start_s > take_off_s + MORE_THAN_FRAMES * frame_s)
                .unwrap_or(take_off_s),
            end_s
                .filter(|end_s| *end_s < landing_s - MORE_THAN_FRAMES * frame_s)
                .unwrap_or(landing_s),
        ))
    }

    /// The mean time between frames.
    fn frame_s(&self) -> f64 {
        (self.time_s[self.time_s.len() - 1] - self.time_s[0]) / (self.time_s.len() - 1) as f64
    }

    /// The frames around a top that are above a height.
    fn around(&self, top: usize, height: f64) -> Range<usize> {
        let is_below = |&index: &usize| self.foot[index] <= height;
        let start = (0..top).rev().find(is_below).map_or(0, |below| below + 1);
        start..(top..self.foot.len()).find(is_below).unwrap_or(self.foot.len())
    }

    /// When the foot goes through a height between a frame and the next.
    fn crossing_s(&self, index: usize, height: f64) -> Option<f64> {
        let (from, to) = (self.foot[index], *self.foot.get(index + 1)?);
        let share = (height - from) / (to - from);
        Some(self.time_s[index] + share.clamp(0.0, 1.0) * (self.time_s[index + 1] - self.time_s[index]))
    }

    /// The pelvis' flight, if it is one: a parabola that falls with about the acceleration of gravity. Frames next to the
    /// floor are left out where there are enough others, since the filter mixes the push into them.
    fn fall(&self, take_off_s: f64, landing_s: f64) -> Option<Parabola> {
        let inside = |margin: f64| {
            let margin_s = margin * (landing_s - take_off_s);
            let start = self.time_s.partition_point(|&time| time < take_off_s + margin_s);
            start..self.time_s.partition_point(|&time| time <= landing_s - margin_s)
        };
        let fit = |frames: Range<usize>| Parabola::fit(&self.time_s[frames.clone()], &self.pelvis[frames]);
        let flight = fit(inside(0.15)).or_else(|| fit(inside(0.0)))?;
        let share = -flight.acceleration() * self.m_per_px / GRAVITY_M_S2;
        FALL.contains(&share).then_some(flight)
    }

    /// How far the body rises in a flight, and whether that is its centre of mass. Where an arm comes into sight or is lost meanwhile, the
    /// centre moves though nothing moved, and the middle of the hips stands for it.
    fn rise_px(&self, take_off_s: f64, landing_s: f64) -> (Option<f64>, bool) {
        let start = self.time_s.partition_point(|&time| time < take_off_s).saturating_sub(1);
        let end = (self.time_s.partition_point(|&time| time <= landing_s) + 1).min(self.time_s.len());
        let time_s = &self.time_s[start..end];
        match self.centre[start..end].iter().copied().collect::<Option<Vec<f64>>>() {
            Some(centre) => (rise_px(time_s, &centre, take_off_s, landing_s), true),
            None => (rise_px(time_s, &self.pelvis[start..end], take_off_s, landing_s), false),
        }
    }
}

/// How far a height rises from a moment to its top.
fn rise_px(time_s: &[f64], body: &[f64], take_off_s: f64, landing_s: f64) -> Option<f64> {
    let at_take_off = value_at(time_s, body, take_off_s)?;
    let start = time_s.partition_point(|&time| time < take_off_s);
    let end = time_s.partition_point(|&time| time <= landing_s);
    let highest = (start..end).max_by(|&a, &b| body[a].total_cmp(&body[b]))?;
    let around = highest.saturating_sub(2)..(highest + 3).min(body.len());
    let top = Parabola::fit(&time_s[around.clone()], &body[around])
        .filter(|top| top.acceleration() < 0.0)
        .map_or(body[highest], |top| top.extreme());
    Some(top - at_take_off)
}
