//! The API's own description.

use axum::Json;
use utoipa::OpenApi;

use crate::routes::{self, again, batches, jobs, keys, operate, purge, redrive, system, videos, workflows};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Marey",
        description = "Upload a video of a moving person; get joint angles, an annotated video and a report.",
        license(name = "MIT")
    ),
    paths(
        videos::request_upload,
        jobs::list_jobs,
        jobs::show_job,
        jobs::show_results,
        jobs::cancel_job,
        again::retry_job,
        again::reprocess_job,
        workflows::list_workflows,
        workflows::show_workflow,
        batches::announce,
        batches::list,
        batches::show,
        batches::tickets,
        batches::cancel,
        batches::retry,
        system::show_system,
        operate::pause,
        operate::resume,
        operate::drain,
        operate::end_drain,
        operate::limit,
        purge::purge,
        redrive::redrive,
        keys::make,
        keys::list,
        keys::revoke,
        routes::health,
        serve,
    )
)]
struct Description;

/// The description as OpenAPI; a copy is checked in as `functions/api/openapi.json`.
pub fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// This description
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, description = "OpenAPI 3.1")))]
pub(crate) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
