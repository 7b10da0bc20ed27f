//! The engine: what a job is, how it moves, and what must happen next.
//!
//! Pure. No I/O, no async, no clock, no AWS: every function takes values (the time among them) and gives values back.
//! The workflow is data ([`Workflow`]), a job's rows are values ([`Snapshot`]), every change of a row goes through one
//! function ([`Shard::apply`], [`Job::apply`]), and [`plan()`] alone decides what follows.

pub mod control;
pub mod cost;
pub mod draw;
pub mod estimate;
pub mod event;
pub mod failure;
pub mod ids;
pub mod job;
pub mod message;
pub mod parameter;
pub mod plan;
pub mod progress;
pub mod repair;
pub mod shard;
pub mod snapshot;
pub mod upload;
pub mod workflow;

pub use control::{Control, Controls, Pause, Scope};
pub use failure::{Failure, FailureClass};
pub use ids::{BatchId, JobId, LeaseToken, ShardKey, StageName};
pub use job::{Job, JobEvent, JobRefusal, JobState, Wishes};
pub use message::Task;
pub use parameter::{BadParameter, Parameter, ParameterKind};
pub use plan::{Command, Route, StageEnd, ends, plan};
pub use progress::{Progress, StageProgress, StageStatus, progress};
pub use repair::{Repair, RepairReason, repairs};
pub use shard::{Artifact, Lease, Refusal, Shard, ShardEvent, ShardState};
pub use snapshot::{NoShardCount, Snapshot, StageRow, Versioned};
pub use upload::Upload;
pub use workflow::{Input, MOST_SHARDS, RetryPolicy, RunsOn, ShardCount, StageSpec, Workflow};
