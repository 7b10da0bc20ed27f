//! The API's own description.

use axum::Json;
use utoipa::OpenApi;

use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Marey",
        description = "Upload a video of a moving person; get joint angles, an annotated video and a report.",
        license(name = "MIT")
    ),
    paths(
        routes::request_upload,
        routes::list_jobs,
        routes::show_job,
        routes::show_results,
        routes::cancel_job,
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
