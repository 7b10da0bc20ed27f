//! What is said over HTTP: the requests and answers of Marey's API.
//!
//! Both sides use these types, so that neither can drift: the `api` function writes them and the `marey` tool reads them.
//! Times are RFC 3339 in UTC, durations milliseconds (`_ms`), sizes bytes, money US dollars (`_usd`). Fields are added,
//! never renamed; what was added later has a default, so that a newer tool reads an older API.

mod batches;
mod jobs;
mod keys;
mod system;
mod videos;
mod workflows;

use serde::{Deserialize, Serialize};

pub use batches::{
    BatchCounts, BatchDetail, BatchItem, BatchList, BatchRequest, BatchStatus, BatchSummary, BatchTicket, BatchTickets,
    BatchVideo, Changed, NewBatch, VideoStatus,
};
pub use jobs::{
    FailureEntry, JobDetail, JobList, JobStatus, JobSummary, ReprocessRequest, ResultFile, Results, ShardDetail,
    StageDetail, StageStatus, TimeLeft,
};
pub use keys::{KeyDetail, KeyList, KeyRequest, KeyScope, NewKey};
pub use system::{
    ConcurrencyRequest, ControlDetail, DrainRequest, PauseDetail, PauseRequest, PurgeAnswer, PurgeRequest, QueueDepth,
    RedriveAnswer, RedriveRequest, ResumeRequest, RunningJobs, StageLoad, System, WorkflowLoad,
};
pub use videos::{RunsOn, UploadTicket, VideoRequest};
pub use workflows::{ParameterDetail, ParameterType, WorkflowDetail, WorkflowList, WorkflowStage, WorkflowSummary};

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
