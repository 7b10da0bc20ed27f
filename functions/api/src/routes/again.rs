//! Trying again, and running another job on the same upload.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    CloudError,
    store::{ReadJobs, WriteJobs},
};
use marey_contract::{ErrorAnswer, JobDetail, ReprocessRequest};
use marey_engine::{
    FailureClass, Job, JobEvent, JobId, JobRefusal, JobState, StageRow, Wishes, Workflow,
    event::check_notify,
    parameter,
    upload::{is_archive, is_manifest},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Answer, Shared,
    jobs::{detail, find},
};
use crate::{
    Api, Ports,
    access::Writer,
    answer::{Refusal, parse_or_default},
    form::{check_priority, check_workflow},
};

/// Namespace of the ids of jobs that run on an upload again: the `UUIDv5` of `marey.reprocess` in the DNS namespace of RFC 9562.
const NAMESPACE: Uuid = Uuid::from_u128(0x8dda_dd06_10cc_5d38_86e4_408c_411a_ec8b);

/// A job may be retried for so long. Every row is deleted 90 days after it was last written, and those of stages are written
/// but once: a job that ran beyond that would lose its own past.
const RETRIED_UNTIL: SignedDuration = SignedDuration::from_hours(24 * 60);

/// Goes on with a job that failed or was cancelled; what is complete is kept
#[utoipa::path(post, path = "/jobs/{id}/retry", params(("id" = String, Path, description = "the job's id")),
    responses((status = 200, body = JobDetail), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer, description = "the job runs, is complete, or can never succeed")))]
pub(crate) async fn retry_job<P: Ports>(
    State(api): Shared<P>,
    Writer(caller): Writer,
    Path(id): Path<String>,
) -> Answer<JobDetail> {
    let snapshot = find(&api, &caller, &id).await?;
    retry(&api, snapshot.job.value.id).await?;
    let snapshot = find(&api, &caller, &id).await?;
    detail(&api, &caller, &snapshot).await.map(Json)
}

/// Begins the next round of a job. `Ok` promises that the job runs again.
///
/// One write of the job's row decides; what follows from it, the sweeper does too. So nothing is lost if this ends between
/// the write and the dispatch, and if the dispatch fails the answer is still that the job runs.
pub(crate) async fn retry<P: Ports>(api: &Api<P>, id: JobId) -> Result<(), Refusal> {
    let store = &api.conductor.store;
    loop {
        let row = store.job(id).await?.ok_or_else(|| Refusal::no_job(&id.to_string()))?;
        let now = api.now();
        let deadline = |workflow: &Workflow| now + SignedDuration::from_secs(workflow.deadline_s().into());
        // What the job stands in the way of is said before what stands in the way of the job.
        let next = |deadline| row.value.apply(JobEvent::Retry { deadline }, now).map_err(refused);
        next(now)?;
        let (workflow, params) = can_succeed(&row.value, api.max_bytes, now)?;
        let mut next = next(deadline(&workflow))?;
        next.wishes.params = params;
        match store.put_job(&next, row.version).await {
            Ok(_) => break,
            Err(CloudError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    tracing::info!(job = %id, "job retried");
    carry_on(api, id).await;
    Ok(())
}

/// Does what a job needs next, if it can be done now; if not, the sweeper does it within a minute.
async fn carry_on<P: Ports>(api: &Api<P>, id: JobId) {
    if let Err(error) = api.conductor.advance(id).await {
        tracing::warn!(job = %id, error = error.chain(), "job left to the sweeper");
    }
}

fn refused(refusal: JobRefusal) -> Refusal {
    match refusal {
        JobRefusal::Running => Refusal::conflict(
            "JOB_RUNNING",
            "The job is still running.",
            "It tries by itself what is worth trying; wait until it has ended, or cancel it.",
        ),
        JobRefusal::Forgotten => Refusal::conflict(
            "JOB_NOT_RETRYABLE",
            "The job is being deleted.",
            "Upload the video again.",
        ),
        JobRefusal::Complete | JobRefusal::Ended => Refusal::conflict(
            "JOB_COMPLETE",
            "The job is complete.",
            "Reprocess it to run on the same video again, with other parameters or without.",
        ),
    }
}

/// The workflow of a job that was not refused for what was asked of it, and its parameters: a job that was refused would fail
/// again, or run with something else than what was asked for.
fn can_succeed(job: &Job, max_bytes: u64, now: Timestamp) -> Result<(Workflow, BTreeMap<String, Value>), Refusal> {
    let never = |message: String, hint: &str| Refusal::conflict("JOB_NOT_RETRYABLE", message, hint);
    if let JobState::Failed { failure, .. } = &job.state
        && failure.stage.is_none()
        && failure.class == FailureClass::Permanent
    {
        let message = format!(
            "The job was refused before anything ran ({}): {}",
            failure.code, failure.message
        );
        return Err(never(message, &failure.hint));
    }
    let age = now.duration_since(job.created_at);
    if age > RETRIED_UNTIL {
        let message = format!(
            "The job was made {} days ago; its records are deleted after 90, and it can be retried for {}.",
            age.as_hours() / 24,
            RETRIED_UNTIL.as_hours() / 24
        );
        return Err(never(message, "Reprocess it, or upload the video again."));
    }
    let workflow = Workflow::shipped(&job.workflow).ok_or_else(|| {
        never(
            format!("The job's workflow {:?} does not exist.", job.workflow),
            "Reprocess the job with a workflow of GET /workflows.",
        )
    })?;
    if job.input.bytes > max_bytes {
        let message = format!("The video has {} bytes, allowed are {max_bytes}.", job.input.bytes);
        return Err(never(message, "Upload a smaller one."));
    }
    match parameter::settle(&workflow, &job.wishes.params) {
        Ok(params) => Ok((workflow, params)),
        Err(problem) => {
            let hint = "Reprocess the job with parameters that fit.";
            Err(never(format!("The job's parameters do not fit: {problem}."), hint))
        }
    }
}

/// Runs another job on the same upload, with other parameters or another workflow
///
/// Stages whose inputs did not change take the earlier results, unless `reuse` is false. The same request makes the same
/// job, however often it is sent.
#[utoipa::path(post, path = "/jobs/{id}/reprocess", request_body = ReprocessRequest,
    params(("id" = String, Path, description = "the job's id")),
    responses((status = 201, body = JobDetail), (status = 200, body = JobDetail, description = "that job was there"),
        (status = 400, body = ErrorAnswer), (status = 404, body = ErrorAnswer)))]
pub(crate) async fn reprocess_job<P: Ports>(
    State(api): Shared<P>,
    Writer(caller): Writer,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<JobDetail>), Refusal> {
    let request: ReprocessRequest = parse_or_default(&body, "{\"params\": {\"cutoff_hz\": 4}}")?;
    let old = find(&api, &caller, &id).await?.job.value;
    let (job, workflow) = another(&api, &old, &request)?;
    let stages: Vec<_> = workflow.stages().iter().map(StageRow::of).collect();
    // All its rows in one transaction, then what follows from them; who repeats the request finds the job and goes on.
    let creation = api.conductor.store.create(&job, &stages).await?;
    tracing::info!(job = %job.id, of = id, ?creation, "job made to reprocess");
    carry_on(&api, job.id).await;
    let status = match creation {
        marey_cloud::store::Creation::Created => StatusCode::CREATED,
        marey_cloud::store::Creation::Existed => StatusCode::OK,
    };
    let snapshot = find(&api, &caller, &job.id.to_string()).await?;
    Ok((status, Json(detail(&api, &caller, &snapshot).await?)))
}

/// The job that a request makes of an old one.
fn another<P: Ports>(api: &Api<P>, old: &Job, request: &ReprocessRequest) -> Result<(Job, Workflow), Refusal> {
    check_priority(request.priority)?;
    let is_whole_archive = old.input.member.is_none() && is_archive(&old.input.key);
    if old.input.key.is_empty() || is_manifest(&old.input.key) || is_whole_archive {
        let message = "The job has no video to run on again.";
        return Err(Refusal::conflict(
            "JOB_NOT_RETRYABLE",
            message,
            "Upload the video, or the corrected manifest or archive.",
        ));
    }
    let workflow = check_workflow(Some(request.workflow.as_deref().unwrap_or(&old.workflow)))?;
    if old.input.bytes > api.max_bytes {
        let message = format!(
            "The video has {} bytes, allowed are {}.",
            old.input.bytes, api.max_bytes
        );
        return Err(Refusal::conflict("JOB_NOT_RETRYABLE", message, "Upload a smaller one."));
    }
    let mut params = request.params.clone();
    if workflow.name() == old.workflow {
        // What is not said anew stays as it was, if it still fits.
        for (name, value) in &old.wishes.params {
            if workflow
                .parameters()
                .get(name)
                .is_some_and(|parameter| parameter.admits(value))
            {
                params.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    let wishes = Wishes {
        params: parameter::settle(&workflow, &params)?,
        reuse: request.reuse.unwrap_or(true),
        // The old job may have been refused for its address.
        notify: old
            .wishes
            .notify
            .clone()
            .filter(|address| check_notify(address).is_ok()),
        ..old.wishes.clone()
    };
    let id = id_of(old.id, workflow.name(), &wishes, request.token.as_deref());
    let now = api.now();
    let job = Job {
        id,
        owner: old.owner.clone(),
        workflow: workflow.name().to_owned(),
        input: old.input.clone(),
        priority: request.priority.unwrap_or(old.priority),
        created_at: now,
        deadline: Some(now + SignedDuration::from_secs(workflow.deadline_s().into())),
        round: 0,
        forgotten: false,
        wishes,
        trace: id.to_string().replace('-', ""),
        state: JobState::Running,
    };
    Ok((job, workflow))
}

/// The same work has the same id, so that a request that is sent twice makes one job.
fn id_of(old: JobId, workflow: &str, wishes: &Wishes, token: Option<&str>) -> JobId {
    // Maps are ordered, so the same wishes are the same text.
    let wishes = serde_json::to_string(wishes).unwrap_or_default();
    let name = [&old.to_string(), workflow, &wishes, token.unwrap_or_default()].join("\u{1f}");
    JobId::reserved(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_is_the_one_it_says() {
        assert_eq!(NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"marey.reprocess"));
    }
}
