//! `marey submit`: an upload and the job that it begins; several are a batch.

use std::path::Path;

use marey_contract::{ErrorBody, JobDetail, JobStatus, VideoRequest};
use serde::Serialize;

use super::{Verdict, batch, watch};
use crate::arguments::Submit;
use crate::bars::Transfer;
use crate::client::Client;
use crate::error::Error;
use crate::parameters::wishes;
use crate::screen::{Paint, Screen};
use crate::upload::{VideoFile, upload};
use crate::videos::is_many;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    submitted: Vec<Submitted>,
    failed: Vec<Failed>,
    /// The first failure, where every other command has its error.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
}

/// A file whose job has begun.
#[derive(Debug, Serialize)]
struct Submitted {
    file: String,
    job_id: String,
    /// The job at its end, if it was followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<JobDetail>,
}

/// A file that could not be sent, or whose job could not be followed.
#[derive(Debug, Serialize)]
struct Failed {
    file: String,
    error: ErrorBody,
}

impl Report {
    fn fail(&mut self, screen: &Screen, file: &str, error: &Error) {
        let body = error.to_body();
        screen.tell(&body);
        self.error.get_or_insert_with(|| body.clone());
        self.failed.push(Failed {
            file: file.to_owned(),
            error: body,
        });
    }
}

/// Uploads one video, or several as a batch.
pub(super) async fn submit(client: &Client, screen: &Screen, options: &Submit) -> Result<Verdict, Error> {
    let files = &options.files;
    if files.len() > 1 || options.name.is_some() || files.iter().any(|place| is_many(place)) {
        return batch::submit(client, screen, files, options.name.as_deref(), &options.manner).await;
    }
    let mut report = Report {
        submitted: Vec::new(),
        failed: Vec::new(),
        error: None,
    };
    for path in files {
        let file = path.display().to_string();
        match send(client, screen, options, path).await {
            Ok(job_id) => {
                if !screen.is_json() {
                    Screen::print(&job_id)?;
                }
                report.submitted.push(Submitted {
                    file,
                    job_id,
                    job: None,
                });
            }
            Err(error) => report.fail(screen, &file, &error),
        }
    }
    let mut all_completed = true;
    if options.manner.watch {
        all_completed = follow(client, screen, &mut report).await?;
    } else if let (Some(first), false) = (report.submitted.first(), screen.is_json()) {
        let follow_it = format!("follow it: marey watch {}", first.job_id);
        Screen::note(&screen.paint_note(Paint::Faint, &follow_it));
    }
    if screen.is_json() {
        Screen::print_json(&report)?;
    }
    Ok(if report.failed.is_empty() && all_completed {
        Verdict::Well
    } else {
        Verdict::NotWell
    })
}

/// Sends one file and returns its job's id.
async fn send(client: &Client, screen: &Screen, options: &Submit, path: &Path) -> Result<String, Error> {
    let video = VideoFile::open(path).await?;
    let manner = &options.manner;
    let request = VideoRequest {
        name: video.name().to_owned(),
        workflow: manner.workflow.clone(),
        priority: manner.priority,
        params: wishes(client, manner.workflow.as_deref(), &manner.params).await?,
        runs_on: manner.runs_on.map(Into::into),
        reuse: manner.reuse,
        notify: manner.notify.clone(),
        batch: None,
    };
    let ticket = client.ask_upload(&request).await?;
    let (path, bytes) = (path.to_owned(), video.bytes());
    if bytes > ticket.max_bytes {
        // Told before a bar appears; the upload itself would refuse it as well.
        return Err(Error::FileTooLarge {
            path,
            bytes,
            max_bytes: ticket.max_bytes,
        });
    }
    let shown = Transfer::begin(screen, "uploading", video.name(), bytes);
    let outcome = upload(client, &ticket, video, shown.position()).await;
    match outcome {
        Ok(()) => shown.end("uploaded"),
        Err(error) => {
            shown.give_up();
            return Err(error);
        }
    }
    Ok(ticket.job_id)
}

/// Follows all jobs, one after the other (they run at the same time); says whether all are completed.
async fn follow(client: &Client, screen: &Screen, report: &mut Report) -> Result<bool, Error> {
    let mut all_completed = true;
    let mut lost = Vec::new();
    for submitted in &mut report.submitted {
        match watch::to_the_end(client, screen, &submitted.job_id).await {
            Ok(job) => {
                all_completed &= job.summary.status == JobStatus::Completed;
                if !screen.is_json() {
                    watch::conclude(screen, &job)?;
                }
                submitted.job = Some(job);
            }
            Err(error) => lost.push((submitted.file.clone(), error)),
        }
    }
    for (file, error) in lost {
        report.fail(screen, &file, &error);
    }
    Ok(all_completed)
}
