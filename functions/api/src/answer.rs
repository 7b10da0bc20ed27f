//! Errors as answers: a status, a code, a sentence and a hint.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use marey_cloud::CloudError;
use marey_contract::{ErrorAnswer, ErrorBody};

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

    pub(crate) fn no_job(id: &str) -> Self {
        let message = format!("There is no job {id}.");
        let hint = "Check the id. A job exists a moment after its video was uploaded, and for 90 days.";
        Self::new(StatusCode::NOT_FOUND, "JOB_NOT_FOUND", message, hint)
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
