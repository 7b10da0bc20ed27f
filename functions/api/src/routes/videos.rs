//! Leave to upload.

use axum::{Json, body::Bytes, extract::State, http::StatusCode};
use marey_cloud::store::KeepBatches;
use marey_contract::{ErrorAnswer, UploadTicket, VideoRequest};
use marey_engine::{BatchId, JobId, upload::Request};
use uuid::Uuid;

use super::Shared;
use crate::{
    Api, Ports, SignForms,
    access::{Caller, Writer},
    answer::{Refusal, parse},
    form::{self, Wish},
};

/// Asks for leave to upload a video
///
/// The answer is a form to post to the bucket itself, and the id of the job that the upload will begin.
#[utoipa::path(post, path = "/videos", request_body = VideoRequest, responses(
    (status = 201, body = UploadTicket), (status = 400, body = ErrorAnswer)))]
pub(crate) async fn request_upload<P: Ports>(
    State(api): Shared<P>,
    Writer(caller): Writer,
    body: Bytes,
) -> Result<(StatusCode, Json<UploadTicket>), Refusal> {
    let request: VideoRequest = parse(&body, "{\"name\": \"squat.mp4\"}")?;
    let batch = match &request.batch {
        Some(id) => Some(own_batch(&api, &caller, id).await?),
        None => None,
    };
    let wish = form::check(&request, batch)?;
    let id = JobId::reserved(Uuid::new_v4());
    let ticket = ticket(&api, &caller.owner, id, &wish).await?;
    Ok((StatusCode::CREATED, Json(ticket)))
}

async fn own_batch<P: Ports>(api: &Api<P>, caller: &Caller, id: &str) -> Result<BatchId, Refusal> {
    let parsed: BatchId = id.parse().map_err(|_| Refusal::no_batch(id))?;
    let row = api.conductor.store.batch(parsed).await?;
    let is_visible = row.is_some_and(|row| caller.sees(&row.value.owner));
    if is_visible {
        Ok(parsed)
    } else {
        Err(Refusal::no_batch(id))
    }
}

/// Leave to upload the video of a job to come.
pub(crate) async fn ticket<P: Ports>(
    api: &Api<P>,
    owner: &str,
    id: JobId,
    wish: &Wish,
) -> Result<UploadTicket, Refusal> {
    let key = Request::key(owner, wish.workflow.name(), id, &wish.name);
    let form = api.forms.sign_form(&key, &wish.metadata, api.now()).await?;
    Ok(UploadTicket {
        job_id: id.to_string(),
        url: form.url,
        fields: form.fields,
        max_bytes: api.max_bytes,
        expires_at: form.expires_at.to_string(),
    })
}
