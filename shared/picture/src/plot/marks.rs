//! What was found in a movement, laid over time: repetitions as bands, events as marks on the axis.

use std::fmt::Write as _;

use marey_motion::{EventKind, Findings};

use super::scale::Scale;
use crate::label;
use crate::svg::number;

/// A band narrower than this has no room for its number.
const LEAST_NUMBERED_PX: f64 = 16.0;

/// Marks closer than this, on average, run into one another and say nothing.
const LEAST_APART_PX: f64 = 5.0;

/// Half of a mark's width.
const HALF_MARK: f64 = 4.0;

/// Repetitions as bands between two heights, every other one shaded, each with its number.
pub(super) fn bands(findings: &Findings, x: Scale, (top, bottom): (f64, f64)) -> String {
    let mut svg = String::new();
    let segments = findings.repetitions.iter().flat_map(|found| &found.segments);
    for (index, repetition) in segments.enumerate() {
        let Some((left, right)) = span(x, repetition.start_s, repetition.end_s) else {
            continue;
        };
        let class = if index % 2 == 0 { "m-band" } else { "m-band m-odd" };
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            number(left),
            number(top),
            number(right - left),
            number(bottom - top)
        );
        if right - left >= LEAST_NUMBERED_PX {
            let _ = write!(
                svg,
                "<text class=\"m-count\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                number(f64::midpoint(left, right)),
                number(top + 10.0),
                index + 1
            );
        }
    }
    svg
}

/// Events as small marks that stand on the axis: full for what begins a contact, open for what ends one. Nothing where there are so
/// many that they cannot be told apart.
pub(super) fn events(findings: &Findings, x: Scale, axis: f64) -> String {
    let count = findings.events.len();
    if count == 0 || (x.to - x.from) / (count as f64) < LEAST_APART_PX {
        return String::new();
    }
    let mut svg = String::new();
    for event in &findings.events {
        let Some((at, _)) = span(x, event.time_s, event.time_s) else {
            continue;
        };
        let (height, fill) = match event.kind {
            EventKind::HeelStrike | EventKind::Landing => (8.0, "f"),
            EventKind::ToeOff | EventKind::TakeOff => (8.0, "o"),
        };
        let _ = write!(
            svg,
            "<path class=\"m-event {fill}-{side}\" d=\"M{} {}L{} {}L{} {}Z\"><title>{} {}</title></path>",
            number(at - HALF_MARK),
            number(axis - height),
            number(at + HALF_MARK),
            number(axis - height),
            number(at),
            number(axis),
            event_name(event.kind),
            label::seconds(event.time_s),
            side = label::side(event.side),
        );
    }
    svg
}

/// What happens, in words.
pub(crate) fn event_name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::HeelStrike => "Heel strike",
        EventKind::ToeOff => "Toe off",
        EventKind::TakeOff => "Take-off",
        EventKind::Landing => "Landing",
    }
}

/// The part of a time span that is on the scale, in pixels.
pub(super) fn span(x: Scale, start_s: f64, end_s: f64) -> Option<(f64, f64)> {
    let is_on_scale = start_s.is_finite() && end_s.is_finite() && end_s >= x.low && start_s <= x.high;
    is_on_scale.then(|| (x.pixel(start_s.max(x.low)), x.pixel(end_s.min(x.high))))
}
