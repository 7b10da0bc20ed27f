//! Errors as answers: a status, a code, a sentence and a hint.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use marey_cloud::CloudError;
use marey_contract::{ErrorAnswer, ErrorBody};
use marey_engine::BadParameter;
use serde::de::DeserializeOwned;

/// Why a request has no other answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    body: ErrorBody,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let (code, message, hint) = (code.to_owned(), message.into(), hint.into());
        Self {
            status,
            body: ErrorBody {
                code,
                message,
                hint,
                stage: None,
                attempt: None,
            },
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "REQUEST_INVALID", message, hint)
    }

    pub(crate) fn conflict(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message, hint)
    }

    pub(crate) fn not_found(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message, hint)
    }

    pub(crate) fn no_job(id: &str) -> Self {
        let message = format!("There is no job {id}.");
        let hint = "Check the id. A job exists a moment after its video was uploaded, and for 90 days.";
        Self::not_found("JOB_NOT_FOUND", message, hint)
    }

    pub(crate) fn no_batch(id: &str) -> Self {
        let hint = "Check the id. A batch is kept for 90 days.";
        Self::not_found("BATCH_NOT_FOUND", format!("There is no batch {id}."), hint)
    }

    /// The code of the refusal.
    pub(crate) fn code(&self) -> &str {
        &self.body.code
    }
}

/// A parameter that a workflow does not grant.
impl From<BadParameter> for Refusal {
    fn from(error: BadParameter) -> Self {
        let hint = match &error {
            BadParameter::Unknown { workflow, .. } => format!("GET /workflows/{workflow} describes what it takes."),
            BadParameter::Unfit { expected, .. } => format!("Give {expected}."),
        };
        Self::new(StatusCode::BAD_REQUEST, "PARAMETER_INVALID", format!("{error}."), hint)
    }
}

impl From<CloudError> for Refusal {
    fn from(error: CloudError) -> Self {
        // The cause is for the log; a caller can only wait.
        tracing::error!(error = error.chain(), "request not answered");
        let hint = "Try again in a few seconds.";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "SERVICE_BUSY",
            "Marey could not answer just now.",
            hint,
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(ErrorAnswer { error: self.body })).into_response()
    }
}

/// Reads a body; `example` shows what would do.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::bad_request(
            format!("The body cannot be read: {error}."),
            format!("Send JSON such as {example}."),
        )
    })
}

/// Reads a body that may be left out.
pub(crate) fn parse_or_default<T: DeserializeOwned + Default>(body: &[u8], example: &str) -> Result<T, Refusal> {
    if body.is_empty() {
        return Ok(T::default());
    }
    parse(body, example)
}
