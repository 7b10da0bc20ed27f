//! Workflows.

use axum::{Json, extract::Path};
use marey_contract::{ErrorAnswer, WorkflowDetail, WorkflowList};
use marey_engine::Workflow;

use super::Answer;
use crate::{access::Reader, answer::Refusal, view::workflow};

/// Lists the workflows that an upload may ask for
#[utoipa::path(get, path = "/workflows", responses((status = 200, body = WorkflowList)))]
pub(crate) async fn list_workflows(Reader(_): Reader) -> Json<WorkflowList> {
    let workflows = Workflow::all_shipped().iter().map(workflow::summary).collect();
    Json(WorkflowList { workflows })
}

/// Shows a workflow: its stages, what each needs and leaves, and its parameters
#[utoipa::path(get, path = "/workflows/{name}", params(("name" = String, Path, description = "the workflow's name")),
    responses((status = 200, body = WorkflowDetail), (status = 404, body = ErrorAnswer)))]
pub(crate) async fn show_workflow(Reader(_): Reader, Path(name): Path<String>) -> Answer<WorkflowDetail> {
    let found = Workflow::shipped(&name).ok_or_else(|| no_workflow(&name))?;
    Ok(Json(workflow::detail(&found)))
}

pub(super) fn no_workflow(name: &str) -> Refusal {
    let message = format!("There is no workflow called {name:?}.");
    Refusal::not_found("WORKFLOW_NOT_FOUND", message, "GET /workflows lists them.")
}
