//! `marey status`: one job, as far as it is known: where it stands, what went wrong, and what to do.

use marey_contract::{ErrorBody, FailureEntry, JobDetail, JobStatus, StageDetail, StageStatus};
use serde_json::Value;

use super::findings::findings;
use crate::parameters::runs_on;
use crate::screen::{Paint, Screen, error_text, job_status, stage_status};
use crate::shards;
use crate::table::{Cell, Column, render};
use crate::words::{between_ms, clock, dollars, duration, estimate, moment, number, percent, size, tame, wrapped};

const STAGES: [Column<'static>; 10] = [
    Column::left("STAGE"),
    Column::left("STATUS"),
    Column::right("DONE"),
    Column::right("SHARDS").drops_at(3),
    Column::right("ATTEMPTS"),
    Column::right("QUEUED").drops_at(2),
    Column::right("RAN"),
    Column::right("FRAMES/S").drops_at(5),
    Column::right("COST").drops_at(4),
    Column::left("WHAT IT DOES").shrinks_to(8).drops_at(6),
];

const HISTORY: [Column<'static>; 6] = [
    Column::left("WHEN (UTC)"),
    Column::left("STAGE"),
    Column::right("SHARD").drops_at(2),
    Column::right("ATTEMPT"),
    Column::left("CODE"),
    Column::left("WHAT HAPPENED").shrinks_to(16).drops_at(1),
];

/// So many entries of the history are shown.
const SHOWN_OF_THE_HISTORY: usize = 20;
/// The widest bar of shards.
const WIDEST_BAR: usize = 50;
/// Columns of the labels in front of fields.
const LABEL: usize = 10;

/// One job: what it is, its stages, their errors and what they found.
pub(super) fn detail(screen: &Screen, job: &JobDetail) -> String {
    let paint = |paint: Paint, text: &str| screen.paint(paint, text);
    let mut lines: Vec<String> = Vec::new();
    for (label, value) in fields(screen, job) {
        let width = screen.out_width().map(|width| width.saturating_sub(LABEL).max(20));
        for (at, piece) in wrapped(&value, " · ", width).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            lines.push(format!("{}{piece}", paint(Paint::Faint, &format!("{label:<LABEL$}"))));
        }
    }
    let rows: Vec<_> = job.stages.iter().map(stage_row).collect();
    lines.push(format!("\n{}", render(&STAGES, &rows, screen.out_width(), &paint)));
    for stage in &job.stages {
        lines.extend(notes(screen, stage));
    }
    lines.extend(troubles(screen, job));
    lines.extend(history(screen, &job.failures));
    lines.extend(findings(screen, job));
    lines.join("\n")
}

fn fields(screen: &Screen, job: &JobDetail) -> Vec<(&'static str, String)> {
    let summary = &job.summary;
    let (word, word_paint) = job_status(summary.status);
    let took = summary
        .ended_at
        .as_deref()
        .and_then(|end| between_ms(&summary.created_at, end));
    let mut status = format!("{}, {}", screen.paint(word_paint, word), percent(job.progress));
    status.push_str(&took.map(|ms| format!(" after {}", duration(ms))).unwrap_or_default());
    if job.round > 0 {
        status = format!("{status}, tried again {}", times(job.round));
    }
    let mut workflow = format!("{}, priority {}", tame(&summary.workflow), summary.priority);
    if let Some(place) = job.runs_on {
        workflow = format!("{workflow}, on {}", runs_on(place));
    }
    if job.reuse {
        workflow.push_str(", takes earlier results");
    }
    let mut fields = vec![
        ("job", tame(&summary.id)),
        ("video", format!("{} ({})", tame(&summary.name), size(job.input_bytes))),
        ("workflow", workflow),
    ];
    if !job.params.is_empty() {
        let params = job
            .params
            .iter()
            .map(|(name, value)| format!("{} {}", tame(name), tame(&shown(value))));
        fields.push(("with", params.collect::<Vec<_>>().join(" · ")));
    }
    fields.extend(summary.batch.as_ref().map(|batch| ("batch", tame(batch))));
    if !summary.owner.is_empty() {
        fields.push(("owner", tame(&summary.owner)));
    }
    fields.push(("created", format!("{} UTC", moment(&summary.created_at))));
    fields.push(("status", status));
    if let Some(ahead) = job.ahead {
        fields.push(("queue", queue_place(ahead)));
    }
    if !summary.status.has_ended() {
        fields.extend(job.time_left.map(|left| ("left", estimate(left))));
        fields.extend(
            job.deadline
                .as_ref()
                .map(|end| ("given up", format!("{} UTC", moment(end)))),
        );
    }
    if job.cost_usd > 0.0 {
        fields.push(("cost", format!("{}, estimated", dollars(job.cost_usd))));
    }
    fields.push(("trace", tame(&job.trace)));
    fields
}

fn queue_place(ahead: u64) -> String {
    match ahead {
        0 => "next".to_owned(),
        1 => "behind 1 job".to_owned(),
        jobs => format!("behind {jobs} jobs"),
    }
}

fn times(count: u32) -> String {
    if count == 1 {
        "once".to_owned()
    } else {
        format!("{count} times")
    }
}

/// A parameter's value without quotes.
fn shown(value: &Value) -> String {
    match value {
        Value::Number(value) => value.as_f64().map_or_else(|| value.to_string(), number),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn stage_row(stage: &StageDetail) -> Vec<Cell> {
    let (word, word_paint) = stage_status(stage.status);
    let word = match stage.status {
        StageStatus::Completed if stage.reused > 0 && stage.reused >= stage.shards.unwrap_or(1) => "reused",
        _ => word,
    };
    let nothing = || "-".to_owned();
    let time = |ms: Option<i64>| Cell::new(ms.map_or_else(nothing, duration));
    let shards = stage.shards.map_or_else(nothing, |shards| {
        if shards > 1 {
            format!("{}/{shards}", stage.shards_done)
        } else {
            shards.to_string()
        }
    });
    vec![
        Cell::new(tame(&stage.name)),
        Cell::painted(word, word_paint),
        Cell::new(percent(stage.progress)),
        Cell::new(shards),
        Cell::new(stage.attempts.to_string()),
        time(stage.queue_ms),
        time(stage.run_ms),
        Cell::new(stage.frames_per_s.map_or_else(nothing, number)),
        Cell::new(if stage.cost_usd > 0.0 {
            dollars(stage.cost_usd)
        } else {
            nothing()
        }),
        Cell::new(tame(&stage.title)),
    ]
}

/// What a row has no room for: shards, and why a stage is held.
fn notes(screen: &Screen, stage: &StageDetail) -> Vec<String> {
    let mut lines = Vec::new();
    let name = screen.paint(Paint::Strong, &tame(&stage.name));
    let is_news = !matches!(stage.status, StageStatus::Waiting | StageStatus::Skipped);
    if shards::are_there(stage) && is_news {
        lines.push(format!("\n{name}  {}", shards::words(stage)));
        let width = screen
            .out_width()
            .map_or(WIDEST_BAR, |width| width.saturating_sub(2).min(WIDEST_BAR));
        if stage.status != StageStatus::Completed {
            let bar: String = shards::bar(stage, width)
                .into_iter()
                .map(|(paint, text)| screen.paint(paint, &text))
                .collect();
            lines.push(format!("  {bar}"));
            let slowest = shards::slowest(stage);
            lines.extend(
                slowest
                    .into_iter()
                    .map(|line| format!("  {}", screen.paint(Paint::Faint, &line))),
            );
        }
    }
    if let Some(why) = &stage.held {
        let held = screen.paint(Paint::Odd, "held:");
        lines.push(format!("\n{name} is {held} {}", tame(why)));
    }
    lines
}

/// What went wrong, each once, and what to do: first what the stages say, then the job, then what its results lack.
fn troubles(screen: &Screen, job: &JobDetail) -> Vec<String> {
    let paint = |paint: Paint, text: &str| screen.paint(paint, text);
    let mut told: Vec<&ErrorBody> = Vec::new();
    let mut lines = Vec::new();
    let of_stages = job
        .stages
        .iter()
        .filter(|stage| !stage.optional || !is_degraded(job, stage));
    for error in of_stages
        .filter_map(|stage| stage.error.as_ref())
        .chain(&job.summary.error)
    {
        if !told.contains(&error) {
            lines.push(format!("\n{}", located(screen, error, job)));
            told.push(error);
        }
    }
    if !job.degraded.is_empty() {
        lines.push(format!(
            "\n{} the results lack what an optional stage makes",
            paint(Paint::Odd, "degraded:")
        ));
        lines.extend(job.degraded.iter().map(|error| located(screen, error, job)));
    }
    lines.extend(next_step(screen, job));
    lines
}

fn is_degraded(job: &JobDetail, stage: &StageDetail) -> bool {
    job.degraded
        .iter()
        .any(|error| error.stage.as_ref() == Some(&stage.name))
}

/// An error with its place; the shard is known to the history only.
fn located(screen: &Screen, error: &ErrorBody, job: &JobDetail) -> String {
    let text = error_text(error, &|paint, text| screen.paint(paint, text));
    let entry = job.failures.iter().rev().find(|entry| entry.error == *error);
    match entry.and_then(|entry| entry.shard) {
        Some(shard) => {
            let stage = error.stage.as_deref().map(tame).unwrap_or_default();
            text.replacen(&format!("stage {stage}"), &format!("stage {stage}, shard {shard}"), 1)
        }
        None => text,
    }
}

/// The command that goes on from a failure.
fn next_step(screen: &Screen, job: &JobDetail) -> Option<String> {
    let id = tame(&job.summary.id);
    let last = job
        .failures
        .iter()
        .rev()
        .find(|entry| Some(&entry.error) == job.summary.error.as_ref());
    let told = match job.summary.status {
        JobStatus::Failed if last.is_some_and(|entry| !entry.transient) => {
            format!("trying again would fail the same way; once its cause is removed: marey retry {id}")
        }
        JobStatus::Failed => format!("try again what failed, keeping what is complete: marey retry {id}"),
        JobStatus::Completed if !job.degraded.is_empty() => {
            format!("once the cause is removed: marey reprocess {id} --again")
        }
        _ => return None,
    };
    Some(format!("  {} {told}", screen.paint(Paint::Faint, "next:")))
}

/// Every attempt that did not end well, oldest first.
fn history(screen: &Screen, failures: &[FailureEntry]) -> Vec<String> {
    if failures.is_empty() {
        return Vec::new();
    }
    let paint = |paint: Paint, text: &str| screen.paint(paint, text);
    let skipped = failures.len().saturating_sub(SHOWN_OF_THE_HISTORY);
    let mut lines = vec![format!("\n{}", paint(Paint::Strong, "What went wrong, oldest first"))];
    if skipped > 0 {
        lines.push(paint(Paint::Faint, &format!("{skipped} earlier ones are in --json")));
    }
    let rows: Vec<_> = failures[skipped..].iter().map(history_row).collect();
    lines.push(render(&HISTORY, &rows, screen.out_width(), &paint));
    for entry in failures[skipped..].iter().rev().take(1) {
        let cause = entry.cause.as_ref();
        lines.extend(cause.map(|cause| format!("{} {}", paint(Paint::Faint, "cause of the last:"), tame(cause))));
    }
    lines
}

fn history_row(entry: &FailureEntry) -> Vec<Cell> {
    let nothing = || "-".to_owned();
    let paint = if entry.transient { Paint::Odd } else { Paint::Bad };
    vec![
        Cell::painted(clock(&entry.at), Paint::Faint),
        Cell::new(entry.error.stage.as_deref().map_or_else(nothing, tame)),
        Cell::new(entry.shard.map_or_else(nothing, |shard| shard.to_string())),
        Cell::new(entry.error.attempt.map_or_else(nothing, |attempt| attempt.to_string())),
        Cell::painted(tame(&entry.error.code), paint),
        Cell::new(tame(&entry.error.message)),
    ]
}
