//! A job's row and how it ends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Failure, JobId, Upload};

/// Where a job stands. Everything but `Running` is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum JobState {
    /// It has begun and has not ended.
    Running,
    /// Every stage is complete and the manifest is stored.
    Completed {
        /// When it ended.
        at: Timestamp,
        /// Key of the manifest in the artifacts bucket.
        manifest: String,
    },
    /// A stage failed.
    Failed {
        /// When it ended.
        at: Timestamp,
        /// Why.
        failure: Failure,
    },
    /// Somebody cancelled it.
    Cancelled {
        /// When it ended.
        at: Timestamp,
    },
}

/// One job's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its identity.
    pub id: JobId,
    /// The tenant it belongs to.
    pub owner: String,
    /// The workflow it runs.
    pub workflow: String,
    /// What it runs on.
    pub input: Upload,
    /// 0 to 9; 7 and above is express.
    pub priority: u8,
    /// When it was made.
    pub created_at: Timestamp,
    /// Follows the job from upload to report in every log line and message.
    pub trace: String,
    /// Where it stands.
    pub state: JobState,
}

/// What can happen to a job.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEvent {
    /// Every stage is complete; the manifest lies at this key.
    Complete {
        /// Key of the manifest in the artifacts bucket.
        manifest: String,
    },
    /// A stage failed for good.
    Fail {
        /// Why.
        failure: Failure,
    },
    /// Somebody cancelled it.
    Cancel,
}

/// The job has ended; nothing changes it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the job has already ended")]
pub struct JobEnded;

impl Job {
    /// Whether nothing can change the job any more.
    pub fn has_ended(&self) -> bool {
        self.state != JobState::Running
    }

    /// The job after an event.
    ///
    /// # Errors
    /// [`JobEnded`] if it has ended before, whatever the event.
    pub fn apply(&self, event: JobEvent, now: Timestamp) -> Result<Self, JobEnded> {
        if self.has_ended() {
            return Err(JobEnded);
        }
        let state = match event {
            JobEvent::Complete { manifest } => JobState::Completed { at: now, manifest },
            JobEvent::Fail { failure } => JobState::Failed { at: now, failure },
            JobEvent::Cancel => JobState::Cancelled { at: now },
        };
        Ok(Self { state, ..self.clone() })
    }
}
