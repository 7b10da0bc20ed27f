//! What happened, for whoever listens: changes of rows as versioned events.
//!
//! An event is made from two versions of one row ([`between`]) or, for a stage, from all of a job's rows
//! ([`of_stage`]). Nothing is stored to make one and nobody has to remember to send one: whoever writes a row has said
//! everything. Progress is no event; neither is a heartbeat.
//!
//! The same change always makes the same event, with the same id, so whoever receives it twice can tell. The form is
//! described in docs/EVENTS.md. It only ever grows: fields and types are added, and none changes its meaning.

mod delivery;
mod rows;
mod stage;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use delivery::{DELIVERY_VERSION, Delivery, UnfitAddress, check_notify};
pub use rows::{Row, between};
pub use stage::of_stage;

use crate::{Artifact, Failure, Job, JobId, StageName};

/// The newest form of events that this code reads and the one it writes.
pub const EVENT_VERSION: u32 = 1;

/// Namespace of event ids: the `UUIDv5` of `marey.event` in the DNS namespace of RFC 9562, §6.6.
const EVENT_NAMESPACE: Uuid = Uuid::from_u128(0x966e_b15d_995d_5c84_926a_aea8_c551_7301);

/// Something that happened to a job, one of its stages or one of its shards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Form of this event.
    pub schema_version: u32,
    /// The same change has the same id, however often it is told.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// The job.
    pub job: JobId,
    /// The tenant that the job belongs to.
    pub owner: String,
    /// The workflow that the job runs.
    pub workflow: String,
    /// The job's trace, as in every log line.
    pub trace: String,
    /// `type` and `detail`.
    #[serde(flatten)]
    pub change: Change,
}

/// What happened: the event's `type` and `detail`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "detail")]
pub enum Change {
    /// A job was made.
    #[serde(rename = "marey.job.created")]
    JobCreated {
        /// File name for people.
        name: String,
        /// Where the upload lies in its bucket.
        key: String,
        /// Its size.
        bytes: u64,
        /// 0 to 9.
        priority: u8,
    },
    /// Every stage is complete and the manifest is stored.
    #[serde(rename = "marey.job.completed")]
    JobCompleted {
        /// Key of the manifest in the artifacts bucket.
        manifest: String,
        /// From the job's making to its end, in milliseconds.
        duration_ms: i64,
    },
    /// The job failed.
    #[serde(rename = "marey.job.failed")]
    JobFailed {
        /// Why, and what to do.
        failure: Failure,
        /// From the job's making to its end, in milliseconds.
        duration_ms: i64,
    },
    /// Somebody cancelled the job.
    #[serde(rename = "marey.job.cancelled")]
    JobCancelled {
        /// From the job's making to its end, in milliseconds.
        duration_ms: i64,
    },
    /// Every shard of a stage is complete.
    #[serde(rename = "marey.stage.completed")]
    StageCompleted {
        /// Which stage.
        stage: StageName,
        /// How many shards it was made of.
        shards: u32,
        /// What its shards ran, added up, in milliseconds.
        run_ms: i64,
    },
    /// A shard's task was sent.
    #[serde(rename = "marey.shard.queued")]
    ShardQueued {
        /// Which stage.
        stage: StageName,
        /// Which of its shards, from 0.
        shard: u32,
    },
    /// An attempt at a shard began.
    #[serde(rename = "marey.shard.started")]
    ShardStarted {
        /// Which stage.
        stage: StageName,
        /// Which of its shards, from 0.
        shard: u32,
        /// Which attempt, from 1.
        attempt: u32,
        /// From sending the task to the first attempt, in milliseconds.
        queue_ms: Option<i64>,
    },
    /// An attempt ended without a result and another may follow.
    #[serde(rename = "marey.shard.given_back")]
    ShardGivenBack {
        /// Which stage.
        stage: StageName,
        /// Which of its shards, from 0.
        shard: u32,
        /// The attempt that ended.
        attempt: u32,
        /// Why.
        reason: Reason,
    },
    /// A shard's artifacts are stored.
    #[serde(rename = "marey.shard.completed")]
    ShardCompleted {
        /// Which stage.
        stage: StageName,
        /// Which of its shards, from 0.
        shard: u32,
        /// The attempt that completed it.
        attempt: u32,
        /// How long that attempt ran, in milliseconds.
        run_ms: i64,
        /// What it left.
        artifacts: Vec<Artifact>,
    },
    /// A shard cannot be completed.
    #[serde(rename = "marey.shard.failed")]
    ShardFailed {
        /// Which stage.
        stage: StageName,
        /// Which of its shards, from 0.
        shard: u32,
        /// How many attempts there were.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// A shard was cancelled with its job.
    #[serde(rename = "marey.shard.cancelled")]
    ShardCancelled {
        /// Which stage.
        stage: StageName,
        /// Which of its shards, from 0.
        shard: u32,
        /// How many attempts had begun.
        attempt: u32,
    },
}

/// Why something was given back or repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable, upper-case.
    pub code: String,
    /// One sentence.
    pub message: String,
}

impl From<&Failure> for Reason {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code.clone(),
            message: failure.message.clone(),
        }
    }
}

/// What every event of a job says and only the job's own row knows. It never changes during the job's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The job.
    pub job: JobId,
    /// The tenant it belongs to.
    pub owner: String,
    /// The workflow it runs.
    pub workflow: String,
    /// Its trace.
    pub trace: String,
}

impl From<&Job> for About {
    fn from(job: &Job) -> Self {
        Self {
            job: job.id,
            owner: job.owner.clone(),
            workflow: job.workflow.clone(),
            trace: job.trace.clone(),
        }
    }
}

/// An event that this code cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event has schema version {found}, this program reads {EVENT_VERSION}: install the newer version")]
pub struct NewerEvent {
    /// Its version.
    pub found: u32,
}

impl Event {
    /// The event of a change; `of` names what changed and at which version of it, so that the id does too.
    fn new(about: &About, of: &str, at: Timestamp, change: Change) -> Self {
        let name = [of, change.kind()].join("\u{1f}");
        Self {
            schema_version: EVENT_VERSION,
            id: Uuid::new_v5(&EVENT_NAMESPACE, name.as_bytes()),
            at,
            job: about.job,
            owner: about.owner.clone(),
            workflow: about.workflow.clone(),
            trace: about.trace.clone(),
            change,
        }
    }

    /// The event's `type`, such as `marey.job.completed`.
    pub fn kind(&self) -> &'static str {
        self.change.kind()
    }

    /// How the job ended, if this event says that it ended: `completed`, `failed` or `cancelled`.
    pub fn outcome(&self) -> Option<&'static str> {
        match self.change {
            Change::JobCompleted { .. } => Some("completed"),
            Change::JobFailed { .. } => Some("failed"),
            Change::JobCancelled { .. } => Some("cancelled"),
            _ => None,
        }
    }

    /// Accepts an event that this code understands whole.
    ///
    /// # Errors
    /// It was written in a newer form.
    pub fn check(self) -> Result<Self, NewerEvent> {
        if self.schema_version > EVENT_VERSION {
            return Err(NewerEvent {
                found: self.schema_version,
            });
        }
        Ok(self)
    }
}

impl Change {
    /// The event's `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::JobCreated { .. } => "marey.job.created",
            Self::JobCompleted { .. } => "marey.job.completed",
            Self::JobFailed { .. } => "marey.job.failed",
            Self::JobCancelled { .. } => "marey.job.cancelled",
            Self::StageCompleted { .. } => "marey.stage.completed",
            Self::ShardQueued { .. } => "marey.shard.queued",
            Self::ShardStarted { .. } => "marey.shard.started",
            Self::ShardGivenBack { .. } => "marey.shard.given_back",
            Self::ShardCompleted { .. } => "marey.shard.completed",
            Self::ShardFailed { .. } => "marey.shard.failed",
            Self::ShardCancelled { .. } => "marey.shard.cancelled",
        }
    }
}
