//! Answers over HTTP: leave to upload, the state of jobs, links to their results.
//!
//! The function reads the jobs table and signs; no byte of a video passes through it. Who may ask is decided before it: on
//! AWS every route is closed by IAM authorisation.

mod answer;
mod form;
mod openapi;
mod routes;
mod view;

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    CloudError,
    aws::{
        Buckets,
        form::{FormSigner, PostForm},
    },
    store::WriteJobs,
};
use marey_engine::Artifact;

pub use openapi::document;

/// How long a leave to upload lasts.
pub const UPLOAD_LIFETIME: SignedDuration = SignedDuration::from_mins(60);

/// How long a link to a result lasts.
pub const LINK_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

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

/// What the routes work on.
#[derive(Debug)]
pub struct Api<S, L, F> {
    /// The jobs table.
    pub store: S,
    /// Signs links.
    pub links: L,
    /// Signs forms.
    pub forms: F,
    /// The largest upload in bytes.
    pub max_bytes: u64,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// Every route; what matches none is a 404 in the API's own words.
pub fn router<S, L, F>(api: Arc<Api<S, L, F>>) -> Router
where
    S: WriteJobs + 'static,
    L: SignLinks,
    F: SignForms,
{
    Router::new()
        .route("/videos", post(routes::request_upload::<S, L, F>))
        .route("/jobs", get(routes::list_jobs::<S, L, F>))
        .route("/jobs/{id}", get(routes::show_job::<S, L, F>))
        .route("/jobs/{id}/results", get(routes::show_results::<S, L, F>))
        .route("/jobs/{id}/cancel", post(routes::cancel_job::<S, L, F>))
        .route("/health", get(routes::health))
        .route("/openapi.json", get(openapi::serve))
        .fallback(routes::no_route)
        .method_not_allowed_fallback(routes::no_method)
        .with_state(api)
}

#[cfg(test)]
mod tests;
