//! The system as a table, on a screen of its own that leaves the terminal as it was.

use std::io::Write;

use console::truncate_str;
use jiff::Timestamp;
use marey_contract::{QueueDepth, StageLoad, System};

use crate::error::Error;
use crate::screen::{Paint, Screen};
use crate::table::{Cell, Column, render};
use crate::words::{between_ms, clock, counted, duration, number, percent, tame};

const STAGES: [Column<'static>; 11] = [
    Column::left("\nSTAGE"),
    Column::left("\nSTATE"),
    Column::right("\nWAITING"),
    Column::right("\nEXPRESS").drops_at(3),
    Column::right("IN\nFLIGHT"),
    Column::right("\nOLDEST").drops_at(1),
    Column::right("BUSY/\nWORKERS"),
    Column::right("LAST\nSIGN").drops_at(4),
    Column::right("MEAN\nRUN").drops_at(5),
    Column::right("FRAMES\n/S").drops_at(6),
    Column::right("FAILED\nOF ALL").drops_at(2),
];

/// A terminal's second screen; dropping it shows the first again.
#[derive(Debug)]
pub(super) struct Fullscreen;

impl Fullscreen {
    /// Turns to the second screen and hides the cursor.
    pub(super) fn enter() -> Result<Self, Error> {
        let mut out = std::io::stdout().lock();
        write!(out, "\u{1b}[?1049h\u{1b}[?25l").and_then(|()| out.flush())?;
        Ok(Self)
    }

    /// Replaces what is shown, without a flicker: each line is written over, and what is below is erased. What the screen
    /// has no lines for is left out.
    pub(super) fn show(picture: &str) -> Result<(), Error> {
        let height = console::Term::stdout()
            .size_checked()
            .map_or(24, |(rows, _)| rows as usize);
        let mut out = std::io::stdout().lock();
        write!(out, "\u{1b}[H")?;
        let lines: Vec<&str> = picture.lines().take(height.max(1)).collect();
        let text: Vec<String> = lines.iter().map(|line| format!("{line}\u{1b}[K")).collect();
        write!(out, "{}\u{1b}[J", text.join("\r\n"))?;
        Ok(out.flush()?)
    }
}

impl Drop for Fullscreen {
    fn drop(&mut self) {
        let mut out = std::io::stdout().lock();
        let _ = write!(out, "\u{1b}[?25h\u{1b}[?1049l").and_then(|()| out.flush());
    }
}

/// The whole picture.
pub(super) fn draw(screen: &Screen, system: &System) -> String {
    let width = console::Term::stdout()
        .size_checked()
        .map(|(_, columns)| columns as usize);
    let width = screen.out_width().map(|known| width.unwrap_or(known));
    picture(system, width, &|paint, text| screen.paint(paint, text))
}

fn picture(system: &System, width: Option<usize>, paint: &dyn Fn(Paint, &str) -> String) -> String {
    let running = &system.running;
    let more = if running.more { " or more" } else { "" };
    let parked = system.parked.unwrap_or_default();
    let parked_count = parked.waiting + parked.in_flight + parked.delayed;
    let parked = format!("{parked_count} parked");
    let mut lines = vec![
        format!(
            "{}  {}",
            paint(Paint::Strong, &format!("Marey {}", tame(&system.version))),
            clock(&system.at)
        ),
        format!(
            "{}, {} express{more}, {}",
            format_args!("{}{more} running", counted(running.standard as usize, "job")),
            running.express,
            if parked_count > 0 {
                paint(Paint::Bad, &parked)
            } else {
                parked
            }
        ),
    ];
    if let Some(drain) = &system.drain {
        lines.push(format!(
            "{} since {} by {}: {}",
            paint(Paint::Odd, "draining"),
            clock(&drain.since),
            tame(&drain.by),
            tame(&drain.reason)
        ));
    }
    let rows: Vec<_> = system.stages.iter().map(|stage| row(stage, &system.at)).collect();
    lines.push(format!("\n{}", render(&STAGES, &rows, width, paint)));
    let notes: Vec<String> = notes(system, paint);
    if !notes.is_empty() {
        lines.push(String::new());
        lines.extend(notes);
    }
    let cut = |line: &str| width.map_or_else(|| line.to_owned(), |width| truncate_str(line, width, "…").into_owned());
    let lines: Vec<String> = lines.iter().flat_map(|block| block.split('\n')).map(cut).collect();
    lines.join("\n")
}

fn row(stage: &StageLoad, at: &str) -> Vec<Cell> {
    let depth = |queue: Option<QueueDepth>| {
        queue.map_or_else(|| "-".to_owned(), |queue| (queue.waiting + queue.delayed).to_string())
    };
    let in_flight: u64 = [stage.standard, stage.express]
        .iter()
        .flatten()
        .map(|queue| queue.in_flight)
        .sum();
    let or_nothing = |text: Option<String>| Cell::new(text.unwrap_or_else(|| "-".to_owned()));
    let (state, state_paint) = state(stage);
    let failed_paint = match stage.error_rate {
        Some(rate) if rate >= 0.2 => Paint::Bad,
        Some(rate) if rate > 0.0 => Paint::Odd,
        _ => Paint::Plain,
    };
    let ended = stage.completed + stage.failed;
    let failed = stage
        .error_rate
        .map_or_else(|| "-".to_owned(), |rate| format!("{} of {ended}", percent(rate)));
    vec![
        Cell::painted(tame(&stage.stage), Paint::Strong),
        Cell::painted(state, state_paint),
        Cell::new(depth(stage.standard)),
        Cell::new(depth(stage.express)),
        Cell::new(in_flight.to_string()),
        or_nothing(stage.oldest_ms.map(duration)),
        Cell::new(format!("{}/{}", stage.busy, stage.workers)),
        or_nothing(
            stage
                .last_heartbeat
                .as_deref()
                .and_then(|sign| between_ms(sign, at))
                .map(ago),
        ),
        or_nothing(stage.mean_run_ms.map(|ms| duration(ms as i64))),
        or_nothing(stage.frames_per_s.map(number)),
        Cell::painted(failed, failed_paint),
    ]
}

fn ago(ms: i64) -> String {
    format!(
        "{} ago",
        duration(ms.max(0) / 1000 * 1000)
            .replace(".0 s", " s")
            .replace("0 ms", "0 s")
    )
}

fn state(stage: &StageLoad) -> (String, Paint) {
    match (&stage.pause, stage.tripped) {
        (Some(_), true) => ("tripped".to_owned(), Paint::Bad),
        (Some(_), false) => ("paused".to_owned(), Paint::Odd),
        (None, _) if stage.busy > 0 => ("works".to_owned(), Paint::Busy),
        (None, _) => ("idle".to_owned(), Paint::Faint),
    }
}

/// Why something is paused or about to be, and what to do.
fn notes(system: &System, paint: &dyn Fn(Paint, &str) -> String) -> Vec<String> {
    let mut notes = Vec::new();
    let since = |moment: &str| {
        let ms = moment
            .parse::<Timestamp>()
            .ok()
            .and_then(|_| between_ms(moment, &system.at));
        ms.map_or_else(|| tame(moment), ago)
    };
    for stage in &system.stages {
        let name = tame(&stage.stage);
        if let Some(pause) = &stage.pause {
            let (word, word_paint) = state(stage);
            notes.push(format!(
                "{} {} {} by {}: {}",
                paint(Paint::Strong, &name),
                paint(word_paint, &word),
                since(&pause.since),
                tame(&pause.by),
                tame(&pause.reason)
            ));
            notes.push(paint(Paint::Faint, &format!("  go on: marey system resume {name}")));
        } else if stage.failing_jobs > 1 {
            let told = format!("{name} failed on {} jobs since it last succeeded", stage.failing_jobs);
            notes.push(paint(Paint::Odd, &told));
        }
        if let Some(tasks) = stage.concurrency {
            notes.push(format!("{name} runs at most {tasks} tasks at once"));
        }
        let dead = stage.dead_letter.unwrap_or_default();
        if dead.waiting + dead.in_flight > 0 {
            notes.push(paint(
                Paint::Bad,
                &format!(
                    "{name} has {}",
                    counted((dead.waiting + dead.in_flight) as usize, "dead letter")
                ),
            ));
        }
    }
    for workflow in &system.workflows {
        let Some(pause) = &workflow.pause else { continue };
        let name = tame(&workflow.workflow);
        notes.push(format!(
            "the workflow {} is {} {} by {}: {}",
            paint(Paint::Strong, &name),
            paint(Paint::Odd, "paused"),
            since(&pause.since),
            tame(&pause.by),
            tame(&pause.reason)
        ));
        notes.push(paint(
            Paint::Faint,
            &format!("  go on: marey system resume --workflow {name}"),
        ));
    }
    if system.parked.is_some_and(|parked| parked.waiting > 0) {
        notes.push(paint(
            Paint::Faint,
            "parked messages are taken up again by stage: marey redrive STAGE",
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;
    use serde_json::json;

    use super::*;

    fn system() -> System {
        let queue = |waiting: u64, in_flight: u64| json!({"waiting": waiting, "in_flight": in_flight, "delayed": 0});
        serde_json::from_value(json!({
            "at": "2026-11-21T10:00:34Z", "version": "0.1.0",
            "drain": {"since": "2026-11-21T09:59:00Z", "by": "studio", "reason": "moving"},
            "stages": [
                {"stage": "probe", "standard": queue(3, 2), "express": queue(0, 1), "workers": 3, "busy": 3,
                 "last_heartbeat": "2026-11-21T10:00:31Z", "completed": 412, "failed": 0, "error_rate": 0.0,
                 "mean_run_ms": 820.4, "oldest_ms": 1200, "tripped": false, "failing_jobs": 0, "trips": 0},
                {"stage": "pose", "standard": queue(1240, 20), "express": queue(2, 4), "dead_letter": queue(1, 0),
                 "workers": 24, "busy": 22, "last_heartbeat": "2026-11-21T10:00:34Z", "completed": 90, "failed": 30,
                 "error_rate": 0.25, "mean_run_ms": 42_000.0, "frames_per_s": 31.46, "oldest_ms": 754_000,
                 "pause": {"since": "2026-11-21T09:58:00Z", "by": "breaker", "reason": "5 jobs failed in a row: VISION_MODEL_DAMAGED"},
                 "tripped": true, "failing_jobs": 5, "trips": 2, "concurrency": 20},
                {"stage": "report", "workers": 0, "busy": 0, "completed": 0, "failed": 0, "tripped": false,
                 "failing_jobs": 2, "trips": 0},
            ],
            "workflows": [{"workflow": "motion", "pause": {"since": "2026-11-21T10:00:04Z", "by": "studio", "reason": "maintenance"}}],
            "running": {"standard": 40, "express": 2, "more": true},
            "parked": queue(3, 0),
        }))
        .unwrap()
    }

    fn plain(width: Option<usize>) -> String {
        picture(&system(), width, &|_, text| text.to_owned())
    }

    #[test]
    fn the_system_at_several_widths() {
        insta::assert_snapshot!("system_at_80", plain(Some(80)));
        insta::assert_snapshot!("system_at_120", plain(Some(120)));
        insta::assert_snapshot!("system_without_a_terminal", plain(None));
    }

    #[test]
    fn the_table_is_no_wider_than_the_terminal() {
        for width in 60..160 {
            for line in plain(Some(width)).lines() {
                assert!(measure_text_width(line) <= width, "{width}: {line}");
            }
        }
    }
}
