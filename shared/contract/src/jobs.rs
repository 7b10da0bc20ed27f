//! Jobs: where they stand, what they made, what went wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ErrorBody, RunsOn};

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

/// Where a stage or one of its shards stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StageStatus {
    /// What it needs is not complete.
    Waiting,
    /// Sent; no attempt has begun.
    Queued,
    /// It is paused; `held` says why.
    Held,
    /// An attempt has begun.
    Running,
    /// Its artifacts are stored.
    Completed,
    /// It cannot be completed.
    Failed,
    /// What it reads from an optional stage is missing, so it did not run.
    Skipped,
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
    /// The batch it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// Whose it is.
    #[serde(default)]
    pub owner: String,
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

/// One shard of a stage that has several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShardDetail {
    /// Its number, from 0.
    pub shard: u32,
    /// Where it stands.
    pub status: StageStatus,
    /// Attempts begun.
    pub attempt: u32,
    /// Share done, 0 to 1.
    pub progress: f64,
    /// Frames per second of the running attempt, or of the one that completed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames_per_s: Option<f64>,
    /// Whether it took the results of an earlier job with the same inputs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// The code of what made the last attempt end, if it will be tried again or has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
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
    /// Most attempts begun at any of its shards.
    pub attempts: u32,
    /// From sending its task to the beginning of its first attempt; of the shard that waited longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_ms: Option<i64>,
    /// How long the attempt that completed it ran; of the shard that took longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_ms: Option<i64>,
    /// What made the last attempt end, if it will be tried again or has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
    /// What a stage with one shard found; each stage's fields are described in the README.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub facts: Value,
    /// How many pieces it runs in, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
    /// How many of them are complete.
    #[serde(default)]
    pub shards_done: u32,
    /// The pieces that have been sent, if the stage has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<ShardDetail>,
    /// How many pieces took the results of an earlier job with the same inputs.
    #[serde(default)]
    pub reused: u32,
    /// Frames done so far.
    #[serde(default)]
    pub frames: u64,
    /// Frames per second: of all running pieces together, or, where none runs, of a piece on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames_per_s: Option<f64>,
    /// An estimate of what its attempts have cost so far.
    #[serde(default)]
    pub cost_usd: f64,
    /// Whether the job goes on without it when it fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Why nothing of it may begin now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
}

/// An estimate of the time that a job still takes. The truth is meant to lie between the two, but nobody promises it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub struct TimeLeft {
    /// If everything goes on at its best measured speed.
    pub least_ms: u64,
    /// If everything goes on at its worst.
    pub most_ms: u64,
}

/// Something that went wrong on a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureEntry {
    /// When.
    pub at: String,
    /// What, where, on which attempt, and what to do.
    #[serde(flatten)]
    pub error: ErrorBody,
    /// The shard, where the stage has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u32>,
    /// Whether trying again can help.
    pub transient: bool,
    /// The causes in developers' words; for administrators only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The message that carried the work; for administrators only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_body: Option<String>,
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
    /// The workflow's parameters, every one of them.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
    /// Where its heavy stages run, if not where the workflow says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_on: Option<RunsOn>,
    /// Whether its stages may take the results of earlier jobs with the same inputs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reuse: bool,
    /// How often somebody asked to try again what failed.
    #[serde(default)]
    pub round: u32,
    /// When it is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// An estimate of what it has cost so far: public list prices, without taxes, free tiers and discounts.
    #[serde(default)]
    pub cost_usd: f64,
    /// What optional stages could not do: the results are less than they could be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<ErrorBody>,
    /// What went wrong on the way, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailureEntry>,
    /// How many running jobs of the same lane, express or not, are older; only while it is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
    /// How long it still takes; absent when nothing measured says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_left: Option<TimeLeft>,
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

/// `POST /jobs/{id}/reprocess`: asks for another job on the same upload. Asking the same again makes no second job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReprocessRequest {
    /// The workflow's parameters; those that are absent are the old job's, or at their defaults in another workflow.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
    /// The workflow; the old job's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// 0 to 9; the old job's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Whether stages whose inputs did not change take earlier results; `true` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse: Option<bool>,
    /// Any text: the same request with another text makes another job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}
