//! `marey watch`: a job until its end, and what it found.

use std::time::Duration;

use marey_contract::{JobDetail, JobStatus};

use super::Verdict;
use super::findings::findings;
use crate::bars::Live;
use crate::client::Client;
use crate::error::Error;
use crate::screen::{Paint, Screen};
use crate::watch::{Patience, follow};
use crate::words::{between_ms, duration, tame};

/// How long a job may be unknown after its upload.
const UNKNOWN_AFTER_UPLOAD: Duration = Duration::from_secs(45);

/// Follows a job and says how it ended.
pub(super) async fn watch(client: &Client, screen: &Screen, id: &str) -> Result<Verdict, Error> {
    let job = followed(client, screen, id, Patience::default()).await?;
    if screen.is_json() {
        Screen::print_json(&job)?;
    } else {
        conclude(screen, &job)?;
    }
    Ok(if job.summary.status == JobStatus::Completed {
        Verdict::Well
    } else {
        Verdict::NotWell
    })
}

/// Follows a job that has just been uploaded.
pub(super) async fn to_the_end(client: &Client, screen: &Screen, id: &str) -> Result<JobDetail, Error> {
    followed(
        client,
        screen,
        id,
        Patience {
            unknown_for: UNKNOWN_AFTER_UPLOAD,
            ..Patience::default()
        },
    )
    .await
}

async fn followed(client: &Client, screen: &Screen, id: &str, patience: Patience) -> Result<JobDetail, Error> {
    let mut live = Live::begin(screen);
    follow(client, id, patience, &mut |sight| live.see(&sight)).await
}

/// Prints the end of a job: what its stages found, or why there is nothing.
pub(super) fn conclude(screen: &Screen, job: &JobDetail) -> Result<(), Error> {
    let name = tame(&job.summary.name);
    let took = job
        .summary
        .ended_at
        .as_deref()
        .and_then(|end| between_ms(&job.summary.created_at, end));
    let took = took.map(|ms| format!(" after {}", duration(ms))).unwrap_or_default();
    match job.summary.status {
        JobStatus::Completed => {
            Screen::print(&format!(
                "{} {name} completed{took}\n{}",
                screen.paint(Paint::Good, "✓"),
                findings(screen, job).join("\n")
            ))?;
            let next = format!("files: marey results {} --download DIR", tame(&job.summary.id));
            Screen::note(&screen.paint_note(Paint::Faint, &next));
        }
        JobStatus::Failed => {
            Screen::print(&format!("{} {name} failed{took}", screen.paint(Paint::Bad, "✗")))?;
            if let Some(error) = &job.summary.error {
                screen.tell(error);
            }
        }
        status => {
            let (word, paint) = crate::screen::job_status(status);
            Screen::print(&format!("{} {name} {word}{took}", screen.paint(paint, "✗")))?;
        }
    }
    Ok(())
}
