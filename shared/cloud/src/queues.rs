//! Queues as a port.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use marey_engine::{ShardKey, StageName, Task};

use crate::{CloudError, aws::batch::BatchName};

/// Some shards of one stage of one job, for AWS Batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchWork {
    /// The first shard.
    pub first: ShardKey,
    /// How many shards follow each other from there.
    pub count: u32,
    /// The job's round.
    pub round: u32,
    /// After how many seconds an attempt is given up.
    pub timeout_s: u32,
    /// Whether it goes to the express queue.
    pub express: bool,
}

/// Sending tasks to whatever runs them.
pub trait SendTasks: Send + Sync {
    /// Sends tasks of one stage to its queue, express if their priority asks for it. `Ok` promises that all of them are
    /// durable; each may be delivered more than once and in any order. An error says nothing of how many were sent.
    fn send(&self, tasks: &[Task]) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Hands work to AWS Batch. `Ok` promises that it will be begun, or that its failure will be told; handing over the same
    /// work twice may run it twice, which the lease makes harmless.
    fn submit(&self, work: &BatchWork) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Whether there is a Batch queue to submit to.
    fn has_batch(&self) -> bool;

    /// The shards that AWS Batch has in hand, waiting or running, of the job, stage and round of some work, whichever shards the
    /// work names. What is not among them is not known to be; none where there is no Batch.
    fn in_hand(&self, work: &BatchWork) -> impl Future<Output = Result<BTreeSet<u32>, CloudError>> + Send;
}

/// A Batch job that waits or runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingBatchJob {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub name: BatchName,
}

/// Ending containers that nobody needs any more.
pub trait EndBatchJobs: Send + Sync {
    /// All Batch jobs of this deployment that wait or run, an array as one; none where there is no Batch.
    fn batch_jobs(&self) -> impl Future<Output = Result<Vec<WaitingBatchJob>, CloudError>> + Send;

    /// Ends a Batch job, with all its children: what waits never begins, what runs is told to stop. One that has ended stays
    /// as it is.
    fn end_batch_job(&self, id: &str, reason: &str) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// Holding a message that was received.
pub trait HoldMessages: Send + Sync {
    /// Hides a received message for so many seconds from now, so that nobody else receives it.
    fn hide(&self, queue: &str, receipt: &str, seconds: u32) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// Keeping messages that nobody can act on.
pub trait ParkMessages: Send + Sync {
    /// Puts a message, as it came, where it stays until somebody looks at it.
    fn park(&self, body: &str, from_queue: &str) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// The queues in whose dead-letter queues messages rest until somebody sends them back: no function reads those.
pub const RESTING: [&str; 2] = ["webhook", "batch-failures"];

/// A parked message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The text.
    pub body: String,
    /// URL of the dead-letter queue that it came from.
    pub from_queue: String,
    /// What names this delivery.
    pub receipt: String,
}

/// Taking parked messages back.
pub trait TakeParked: Send + Sync {
    /// Receives some parked messages, hidden from others for so many seconds; none when there are none left to see.
    fn parked(&self, hide_s: u32) -> impl Future<Output = Result<Vec<Parked>, CloudError>> + Send;

    /// Forgets a parked message.
    fn forget_parked(&self, receipt: &str) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Receives some messages that rest in the dead-letter queue of one of [`RESTING`], hidden from others for so many seconds;
    /// none when there are none left to see.
    ///
    /// # Errors
    /// [`CloudError::Missing`] if the deployment has no such queue.
    fn resting(&self, queue: &str, hide_s: u32) -> impl Future<Output = Result<Vec<Parked>, CloudError>> + Send;

    /// Sends a resting message back to its queue as it is, and then forgets it where it rested.
    fn wake(&self, queue: &str, message: &Parked) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Sends a message as it is to the queue whose dead-letter queue this is.
    fn send_back(&self, body: &str, dead_letter_queue: &str) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// How many messages a queue holds. The numbers are approximate and seconds old.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Ready to be received.
    pub waiting: u64,
    /// Received and not yet deleted, or hidden.
    pub in_flight: u64,
    /// Not to be received yet.
    pub delayed: u64,
}

impl Depth {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.waiting + self.in_flight + self.delayed
    }
}

/// Looking at queues.
pub trait CountMessages: Send + Sync {
    /// The depth of every queue that the deployment names and that answers, by name: `pose`, `pose-express`, `parked`, …
    fn depths(&self) -> impl Future<Output = Result<BTreeMap<String, Depth>, CloudError>> + Send;
}

/// Limiting how much of a stage runs at once.
pub trait LimitStages: Send + Sync {
    /// At most so many tasks of a stage's standard queue run at once, 2 to 1,000; as many as there can be for `None`. Holds
    /// until the next deployment.
    ///
    /// # Errors
    /// [`CloudError::Missing`] if nothing reads the stage's queue.
    fn limit(&self, stage: &StageName, tasks: Option<u32>) -> impl Future<Output = Result<(), CloudError>> + Send;
}
