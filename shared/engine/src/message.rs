//! The envelope of every message between functions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Job, ShardKey};

/// The newest envelope that this code reads and the one it writes.
pub const ENVELOPE_VERSION: u32 = 1;

/// Priorities from here up travel in the express queue.
pub const EXPRESS_PRIORITY: u8 = 7;

/// The message that asks for one shard of one stage to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Layout of this message.
    pub schema_version: u32,
    /// `<job>/<stage>/<shard>`: a repeated dispatch has the same id.
    pub task_id: String,
    /// Always `run_shard`.
    #[serde(rename = "type")]
    pub kind: TaskKind,
    /// When it was sent.
    pub created_at: Timestamp,
    /// 0 to 9.
    pub priority: u8,
    /// What to run.
    pub payload: ShardKey,
    /// Where it came from.
    pub metadata: Metadata,
}

/// What a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Run one shard of one stage.
    RunShard,
}

/// Where a message came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The stage or function that sent it.
    pub source: String,
    /// Attempts at the shard before this message was sent.
    pub attempts: u32,
    /// How many shards the stage has: whoever runs one of very many reads fewer rows.
    #[serde(default = "one")]
    pub shards: u32,
    /// The job's round when it was sent: what becomes of a message of an earlier round no longer counts.
    #[serde(default)]
    pub round: u32,
    /// The job's trace.
    pub trace: String,
}

fn one() -> u32 {
    1
}

/// A message that this code cannot act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The message was written by a newer Marey.
    #[error("the message has schema version {found}, this function reads {ENVELOPE_VERSION}: deploy the newer version")]
    Newer {
        /// Its version.
        found: u32,
    },
    /// The message contradicts itself.
    #[error("the message's task id {task_id} does not name its payload")]
    Contradictory {
        /// The id it carries.
        task_id: String,
    },
}

impl Task {
    /// The task that asks for a shard of a job.
    pub fn new(job: &Job, key: ShardKey, shards: u32, source: &str, now: Timestamp) -> Self {
        Self {
            schema_version: ENVELOPE_VERSION,
            task_id: key.to_string(),
            kind: TaskKind::RunShard,
            created_at: now,
            priority: job.priority,
            payload: key,
            metadata: Metadata {
                source: source.to_owned(),
                attempts: 0,
                shards,
                round: job.round,
                trace: job.trace.clone(),
            },
        }
    }

    /// Whether it travels in the express queue.
    pub fn is_express(&self) -> bool {
        self.priority >= EXPRESS_PRIORITY
    }

    /// Accepts a message that this code can act on.
    ///
    /// # Errors
    /// A newer layout, or an id that is not the payload's.
    pub fn check(self) -> Result<Self, Unreadable> {
        if self.schema_version > ENVELOPE_VERSION {
            return Err(Unreadable::Newer {
                found: self.schema_version,
            });
        }
        if self.task_id != self.payload.to_string() {
            return Err(Unreadable::Contradictory { task_id: self.task_id });
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::job;

    fn task() -> Task {
        let job = job();
        let key = ShardKey {
            job: job.id,
            stage: "pose".parse().unwrap(),
            shard: 3,
        };
        Task::new(&job, key, 8, "probe", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_envelope_is_the_one_in_the_design() {
        insta::assert_json_snapshot!(task());
    }

    #[test]
    fn newer_and_contradictory_messages_are_refused() {
        assert_eq!(task().check(), Ok(task()));
        let newer = Task {
            schema_version: 2,
            ..task()
        };
        assert_eq!(newer.check(), Err(Unreadable::Newer { found: 2 }));
        let other = Task {
            task_id: "x".into(),
            ..task()
        };
        assert!(matches!(other.check(), Err(Unreadable::Contradictory { .. })));
    }

    #[test]
    fn seven_and_above_is_express() {
        assert!(!Task { priority: 6, ..task() }.is_express());
        assert!(Task { priority: 7, ..task() }.is_express());
    }
}
