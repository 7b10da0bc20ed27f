//! What can happen: an event's `type` and `detail`.

use serde::{Deserialize, Serialize};

use crate::{Artifact, BatchId, Failure, RepairReason, StageName, failure::cut};

/// What happened.
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
        /// The upload's size.
        bytes: u64,
        /// 0 to 9.
        priority: u8,
        /// The batch it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        batch: Option<BatchId>,
    },
    /// Every stage has ended and the manifest is stored.
    #[serde(rename = "marey.job.completed")]
    JobCompleted {
        /// Key of the manifest in the artifacts bucket.
        manifest: String,
        /// What optional stages could not do: where there is something, the result is less than it could be.
        degraded: Vec<Failure>,
        /// From the job's making to this end, in milliseconds.
        duration_ms: i64,
        /// How often the job had been tried again.
        round: u32,
    },
    /// The job failed.
    #[serde(rename = "marey.job.failed")]
    JobFailed {
        /// Why, and what to do.
        failure: Failure,
        /// From the job's making to this end, in milliseconds.
        duration_ms: i64,
        /// How often the job had been tried again.
        round: u32,
    },
    /// Somebody cancelled the job.
    #[serde(rename = "marey.job.cancelled")]
    JobCancelled {
        /// From the job's making to this end, in milliseconds.
        duration_ms: i64,
        /// How often the job had been tried again.
        round: u32,
    },
    /// Somebody asked to go on from what failed or was cancelled.
    #[serde(rename = "marey.job.retried")]
    JobRetried {
        /// How often now.
        round: u32,
    },
    /// The sweeper did what should have happened and did not.
    #[serde(rename = "marey.job.repaired")]
    JobRepaired {
        /// Why.
        reason: RepairReason,
        /// Which stage, if the repair was of one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage: Option<StageName>,
        /// Which of its shards.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shard: Option<u32>,
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
        /// What all attempts at them cost, in US dollars.
        cost_usd: f64,
    },
    /// An optional stage failed; the job goes on without it.
    #[serde(rename = "marey.stage.degraded")]
    StageDegraded {
        /// Which stage.
        stage: StageName,
        /// Why.
        failure: Failure,
    },
    /// A stage will not run, since what it reads from an optional stage is missing.
    #[serde(rename = "marey.stage.skipped")]
    StageSkipped {
        /// Which stage.
        stage: StageName,
    },
    /// A shard's task was sent: the first time, or after a pause.
    #[serde(rename = "marey.shard.queued")]
    ShardQueued {
        /// Which stage.
        stage: StageName,
        /// Which of its shards, from 0.
        shard: u32,
    },
    /// A shard waits because its stage is paused.
    #[serde(rename = "marey.shard.held")]
    ShardHeld {
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
    /// A shard that was left over from an earlier round was sent again.
    #[serde(rename = "marey.shard.retried")]
    ShardRetried {
        /// Which stage.
        stage: StageName,
        /// Which of its shards, from 0.
        shard: u32,
        /// The job's round.
        round: u32,
    },
    /// The sweeper sent a shard's task again.
    #[serde(rename = "marey.shard.repaired")]
    ShardRepaired {
        /// Which stage.
        stage: StageName,
        /// Which of its shards, from 0.
        shard: u32,
        /// Why.
        reason: RepairReason,
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
        /// Frames that it did; 0 for stages that do not count any.
        frames: u64,
        /// Whether nothing ran, since an earlier job had the same inputs.
        reused: bool,
        /// What all attempts at it cost, in US dollars.
        cost_usd: f64,
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

/// Why an attempt was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// A code of docs/ERRORS.md.
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

impl Change {
    /// Every `type` that there is.
    pub const KINDS: [&'static str; 18] = [
        "marey.job.created",
        "marey.job.completed",
        "marey.job.failed",
        "marey.job.cancelled",
        "marey.job.retried",
        "marey.job.repaired",
        "marey.stage.completed",
        "marey.stage.degraded",
        "marey.stage.skipped",
        "marey.shard.queued",
        "marey.shard.held",
        "marey.shard.started",
        "marey.shard.given_back",
        "marey.shard.retried",
        "marey.shard.repaired",
        "marey.shard.completed",
        "marey.shard.failed",
        "marey.shard.cancelled",
    ];

    /// Leaves out what can be long.
    pub(super) fn lighten(&mut self) {
        const SENTENCE: usize = 1 << 10;
        const DEGRADED: usize = 20;
        let lighten = |failure: &mut Failure| {
            cut(&mut failure.message, SENTENCE);
            cut(&mut failure.hint, SENTENCE);
        };
        match self {
            Self::JobFailed { failure, .. }
            | Self::StageDegraded { failure, .. }
            | Self::ShardFailed { failure, .. } => {
                lighten(failure);
            }
            Self::JobCompleted { degraded, .. } => {
                degraded.truncate(DEGRADED);
                degraded.iter_mut().for_each(lighten);
            }
            Self::ShardGivenBack { reason, .. } => cut(&mut reason.message, SENTENCE),
            Self::ShardCompleted { artifacts, .. } => artifacts.clear(),
            Self::JobCreated { name, key, .. } => {
                cut(name, SENTENCE);
                cut(key, SENTENCE);
            }
            Self::JobCancelled { .. }
            | Self::JobRetried { .. }
            | Self::JobRepaired { .. }
            | Self::StageCompleted { .. }
            | Self::StageSkipped { .. }
            | Self::ShardQueued { .. }
            | Self::ShardHeld { .. }
            | Self::ShardStarted { .. }
            | Self::ShardRetried { .. }
            | Self::ShardRepaired { .. }
            | Self::ShardCancelled { .. } => {}
        }
    }

    /// The event's `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::JobCreated { .. } => "marey.job.created",
            Self::JobCompleted { .. } => "marey.job.completed",
            Self::JobFailed { .. } => "marey.job.failed",
            Self::JobCancelled { .. } => "marey.job.cancelled",
            Self::JobRetried { .. } => "marey.job.retried",
            Self::JobRepaired { .. } => "marey.job.repaired",
            Self::StageCompleted { .. } => "marey.stage.completed",
            Self::StageDegraded { .. } => "marey.stage.degraded",
            Self::StageSkipped { .. } => "marey.stage.skipped",
            Self::ShardQueued { .. } => "marey.shard.queued",
            Self::ShardHeld { .. } => "marey.shard.held",
            Self::ShardStarted { .. } => "marey.shard.started",
            Self::ShardGivenBack { .. } => "marey.shard.given_back",
            Self::ShardRetried { .. } => "marey.shard.retried",
            Self::ShardRepaired { .. } => "marey.shard.repaired",
            Self::ShardCompleted { .. } => "marey.shard.completed",
            Self::ShardFailed { .. } => "marey.shard.failed",
            Self::ShardCancelled { .. } => "marey.shard.cancelled",
        }
    }
}
