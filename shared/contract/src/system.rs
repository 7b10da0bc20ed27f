//! What the whole deployment does; for administrators.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::JobStatus;

/// How many messages a queue holds. The numbers are approximate and seconds old.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueDepth {
    /// Ready to be received.
    pub waiting: u64,
    /// Being worked on, or hidden until they are tried again.
    pub in_flight: u64,
    /// Not to be received yet.
    pub delayed: u64,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PauseDetail {
    /// Since when.
    pub since: String,
    /// Who: an owner, or `breaker`.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// One stage's load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StageLoad {
    /// The stage.
    pub stage: String,
    /// Its queue for priorities 0 to 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<QueueDepth>,
    /// Its queue for priorities 7 to 9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub express: Option<QueueDepth>,
    /// Its dead-letter queues together; their messages are parked within seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<QueueDepth>,
    /// How long the task has waited that waits longest, among the oldest jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_ms: Option<i64>,
    /// Workers that were alive in the last minute.
    pub workers: u32,
    /// Those of them that work on something.
    pub busy: u32,
    /// The newest sign of life of any worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_heartbeat: Option<String>,
    /// Attempts that ended well, of the workers heard of in the last hour.
    pub completed: u64,
    /// Attempts that did not.
    pub failed: u64,
    /// Share of the attempts that did not end well; absent if none ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<f64>,
    /// Mean time of an attempt that ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_run_ms: Option<f64>,
    /// Frames per second of one worker while it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames_per_s: Option<f64>,
    /// The pause, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<PauseDetail>,
    /// Whether its circuit breaker made the pause.
    pub tripped: bool,
    /// Jobs on which it failed since it last succeeded.
    pub failing_jobs: u32,
    /// How often its breaker has tripped.
    pub trips: u32,
    /// Tasks of its standard queue that run at once at most, if an operator set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

/// One workflow's control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowLoad {
    /// The workflow.
    pub workflow: String,
    /// The pause, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<PauseDetail>,
}

/// The jobs that run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunningJobs {
    /// Priorities 0 to 6.
    pub standard: u64,
    /// Priorities 7 to 9.
    pub express: u64,
    /// Whether there are more than were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// `GET /system`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct System {
    /// When this was looked at.
    pub at: String,
    /// Marey's version.
    pub version: String,
    /// The drain, if there is one: running jobs end and no other begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<PauseDetail>,
    /// The stages, in the order of the workflows.
    pub stages: Vec<StageLoad>,
    /// The workflows.
    pub workflows: Vec<WorkflowLoad>,
    /// The jobs that run.
    pub running: RunningJobs,
    /// Messages that nobody could act on, waiting for a redrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<QueueDepth>,
    /// Every queue by name: `intake`, `pose`, `pose-express`, `pose-dead`, `parked`, ….
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub queues: BTreeMap<String, QueueDepth>,
}

/// `POST /system/pause`: nothing of one stage or one workflow begins until it is resumed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// The stage, in every workflow; this or the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The workflow; this or the stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Why, for people.
    pub reason: String,
}

/// `POST /system/resume`: takes a pause back, also one of the circuit breaker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ResumeRequest {
    /// The stage; this or the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The workflow; this or the stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
}

/// `POST /system/drain`: lets the running jobs end and begins no other. `DELETE /system/drain` takes it back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// Why, for people.
    pub reason: String,
}

/// `POST /system/concurrency`: how many tasks of a stage's standard queue run at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConcurrencyRequest {
    /// The stage.
    pub stage: String,
    /// 2 to 1,000; as many as there can be if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<u32>,
}

/// What was decided on the system, a stage or a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ControlDetail {
    /// `system`, `stage/pose`, `workflow/motion`.
    pub scope: String,
    /// The pause that holds now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<PauseDetail>,
    /// The limit that holds now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Jobs that go on because of this. The rest of them goes on within a minute.
    #[serde(default)]
    pub jobs_resumed: u32,
    /// Whether there are such jobs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// `POST /system/purge`: forgets jobs that ended long ago, with what they made. Uploads stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PurgeRequest {
    /// Jobs that ended more than so many days ago; at least 1.
    pub older_than_days: u32,
    /// Only jobs that ended like this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<JobStatus>,
    /// Only say which jobs it would be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// The `next_cursor` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The answer to `POST /system/purge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PurgeAnswer {
    /// The jobs that are forgotten, or would be.
    pub jobs: Vec<String>,
    /// How many artifacts were deleted.
    pub artifacts: u64,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// Give this as `cursor` to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// `POST /queues/{name}/redrive`: takes parked messages of a stage, or of `intake`, up again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RedriveRequest {
    /// At most so many messages, 1 to 500; 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The answer to `POST /queues/{name}/redrive`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RedriveAnswer {
    /// The queue.
    pub queue: String,
    /// Jobs that are tried again.
    pub jobs: Vec<String>,
    /// Messages that were sent back as they were.
    pub sent_back: u32,
    /// Messages that were forgotten, because what they ask for is done, running or cancelled.
    pub forgotten: u32,
    /// Messages that stay parked: of other queues, or ones that nobody can act on.
    pub kept: u32,
    /// Whether there are more than this request looked at.
    pub more: bool,
}
