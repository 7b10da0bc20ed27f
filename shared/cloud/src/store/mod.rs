//! The jobs table as a port: a job's rows, each written only against the version that was read.
//!
//! There is one rule of writing. Every row carries a version; a write names the version it was decided on and fails with
//! [`CloudError::Conflict`] when the row has moved on. Which changes are allowed is `marey_engine`'s business
//! (`Shard::apply`, `Job::apply`), so that no condition is written twice. An attempt that lost its lease cannot write:
//! whoever took the lease changed the version. Writing the very row that is there may succeed: that is a call whose first
//! answer was lost.

use std::future::Future;

use jiff::Timestamp;
use marey_engine::{Failure, Job, JobId, Shard, ShardKey, Snapshot, StageName, StageRow, Versioned};
use serde::{Deserialize, Serialize};

use crate::CloudError;

mod batches;
mod bookmarks;
#[cfg(test)]
pub(crate) mod contract;
mod ended;
mod keys;
mod operations;
#[cfg(test)]
mod records_contract;

pub use batches::{Batch, BatchItem, BatchPage, KeepBatches, MOST_ITEMS};
pub use bookmarks::{Bookmark, KeepBookmarks};
pub use ended::{EndedPage, FindEnded};
pub use keys::{ApiKey, KeepKeys, KeyScope, hash_of};
pub use operations::{JobsTable, KeepMemos, KeepPulses, Memo, Pulse, ReadControls, WriteControls};

/// Whether a job was made or was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// The job and its stages are stored.
    Created,
    /// A job with this id was there; nothing was written.
    Existed,
}

/// Something that went wrong on a job, kept with the message that carried it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// The job.
    pub job: JobId,
    /// When it was recorded.
    pub at: Timestamp,
    /// What people are told.
    pub failure: Failure,
    /// What developers are told: the causes; never shown to users.
    pub cause: String,
    /// The message as it came, so that it can be sent again.
    pub message: Option<String>,
    /// Distinguishes records of the same moment; a repeated record with the same id is the same record.
    pub id: String,
}

/// A page of jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct JobPage {
    /// Newest first.
    pub jobs: Vec<Job>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Where something stands among others of its kind: timestamps of equal width sort as text in the order of time.
pub fn place(at: Timestamp, id: impl std::fmt::Display) -> String {
    format!("{at:.3}#{id}")
}

/// Some of the jobs that run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningPage {
    /// Oldest first.
    pub jobs: Vec<JobId>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Reading jobs.
pub trait ReadJobs: Send + Sync {
    /// One job's row, strongly consistent.
    fn job(&self, id: JobId) -> impl Future<Output = Result<Option<Versioned<Job>>, CloudError>> + Send;

    /// All of a job's rows, strongly consistent: it sees every write that returned before it began.
    fn snapshot(&self, id: JobId) -> impl Future<Output = Result<Option<Snapshot>, CloudError>> + Send;

    /// The rows that an attempt at a shard needs, strongly consistent: the job, its stages, the shard itself, and every shard
    /// of the stages given. Where a stage has thousands of shards, each of them must not read all the others.
    fn snapshot_for(
        &self,
        key: &ShardKey,
        stages: &[StageName],
    ) -> impl Future<Output = Result<Option<Snapshot>, CloudError>> + Send;

    /// The running jobs of one lane, express or not, oldest first; may miss writes of the last second.
    fn running(
        &self,
        express: bool,
        limit: u32,
        cursor: Option<&str>,
    ) -> impl Future<Output = Result<RunningPage, CloudError>> + Send;

    /// How many running jobs of the same lane are older than this one; may be a second old.
    fn ahead_of(&self, job: &Job) -> impl Future<Output = Result<u64, CloudError>> + Send;

    /// An owner's jobs, newest first; may miss writes of the last second.
    fn list(
        &self,
        owner: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> impl Future<Output = Result<JobPage, CloudError>> + Send;

    /// What went wrong on a job, oldest first.
    fn failures(&self, id: JobId) -> impl Future<Output = Result<Vec<FailureRecord>, CloudError>> + Send;
}

/// Writing jobs.
pub trait WriteJobs: ReadJobs {
    /// Stores a job and its stages, all or nothing. `Ok` promises that they are durable.
    fn create(&self, job: &Job, stages: &[StageRow]) -> impl Future<Output = Result<Creation, CloudError>> + Send;

    /// One shard's row, strongly consistent.
    fn shard(&self, key: &ShardKey) -> impl Future<Output = Result<Option<Versioned<Shard>>, CloudError>> + Send;

    /// Writes a shard if its row still has the version given, or does not exist where none is given.
    ///
    /// # Errors
    /// [`CloudError::Conflict`] if the row has moved on; nothing was written.
    fn put_shard(
        &self,
        shard: &Shard,
        version: Option<u64>,
    ) -> impl Future<Output = Result<Versioned<Shard>, CloudError>> + Send;

    /// Writes a job if its row still has the version given.
    ///
    /// # Errors
    /// [`CloudError::Conflict`] if the row has moved on; nothing was written.
    fn put_job(&self, job: &Job, version: u64) -> impl Future<Output = Result<Versioned<Job>, CloudError>> + Send;

    /// Deletes all of a job's rows; that it was deleted is remembered ([`KeepBookmarks::was_deleted`]).
    fn delete_job(&self, id: JobId) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Keeps a failure with its job; recording it again changes nothing.
    fn record_failure(&self, record: &FailureRecord) -> impl Future<Output = Result<(), CloudError>> + Send;
}
