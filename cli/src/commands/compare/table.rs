//! A comparison as a table, and as JSON less its curves.

use marey_motion::compare::{AngleDifference, Comparison};
use serde::Serialize;

use crate::screen::{Paint, Screen};
use crate::table::{Cell, Column, render};
use crate::words::tame;

const ANGLES: [Column<'static>; 8] = [
    Column::left("ANGLE").shrinks_to(16),
    Column::right("MEAN °"),
    Column::right("RMSE °").drops_at(2),
    Column::right("A − B °").drops_at(1),
    Column::right("GREATEST °"),
    Column::right("AT s").drops_at(1),
    Column::right("r").drops_at(3),
    Column::right("SCORE"),
];
const JOINTS: [Column<'static>; 4] = [
    Column::left("JOINT").shrinks_to(12),
    Column::right("MEAN"),
    Column::right("GREATEST"),
    Column::right("AT s"),
];
const REPETITIONS: [Column<'static>; 6] = [
    Column::right("REPETITION"),
    Column::right("SCORE"),
    Column::right("MEAN °"),
    Column::right("A s"),
    Column::right("B s"),
    Column::left("DIFFERS MOST IN").shrinks_to(12),
];

/// So many joints are listed.
const JOINTS_TOLD: usize = 5;

/// From these scores on a painted score is good, and below these it is bad.
const GOOD: f64 = 90.0;
const BAD: f64 = 70.0;

/// What a program needs that does not want curves.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    schema_version: u32,
    a: &'a str,
    b: &'a str,
    score: Option<f64>,
    distance: f64,
    mean_distance: f64,
    distance_unit: &'a str,
    moments: usize,
    angles: Vec<Angle<'a>>,
    joints: Vec<Joint<'a>>,
    repetitions: &'a [marey_motion::compare::RepetitionDifference],
    notes: &'a [String],
}

#[derive(Debug, Serialize)]
struct Angle<'a> {
    id: &'a str,
    mean_absolute_deg: f64,
    rmse_deg: f64,
    bias_deg: f64,
    correlation: Option<f64>,
    greatest_deg: f64,
    greatest_at_s: f64,
    score: f64,
}

#[derive(Debug, Serialize)]
struct Joint<'a> {
    #[serde(rename = "joint")]
    name: &'a str,
    unit: &'a str,
    mean: f64,
    greatest: f64,
    greatest_at_s: f64,
}

impl<'a> Summary<'a> {
    pub(super) fn of(comparison: &'a Comparison) -> Self {
        let at_s = |moment: usize| comparison.moments[moment].time_s;
        Self {
            schema_version: comparison.schema_version,
            a: &comparison.a.name,
            b: &comparison.b.name,
            score: comparison.score,
            distance: comparison.warp.distance,
            mean_distance: comparison.warp.mean_distance,
            distance_unit: &comparison.warp.unit,
            moments: comparison.moments.len(),
            angles: (comparison.angles.iter())
                .map(|angle| Angle {
                    id: &angle.id,
                    mean_absolute_deg: angle.mean_absolute_deg,
                    rmse_deg: angle.rmse_deg,
                    bias_deg: angle.bias_deg,
                    correlation: angle.correlation,
                    greatest_deg: angle.greatest_deg,
                    greatest_at_s: at_s(angle.greatest_at),
                    score: angle.score,
                })
                .collect(),
            joints: (comparison.joints.iter())
                .map(|joint| Joint {
                    name: &joint.joint,
                    unit: &joint.unit,
                    mean: joint.mean,
                    greatest: joint.greatest,
                    greatest_at_s: at_s(joint.greatest_at),
                })
                .collect(),
            repetitions: &comparison.repetitions,
            notes: &comparison.notes,
        }
    }
}

/// The comparison for people.
pub(super) fn text(screen: &Screen, comparison: &Comparison) -> String {
    let mut blocks = vec![heading(screen, comparison)];
    let mut add = |columns: &[Column<'_>], rows: &[Vec<Cell>]| {
        if !rows.is_empty() {
            let paint = |paint: Paint, text: &str| screen.paint(paint, text);
            blocks.push(render(columns, rows, screen.out_width(), &paint));
        }
    };
    let mut angles: Vec<&AngleDifference> = comparison.angles.iter().collect();
    angles.sort_by(|one, other| other.mean_absolute_deg.total_cmp(&one.mean_absolute_deg));
    add(
        &ANGLES,
        &angles
            .into_iter()
            .map(|angle| angle_row(comparison, angle))
            .collect::<Vec<_>>(),
    );
    add(&JOINTS, &joint_rows(comparison));
    add(&REPETITIONS, &repetition_rows(comparison));
    blocks.extend(
        comparison
            .notes
            .iter()
            .map(|note| screen.paint(Paint::Odd, &tame(note))),
    );
    blocks.join("\n\n")
}

fn heading(screen: &Screen, comparison: &Comparison) -> String {
    let part = |letter: &str, half: &marey_motion::compare::Compared| {
        format!(
            "{letter}  {}, person {}, {:.1} s",
            screen.paint(Paint::Strong, &tame(&half.name)),
            half.person,
            half.duration_s
        )
    };
    let score = comparison.score.map_or_else(
        || "no angle is known in both".to_owned(),
        |score| format!("alike {} of 100", screen.paint(of_score(score), &format!("{score:.0}"))),
    );
    [part("A", &comparison.a), part("B", &comparison.b), score].join("\n")
}

fn of_score(score: f64) -> Paint {
    if score >= GOOD {
        Paint::Good
    } else if score < BAD {
        Paint::Bad
    } else {
        Paint::Odd
    }
}

fn score_cell(score: f64) -> Cell {
    Cell::painted(format!("{score:.0}"), of_score(score))
}

/// With one decimal and a true minus sign.
fn tenths(value: f64) -> String {
    let text = format!("{value:.1}");
    if text == "-0.0" {
        "0.0".to_owned()
    } else {
        text.replace('-', "−")
    }
}

fn label(angle: &AngleDifference) -> String {
    let label = angle.angle.label();
    match angle.side {
        Some(side) => format!("{} {}", side.id(), label.to_lowercase()),
        None => label.to_lowercase(),
    }
}

fn angle_row(comparison: &Comparison, angle: &AngleDifference) -> Vec<Cell> {
    vec![
        Cell::new(label(angle)),
        Cell::new(tenths(angle.mean_absolute_deg)),
        Cell::new(tenths(angle.rmse_deg)),
        Cell::new(tenths(angle.bias_deg)),
        Cell::new(tenths(angle.greatest_deg)),
        Cell::new(format!("{:.2}", comparison.moments[angle.greatest_at].time_s)),
        Cell::new(
            angle
                .correlation
                .map_or_else(|| "-".to_owned(), |r| format!("{r:.2}").replace('-', "−")),
        ),
        score_cell(angle.score),
    ]
}

fn joint_rows(comparison: &Comparison) -> Vec<Vec<Cell>> {
    let mut joints: Vec<_> = comparison.joints.iter().collect();
    joints.sort_by(|one, other| other.mean.total_cmp(&one.mean));
    let distance = |value: f64, unit: &str| match unit {
        "m" => format!("{:.1} cm", value * 100.0),
        _ => format!("{:.0} % of trunk", value * 100.0),
    };
    let row = |joint: &marey_motion::compare::JointDifference| {
        vec![
            Cell::new(joint.joint.replace('_', " ")),
            Cell::new(distance(joint.mean, &joint.unit)),
            Cell::new(distance(joint.greatest, &joint.unit)),
            Cell::new(format!("{:.2}", comparison.moments[joint.greatest_at].time_s)),
        ]
    };
    joints.into_iter().take(JOINTS_TOLD).map(row).collect()
}

fn repetition_rows(comparison: &Comparison) -> Vec<Vec<Cell>> {
    let row = |(index, repetition): (usize, &marey_motion::compare::RepetitionDifference)| {
        let most = repetition.most_different.map(|place| label(&comparison.angles[place]));
        vec![
            Cell::new((index + 1).to_string()),
            repetition.score.map_or_else(|| Cell::new("-"), score_cell),
            Cell::new(repetition.mean_absolute_deg.map_or_else(|| "-".to_owned(), tenths)),
            Cell::new(format!("{:.2}", repetition.a_duration_s)),
            Cell::new(format!("{:.2}", repetition.b_duration_s)),
            Cell::new(most.unwrap_or_else(|| "-".to_owned())),
        ]
    };
    comparison.repetitions.iter().enumerate().map(row).collect()
}
