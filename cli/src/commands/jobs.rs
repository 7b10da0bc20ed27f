//! `marey jobs` and `marey status`: jobs as tables.

use marey_contract::{JobDetail, JobList, JobSummary, StageDetail};

use super::findings::findings;
use super::{Verdict, show_json_or};
use crate::arguments::Jobs;
use crate::client::Client;
use crate::error::Error;
use crate::screen::{Paint, Screen, error_text, job_status, stage_status};
use crate::table::{Cell, Column, render};
use crate::words::{between_ms, duration, moment, percent, size, tame};

/// The most that is asked for at once.
const PAGE: u32 = 100;

const LIST: [Column<'static>; 7] = [
    Column::left("ID"),
    Column::left("STATUS"),
    Column::left("NAME").shrinks_to(12),
    Column::left("WORKFLOW").drops_at(3),
    Column::right("PRIORITY").drops_at(4),
    Column::right("TOOK").drops_at(2),
    Column::left("CREATED (UTC)").drops_at(1),
];

const STAGES: [Column<'static>; 7] = [
    Column::left("STAGE"),
    Column::left("STATUS"),
    Column::right("DONE"),
    Column::right("ATTEMPTS"),
    Column::right("QUEUED").drops_at(1),
    Column::right("RAN"),
    Column::left("WHAT IT DOES").shrinks_to(8).drops_at(2),
];

/// Prints the list of jobs, page after page.
pub(super) async fn list(client: &Client, screen: &Screen, options: &Jobs) -> Result<Verdict, Error> {
    let wanted = if options.all {
        usize::MAX
    } else {
        options.limit as usize
    };
    let mut list = JobList {
        jobs: Vec::new(),
        next_cursor: None,
    };
    loop {
        let limit = (wanted - list.jobs.len()).min(PAGE as usize) as u32;
        let page = client.jobs(limit, list.next_cursor.as_deref()).await?;
        // An empty page or the same cursor again would go on for ever.
        let goes_on = page.next_cursor.is_some() && page.next_cursor != list.next_cursor && !page.jobs.is_empty();
        list.jobs.extend(page.jobs);
        list.next_cursor = page.next_cursor;
        if !goes_on || list.jobs.len() >= wanted {
            break;
        }
    }
    let verdict = show_json_or(screen, &list, || summaries(screen, &list.jobs))?;
    if list.next_cursor.is_some() && !screen.is_json() && !options.all {
        Screen::note(&screen.paint_note(Paint::Faint, "there are more: --all shows them"));
    }
    Ok(verdict)
}

fn summaries(screen: &Screen, jobs: &[JobSummary]) -> String {
    if jobs.is_empty() {
        return "no jobs yet".to_owned();
    }
    let rows: Vec<_> = jobs.iter().map(summary).collect();
    render(&LIST, &rows, screen.out_width(), &|paint, text| {
        screen.paint(paint, text)
    })
}

fn summary(job: &JobSummary) -> Vec<Cell> {
    let (status, paint) = job_status(job.status);
    let took = job.ended_at.as_deref().and_then(|end| between_ms(&job.created_at, end));
    vec![
        Cell::new(tame(&job.id)),
        Cell::painted(status, paint),
        Cell::new(tame(&job.name)),
        Cell::new(tame(&job.workflow)),
        Cell::new(job.priority.to_string()),
        Cell::new(took.map_or_else(|| "-".to_owned(), duration)),
        Cell::new(moment(&job.created_at)),
    ]
}

/// One job: what it is, its stages, their errors and what they found.
pub(super) fn detail(screen: &Screen, job: &JobDetail) -> String {
    let paint = |paint: Paint, text: &str| screen.paint(paint, text);
    let summary = &job.summary;
    let (status, status_paint) = job_status(summary.status);
    let took = summary
        .ended_at
        .as_deref()
        .and_then(|end| between_ms(&summary.created_at, end));
    let took = took.map(|ms| format!(" after {}", duration(ms))).unwrap_or_default();
    let fields = [
        ("job", tame(&summary.id)),
        ("video", format!("{} ({})", tame(&summary.name), size(job.input_bytes))),
        (
            "workflow",
            format!("{}, priority {}", tame(&summary.workflow), summary.priority),
        ),
        ("created", format!("{} UTC", moment(&summary.created_at))),
        (
            "status",
            format!("{}, {}{took}", paint(status_paint, status), percent(job.progress)),
        ),
        ("trace", tame(&job.trace)),
    ];
    let mut lines: Vec<String> = Vec::new();
    lines.extend(fields.map(|(label, value)| format!("{}  {value}", paint(Paint::Faint, &format!("{label:<8}")))));
    let rows: Vec<_> = job.stages.iter().map(stage_row).collect();
    lines.push(format!("\n{}", render(&STAGES, &rows, screen.out_width(), &paint)));

    // The job's error usually is that of a stage: each is told once.
    let of_stages: Vec<_> = job.stages.iter().filter_map(|stage| stage.error.as_ref()).collect();
    let of_job = summary.error.as_ref().filter(|error| !of_stages.contains(error));
    lines.extend(
        of_stages
            .iter()
            .copied()
            .chain(of_job)
            .map(|error| format!("\n{}", error_text(error, &paint))),
    );
    lines.extend(findings(screen, job));
    lines.join("\n")
}

fn stage_row(stage: &StageDetail) -> Vec<Cell> {
    let (word, word_paint) = stage_status(stage.status);
    let time = |ms: Option<i64>| Cell::new(ms.map_or_else(|| "-".to_owned(), duration));
    vec![
        Cell::new(tame(&stage.name)),
        Cell::painted(word, word_paint),
        Cell::new(percent(stage.progress)),
        Cell::new(stage.attempts.to_string()),
        time(stage.queue_ms),
        time(stage.run_ms),
        Cell::new(tame(&stage.title)),
    ]
}
