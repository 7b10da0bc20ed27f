//! What was found in a recording, as tables.

use marey_motion::{EventKind, Measure, Outcome, PersonSummary, Side, View};

use super::{Found, Repetitive, Shown};
use crate::screen::{Paint, Screen};
use crate::table::{Cell, Column, render};
use crate::words::{counted, number, numbers, percent, tame, wrapped};

/// A space of angles has a title of its own.
const fn angles(title: &str) -> [Column<'_>; 5] {
    [
        Column::left(title).shrinks_to(12),
        Column::right("LEAST °"),
        Column::right("GREATEST °"),
        Column::right("RANGE °"),
        Column::right("SEEN").drops_at(1),
    ]
}
const MEASURES: [Column<'static>; 8] = [
    Column::left("MEASURE").shrinks_to(12),
    Column::left("SIDE"),
    Column::right("VALUE"),
    Column::left("UNIT"),
    Column::right("SD").drops_at(3),
    Column::right("N").drops_at(2),
    Column::right("CONFIDENCE").drops_at(1),
    Column::left("METHOD").drops_at(4),
];
const EVENTS: [Column<'static>; 4] = [
    Column::left("EVENT"),
    Column::left("SIDE"),
    Column::right("AT S"),
    Column::right("CONFIDENCE"),
];
const REPETITIONS: [Column<'static>; 7] = [
    Column::right("REPETITION"),
    Column::right("BEGINS S"),
    Column::right("PEAK S"),
    Column::right("ENDS S"),
    Column::right("LASTS S"),
    Column::right("HEIGHT"),
    Column::left("UNIT"),
];

/// The whole of it. Every table is left out that would be empty.
pub(super) fn text(screen: &Screen, shown: &Shown) -> String {
    let summary = &shown.summary;
    let mut blocks = vec![format!(
        "{}  {}, {} s, {}",
        screen.paint(Paint::Strong, &tame(&shown.recording)),
        counted(summary.frames, "frame"),
        number(summary.duration_s),
        match summary.people_found {
            1 => "1 person".to_owned(),
            count => format!("{count} people"),
        }
    )];
    for (person, found) in summary.people.iter().zip(&shown.people) {
        blocks.push(person_block(screen, person, found, summary.frames));
    }
    if let Some(report) = &shown.report {
        blocks.push(screen.paint(Paint::Strong, "What the analysis file asks for"));
        blocks.push(report.to_text().lines().map(tame).collect::<Vec<_>>().join("\n"));
    } else {
        blocks.extend(
            summary
                .notes
                .iter()
                .map(|note| format!("{} {}", screen.paint(Paint::Odd, "note:"), tame(note))),
        );
    }
    blocks.join("\n\n")
}

fn person_block(screen: &Screen, person: &PersonSummary, found: &Found, frames: usize) -> String {
    let view = match person.view {
        Some(View::Side) => ", seen from the side",
        Some(View::Oblique) => ", seen obliquely",
        Some(View::Frontal) => ", seen from the front or back",
        None => "",
    };
    let seen = percent(person.frames_seen as f64 / frames.max(1) as f64);
    let mut blocks = vec![screen.paint(
        Paint::Strong,
        &format!("Person {} in {seen} of the frames{view}", person.id),
    )];
    let table = |columns: &[Column<'_>], rows: &[Vec<Cell>]| {
        (!rows.is_empty()).then(|| {
            render(columns, rows, screen.out_width(), &|paint, text| {
                screen.paint(paint, text)
            })
        })
    };
    let is_world = person.angles.iter().all(|angle| angle.id.ends_with("_world"));
    let title = if is_world {
        "ANGLE IN THE WORLD"
    } else {
        "ANGLE IN THE IMAGE"
    };
    blocks.extend(table(&angles(title), &angle_rows(person)));
    blocks.extend(table(&MEASURES, &measure_rows(&found.measures)));
    blocks.extend(withheld(screen, &found.measures));
    blocks.extend(table(&EVENTS, &event_rows(found)));
    if let Some(repetitions) = &found.repetitions {
        blocks.extend(table(&REPETITIONS, &repetition_rows(repetitions)));
        let sentences = repetitions.withheld.iter().map(|why| format!("No repetitions. {why}"));
        let sentences = sentences.chain(repetitions.notes.iter().cloned());
        blocks.extend(sentences.map(|sentence| screen.paint(Paint::Faint, &tame(&sentence))));
    }
    blocks.join("\n\n")
}

fn angle_rows(person: &PersonSummary) -> Vec<Vec<Cell>> {
    let row = |angle: &marey_motion::AngleSummary| {
        vec![
            Cell::new(tame(&angle.label)),
            Cell::new(format!("{:.1}", angle.minimum_deg)),
            Cell::new(format!("{:.1}", angle.maximum_deg)),
            Cell::new(format!("{:.1}", angle.range_of_motion_deg)),
            Cell::painted(percent(angle.coverage), Paint::Faint),
        ]
    };
    person.angles.iter().map(row).collect()
}

fn side(side: Option<Side>) -> Cell {
    Cell::new(side.map_or("", Side::id))
}

fn confidence(confidence: f64) -> Cell {
    let paint = if confidence < 0.5 { Paint::Odd } else { Paint::Faint };
    Cell::painted(percent(confidence), paint)
}

fn measure_rows(measures: &[Measure]) -> Vec<Vec<Cell>> {
    let row = |measure: &Measure| match &measure.outcome {
        Outcome::Given {
            value,
            sd,
            count,
            confidence: trust,
        } => Some(vec![
            Cell::new(tame(&measure.label)),
            side(measure.side),
            Cell::new(number(*value)),
            Cell::new(tame(&measure.unit)),
            Cell::painted(sd.map_or_else(String::new, number), Paint::Faint),
            Cell::painted(count.to_string(), Paint::Faint),
            confidence(*trust),
            Cell::painted(tame(&measure.method), Paint::Faint),
        ]),
        Outcome::Withheld { .. } => None,
    };
    measures.iter().filter_map(row).collect()
}

/// The measures that are not given, with the reasons, each reason once.
fn withheld(screen: &Screen, measures: &[Measure]) -> Option<String> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for measure in measures {
        let Outcome::Withheld { reason } = &measure.outcome else {
            continue;
        };
        let label = measure.side.map_or_else(
            || measure.label.clone(),
            |side| format!("{} ({})", measure.label, side.id()),
        );
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, labels)) => labels.push(label),
            None => reasons.push((reason, vec![label])),
        }
    }
    let lines = |(reason, labels): &(&str, Vec<String>)| {
        let sentence = tame(&format!("Not given: {}. {reason}", labels.join(", ")));
        let lines = wrapped(&sentence, " ", screen.out_width());
        lines
            .iter()
            .map(|line| screen.paint(Paint::Faint, line))
            .collect::<Vec<_>>()
            .join("\n")
    };
    (!reasons.is_empty()).then(|| reasons.iter().map(lines).collect::<Vec<_>>().join("\n"))
}

fn event_rows(found: &Found) -> Vec<Vec<Cell>> {
    let row = |event: &marey_motion::Event| {
        let name = match event.kind {
            EventKind::HeelStrike => "heel strike",
            EventKind::ToeOff => "toe off",
            EventKind::TakeOff => "take off",
            EventKind::Landing => "landing",
        };
        vec![
            Cell::new(name),
            side(event.side),
            Cell::new(format!("{:.3}", event.time_s)),
            confidence(event.confidence),
        ]
    };
    found.events.iter().map(row).collect()
}

fn repetition_rows(found: &Repetitive) -> Vec<Vec<Cell>> {
    let heights: Vec<f64> = found.segments.iter().map(|one| one.prominence).collect();
    let row = |(index, (one, height)): (usize, (&marey_motion::Repetition, String))| {
        let index = if one.whole {
            (index + 1).to_string()
        } else {
            format!("{} (partial)", index + 1)
        };
        vec![
            Cell::new(index),
            Cell::new(format!("{:.2}", one.start_s)),
            Cell::new(format!("{:.2}", one.peak_s)),
            Cell::new(format!("{:.2}", one.end_s)),
            Cell::new(format!("{:.2}", one.duration_s())),
            Cell::new(height),
            Cell::new(tame(&found.unit)),
        ]
    };
    found
        .segments
        .iter()
        .zip(numbers(&heights))
        .enumerate()
        .map(row)
        .collect()
}
