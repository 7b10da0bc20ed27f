//! The routes.

use std::{future::Future, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, Uri},
};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use marey_contract::Health;
use marey_engine::{Job, JobId, Workflow};

use crate::{Api, access::Caller, answer::Refusal};

pub(crate) mod again;
pub(crate) mod batches;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod operate;
pub(crate) mod purge;
pub(crate) mod redrive;
pub(crate) mod system;
pub(crate) mod videos;
pub(crate) mod workflows;

pub(crate) type Shared<P> = State<Arc<Api<P>>>;
pub(crate) type Answer<T> = Result<Json<T>, Refusal>;

/// A request for many things goes on for so long, and then says that there is more; API Gateway ends it after 30 s.
const PATIENCE: SignedDuration = SignedDuration::from_secs(18);

/// So many rows are read or written at once.
const AT_ONCE: usize = 24;

/// Whether a request that began then has no more time.
pub(crate) fn is_late(began: Timestamp, now: Timestamp) -> bool {
    now.duration_since(began) > PATIENCE
}

/// Waits for many things, some at once, and gives their results in order.
pub(crate) async fn together<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    // Boxed: the futures of SDK calls are large.
    let futures: Vec<_> = futures.map(Box::pin).collect();
    stream::iter(futures).buffered(AT_ONCE).collect().await
}

/// A job that exists for the caller.
pub(crate) fn visible(caller: &Caller, id: &str, job: &Job) -> Result<(), Refusal> {
    if caller.sees(&job.owner) {
        Ok(())
    } else {
        Err(Refusal::no_job(id))
    }
}

pub(crate) fn job_id(id: &str) -> Result<JobId, Refusal> {
    id.parse().map_err(|_| Refusal::no_job(id))
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
    Refusal::not_found("ROUTE_NOT_FOUND", message, "GET /openapi.json describes every route.")
}

pub(crate) async fn no_method() -> Refusal {
    let message = "This route does not take that method.";
    let hint = "GET /openapi.json describes every route.";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message, hint)
}
