//! What is said over HTTP: the requests and answers of Marey's API.
//!
//! Both sides use these types, so that neither can drift: the `api` function writes them and the `marey` tool reads them.
//! Times are RFC 3339 in UTC, durations milliseconds (`_ms`), sizes bytes. Fields are added, never renamed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST /videos`: asks for leave to upload a video.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VideoRequest {
    /// File name, with its extension; for people.
    pub name: String,
    /// The workflow to run; `motion` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// 0 to 9; 5 if absent, 7 and above is express.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
}

/// Leave to upload one video: a form to post to the bucket itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadTicket {
    /// The job that the upload will begin.
    pub job_id: String,
    /// Where to post the form (`multipart/form-data`).
    pub url: String,
    /// The form's fields, to be sent before the field `file`.
    pub fields: BTreeMap<String, String>,
    /// The largest file that the bucket takes.
    pub max_bytes: u64,
    /// When the leave ends.
    pub expires_at: String,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// No attempt has begun yet.
    Queued,
    /// It is being worked on.
    Running,
    /// Every result is there.
    Completed,
    /// It ended without results; `error` says why.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl JobStatus {
    /// Whether the job has ended.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// Where a stage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StageStatus {
    /// What it needs is not complete.
    Waiting,
    /// Sent; no attempt has begun.
    Queued,
    /// An attempt has begun.
    Running,
    /// Its artifacts are stored.
    Completed,
    /// It cannot be completed.
    Failed,
    /// The job was cancelled first.
    Cancelled,
}

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobSummary {
    /// The job's id.
    pub id: String,
    /// File name of the upload.
    pub name: String,
    /// The workflow it runs.
    pub workflow: String,
    /// Where it stands.
    pub status: JobStatus,
    /// 0 to 9.
    pub priority: u8,
    /// When it was made.
    pub created_at: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}

/// `GET /jobs`: the newest jobs first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobList {
    /// The jobs.
    pub jobs: Vec<JobSummary>,
    /// Give this as `cursor` to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One stage of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StageDetail {
    /// The stage's name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Where it stands.
    pub status: StageStatus,
    /// Share done, 0 to 1.
    pub progress: f64,
    /// Attempts begun.
    pub attempts: u32,
    /// From sending its task to the beginning of its first attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_ms: Option<i64>,
    /// How long the attempt that completed it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_ms: Option<i64>,
    /// What made the last attempt end, if it will be tried again or has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
    /// What the stage found; each stage's fields are described in the README.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub facts: Value,
}

/// `GET /jobs/{id}`: everything about a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobDetail {
    /// What a list says of it.
    #[serde(flatten)]
    pub summary: JobSummary,
    /// Weighted share done, 0 to 1; 1 only when it is complete.
    pub progress: f64,
    /// Size of the upload in bytes.
    pub input_bytes: u64,
    /// Follows the job through every log line.
    pub trace: String,
    /// The stages in the order in which they can run.
    pub stages: Vec<StageDetail>,
}

/// One file of a job's results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResultFile {
    /// The stage that made it.
    pub stage: String,
    /// File name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
    /// Where to get it, without credentials, until `expires_at`.
    pub url: String,
}

/// `GET /jobs/{id}/results`: links to what a completed job made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Results {
    /// The job's id.
    pub job_id: String,
    /// When the links end.
    pub expires_at: String,
    /// The files; `report.html` is the one to open first.
    pub files: Vec<ResultFile>,
}

/// `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// Always `ok`: what cannot answer does not.
    pub status: String,
    /// Marey's version.
    pub version: String,
    /// The workflows that an upload may ask for.
    pub workflows: Vec<String>,
}

/// Why something did not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// Stable and upper-case; listed in docs/ERRORS.md.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The stage in which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The attempt on which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

/// Every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorAnswer {
    /// Why.
    pub error: ErrorBody,
}
