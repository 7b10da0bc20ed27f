//! The engine: what a job is, how it moves, and what must happen next.
//!
//! Pure. No I/O, no async, no clock, no AWS: every function takes values (the time among them) and gives values back.
//! The workflow is data ([`Workflow`]), a job's rows are values ([`Snapshot`]), every change of a row goes through one
//! function ([`Shard::apply`], [`Job::apply`]), and [`plan()`] alone decides what follows.

pub mod failure;
pub mod ids;
pub mod job;
pub mod message;
pub mod plan;
pub mod progress;
pub mod shard;
pub mod snapshot;
pub mod upload;
pub mod workflow;

pub use failure::{Failure, FailureClass};
pub use ids::{JobId, LeaseToken, ShardKey, StageName};
pub use job::{Job, JobEvent, JobState};
pub use message::Task;
pub use plan::{Command, plan};
pub use progress::{Progress, StageProgress, StageStatus, progress};
pub use shard::{Artifact, Lease, Refusal, Shard, ShardEvent, ShardState};
pub use snapshot::{Snapshot, StageRow, Versioned};
pub use upload::Upload;
pub use workflow::{RetryPolicy, StageSpec, Workflow};
