//! Forgetting jobs that ended long ago.

use axum::{Json, body::Bytes, extract::State};
use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    CloudError,
    artifacts::DeleteArtifacts,
    store::{FindEnded, ReadJobs, WriteJobs},
};
use marey_contract::{ErrorAnswer, JobStatus, PurgeAnswer, PurgeRequest};
use marey_engine::{Job, JobId, JobState};

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
        next_cursor: request.cursor.filter(|cursor| !cursor.is_empty()),
    };
    loop {
        let page = api.conductor.store.ended(PAGE, answer.next_cursor.as_deref()).await;
        let page = page.map_err(unknown_cursor)?;
        for job in page.jobs.iter().filter(|job| is_meant(job, request.status, before)) {
            if !request.dry_run {
                // Out of time within a page: the cursor of this page goes back, and finds what is left of it.
                if is_late(began, api.now()) {
                    return Ok(Json(answer));
                }
                let Some(artifacts) = forget(&api, job.id, request.status, before).await? else {
                    continue;
                };
                answer.artifacts += artifacts;
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

/// Deletes a job's artifacts, then its rows, its own row last: whoever is interrupted finds the job again, and goes on. A
/// job that is retried in the same moment may lose: it is looked at once more right before.
async fn forget<P: Ports>(
    api: &Api<P>,
    id: JobId,
    status: Option<JobStatus>,
    before: Timestamp,
) -> Result<Option<u64>, Refusal> {
    let row = api.conductor.store.job(id).await?;
    if !row.is_some_and(|row| is_meant(&row.value, status, before)) {
        return Ok(None);
    }
    let artifacts = api.conductor.artifacts.delete_of(id).await?;
    api.conductor.store.delete_job(id).await?;
    tracing::info!(job = %id, artifacts, "job purged");
    Ok(Some(artifacts))
}
