//! `marey jobs`: jobs as a table.

use marey_contract::{JobList, JobSummary};

use super::{Verdict, show_json_or};
use crate::arguments::Jobs;
use crate::client::Client;
use crate::error::Error;
use crate::screen::{Paint, Screen, job_status};
use crate::table::{Cell, Column, render};
use crate::words::{between_ms, duration, moment, tame};

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
