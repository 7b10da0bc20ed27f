//! A shard's states and the one function that changes them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Failure, LeaseToken, ShardKey};

/// The right to run a shard until a moment, held by one attempt. It always has a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Whose it is; every write of the attempt carries it.
    pub token: LeaseToken,
    /// When it ends unless it is extended.
    pub until: Timestamp,
}

/// An immutable object that a shard left in the artifacts bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Name within the stage, such as `angles.csv`.
    pub name: String,
    /// Where it lies in the artifacts bucket.
    pub key: String,
    /// Media type.
    pub content_type: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub sha256: String,
}

/// Where a shard stands. `Completed`, `Failed` and `Cancelled` are final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ShardState {
    /// Its task has been sent; nobody works on it.
    Queued,
    /// An attempt holds the lease.
    Running {
        /// The attempt's right to work.
        lease: Lease,
        /// When the attempt began.
        since: Timestamp,
    },
    /// Its artifacts are stored.
    Completed {
        /// When it ended.
        at: Timestamp,
        /// How long the attempt that completed it ran, in milliseconds.
        run_ms: i64,
        /// What it left.
        artifacts: Vec<Artifact>,
    },
    /// It cannot be completed.
    Failed {
        /// When it ended.
        at: Timestamp,
        /// Why.
        failure: Failure,
    },
    /// The job was cancelled before it ended.
    Cancelled {
        /// When it ended.
        at: Timestamp,
    },
}

/// One shard's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shard {
    /// Which shard.
    pub key: ShardKey,
    /// Where it stands.
    pub state: ShardState,
    /// How many attempts have begun.
    pub attempt: u32,
    /// Share of the work done in the running attempt, in `0..=1`.
    pub progress: f64,
    /// When its task was first sent.
    pub queued_at: Timestamp,
    /// From sending the task to the beginning of the first attempt, in milliseconds.
    pub queue_ms: Option<i64>,
    /// What made the previous attempt end, if one did.
    pub last_failure: Option<Failure>,
    /// What the stage found, as a JSON object for people and for later stages; small.
    pub facts: serde_json::Value,
}

/// What can happen to a shard.
#[derive(Debug, Clone, PartialEq)]
pub enum ShardEvent {
    /// An attempt asks for the lease.
    Lease {
        /// The attempt.
        token: LeaseToken,
        /// Until when.
        until: Timestamp,
        /// How many attempts the workflow allows.
        max_attempts: u32,
    },
    /// The attempt is alive.
    Heartbeat {
        /// The attempt.
        token: LeaseToken,
        /// New end of the lease.
        until: Timestamp,
        /// Share done, in `0..=1`.
        progress: f64,
    },
    /// The attempt has stored everything.
    Complete {
        /// The attempt.
        token: LeaseToken,
        /// What it stored.
        artifacts: Vec<Artifact>,
        /// What it found.
        facts: serde_json::Value,
    },
    /// The attempt failed, but another may succeed.
    GiveBack {
        /// The attempt.
        token: LeaseToken,
        /// Why.
        failure: Failure,
    },
    /// The attempt failed for good.
    Fail {
        /// The attempt.
        token: LeaseToken,
        /// Why.
        failure: Failure,
    },
    /// Its message reached the dead-letter queue.
    Abandon {
        /// Why, unless the last attempt said so itself.
        failure: Failure,
    },
    /// The job was cancelled.
    Cancel,
}

/// Why an event does not apply to a shard.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The shard has ended; nothing changes it any more.
    #[error("the shard has already ended")]
    Ended,
    /// Another attempt holds the lease.
    #[error("another attempt holds the lease until {until}")]
    Leased {
        /// Until when.
        until: Timestamp,
    },
    /// The lease of this attempt is gone: another has it, or nobody.
    #[error("this attempt lost its lease")]
    LeaseLost,
    /// The workflow allows no further attempt.
    #[error("all {attempts} attempts are used up")]
    Exhausted {
        /// How many there were.
        attempts: u32,
    },
}

impl Shard {
    /// A shard whose task has just been sent.
    pub fn queued(key: ShardKey, now: Timestamp) -> Self {
        Self {
            key,
            state: ShardState::Queued,
            attempt: 0,
            progress: 0.0,
            queued_at: now,
            queue_ms: None,
            last_failure: None,
            facts: serde_json::Value::Null,
        }
    }

    /// Whether nothing can change the shard any more.
    pub fn has_ended(&self) -> bool {
        matches!(
            self.state,
            ShardState::Completed { .. } | ShardState::Failed { .. } | ShardState::Cancelled { .. }
        )
    }

    /// Whether the shard's artifacts are stored.
    pub fn is_complete(&self) -> bool {
        matches!(self.state, ShardState::Completed { .. })
    }

    /// The shard after an event, or why the event does not apply.
    ///
    /// # Errors
    /// [`Refusal`] for every pair of state and event that is not allowed; the shard is then unchanged.
    pub fn apply(&self, event: ShardEvent, now: Timestamp) -> Result<Self, Refusal> {
        if self.has_ended() {
            return Err(Refusal::Ended);
        }
        match event {
            ShardEvent::Lease {
                token,
                until,
                max_attempts,
            } => self.lease(token, until, max_attempts, now),
            ShardEvent::Heartbeat { token, until, progress } => {
                let since = self.held_by(token)?;
                let state = ShardState::Running {
                    lease: Lease { token, until },
                    since,
                };
                Ok(Self {
                    state,
                    progress: sound_share(progress, self.progress),
                    ..self.clone()
                })
            }
            ShardEvent::Complete {
                token,
                artifacts,
                facts,
            } => {
                let since = self.held_by(token)?;
                let state = ShardState::Completed {
                    at: now,
                    run_ms: elapsed_ms(since, now),
                    artifacts,
                };
                Ok(Self {
                    state,
                    progress: 1.0,
                    facts,
                    ..self.clone()
                })
            }
            ShardEvent::GiveBack { token, failure } => {
                self.held_by(token)?;
                let last_failure = Some(failure);
                Ok(Self {
                    state: ShardState::Queued,
                    progress: 0.0,
                    last_failure,
                    ..self.clone()
                })
            }
            ShardEvent::Fail { token, failure } => {
                self.held_by(token)?;
                Ok(Self {
                    state: ShardState::Failed { at: now, failure },
                    ..self.clone()
                })
            }
            ShardEvent::Abandon { failure } => {
                if let ShardState::Running { lease, .. } = &self.state
                    && lease.until > now
                {
                    return Err(Refusal::Leased { until: lease.until });
                }
                // The last attempt knew more than the queue does.
                let failure = self.last_failure.clone().unwrap_or(failure);
                Ok(Self {
                    state: ShardState::Failed { at: now, failure },
                    ..self.clone()
                })
            }
            ShardEvent::Cancel => Ok(Self {
                state: ShardState::Cancelled { at: now },
                ..self.clone()
            }),
        }
    }

    fn lease(&self, token: LeaseToken, until: Timestamp, max_attempts: u32, now: Timestamp) -> Result<Self, Refusal> {
        if let ShardState::Running { lease, .. } = &self.state
            && lease.until > now
        {
            return Err(Refusal::Leased { until: lease.until });
        }
        if self.attempt >= max_attempts {
            return Err(Refusal::Exhausted { attempts: self.attempt });
        }
        Ok(Self {
            state: ShardState::Running {
                lease: Lease { token, until },
                since: now,
            },
            attempt: self.attempt + 1,
            progress: 0.0,
            queue_ms: self.queue_ms.or(Some(elapsed_ms(self.queued_at, now))),
            ..self.clone()
        })
    }

    /// Since when the attempt holds the lease. An expired lease that nobody else took is still its own.
    fn held_by(&self, token: LeaseToken) -> Result<Timestamp, Refusal> {
        match &self.state {
            ShardState::Running { lease, since } if lease.token == token => Ok(*since),
            _ => Err(Refusal::LeaseLost),
        }
    }
}

/// Progress never runs backwards within an attempt, and a broken number is no progress.
fn sound_share(new: f64, old: f64) -> f64 {
    if new.is_finite() { new.clamp(old, 1.0) } else { old }
}

/// Milliseconds from one moment to another; clocks of two machines may disagree, time does not run backwards.
fn elapsed_ms(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_millis().clamp(0, i128::from(i64::MAX)) as i64
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::{FailureClass, JobId};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn token(n: u128) -> LeaseToken {
        LeaseToken(Uuid::from_u128(n))
    }

    fn shard() -> Shard {
        let job = JobId::of_object("b", "k", None, "e");
        Shard::queued(
            ShardKey {
                job,
                stage: "pose".parse().unwrap(),
                shard: 0,
            },
            at(0),
        )
    }

    fn failure(code: &str) -> Failure {
        let class = FailureClass::Transient;
        Failure {
            code: code.into(),
            message: "m".into(),
            hint: "h".into(),
            stage: None,
            attempt: 1,
            class,
        }
    }

    fn lease(n: u128, until: i64) -> ShardEvent {
        ShardEvent::Lease {
            token: token(n),
            until: at(until),
            max_attempts: 3,
        }
    }

    #[test]
    fn a_lease_is_exclusive_until_it_expires() {
        let held = shard().apply(lease(1, 60), at(5)).unwrap();
        assert_eq!(held.attempt, 1);
        assert_eq!(held.queue_ms, Some(5000));
        assert_eq!(
            held.apply(lease(2, 120), at(59)),
            Err(Refusal::Leased { until: at(60) })
        );
        let taken = held.apply(lease(2, 120), at(60)).unwrap();
        assert_eq!(taken.attempt, 2);
        assert_eq!(taken.queue_ms, Some(5000), "queue time is that of the first attempt");
    }

    #[test]
    fn a_slow_writer_that_lost_its_lease_changes_nothing() {
        let taken = shard()
            .apply(lease(1, 10), at(0))
            .unwrap()
            .apply(lease(2, 100), at(20))
            .unwrap();
        let complete = |n| ShardEvent::Complete {
            token: token(n),
            artifacts: vec![],
            facts: json!({}),
        };
        assert_eq!(taken.apply(complete(1), at(21)), Err(Refusal::LeaseLost));
        let beat = ShardEvent::Heartbeat {
            token: token(1),
            until: at(500),
            progress: 0.9,
        };
        assert_eq!(taken.apply(beat, at(21)), Err(Refusal::LeaseLost));
        assert!(taken.apply(complete(2), at(22)).unwrap().is_complete());
    }

    #[test]
    fn an_expired_lease_that_nobody_took_can_still_complete() {
        let held = shard().apply(lease(1, 10), at(0)).unwrap();
        let done = held.apply(
            ShardEvent::Complete {
                token: token(1),
                artifacts: vec![],
                facts: json!(1),
            },
            at(50),
        );
        assert!(matches!(
            done.unwrap().state,
            ShardState::Completed { run_ms: 50_000, .. }
        ));
    }

    #[test]
    fn attempts_never_exceed_the_policy() {
        let mut it = shard();
        for n in 1..=3 {
            it = it.apply(lease(n, 10), at(0)).unwrap();
            it = it
                .apply(
                    ShardEvent::GiveBack {
                        token: token(n),
                        failure: failure("BUSY"),
                    },
                    at(1),
                )
                .unwrap();
        }
        assert_eq!(it.apply(lease(4, 10), at(2)), Err(Refusal::Exhausted { attempts: 3 }));
        let dead = it
            .apply(
                ShardEvent::Abandon {
                    failure: failure("DEAD"),
                },
                at(3),
            )
            .unwrap();
        assert!(matches!(dead.state, ShardState::Failed { failure, .. } if failure.code == "BUSY"));
    }

    #[test]
    fn a_dead_letter_does_not_end_a_shard_that_somebody_runs() {
        let held = shard().apply(lease(1, 60), at(0)).unwrap();
        let abandon = || ShardEvent::Abandon {
            failure: failure("DEAD"),
        };
        assert_eq!(held.apply(abandon(), at(30)), Err(Refusal::Leased { until: at(60) }));
        assert!(matches!(
            held.apply(abandon(), at(60)).unwrap().state,
            ShardState::Failed { .. }
        ));
    }

    fn any_event() -> impl Strategy<Value = ShardEvent> {
        let who = 1_u128..4;
        prop_oneof![
            (who.clone(), 0_i64..200).prop_map(|(n, u)| lease(n, u)),
            (who.clone(), 0_i64..200, any::<f64>()).prop_map(|(n, u, progress)| ShardEvent::Heartbeat {
                token: token(n),
                until: at(u),
                progress
            }),
            who.clone().prop_map(|n| ShardEvent::Complete {
                token: token(n),
                artifacts: vec![],
                facts: json!(null)
            }),
            who.clone().prop_map(|n| ShardEvent::GiveBack {
                token: token(n),
                failure: failure("T")
            }),
            who.prop_map(|n| ShardEvent::Fail {
                token: token(n),
                failure: failure("P")
            }),
            Just(ShardEvent::Abandon { failure: failure("D") }),
            Just(ShardEvent::Cancel),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_the_rules_hold(events in prop::collection::vec((any_event(), 0_i64..5), 0..60)) {
            let (mut it, mut now) = (shard(), 0);
            for (event, wait) in events {
                now += wait;
                let ended = it.has_ended();
                let holder = match &it.state {
                    ShardState::Running { lease, .. } => Some(*lease),
                    _ => None,
                };
                match it.apply(event.clone(), at(now)) {
                    Ok(next) => {
                        prop_assert!(!ended, "an ended shard absorbs everything");
                        prop_assert!(next.attempt <= 3);
                        prop_assert!((0.0..=1.0).contains(&next.progress));
                        if let ShardEvent::Complete { token, .. } = event {
                            prop_assert_eq!(holder.map(|l| l.token), Some(token));
                        }
                        if matches!(event, ShardEvent::Lease { .. }) {
                            prop_assert!(holder.is_none_or(|l| l.until <= at(now)));
                            prop_assert_eq!(next.attempt, it.attempt + 1);
                        } else {
                            prop_assert_eq!(next.attempt, it.attempt);
                        }
                        it = next;
                    }
                    Err(Refusal::Ended) => prop_assert!(ended),
                    Err(_) => {}
                }
            }
        }
    }
}
