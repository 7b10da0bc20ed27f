//! Answers over HTTP: leave to upload, the state of jobs, links to their results, and what operators need.
//!
//! The function reads and writes the jobs table and signs; no byte of a video passes through it. Who asks is found out
//! before any route is run (`access`); what changes a job goes through the same engine and conductor as everywhere.

mod access;
mod answer;
mod form;
mod openapi;
mod routes;
mod view;

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{delete, get, post},
};
use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    CloudError, Conductor, Time,
    artifacts::{DeleteArtifacts, StoreArtifacts},
    aws::{
        Buckets,
        form::{FormSigner, PostForm},
    },
    queues::{CountMessages, LimitStages, SendTasks, TakeParked},
    store::{FindEnded, JobsTable, KeepBatches, KeepKeys},
};
use marey_engine::Artifact;

pub use access::{Access, Mode};
pub use openapi::document;

/// How long a leave to upload lasts.
pub const UPLOAD_LIFETIME: SignedDuration = SignedDuration::from_mins(60);

/// How long a link to a result lasts.
pub const LINK_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// Requests may weigh what Lambda takes.
const LARGEST_BODY: usize = 6 << 20;

/// Signing leave to upload.
pub trait SignForms: Send + Sync + 'static {
    /// A form for one upload under exactly this key.
    fn sign_form(
        &self,
        key: &str,
        metadata: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> impl Future<Output = Result<PostForm, CloudError>> + Send;
}

impl SignForms for FormSigner {
    async fn sign_form(
        &self,
        key: &str,
        metadata: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<PostForm, CloudError> {
        self.sign(key, metadata, now, UPLOAD_LIFETIME).await
    }
}

/// Signing links to artifacts.
pub trait SignLinks: Send + Sync + 'static {
    /// A link that works for [`LINK_LIFETIME`].
    fn sign_link(&self, artifact: &Artifact) -> impl Future<Output = Result<String, CloudError>> + Send;
}

impl SignLinks for Buckets {
    async fn sign_link(&self, artifact: &Artifact) -> Result<String, CloudError> {
        self.presign(artifact, Duration::from_secs(LINK_LIFETIME.as_secs().unsigned_abs()))
            .await
    }
}

/// Everything that the routes work on.
pub trait Ports: Send + Sync + 'static {
    /// The jobs table.
    type Store: JobsTable + KeepBatches + KeepKeys + FindEnded + 'static;
    /// The artifacts bucket.
    type Artifacts: StoreArtifacts + DeleteArtifacts + SignLinks;
    /// The queues.
    type Queues: SendTasks + TakeParked + CountMessages + LimitStages + 'static;
    /// Signs forms.
    type Forms: SignForms;
    /// The clock.
    type Time: Time;
}

/// What the routes work on.
pub struct Api<P: Ports> {
    /// Table, artifacts, queues and clock, and what moves jobs along.
    pub conductor: Conductor<P::Store, P::Artifacts, P::Queues, P::Time>,
    /// Signs forms.
    pub forms: P::Forms,
    /// The largest upload in bytes.
    pub max_bytes: u64,
    /// Who may do what.
    pub access: Access,
}

impl<P: Ports> Api<P> {
    fn now(&self) -> Timestamp {
        self.conductor.time.now()
    }
}

/// Every route; what matches none is a 404 in the API's own words.
pub fn router<P: Ports>(api: Arc<Api<P>>) -> Router {
    use routes::{again, batches, jobs, keys, operate, purge, redrive, system, videos, workflows};
    let guarded = Router::new()
        .route("/videos", post(videos::request_upload::<P>))
        .route("/jobs", get(jobs::list_jobs::<P>))
        .route("/jobs/{id}", get(jobs::show_job::<P>))
        .route("/jobs/{id}/results", get(jobs::show_results::<P>))
        .route("/jobs/{id}/cancel", post(jobs::cancel_job::<P>))
        .route("/jobs/{id}/retry", post(again::retry_job::<P>))
        .route("/jobs/{id}/reprocess", post(again::reprocess_job::<P>))
        .route("/workflows", get(workflows::list_workflows))
        .route("/workflows/{name}", get(workflows::show_workflow))
        .route("/batches", post(batches::announce::<P>).get(batches::list::<P>))
        .route("/batches/{id}", get(batches::show::<P>))
        .route("/batches/{id}/tickets", get(batches::tickets::<P>))
        .route("/batches/{id}/cancel", post(batches::cancel::<P>))
        .route("/batches/{id}/retry", post(batches::retry::<P>))
        .route("/system", get(system::show_system::<P>))
        .route("/system/pause", post(operate::pause::<P>))
        .route("/system/resume", post(operate::resume::<P>))
        .route(
            "/system/drain",
            post(operate::drain::<P>).delete(operate::end_drain::<P>),
        )
        .route("/system/concurrency", post(operate::limit::<P>))
        .route("/system/purge", post(purge::purge::<P>))
        .route("/queues/{name}/redrive", post(redrive::redrive::<P>))
        .route("/keys", post(keys::make::<P>).get(keys::list::<P>))
        .route("/keys/{id}", delete(keys::revoke::<P>))
        .route_layer(middleware::from_fn_with_state(api.clone(), access::authorise::<P>))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(api);
    Router::new()
        .route("/health", get(routes::health))
        .route("/openapi.json", get(openapi::serve))
        .merge(guarded)
        .fallback(routes::no_route)
        .method_not_allowed_fallback(routes::no_method)
}

#[cfg(test)]
mod tests;
