//! A job's row and how it ends.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{BatchId, Failure, JobId, RunsOn, Upload, message::EXPRESS_PRIORITY};

/// Where a job stands. Everything but `Running` is final, until somebody asks for another round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum JobState {
    /// It has begun and has not ended.
    Running,
    /// Every stage has ended and the manifest is stored.
    Completed {
        /// When it ended.
        at: Timestamp,
        /// Key of the manifest in the artifacts bucket.
        manifest: String,
        /// What optional stages could not do: the result is less than it could be.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        degraded: Vec<Failure>,
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

/// What somebody wishes of a job beside the workflow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wishes {
    /// The workflow's parameters, every one of them.
    pub params: BTreeMap<String, Value>,
    /// Where its heavy stages run, if not where the workflow says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_on: Option<RunsOn>,
    /// Whether stages whose inputs did not change since an earlier job take that job's results.
    pub reuse: bool,
    /// Where to tell of its end: an https address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<String>,
    /// The batch it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
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
    /// When it is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// How often somebody asked to try again what failed.
    #[serde(default)]
    pub round: u32,
    /// Whether it is being deleted with all it made: it cannot be retried any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forgotten: bool,
    /// What else was asked for.
    #[serde(default)]
    pub wishes: Wishes,
    /// Follows the job from upload to report in every log line and message.
    pub trace: String,
    /// Where it stands.
    pub state: JobState,
}

/// What can happen to a job.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEvent {
    /// Every stage has ended; the manifest lies at this key.
    Complete {
        /// Key of the manifest in the artifacts bucket.
        manifest: String,
        /// What optional stages could not do.
        degraded: Vec<Failure>,
    },
    /// A stage failed for good.
    Fail {
        /// Why.
        failure: Failure,
    },
    /// Somebody cancelled it.
    Cancel,
    /// Somebody wants it to go on from what failed or was cancelled.
    Retry {
        /// When it is given up now.
        deadline: Timestamp,
    },
    /// It waits for a pause to be lifted, and has until then now.
    Postpone {
        /// When it is given up now.
        deadline: Timestamp,
    },
    /// Somebody is about to delete it with all it made. Whoever deletes first writes this: a retry in the same moment then
    /// either came before and wins, or is refused.
    Forget,
}

/// Why an event does not apply to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobRefusal {
    /// It has ended; only a retry changes it.
    #[error("the job has already ended")]
    Ended,
    /// It is complete; there is nothing to try again.
    #[error("the job is complete")]
    Complete,
    /// It has not ended yet.
    #[error("the job is still running")]
    Running,
    /// It is being deleted.
    #[error("the job is being deleted")]
    Forgotten,
}

impl Job {
    /// Whether nothing but a retry can change the job any more.
    pub fn has_ended(&self) -> bool {
        self.state != JobState::Running
    }

    /// Whether it travels in the express lane.
    pub fn is_express(&self) -> bool {
        self.priority >= EXPRESS_PRIORITY
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match &self.state {
            JobState::Running => None,
            JobState::Completed { at, .. } | JobState::Failed { at, .. } | JobState::Cancelled { at } => Some(*at),
        }
    }

    /// The job after an event.
    ///
    /// # Errors
    /// [`JobRefusal`] for every pair of state and event that is not allowed; the job is then unchanged.
    pub fn apply(&self, event: JobEvent, now: Timestamp) -> Result<Self, JobRefusal> {
        match event {
            JobEvent::Retry { deadline } => self.retry(deadline),
            JobEvent::Forget => self.forget(),
            _ if self.has_ended() => Err(JobRefusal::Ended),
            JobEvent::Postpone { deadline } => Ok(Self {
                deadline: Some(self.deadline.map_or(deadline, |known| known.max(deadline))),
                ..self.clone()
            }),
            JobEvent::Complete { manifest, degraded } => Ok(self.ended(JobState::Completed {
                at: now,
                manifest,
                degraded,
            })),
            JobEvent::Fail { failure } => Ok(self.ended(JobState::Failed { at: now, failure })),
            JobEvent::Cancel => Ok(self.ended(JobState::Cancelled { at: now })),
        }
    }

    fn ended(&self, state: JobState) -> Self {
        Self { state, ..self.clone() }
    }

    /// Doing it again changes nothing: whoever was interrupted goes on.
    fn forget(&self) -> Result<Self, JobRefusal> {
        if !self.has_ended() {
            return Err(JobRefusal::Running);
        }
        Ok(Self {
            forgotten: true,
            ..self.clone()
        })
    }

    /// One write begins the next round: the planner then finds the shards that are left over from this one.
    fn retry(&self, deadline: Timestamp) -> Result<Self, JobRefusal> {
        match self.state {
            _ if self.forgotten => Err(JobRefusal::Forgotten),
            JobState::Running => Err(JobRefusal::Running),
            JobState::Completed { .. } => Err(JobRefusal::Complete),
            JobState::Failed { .. } | JobState::Cancelled { .. } => Ok(Self {
                state: JobState::Running,
                round: self.round + 1,
                deadline: Some(deadline),
                ..self.clone()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::FailureClass;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn a_retry_begins_the_next_round_of_what_did_not_complete() {
        let job = crate::plan::tests::job();
        let retry = || JobEvent::Retry { deadline: at(900) };
        assert_eq!(job.apply(retry(), at(1)), Err(JobRefusal::Running));
        let cancelled = job.apply(JobEvent::Cancel, at(1)).unwrap();
        assert_eq!(cancelled.apply(JobEvent::Cancel, at(2)), Err(JobRefusal::Ended));
        let again = cancelled.apply(retry(), at(2)).unwrap();
        assert_eq!((again.round, again.deadline), (1, Some(at(900))));
        assert!(!again.has_ended());
        let failure = Failure {
            code: "C".into(),
            message: String::new(),
            hint: String::new(),
            stage: None,
            attempt: 0,
            class: FailureClass::Permanent,
        };
        assert_eq!(
            again
                .apply(JobEvent::Fail { failure }, at(3))
                .unwrap()
                .apply(retry(), at(4))
                .unwrap()
                .round,
            2
        );
        let complete = JobEvent::Complete {
            manifest: "m".into(),
            degraded: vec![],
        };
        assert_eq!(
            again.apply(complete, at(3)).unwrap().apply(retry(), at(4)),
            Err(JobRefusal::Complete)
        );
    }

    #[test]
    fn what_is_being_deleted_is_not_retried_and_what_runs_is_not_deleted() {
        let job = crate::plan::tests::job();
        assert_eq!(job.apply(JobEvent::Forget, at(1)), Err(JobRefusal::Running));
        let cancelled = job.apply(JobEvent::Cancel, at(1)).unwrap();
        let forgotten = cancelled.apply(JobEvent::Forget, at(2)).unwrap();
        assert_eq!(forgotten.state, cancelled.state);
        assert_eq!(forgotten.apply(JobEvent::Forget, at(3)), Ok(forgotten.clone()));
        let retry = JobEvent::Retry { deadline: at(900) };
        assert_eq!(forgotten.apply(retry, at(3)), Err(JobRefusal::Forgotten));
    }

    #[test]
    fn a_row_of_an_older_marey_is_read() {
        let mut row = serde_json::to_value(crate::plan::tests::job()).unwrap();
        for added in ["deadline", "round", "wishes"] {
            row.as_object_mut().unwrap().remove(added);
        }
        let job: Job = serde_json::from_value(row).unwrap();
        assert_eq!((job.round, job.wishes), (0, Wishes::default()));
    }
}
