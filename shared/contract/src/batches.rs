//! Batches: many videos submitted together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ErrorBody, RunsOn, UploadTicket};

/// `POST /batches`: announces videos that belong together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// What people call it.
    pub name: String,
    /// The workflow to run; `motion` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// 0 to 9; 5 if absent, 7 and above is express.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// The workflow's parameters, for every video.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
    /// Where heavy stages run; where the workflow says, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_on: Option<RunsOn>,
    /// Whether stages whose inputs did not change since an earlier job take that job's results.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reuse: bool,
    /// Where to tell of each job's end: an https address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<String>,
    /// Any text of at most 100 bytes: the same request with the same text makes the same batch, so that it can be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// 1 to 1,000 videos.
    pub items: Vec<BatchItem>,
}

/// One video of a batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchItem {
    /// File name, with its extension; for people.
    pub name: String,
    /// Its own parameters, over those of the batch.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
}

/// The answer to `POST /batches`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewBatch {
    /// The batch.
    #[serde(flatten)]
    pub batch: BatchSummary,
    /// Leave to upload its first videos.
    #[serde(flatten)]
    pub tickets: BatchTickets,
}

/// `GET /batches/{id}/tickets`: leave to upload those videos of a batch that have not arrived, in the batch's order. Leave
/// ends after an hour, so ask for the next page when the videos of this one are uploaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchTickets {
    /// One for each video that is to be uploaded; `item` is its place in the request, from 0.
    pub tickets: Vec<BatchTicket>,
    /// Give this as `cursor` to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Leave to upload one video of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchTicket {
    /// Its place in the request, from 0.
    pub item: u32,
    /// Its name in the request.
    pub name: String,
    /// The leave.
    #[serde(flatten)]
    pub ticket: UploadTicket,
}

/// A batch in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchSummary {
    /// The batch's id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The workflow it runs.
    pub workflow: String,
    /// 0 to 9.
    pub priority: u8,
    /// When it was announced.
    pub created_at: String,
    /// How many videos it has.
    pub videos: u32,
    /// Whose it is.
    pub owner: String,
    /// When somebody cancelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<String>,
}

/// `GET /batches`: the newest batches first. Where one stands follows from its jobs: ask for it alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchList {
    /// The batches.
    pub batches: Vec<BatchSummary>,
    /// Give this as `cursor` to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BatchStatus {
    /// Nothing runs, and videos have not arrived.
    Uploading,
    /// Jobs run.
    Running,
    /// Every video is complete.
    Completed,
    /// Everything has ended; some videos are complete and others are not.
    PartlyCompleted,
    /// Everything has ended and no video is complete.
    Failed,
    /// Somebody cancelled it before any video was complete.
    Cancelled,
}

impl BatchStatus {
    /// Whether nothing more happens by itself.
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Uploading | Self::Running)
    }
}

/// Where a video of a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VideoStatus {
    /// It has not arrived.
    AwaitingUpload,
    /// No attempt has begun yet.
    Queued,
    /// It is being worked on.
    Running,
    /// Every result is there.
    Completed,
    /// Its job failed.
    Failed,
    /// Its job was cancelled, or the batch was before it arrived.
    Cancelled,
}

/// How many videos of a batch stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchCounts {
    /// Not arrived.
    pub awaiting_upload: u32,
    /// Waiting for their first attempt.
    pub queued: u32,
    /// Being worked on.
    pub running: u32,
    /// Complete.
    pub completed: u32,
    /// Failed.
    pub failed: u32,
    /// Cancelled.
    pub cancelled: u32,
}

/// One line of a batch's table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchVideo {
    /// Its place in the batch, from 0.
    pub item: u32,
    /// File name.
    pub name: String,
    /// Its job, once it has arrived.
    pub job_id: String,
    /// Where it stands.
    pub status: VideoStatus,
    /// Share done, 0 to 1.
    pub progress: f64,
    /// From the arrival of the video to the end of its job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<i64>,
    /// How long the video lasts, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// Its frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    /// People found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<u64>,
    /// Other numbers that its stages found, by `stage.name`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
    /// An estimate of what it has cost so far.
    #[serde(default)]
    pub cost_usd: f64,
}

/// `GET /batches/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchDetail {
    /// What a list says of it.
    #[serde(flatten)]
    pub summary: BatchSummary,
    /// Where it stands.
    pub status: BatchStatus,
    /// Mean of the videos' progress, 0 to 1; what has ended counts as done, what has not arrived as not begun.
    pub progress: f64,
    /// How many videos stand where.
    pub counts: BatchCounts,
    /// A page of its table.
    pub table: Vec<BatchVideo>,
    /// Give this as `cursor` to go on with the table; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What a request for many jobs has done: `POST /batches/{id}/cancel` and `/retry`. Sending it again goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changed {
    /// The jobs that were changed.
    pub jobs: Vec<String>,
    /// Whether jobs are left that this request had no time for.
    pub more: bool,
}
