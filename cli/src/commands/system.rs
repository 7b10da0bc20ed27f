//! `marey system`: what the whole deployment does, and what operators decide.

mod view;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use marey_contract::{
    ConcurrencyRequest, ControlDetail, DrainRequest, JobStatus, PauseRequest, PurgeAnswer, PurgeRequest, ResumeRequest,
};

use super::{Verdict, show_json_or};
use crate::arguments::{Drain, Ended, Purge, SystemCommand, SystemView};
use crate::client::Client;
use crate::error::Error;
use crate::screen::{Paint, Screen};
use crate::words::{clock, tame};

/// So many ids of jobs are shown before a purge.
const SHOWN_JOBS: usize = 10;

pub(super) async fn system(client: &Client, screen: &Screen, options: &SystemView) -> Result<Verdict, Error> {
    let Some(command) = &options.command else {
        return view(client, screen, options).await;
    };
    let control = match command {
        SystemCommand::Pause(pause) => {
            let request = PauseRequest {
                stage: pause.stage.clone(),
                workflow: pause.workflow.clone(),
                reason: pause.reason.clone(),
            };
            client.pause(&request).await?
        }
        SystemCommand::Resume(resume) => {
            let request = ResumeRequest {
                stage: resume.stage.clone(),
                workflow: resume.workflow.clone(),
            };
            client.resume(&request).await?
        }
        SystemCommand::Drain(options) => drain(client, options).await?,
        SystemCommand::Concurrency(options) => {
            let request = ConcurrencyRequest {
                stage: options.stage.clone(),
                tasks: options.tasks,
            };
            client.limit(&request).await?
        }
        SystemCommand::Purge(options) => return purge(client, screen, options).await,
    };
    show_json_or(screen, &control, || decided(screen, &control))
}

async fn drain(client: &Client, options: &Drain) -> Result<ControlDetail, Error> {
    match &options.reason {
        Some(reason) => client.drain(&DrainRequest { reason: reason.clone() }).await,
        None => client.end_drain().await,
    }
}

/// What holds now.
fn decided(screen: &Screen, control: &ControlDetail) -> String {
    let scope = tame(&control.scope).replace('/', " ");
    let state = match &control.pause {
        Some(pause) => format!(
            "{} since {} UTC by {}: {}",
            screen.paint(
                Paint::Odd,
                if control.scope == "system" {
                    "draining"
                } else {
                    "paused"
                }
            ),
            clock(&pause.since),
            tame(&pause.by),
            tame(&pause.reason)
        ),
        None => screen.paint(Paint::Good, "runs"),
    };
    let limit = control
        .concurrency
        .map(|tasks| format!(", at most {tasks} tasks at once"))
        .unwrap_or_default();
    let resumed = match (control.jobs_resumed, control.more) {
        (0, _) => String::new(),
        (jobs, false) => format!("\n{jobs} jobs go on"),
        (jobs, true) => format!("\n{jobs} jobs go on, the rest within a minute"),
    };
    format!("{scope}: {state}{limit}{resumed}")
}

/// Shows the system once, or again and again on a terminal until Ctrl-C.
async fn view(client: &Client, screen: &Screen, options: &SystemView) -> Result<Verdict, Error> {
    let system = client.system().await?;
    let Some(_) = screen.out_width().filter(|_| !options.once && !screen.is_json()) else {
        return show_json_or(screen, &system, || view::draw(screen, &system));
    };
    let _cursor = view::Fullscreen::enter()?;
    let mut shown = system;
    let mut trouble: Option<String> = None;
    loop {
        let mut picture = view::draw(screen, &shown);
        if let Some(trouble) = &trouble {
            picture = format!("{picture}\n\n{}", screen.paint(Paint::Odd, trouble));
        }
        view::Fullscreen::show(&picture)?;
        tokio::time::sleep(Duration::from_secs(u64::from(options.every))).await;
        match client.system().await {
            Ok(system) => (shown, trouble) = (system, None),
            Err(error) if error.is_transient() => trouble = Some(format!("no answer, trying again: {error}")),
            Err(error) => return Err(error),
        }
    }
}

/// Forgets old jobs: first it is shown which, then asked, then done.
async fn purge(client: &Client, screen: &Screen, options: &Purge) -> Result<Verdict, Error> {
    let request = PurgeRequest {
        older_than_days: options.older_than,
        status: options.status.map(|status| match status {
            Ended::Completed => JobStatus::Completed,
            Ended::Failed => JobStatus::Failed,
            Ended::Cancelled => JobStatus::Cancelled,
        }),
        dry_run: true,
        cursor: None,
    };
    if options.dry_run || !options.yes {
        let would_be = all_pages(client, request.clone()).await?;
        if options.dry_run || would_be.jobs.is_empty() {
            return show_json_or(screen, &would_be, || purged(&would_be));
        }
        if !agreed(screen, &would_be) {
            return Err(Error::NotConfirmed);
        }
    }
    let answer = all_pages(
        client,
        PurgeRequest {
            dry_run: false,
            ..request
        },
    )
    .await?;
    show_json_or(screen, &answer, || purged(&answer))
}

async fn all_pages(client: &Client, mut request: PurgeRequest) -> Result<PurgeAnswer, Error> {
    let mut all = client.purge(&request).await?;
    while let Some(cursor) = all.next_cursor.take() {
        let is_same = request.cursor.as_ref() == Some(&cursor);
        request.cursor = Some(cursor);
        let page = client.purge(&request).await?;
        // The same page again, while the service is not done with it; without an end, if it does nothing more.
        if is_same && page.jobs.is_empty() && page.artifacts == 0 {
            all.next_cursor = page.next_cursor;
            break;
        }
        all.jobs.extend(page.jobs);
        all.artifacts += page.artifacts;
        all.next_cursor = page.next_cursor;
    }
    Ok(all)
}

/// Asks at a terminal; elsewhere nobody agrees.
fn agreed(screen: &Screen, would_be: &PurgeAnswer) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    Screen::note(&purged(would_be));
    let question = screen.paint_note(
        Paint::Odd,
        "Delete them and what they made? This cannot be taken back. [y/N] ",
    );
    let _ = write!(std::io::stderr(), "{question}");
    let mut answer = String::new();
    let is_read = std::io::stdin().read_line(&mut answer).is_ok();
    is_read && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

fn purged(answer: &PurgeAnswer) -> String {
    let count = answer.jobs.len();
    let jobs = if count == 1 { "job" } else { "jobs" };
    let head = if answer.dry_run {
        format!("{count} {jobs} would be forgotten")
    } else {
        format!("{count} {jobs} forgotten, {} artifacts deleted", answer.artifacts)
    };
    let mut lines = vec![head];
    lines.extend(
        answer
            .jobs
            .iter()
            .take(SHOWN_JOBS)
            .map(|job| format!("  {}", tame(job))),
    );
    if count > SHOWN_JOBS {
        lines.push(format!("  and {} more; --json lists them", count - SHOWN_JOBS));
    }
    lines.join("\n")
}
