//! Measures of walking, from the heel strikes and toe offs of steady strides.

use super::{Kind, Sample, withheld};
use crate::events::bouts::{Bout, Travel};
use crate::events::signal::median;
use crate::events::tracks::{SIDES, Tracks};
use crate::{Event, EventKind, GaitMethod, Measure, Outcome, Scale, Side};

const CADENCE: Kind = Kind::new("cadence", "Cadence", "steps_per_min");
const STRIDE_TIME: Kind = Kind::new("stride_time", "Stride time", "s");
const STEP_TIME: Kind = Kind::new("step_time", "Step time", "s");
const STANCE: Kind = Kind::new("stance", "Stance", "percent");
const SWING: Kind = Kind::new("swing", "Swing", "percent");
const SINGLE_SUPPORT: Kind = Kind::new("single_support", "Single support", "percent");
const DOUBLE_SUPPORT: Kind = Kind::new("double_support", "Double support", "percent");
const STRIDE_LENGTH: Kind = Kind::new("stride_length", "Stride length", "m");
const RELATIVE_STRIDE_LENGTH: Kind = Kind::new("relative_stride_length", "Stride length in leg lengths", "leg_lengths");
const STEP_LENGTH: Kind = Kind::new("step_length", "Step length", "m");
const SPEED: Kind = Kind::new("walking_speed", "Walking speed", "m_per_s");
const STEP_WIDTH: Kind = Kind::new("step_width", "Step width", "m");
const STEP_TIME_ASYMMETRY: Kind = Kind::new("step_time_asymmetry", "Step time asymmetry, right +", "percent");
const STANCE_ASYMMETRY: Kind = Kind::new("stance_asymmetry", "Stance asymmetry, right +", "percent");
const STEP_LENGTH_ASYMMETRY: Kind = Kind::new("step_length_asymmetry", "Step length asymmetry, right +", "percent");

/// A stride whose time differs from the bout's median by more than this share is not steady: a start, a stop, or a missed
/// event.
const STEADY: f64 = 0.25;

/// The foot lies flat in this part of the stride after its strike (Perry and Burnfield, Gait Analysis, 2nd ed., ch. 4: loading
/// response to 12 %, heel rise from 31 %; a quicker gait lifts it earlier).
const FLAT: std::ops::Range<f64> = 0.12..0.28;

/// The name of the asymmetry's index.
const SYMMETRY_INDEX: &str = "robinson_1987_right_less_left";

/// A bout with its events.
pub(crate) struct Walked<'a> {
    pub(crate) bout: &'a Bout,
    pub(crate) events: Vec<Event>,
}

/// From one strike of a foot to its next.
struct Stride {
    side: Side,
    start: Event,
    end: Event,
    /// The strike of the other foot between them.
    other_strike: Option<Event>,
    /// This foot leaves the floor.
    toe_off: Option<Event>,
    /// The other foot leaves the floor, which in walking is soon after the start.
    other_toe_off: Option<Event>,
}

impl Stride {
    fn time_s(&self) -> f64 {
        self.end.time_s - self.start.time_s
    }

    fn share_percent(&self, from_s: f64, to_s: f64) -> f64 {
        100.0 * (to_s - from_s) / self.time_s()
    }
}

/// All samples that strides give.
#[derive(Default)]
struct Samples {
    cadence: Vec<Sample>,
    stride_time: [Vec<Sample>; 2],
    step_time: [Vec<Sample>; 2],
    stance: [Vec<Sample>; 2],
    swing: [Vec<Sample>; 2],
    single: [Vec<Sample>; 2],
    double: Vec<Sample>,
    /// In pixels.
    stride_length: [Vec<Sample>; 2],
    /// In pixels.
    step_length: [Vec<Sample>; 2],
    /// In pixels per second.
    speed: Vec<Sample>,
    running: bool,
}

/// All measures of walking. `refused` tells why nothing was walking, if nothing was.
pub(crate) fn measures(
    tracks: &Tracks<'_>,
    walked: &[Walked<'_>],
    method: GaitMethod,
    scale: Option<&Scale>,
    refused: &str,
) -> Vec<Measure> {
    let mut samples = Samples::default();
    for walked in walked {
        add_bout(tracks, walked, &mut samples);
    }
    let lacking = if walked.is_empty() {
        refused
    } else {
        "there is no steady stride whose events were all found"
    };
    let mut measures = times(&samples, method, lacking);
    measures.extend(lengths(tracks, walked, &samples, method, scale, lacking));
    measures.extend(asymmetries(&samples, lacking));
    measures
}

fn times(samples: &Samples, method: GaitMethod, lacking: &str) -> Vec<Measure> {
    let mut measures = vec![CADENCE.of(None, method.id(), &samples.cadence, lacking)];
    for (kind, samples) in [
        (STRIDE_TIME, &samples.stride_time),
        (STEP_TIME, &samples.step_time),
        (STANCE, &samples.stance),
        (SWING, &samples.swing),
        (SINGLE_SUPPORT, &samples.single),
    ] {
        let of_side = |(side, samples): (Side, &Vec<Sample>)| kind.of(Some(side), method.id(), samples, lacking);
        measures.extend(SIDES.into_iter().zip(samples).map(of_side));
    }
    // Who walks a bout and runs another has the double support of the walk.
    let lacking = if samples.running {
        "both feet are off the floor between steps: this is running"
    } else {
        lacking
    };
    measures.push(DOUBLE_SUPPORT.of(None, method.id(), &samples.double, lacking));
    measures
}

fn lengths(
    tracks: &Tracks<'_>,
    walked: &[Walked<'_>],
    samples: &Samples,
    method: GaitMethod,
    scale: Option<&Scale>,
    lacking: &str,
) -> Vec<Measure> {
    let lacking = match walked {
        [] => lacking,
        _ if walked.iter().all(|walked| walked.bout.travel == Travel::InPlace) => {
            "the walker does not get on in the picture, as on a treadmill or before a camera that goes along"
        }
        _ if walked.iter().all(|walked| !from_the_side(walked.bout)) => {
            "the walker is seen obliquely, which foreshortens lengths along the way"
        }
        _ => lacking,
    };
    let in_metres = |samples: &[Sample]| -> (Vec<Sample>, String) {
        match scale {
            _ if samples.is_empty() => (Vec::new(), lacking.to_owned()),
            None => (
                Vec::new(),
                "no scale is known: give the person's height or a known length".to_owned(),
            ),
            Some(scale) => {
                let scaled = |sample: &Sample| Sample {
                    value: sample.value * scale.m_per_px,
                    confidence: sample.confidence * scale.confidence,
                };
                (samples.iter().map(scaled).collect(), String::new())
            }
        }
    };
    let mut measures = Vec::new();
    for (side, samples) in SIDES.into_iter().zip(&samples.stride_length) {
        let (scaled, reason) = in_metres(samples);
        measures.push(STRIDE_LENGTH.of(Some(side), method.id(), &scaled, &reason));
        let relative = |sample: &Sample| Sample {
            value: sample.value / tracks.leg_px,
            ..*sample
        };
        let relative: Vec<Sample> = samples.iter().map(relative).collect();
        measures.push(RELATIVE_STRIDE_LENGTH.of(Some(side), method.id(), &relative, lacking));
    }
    for (side, samples) in SIDES.into_iter().zip(&samples.step_length) {
        let (scaled, reason) = in_metres(samples);
        measures.push(STEP_LENGTH.of(Some(side), method.id(), &scaled, &reason));
    }
    let (scaled, reason) = in_metres(&samples.speed);
    measures.push(SPEED.of(None, method.id(), &scaled, &reason));
    let reason = if walked.is_empty() {
        lacking
    } else {
        "steps are seen from the side, and their width lies along the camera's axis"
    };
    measures.push(STEP_WIDTH.measure(None, method.id(), withheld(reason)));
    measures
}

/// Only lengths from within 25 degrees of the side are told: at 25 degrees they are 9 % too short.
fn from_the_side(bout: &Bout) -> bool {
    bout.camera_plane.view == crate::View::Side
}

/// Robinson, Herzog and Nigg 1987 (Journal of Manipulative and Physiological Therapeutics 10, 172–176), with its sign: the
/// difference of right and left as a share of their mean; positive where the right is greater, as the symmetry angle is.
fn asymmetries(samples: &Samples, lacking: &str) -> Vec<Measure> {
    let index = |kind: Kind, [left, right]: &[Vec<Sample>; 2], lacking: &str| {
        let outcome = if left.len() < 2 || right.len() < 2 {
            withheld(if left.is_empty() && right.is_empty() {
                lacking
            } else {
                "each side takes at least two steps"
            })
        } else {
            symmetry_index(left, right).unwrap_or_else(|| withheld(lacking))
        };
        kind.measure(None, SYMMETRY_INDEX, outcome)
    };
    let has_lengths = samples.step_length.iter().any(|lengths| !lengths.is_empty());
    let lengths = if samples.cadence.is_empty() || has_lengths {
        lacking
    } else {
        "there are no step lengths"
    };
    vec![
        index(STEP_TIME_ASYMMETRY, &samples.step_time, lacking),
        index(STANCE_ASYMMETRY, &samples.stance, lacking),
        index(STEP_LENGTH_ASYMMETRY, &samples.step_length, lengths),
    ]
}

fn symmetry_index(left: &[Sample], right: &[Sample]) -> Option<Outcome> {
    let of = |samples| match super::mean(samples)? {
        Outcome::Given { value, confidence, .. } => Some((value, confidence)),
        Outcome::Withheld { .. } => None,
    };
    let ((left_mean, one), (right_mean, other)) = (of(left)?, of(right)?);
    let value = 100.0 * (right_mean - left_mean) / f64::midpoint(left_mean, right_mean);
    value.is_finite().then(|| Outcome::Given {
        value,
        sd: None,
        count: left.len().min(right.len()),
        confidence: one.min(other),
    })
}

fn add_bout(tracks: &Tracks<'_>, walked: &Walked<'_>, samples: &mut Samples) {
    let strides = steady(
        SIDES
            .into_iter()
            .flat_map(|side| strides(&walked.events, side))
            .collect(),
    );
    let feet = SIDES.map(|side| Placements::new(tracks, walked.bout, side));
    // The time between frames is what a duration is unsure by.
    let frame_s = median(
        tracks.time_s[walked.bout.frames.clone()]
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect(),
    )
    .unwrap_or(0.0);
    for stride in &strides {
        add_times(stride, frame_s, samples);
        if walked.bout.travel == Travel::Across && from_the_side(walked.bout) {
            add_lengths(stride, &feet, samples);
        }
    }
}

fn strides(events: &[Event], side: Side) -> Vec<Stride> {
    let strikes: Vec<Event> = of(events, EventKind::HeelStrike, side).collect();
    let within = |kind, side, start: &Event, end: &Event| {
        let mut found = of(events, kind, side).filter(|event| start.time_s < event.time_s && event.time_s < end.time_s);
        // Two events of a kind within a stride are one too many, and nobody knows which.
        found.next().filter(|_| found.next().is_none())
    };
    let other = if side == Side::Left { Side::Right } else { Side::Left };
    strikes
        .windows(2)
        .map(|pair| Stride {
            side,
            start: pair[0],
            end: pair[1],
            other_strike: within(EventKind::HeelStrike, other, &pair[0], &pair[1]),
            toe_off: within(EventKind::ToeOff, side, &pair[0], &pair[1]),
            other_toe_off: within(EventKind::ToeOff, other, &pair[0], &pair[1]),
        })
        .collect()
}

fn of(events: &[Event], kind: EventKind, side: Side) -> impl Iterator<Item = Event> {
    events
        .iter()
        .filter(move |event| event.kind == kind && event.side == Some(side))
        .copied()
}

fn steady(mut strides: Vec<Stride>) -> Vec<Stride> {
    if let Some(usual_s) = median(strides.iter().map(Stride::time_s).collect()) {
        strides.retain(|stride| (stride.time_s() / usual_s - 1.0).abs() <= STEADY);
    }
    strides
}

fn add_times(stride: &Stride, frame_s: f64, samples: &mut Samples) {
    let index = usize::from(stride.side == Side::Right);
    // How sure the events are, less what the time between frames leaves open.
    let sample = |value: f64, duration_s: f64, events: &[Event]| Sample {
        value,
        confidence: mean_confidence(events) * duration_s / (duration_s + frame_s),
    };
    let (start, end) = (stride.start, stride.end);
    let time_s = stride.time_s();
    samples.stride_time[index].push(sample(time_s, time_s, &[start, end]));
    samples.cadence.push(sample(120.0 / time_s, time_s, &[start, end]));
    if let Some(middle) = stride.other_strike {
        // The step belongs to the foot that ends it.
        let step_s = end.time_s - middle.time_s;
        samples.step_time[index].push(sample(step_s, step_s, &[middle, end]));
    }
    if let Some(off) = stride.toe_off {
        let stance = stride.share_percent(start.time_s, off.time_s);
        samples.stance[index].push(sample(stance, off.time_s - start.time_s, &[start, off, end]));
        samples.swing[index].push(sample(100.0 - stance, end.time_s - off.time_s, &[start, off, end]));
    }
    let (Some(other_off), Some(other_strike), Some(off)) = (stride.other_toe_off, stride.other_strike, stride.toe_off)
    else {
        return;
    };
    if other_off.time_s > other_strike.time_s || off.time_s < other_strike.time_s {
        samples.running = true;
        return;
    }
    let alone = stride.share_percent(other_off.time_s, other_strike.time_s);
    samples.single[index].push(sample(
        alone,
        other_strike.time_s - other_off.time_s,
        &[start, other_off, other_strike, end],
    ));
    let (first_s, second_s) = (other_off.time_s - start.time_s, off.time_s - other_strike.time_s);
    samples.double.push(sample(
        100.0 * (first_s + second_s) / time_s,
        f64::midpoint(first_s, second_s),
        &[start, other_off, other_strike, off, end],
    ));
}

fn mean_confidence(events: &[Event]) -> f64 {
    events.iter().map(|event| event.confidence).sum::<f64>() / events.len() as f64
}

fn add_lengths(stride: &Stride, feet: &[Placements; 2], samples: &mut Samples) {
    let index = usize::from(stride.side == Side::Right);
    let time_s = stride.time_s();
    let confidence = mean_confidence(&[stride.start, stride.end]);
    let (own, other) = (&feet[index], &feet[1 - index]);
    let Some(end) = own.after_strike(stride.end.time_s, time_s) else {
        return;
    };
    if let Some(start) = own.after_strike(stride.start.time_s, time_s) {
        let value = end - start;
        samples.stride_length[index].push(Sample { value, confidence });
        let value = value / time_s;
        samples.speed.push(Sample { value, confidence });
    }
    let middle = stride
        .other_strike
        .and_then(|middle| other.after_strike(middle.time_s, time_s));
    if let Some(middle) = middle {
        let value = end - middle;
        samples.step_length[index].push(Sample { value, confidence });
    }
}

/// Where a foot stands, along the way ahead in pixels.
struct Placements {
    time_s: Vec<f64>,
    /// The middle of heel and toe.
    ahead_px: Vec<f64>,
}

impl Placements {
    fn new(tracks: &Tracks<'_>, bout: &Bout, side: Side) -> Self {
        let leg = tracks.leg(side);
        let middle = |frame: usize| Some(bout.ahead * f64::midpoint(leg.heel[frame]?[0], leg.toe[frame]?[0]));
        // What follows the bout belongs to its last stance.
        let frames = bout.frames.start..tracks.time_s.len();
        let known = frames.filter_map(|frame| Some((tracks.time_s[frame], middle(frame)?)));
        let (time_s, ahead_px) = known.unzip();
        Self { time_s, ahead_px }
    }

    /// The median place while the foot lies flat after a strike.
    fn after_strike(&self, strike_s: f64, stride_s: f64) -> Option<f64> {
        let (from_s, to_s) = (strike_s + FLAT.start * stride_s, strike_s + FLAT.end * stride_s);
        let start = self.time_s.partition_point(|&time| time < from_s);
        let end = self.time_s.partition_point(|&time| time <= to_s);
        if self.time_s.last().is_none_or(|&last_s| last_s < to_s) {
            return None;
        }
        median(self.ahead_px[start..end].to_vec())
    }
}
