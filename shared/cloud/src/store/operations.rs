//! What is kept beside the jobs: control rows, pulses of workers, memos of what was done before.

use std::future::Future;

use jiff::Timestamp;
use marey_engine::{Artifact, Control, Controls, ShardKey, StageName, Versioned};
use serde::{Deserialize, Serialize};

use crate::CloudError;

/// What operators and breakers decided.
pub trait ReadControls: Send + Sync {
    /// Every control row, strongly consistent.
    fn control_rows(&self) -> impl Future<Output = Result<Vec<Versioned<Control>>, CloudError>> + Send;

    /// Every control row, for a decision.
    fn controls(&self) -> impl Future<Output = Result<Controls, CloudError>> + Send {
        async { Ok(self.control_rows().await?.into_iter().map(|row| row.value).collect()) }
    }
}

/// Deciding.
pub trait WriteControls: ReadControls {
    /// Writes a control row if it still has the version given, or does not exist where none is given.
    ///
    /// # Errors
    /// [`CloudError::Conflict`] if the row has moved on; nothing was written.
    fn put_control(
        &self,
        control: &Control,
        version: Option<u64>,
    ) -> impl Future<Output = Result<Versioned<Control>, CloudError>> + Send;
}

/// What one worker process has done for a stage since it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pulse {
    /// The stage.
    pub stage: StageName,
    /// Names the process.
    pub worker: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it wrote this.
    pub at: Timestamp,
    /// What it works on, if it does.
    pub working_on: Option<ShardKey>,
    /// Attempts that ended well.
    pub completed: u64,
    /// Attempts that did not.
    pub failed: u64,
    /// Frames of the attempts that ended well.
    pub frames: u64,
    /// How long those ran, in milliseconds.
    pub run_ms: u64,
}

/// Signs of life. They are for people: nothing is decided by them.
pub trait KeepPulses: Send + Sync {
    /// Writes a worker's pulse over its last one; it is forgotten an hour later.
    fn put_pulse(&self, pulse: &Pulse) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// The pulses of a stage's workers.
    fn pulses(&self, stage: &StageName) -> impl Future<Output = Result<Vec<Pulse>, CloudError>> + Send;
}

/// What a shard left whose inputs had a certain hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memo {
    /// Lower-case hexadecimal SHA-256 of everything that decides the outcome.
    pub inputs: String,
    /// Which shard left it.
    pub shard: ShardKey,
    /// What it left.
    pub artifacts: Vec<Artifact>,
    /// What it found.
    pub facts: serde_json::Value,
    /// Frames it did.
    pub frames: u64,
}

/// Remembering what was done.
pub trait KeepMemos: Send + Sync {
    /// What is remembered of these inputs.
    fn memo(&self, inputs: &str) -> impl Future<Output = Result<Option<Memo>, CloudError>> + Send;

    /// Remembers, over what was remembered before.
    fn put_memo(&self, memo: &Memo) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// The whole table, as those see it who run stages.
pub trait JobsTable: super::WriteJobs + WriteControls + KeepPulses + KeepMemos {}

impl<T: super::WriteJobs + WriteControls + KeepPulses + KeepMemos> JobsTable for T {}
