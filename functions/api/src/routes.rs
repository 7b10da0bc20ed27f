//! The routes.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{StatusCode, Uri},
};
use marey_cloud::{CloudError, store::WriteJobs};
use marey_contract::{ErrorAnswer, Health, JobDetail, JobList, ResultFile, Results, UploadTicket, VideoRequest};
use marey_engine::{
    JobEvent, JobId, JobState, Snapshot, Workflow,
    upload::{DEFAULT_OWNER, Request},
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{Api, LINK_LIFETIME, SignForms, SignLinks, answer::Refusal, form, view};

type Shared<S, L, F> = State<Arc<Api<S, L, F>>>;
type Answer<T> = Result<Json<T>, Refusal>;

/// Asks for leave to upload a video
///
/// The answer is a form to post to the bucket itself, and the id of the job that the upload will begin.
#[utoipa::path(post, path = "/videos", request_body = VideoRequest, responses(
    (status = 201, body = UploadTicket), (status = 400, body = ErrorAnswer)))]
pub(crate) async fn request_upload<S: WriteJobs, L: SignLinks, F: SignForms>(
    State(api): Shared<S, L, F>,
    body: Result<Json<VideoRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<UploadTicket>), Refusal> {
    let Json(request) = body.map_err(|e| {
        Refusal::bad_request(
            e.body_text(),
            "Send JSON such as {\"name\": \"squat.mp4\"} as application/json.",
        )
    })?;
    let wish = form::check(request)?;
    let id = JobId::reserved(Uuid::new_v4());
    let key = Request::key(DEFAULT_OWNER, &wish.workflow, id, &wish.name);
    let metadata: BTreeMap<_, _> = wish
        .priority
        .map(|p| ("priority".to_owned(), p.to_string()))
        .into_iter()
        .collect();
    let form = api.forms.sign_form(&key, &metadata, (api.now)()).await?;
    let ticket = UploadTicket {
        job_id: id.to_string(),
        url: form.url,
        fields: form.fields,
        max_bytes: api.max_bytes,
        expires_at: form.expires_at.to_string(),
    };
    Ok((StatusCode::CREATED, Json(ticket)))
}

/// Which jobs to list.
#[derive(Debug, Deserialize)]
pub(crate) struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    owner: Option<String>,
}

/// Lists jobs, the newest first
#[utoipa::path(get, path = "/jobs", params(
    ("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
    ("cursor" = Option<String>, Query, description = "the `next_cursor` of the page before"),
    ("owner" = Option<String>, Query, description = "`default` if absent")),
    responses((status = 200, body = JobList), (status = 400, body = ErrorAnswer)))]
pub(crate) async fn list_jobs<S: WriteJobs, L: SignLinks, F: SignForms>(
    State(api): Shared<S, L, F>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Answer<JobList> {
    let Query(query) = query.map_err(|e| Refusal::bad_request(e.body_text(), "Ask for /jobs?limit=20&cursor=…"))?;
    let limit = query.limit.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        return Err(Refusal::bad_request(format!("The limit is {limit}."), "Give 1 to 100."));
    }
    let owner = query.owner.as_deref().unwrap_or(DEFAULT_OWNER);
    // An empty key is one that DynamoDB refuses.
    let cursor = query.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let page = api.store.list(owner, limit, cursor).await?;
    Ok(Json(JobList {
        jobs: page.jobs.iter().map(view::summary).collect(),
        next_cursor: page.next,
    }))
}

async fn find<S: WriteJobs, L, F>(api: &Api<S, L, F>, id: &str) -> Result<Snapshot, Refusal> {
    let parsed: JobId = id.parse().map_err(|_| Refusal::no_job(id))?;
    api.store.snapshot(parsed).await?.ok_or_else(|| Refusal::no_job(id))
}

/// Shows a job: status, progress and timings per stage, errors with hints
#[utoipa::path(get, path = "/jobs/{id}", params(("id" = String, Path, description = "the job's id")),
    responses((status = 200, body = JobDetail), (status = 404, body = ErrorAnswer)))]
pub(crate) async fn show_job<S: WriteJobs, L: SignLinks, F: SignForms>(
    State(api): Shared<S, L, F>,
    Path(id): Path<String>,
) -> Answer<JobDetail> {
    Ok(Json(view::detail(&find(&api, &id).await?)))
}

/// Links to what a completed job made
#[utoipa::path(get, path = "/jobs/{id}/results", params(("id" = String, Path, description = "the job's id")),
    responses((status = 200, body = Results), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer, description = "the job has no results (yet)")))]
pub(crate) async fn show_results<S: WriteJobs, L: SignLinks, F: SignForms>(
    State(api): Shared<S, L, F>,
    Path(id): Path<String>,
) -> Answer<Results> {
    let snapshot = find(&api, &id).await?;
    match &snapshot.job.value.state {
        JobState::Completed { .. } => {}
        JobState::Running => {
            let hint = "Wait until its status is completed: `marey watch` does.";
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "JOB_NOT_DONE",
                "The job is still running.",
                hint,
            ));
        }
        JobState::Failed { .. } | JobState::Cancelled { .. } => {
            let hint = "Its status says why it ended.";
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "JOB_WITHOUT_RESULTS",
                "The job left no results.",
                hint,
            ));
        }
    }
    let mut files = Vec::new();
    for (stage, _, artifact) in snapshot.artifacts() {
        files.push(ResultFile {
            stage: stage.to_string(),
            name: artifact.name.clone(),
            content_type: artifact.content_type.clone(),
            bytes: artifact.bytes,
            sha256: artifact.sha256.clone(),
            url: api.links.sign_link(artifact).await?,
        });
    }
    let expires_at = ((api.now)() + LINK_LIFETIME).to_string();
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
pub(crate) async fn cancel_job<S: WriteJobs, L: SignLinks, F: SignForms>(
    State(api): Shared<S, L, F>,
    Path(id): Path<String>,
) -> Answer<JobDetail> {
    loop {
        let mut snapshot = find(&api, &id).await?;
        let Ok(cancelled) = snapshot.job.value.apply(JobEvent::Cancel, (api.now)()) else {
            let hint = "There is nothing left to cancel.";
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "JOB_ENDED",
                "The job has already ended.",
                hint,
            ));
        };
        match api.store.put_job(&cancelled, snapshot.job.version).await {
            Ok(row) => {
                tracing::info!(job = id, "job cancelled");
                snapshot.job = row;
                return Ok(Json(view::detail(&snapshot)));
            }
            Err(CloudError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Says that the API is there, and which workflows it knows
#[utoipa::path(get, path = "/health", responses((status = 200, body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    let workflows = Workflow::all_shipped()
        .iter()
        .map(|workflow| workflow.name().to_owned())
        .collect();
    Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        workflows,
    })
}

pub(crate) async fn no_route(uri: Uri) -> Refusal {
    let message = format!("There is nothing at {}.", uri.path());
    Refusal::new(
        StatusCode::NOT_FOUND,
        "ROUTE_NOT_FOUND",
        message,
        "GET /openapi.json describes every route.",
    )
}

pub(crate) async fn no_method() -> Refusal {
    let message = "This route does not take that method.";
    let hint = "GET /openapi.json describes every route.";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message, hint)
}
