//! Jobs: listing, showing, cancelling, links to their results.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use marey_cloud::{
    CloudError, artifacts,
    store::{KeepPulses, ReadControls, ReadJobs, WriteJobs},
};
use marey_contract::{ErrorAnswer, JobDetail, JobList, ResultFile, Results};
use marey_engine::{Controls, JobEvent, JobState, Snapshot, StageName, Workflow, estimate};
use serde::Deserialize;

use super::{Answer, Shared, job_id, together, visible};
use crate::{
    Api, LINK_LIFETIME, Ports, SignLinks,
    access::{Caller, Reader, Writer},
    answer::Refusal,
    view,
};

/// Which jobs to list.
#[derive(Debug, Deserialize)]
pub(crate) struct ListQuery {
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<String>,
    pub(crate) owner: Option<String>,
}

impl ListQuery {
    /// The limit, and the cursor if it names a place: an empty key is one that DynamoDB refuses.
    pub(crate) fn page(&self) -> Result<(u32, Option<&str>), Refusal> {
        let limit = self.limit.unwrap_or(20);
        if !(1..=100).contains(&limit) {
            return Err(Refusal::bad_request(format!("The limit is {limit}."), "Give 1 to 100."));
        }
        Ok((limit, self.cursor.as_deref().filter(|cursor| !cursor.is_empty())))
    }
}

/// Lists jobs, the newest first
#[utoipa::path(get, path = "/jobs", params(
    ("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
    ("cursor" = Option<String>, Query, description = "the `next_cursor` of the page before"),
    ("owner" = Option<String>, Query, description = "the caller's own if absent")),
    responses((status = 200, body = JobList), (status = 400, body = ErrorAnswer)))]
pub(crate) async fn list_jobs<P: Ports>(
    State(api): Shared<P>,
    Reader(caller): Reader,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Answer<JobList> {
    let Query(query) = query.map_err(|e| Refusal::bad_request(e.body_text(), "Ask for /jobs?limit=20&cursor=…"))?;
    let (limit, cursor) = query.page()?;
    let owner = query.owner.as_deref().unwrap_or(&caller.owner);
    if !caller.sees(owner) {
        // As with an owner whom nobody knows.
        return Ok(Json(JobList {
            jobs: Vec::new(),
            next_cursor: None,
        }));
    }
    let page = api.conductor.store.list(owner, limit, cursor).await?;
    Ok(Json(JobList {
        jobs: page.jobs.iter().map(view::summary).collect(),
        next_cursor: page.next,
    }))
}

/// All rows of a job that exists for the caller.
pub(crate) async fn find<P: Ports>(api: &Api<P>, caller: &Caller, id: &str) -> Result<Snapshot, Refusal> {
    let found = api.conductor.store.snapshot(job_id(id)?).await?;
    let snapshot = found.ok_or_else(|| Refusal::no_job(id))?;
    visible(caller, id, &snapshot.job.value)?;
    Ok(snapshot)
}

/// Shows a job: status, progress, timings, cost and failures, with hints
#[utoipa::path(get, path = "/jobs/{id}", params(("id" = String, Path, description = "the job's id")),
    responses((status = 200, body = JobDetail), (status = 404, body = ErrorAnswer)))]
pub(crate) async fn show_job<P: Ports>(
    State(api): Shared<P>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Answer<JobDetail> {
    let snapshot = find(&api, &caller, &id).await?;
    detail(&api, &caller, &snapshot).await.map(Json)
}

/// Everything that is said of a job.
pub(crate) async fn detail<P: Ports>(api: &Api<P>, caller: &Caller, snapshot: &Snapshot) -> Result<JobDetail, Refusal> {
    let (store, now) = (&api.conductor.store, api.now());
    let job = &snapshot.job.value;
    let controls = store.controls().await?;
    let mut detail = view::detail(snapshot, &controls, now);
    let failures = store.failures(job.id).await?;
    detail.failures = failures
        .iter()
        .map(|record| view::failure(record, snapshot, caller.is_admin()))
        .collect();
    if detail.summary.status == marey_contract::JobStatus::Queued {
        detail.ahead = Some(store.ahead_of(job).await?);
    }
    if !job.has_ended() {
        detail.time_left = time_left(api, snapshot, &controls).await?;
    }
    Ok(detail)
}

async fn time_left<P: Ports>(
    api: &Api<P>,
    snapshot: &Snapshot,
    controls: &Controls,
) -> Result<Option<marey_contract::TimeLeft>, Refusal> {
    let Some(workflow) = Workflow::shipped(&snapshot.job.value.workflow) else {
        return Ok(None);
    };
    let (store, now) = (&api.conductor.store, api.now());
    let pulses = together(workflow.stages().iter().map(|stage| store.pulses(&stage.name))).await;
    let mut measured: BTreeMap<StageName, estimate::Measured> = BTreeMap::new();
    for (stage, pulses) in workflow.stages().iter().zip(pulses) {
        measured.insert(stage.name.clone(), view::measured(&pulses?, now));
    }
    let left = estimate::time_left(&workflow, snapshot, controls, &measured, now);
    Ok(left.map(|left| marey_contract::TimeLeft {
        least_ms: left.least.as_millis() as u64,
        most_ms: left.most.as_millis() as u64,
    }))
}

/// Links to what a completed job made
#[utoipa::path(get, path = "/jobs/{id}/results", params(("id" = String, Path, description = "the job's id")),
    responses((status = 200, body = Results), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer, description = "the job has no results (yet)")))]
pub(crate) async fn show_results<P: Ports>(
    State(api): Shared<P>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Answer<Results> {
    let snapshot = find(&api, &caller, &id).await?;
    match &snapshot.job.value.state {
        JobState::Completed { .. } => {}
        JobState::Running => {
            let hint = "Wait until its status is completed: `marey watch` does.";
            return Err(Refusal::conflict("JOB_NOT_DONE", "The job is still running.", hint));
        }
        JobState::Failed { .. } | JobState::Cancelled { .. } => {
            let hint = "Its status says why it ended.";
            return Err(Refusal::conflict(
                "JOB_WITHOUT_RESULTS",
                "The job left no results.",
                hint,
            ));
        }
    }
    let workflow = Workflow::shipped(&snapshot.job.value.workflow);
    let entries = workflow
        .iter()
        .flat_map(|workflow| artifacts::results(workflow, &snapshot));
    let mut files = Vec::new();
    for entry in entries.collect::<Vec<_>>() {
        let url = api.conductor.artifacts.sign_link(&entry.artifact).await?;
        files.push(ResultFile {
            stage: entry.stage.to_string(),
            name: entry.artifact.name,
            content_type: entry.artifact.content_type,
            bytes: entry.artifact.bytes,
            sha256: entry.artifact.sha256,
            url,
        });
    }
    let expires_at = (api.now() + LINK_LIFETIME).to_string();
    Ok(Json(Results {
        job_id: id,
        expires_at,
        files,
    }))
}

/// Cancels a job; a job that has ended stays as it is
#[utoipa::path(post, path = "/jobs/{id}/cancel", params(("id" = String, Path, description = "the job's id")),
    responses((status = 200, body = JobDetail), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer, description = "the job has already ended")))]
pub(crate) async fn cancel_job<P: Ports>(
    State(api): Shared<P>,
    Writer(caller): Writer,
    Path(id): Path<String>,
) -> Answer<JobDetail> {
    loop {
        let mut snapshot = find(&api, &caller, &id).await?;
        let Ok(cancelled) = snapshot.job.value.apply(JobEvent::Cancel, api.now()) else {
            let hint = "There is nothing left to cancel.";
            return Err(Refusal::conflict("JOB_ENDED", "The job has already ended.", hint));
        };
        // One write, and it is cancelled: whoever works on it notices.
        match api.conductor.store.put_job(&cancelled, snapshot.job.version).await {
            Ok(row) => {
                tracing::info!(job = id, "job cancelled");
                snapshot.job = row;
                return detail(&api, &caller, &snapshot).await.map(Json);
            }
            Err(CloudError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
