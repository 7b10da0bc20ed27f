//! `marey retry`, `marey reprocess` and `marey redrive`: work that is done once more.

use marey_contract::{JobDetail, RedriveAnswer, RedriveRequest, ReprocessRequest};

use super::{Verdict, fresh_token, show_json_or, watch};
use crate::arguments::{Redrive, Reprocess, Retry};
use crate::client::Client;
use crate::error::Error;
use crate::parameters::wishes;
use crate::screen::{Paint, Screen, job_status};
use crate::words::{counted, tame};

/// Tries again what failed of a job.
pub(super) async fn retry(client: &Client, screen: &Screen, options: &Retry) -> Result<Verdict, Error> {
    let job = client.retry(&options.id).await?;
    if options.watch {
        return watch::watch(client, screen, &job.summary.id).await;
    }
    show_job(screen, &job, "is tried again")
}

/// Runs a job's video again.
pub(super) async fn reprocess(client: &Client, screen: &Screen, options: &Reprocess) -> Result<Verdict, Error> {
    let workflow = match &options.workflow {
        Some(workflow) => Some(workflow.clone()),
        // The parameters are those of the old job's workflow.
        None if options.params.is_empty() => None,
        None => Some(client.job(&options.id).await?.summary.workflow),
    };
    let request = ReprocessRequest {
        params: wishes(client, workflow.as_deref(), &options.params).await?,
        workflow: options.workflow.clone(),
        priority: options.priority,
        reuse: options.no_reuse.then_some(false),
        token: options.again.then(fresh_token),
    };
    let job = client.reprocess(&options.id, &request).await?;
    if options.watch {
        return watch::watch(client, screen, &job.summary.id).await;
    }
    if screen.is_json() {
        Screen::print_json(&job)?;
        return Ok(Verdict::Well);
    }
    // As `submit` does: the id alone, to be read by other programs.
    Screen::print(&tame(&job.summary.id))?;
    note_next(screen, &job);
    Ok(Verdict::Well)
}

fn show_job(screen: &Screen, job: &JobDetail, what: &str) -> Result<Verdict, Error> {
    let (status, paint) = job_status(job.summary.status);
    let verdict = show_json_or(screen, job, || {
        format!("{} {what}: {}", tame(&job.summary.name), screen.paint(paint, status))
    })?;
    if !screen.is_json() {
        note_next(screen, job);
    }
    Ok(verdict)
}

fn note_next(screen: &Screen, job: &JobDetail) {
    let next = format!("follow it: marey watch {}", tame(&job.summary.id));
    Screen::note(&screen.paint_note(Paint::Faint, &next));
}

/// Takes parked messages up again.
pub(super) async fn redrive(client: &Client, screen: &Screen, options: &Redrive) -> Result<Verdict, Error> {
    let request = RedriveRequest { limit: options.limit };
    let answer = client.redrive(&options.queue, &request).await?;
    let verdict = show_json_or(screen, &answer, || redriven(&answer))?;
    if answer.more && !screen.is_json() {
        let more = format!("there are more: marey redrive {} goes on", tame(&answer.queue));
        Screen::note(&screen.paint_note(Paint::Faint, &more));
    }
    Ok(verdict)
}

fn redriven(answer: &RedriveAnswer) -> String {
    let mut lines = vec![format!(
        "{}: {} tried again, {} sent back, {} no longer needed, {} left in place",
        tame(&answer.queue),
        counted(answer.jobs.len(), "job"),
        counted(answer.sent_back as usize, "message"),
        answer.forgotten,
        answer.kept
    )];
    lines.extend(answer.jobs.iter().map(|job| format!("  {}", tame(job))));
    lines.join("\n")
}
