//! Forgetting jobs that ended long ago.

use axum::{Json, body::Bytes, extract::State};
use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    CloudError,
    artifacts::DeleteArtifacts,
    store::{FindEnded, ReadJobs, WriteJobs},
};
use marey_contract::{ErrorAnswer, JobStatus, PurgeAnswer, PurgeRequest};
use marey_engine::{Job, JobEvent, JobId, JobState};

use super::{Answer, Shared, is_late};
use crate::{
    Api, Ports,
    access::Admin,
    answer::{Refusal, parse},
};

/// So many jobs are looked at in one page.
const PAGE: u32 = 200;

/// A request that has forgotten so many goes no further.
const ENOUGH: usize = 200;

/// The cursor of the first page.
const BEGINNING: &str = "beginning";

/// Longest time in days that makes sense; rows are kept for 90.
const MOST_DAYS: u32 = 3650;

/// Forgets jobs that ended long ago: their rows and their artifacts; for administrators
///
/// Send it again with `next_cursor` until there is none. Uploads stay.
#[utoipa::path(post, path = "/system/purge", request_body = PurgeRequest, responses((status = 200, body = PurgeAnswer),
    (status = 400, body = ErrorAnswer), (status = 403, body = ErrorAnswer)))]
pub(crate) async fn purge<P: Ports>(State(api): Shared<P>, Admin(_): Admin, body: Bytes) -> Answer<PurgeAnswer> {
    let request: PurgeRequest = parse(&body, "{\"older_than_days\": 30, \"dry_run\": true}")?;
    if !(1..=MOST_DAYS).contains(&request.older_than_days) {
        let hint = format!("Give 1 to {MOST_DAYS} days.");
        return Err(Refusal::bad_request("The number of days is out of range.", hint));
    }
    if request.status.is_some_and(|status| !status.has_ended()) {
        let hint = "Give completed, failed or cancelled, or no status for all of them.";
        return Err(Refusal::bad_request("A job with that status has not ended.", hint));
    }
    let began = api.now();
    let before = began - SignedDuration::from_hours(24 * i64::from(request.older_than_days));
    let mut answer = PurgeAnswer {
        jobs: Vec::new(),
        artifacts: 0,
        dry_run: request.dry_run,
        next_cursor: request
            .cursor
            .filter(|cursor| !cursor.is_empty() && cursor != BEGINNING),
    };
    loop {
        let page = api.conductor.store.ended(PAGE, answer.next_cursor.as_deref()).await;
        let page = page.map_err(unknown_cursor)?;
        for job in page.jobs.iter().filter(|job| is_meant(job, request.status, before)) {
            if !request.dry_run {
                match forget(&api, job.id, request.status, before, began).await? {
                    Forgot::All(artifacts) => answer.artifacts += artifacts,
                    Forgot::NotMeant => continue,
                    Forgot::Some(artifacts) => {
                        // Out of time: the cursor of this page goes back, and finds what is left of it.
                        answer.artifacts += artifacts;
                        answer.next_cursor.get_or_insert_with(|| BEGINNING.to_owned());
                        return Ok(Json(answer));
                    }
                }
            }
            answer.jobs.push(job.id.to_string());
        }
        answer.next_cursor = page.next;
        if answer.next_cursor.is_none() || answer.jobs.len() >= ENOUGH || is_late(began, api.now()) {
            return Ok(Json(answer));
        }
    }
}

fn unknown_cursor(error: CloudError) -> Refusal {
    match error {
        CloudError::Malformed { .. } => Refusal::bad_request(
            "The cursor is none of an answer.",
            "Give the next_cursor of the answer before.",
        ),
        other => other.into(),
    }
}

fn is_meant(job: &Job, status: Option<JobStatus>, before: Timestamp) -> bool {
    // What an interrupted purge has begun any purge ends.
    if job.forgotten {
        return true;
    }
    let is_status = match (&job.state, status) {
        (JobState::Running, _) => false,
        (_, None)
        | (JobState::Completed { .. }, Some(JobStatus::Completed))
        | (JobState::Failed { .. }, Some(JobStatus::Failed))
        | (JobState::Cancelled { .. }, Some(JobStatus::Cancelled)) => true,
        _ => false,
    };
    is_status && job.ended_at().is_some_and(|at| at < before)
}

/// What was done about a job.
enum Forgot {
    /// It is gone, with so many artifacts.
    All(u64),
    /// So many of its artifacts are gone, and then the time was up.
    Some(u64),
    /// It is none of those that are to be forgotten.
    NotMeant,
}

/// Marks a job as forgotten, deletes its artifacts, then its rows, its own row last: whoever is interrupted finds the job
/// again, and goes on. The mark is one conditional write: a job that is retried in the same moment either is retried and
/// stays, or cannot be retried any more.
async fn forget<P: Ports>(
    api: &Api<P>,
    id: JobId,
    status: Option<JobStatus>,
    before: Timestamp,
    began: Timestamp,
) -> Result<Forgot, Refusal> {
    let mut artifacts = 0;
    loop {
        if is_late(began, api.now()) {
            return Ok(Forgot::Some(artifacts));
        }
        let Some(row) = api.conductor.store.job(id).await? else {
            return Ok(Forgot::NotMeant);
        };
        if !is_meant(&row.value, status, before) {
            return Ok(Forgot::NotMeant);
        }
        if row.value.forgotten {
            break;
        }
        let Ok(forgotten) = row.value.apply(JobEvent::Forget, api.now()) else {
            return Ok(Forgot::NotMeant);
        };
        match api.conductor.store.put_job(&forgotten, row.version).await {
            Ok(_) => break,
            Err(CloudError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    loop {
        if is_late(began, api.now()) {
            return Ok(Forgot::Some(artifacts));
        }
        match api.conductor.artifacts.delete_some(id).await? {
            0 => break,
            some => artifacts += some,
        }
    }
    api.conductor.store.delete_job(id).await?;
    tracing::info!(job = %id, artifacts, "job purged");
    Ok(Forgot::All(artifacts))
}
