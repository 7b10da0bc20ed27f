//! Findings of a synthetic movement, for pages to show.

use marey_motion::findings::EnsembleCurve;
use marey_motion::{Analysis, AngleSeries, Event, EventKind, Measure, Outcome, Repetition, Repetitions, Side};

use crate::support::Movement;

/// What would be found in the movement, for pages to show: steps of a walk, or repetitions of a squat.
pub(crate) fn put_findings(analysis: &mut Analysis, movement: Movement) {
    let end_s = analysis.time_s.last().copied().unwrap_or(0.0);
    let period_s = match movement {
        Movement::Walk => 1.0 / 0.95,
        Movement::Squat => 2.4,
    };
    let count = (end_s / period_s) as usize;
    let series: Vec<String> = analysis.people[0].angles.iter().map(AngleSeries::id).collect();
    let findings = &mut analysis.people[0].findings;
    findings.events = match movement {
        Movement::Walk => steps(period_s, end_s),
        Movement::Squat => Vec::new(),
    };
    let at = |time_s: f64| (time_s * 30.0).round() as usize;
    let repetition = |index: usize| {
        let start_s = index as f64 * period_s;
        let (peak_s, end_s) = (start_s + period_s / 2.0, start_s + period_s);
        Repetition {
            start: at(start_s),
            peak: at(peak_s),
            end: at(end_s),
            start_s,
            peak_s,
            end_s,
            prominence: 101.25 - index as f64,
            whole: true,
        }
    };
    let curve = |(index, series): (usize, &String)| EnsembleCurve {
        series: series.clone(),
        mean_deg: (0..=100)
            .map(|percent| 45.0 - 40.0 * (f64::from(percent) * 0.0628 + index as f64 * 0.02).cos())
            .collect(),
        sd_deg: (0..=100).map(|percent| 3.0 + 0.03 * f64::from(percent)).collect(),
        count,
    };
    findings.repetitions = Some(Repetitions {
        signal: "joint_angle:left_knee_flexion_image".to_owned(),
        unit: "deg".to_owned(),
        segments: (0..count).map(repetition).collect(),
        curves: series.iter().enumerate().map(curve).collect(),
        configuration: None,
        partial: 0,
        notes: Vec::new(),
        withheld: None,
    });
    findings.measures = measures();
}

fn steps(period_s: f64, end_s: f64) -> Vec<Event> {
    let phases = [
        (0.1, EventKind::HeelStrike, Side::Left),
        (0.22, EventKind::ToeOff, Side::Right),
        (0.6, EventKind::HeelStrike, Side::Right),
        (0.72, EventKind::ToeOff, Side::Left),
    ];
    let cycles = (end_s / period_s).ceil() as usize;
    let events = (0..cycles).flat_map(|cycle| {
        phases.map(|(phase, kind, side)| Event {
            kind,
            side: Some(side),
            time_s: (cycle as f64 + phase) * period_s,
            confidence: 0.9,
        })
    });
    events.filter(|event| event.time_s <= end_s).collect()
}

fn measures() -> Vec<Measure> {
    let given = |value, sd, count, confidence| Outcome::Given {
        value,
        sd,
        count,
        confidence,
    };
    let measure = |id: &str, label: &str, side, unit: &str, outcome| Measure {
        id: id.to_owned(),
        label: label.to_owned(),
        side,
        unit: unit.to_owned(),
        method: "zeni_2008".to_owned(),
        outcome,
    };
    let withheld = |reason: &str| Outcome::Withheld {
        reason: reason.to_owned(),
    };
    vec![
        measure("cadence", "Cadence", None, "steps_per_min", given(113.6, None, 1, 0.9)),
        measure(
            "stride_time",
            "Stride time",
            Some(Side::Left),
            "s",
            given(1.053, Some(0.021), 3, 0.9),
        ),
        measure(
            "stride_time",
            "Stride time",
            Some(Side::Right),
            "s",
            given(1.047, Some(0.018), 3, 0.6),
        ),
        measure(
            "stance",
            "Stance",
            Some(Side::Left),
            "percent",
            given(62.1, Some(1.4), 3, 0.4),
        ),
        measure(
            "stance",
            "Stance",
            Some(Side::Right),
            "percent",
            withheld("Only one stride was whole."),
        ),
        measure("jump_height", "Jump height", None, "m", withheld("No jump was found.")),
        measure("flight_time", "Flight time", None, "s", withheld("No jump was found.")),
    ]
}
