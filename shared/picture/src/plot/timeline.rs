//! The timeline: when each foot stands, when the body flies, and which repetition it is.

use std::fmt::Write as _;

use marey_motion::{Analysis, Event, EventKind, Findings, Side};

use super::marks::{bands, events, span};
use super::panel::{LEFT, RIGHT, extent};
use super::scale::{self, Scale};
use crate::svg::number;

const WIDTH: f64 = 980.0;
const ROW: f64 = 22.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 24.0;
/// Room for the rows' names.
const NAMES: f64 = 124.0 - LEFT;

/// A row: its name, its colour's class, and the spans in seconds that are filled.
type Row = (&'static str, &'static str, Vec<(f64, f64)>);

/// The timeline of one person as an `svg` element with the same attributes as a panel's; empty if nothing was found.
pub(crate) fn timeline(analysis: &Analysis, person_index: usize) -> String {
    let Some(findings) = analysis.people.get(person_index).map(|person| &person.findings) else {
        return String::new();
    };
    let Some((start_s, end_s)) = extent(analysis.time_s.iter().copied()).filter(|(start, end)| end > start) else {
        return String::new();
    };
    let rows = rows(findings);
    let has_repetitions = findings
        .repetitions
        .as_ref()
        .is_some_and(|found| !found.segments.is_empty());
    if rows.is_empty() && !has_repetitions {
        return String::new();
    }
    let x = Scale {
        low: start_s,
        high: end_s,
        from: LEFT + NAMES,
        to: WIDTH - RIGHT,
    };
    let mut lines = rows.len();
    let mut body = String::new();
    for (index, (name, class, spans)) in rows.iter().enumerate() {
        body.push_str(&row(TOP + index as f64 * ROW, name, class, spans, x));
    }
    if has_repetitions {
        let top = TOP + lines as f64 * ROW;
        let _ = write!(body, "<text x=\"0\" y=\"{}\">Repetitions</text>", number(top + 15.0));
        body.push_str(&bands(findings, x, (top + 4.0, top + ROW - 2.0)));
        lines += 1;
    }
    let axis = TOP + lines as f64 * ROW + 10.0;
    body.push_str(&events(findings, x, axis));
    body.push_str(&ticks(x, axis));
    format!(
        "<svg class=\"marey-plot m-timeline\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\" \
         data-person=\"{person_index}\" data-series=\"\" data-start=\"{start_s}\" data-end=\"{end_s}\" data-left=\"{left}\" \
         data-right=\"{right}\">{body}<line class=\"m-cursor\" x1=\"0\" x2=\"0\" y1=\"0\" y2=\"{axis}\" visibility=\"hidden\"/>\
         <text class=\"m-readout\" x=\"0\" y=\"{readout}\"></text></svg>",
        height = number(axis + BOTTOM),
        label = summary(findings),
        left = number(x.from),
        right = number(x.to),
        axis = number(axis),
        readout = number(axis + 18.0),
    )
}

fn rows(findings: &Findings) -> Vec<Row> {
    let feet = [
        ("Left foot stands", "m-left", Side::Left),
        ("Right foot stands", "m-right", Side::Right),
    ];
    let mut rows: Vec<Row> = Vec::new();
    for (name, class, side) in feet {
        let of_side: Vec<&Event> = findings
            .events
            .iter()
            .filter(|event| event.side == Some(side))
            .collect();
        let spans = spans(&of_side, EventKind::HeelStrike, EventKind::ToeOff);
        if !of_side.is_empty() {
            rows.push((name, class, spans));
        }
    }
    let all: Vec<&Event> = findings.events.iter().collect();
    let flights = spans(&all, EventKind::TakeOff, EventKind::Landing);
    if !flights.is_empty() {
        rows.push(("Flight", "m-middle", flights));
    }
    rows
}

/// From each event of one kind to the next of another, if none of the first kind lies between.
fn spans(events: &[&Event], begins: EventKind, ends: EventKind) -> Vec<(f64, f64)> {
    let mut spans = Vec::new();
    let mut begun = None;
    for event in events {
        if event.kind == begins {
            begun = Some(event.time_s);
        } else if event.kind == ends
            && let Some(start_s) = begun.take()
        {
            spans.push((start_s, event.time_s));
        }
    }
    spans
}

fn row(top: f64, name: &str, class: &str, spans: &[(f64, f64)], x: Scale) -> String {
    let middle = number(top + ROW / 2.0);
    let mut svg = format!(
        "<text x=\"0\" y=\"{}\">{name}</text><line class=\"m-grid\" x1=\"{}\" x2=\"{}\" y1=\"{middle}\" y2=\"{middle}\"/>",
        number(top + 15.0),
        number(x.from),
        number(x.to),
    );
    for (left, right) in spans.iter().filter_map(|&(start_s, end_s)| span(x, start_s, end_s)) {
        let _ = write!(
            svg,
            "<line class=\"m-span {class}\" x1=\"{}\" x2=\"{}\" y1=\"{middle}\" y2=\"{middle}\"/>",
            number(left),
            number(right)
        );
    }
    svg
}

fn ticks(x: Scale, axis: f64) -> String {
    let ticks = scale::seconds(x.low, x.high, 12.0);
    let mut svg = format!(
        "<line class=\"m-zero\" x1=\"{}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>",
        number(x.from),
        number(x.to),
        y = number(axis)
    );
    for &tick in &ticks {
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            number(x.pixel(tick)),
            number(axis + 18.0),
            scale::time_text(tick, &ticks)
        );
    }
    svg
}

/// What the timeline shows, for those who cannot see it.
fn summary(findings: &Findings) -> String {
    let count = |kind| findings.events.iter().filter(|event| event.kind == kind).count();
    let repetitions = findings.repetitions.as_ref().map_or(0, |found| found.segments.len());
    format!(
        "Timeline: {} heel strikes, {} toe offs, {} take-offs, {repetitions} repetitions",
        count(EventKind::HeelStrike),
        count(EventKind::ToeOff),
        count(EventKind::TakeOff)
    )
}
