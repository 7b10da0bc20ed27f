//! A shard's states and the one function that changes them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Failure, LeaseToken, RepairReason, ShardKey, plan::is_too_large};

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
    /// Its stage is paused: no task is on its way until the planner sends one.
    Held,
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
        /// Whether the artifacts are those of an earlier job with the same inputs, and nothing ran.
        #[serde(default)]
        reused: bool,
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
    /// In which round of the job it was dispatched last.
    #[serde(default)]
    pub round: u32,
    /// How many attempts have begun, in all rounds.
    pub attempt: u32,
    /// How many of them do not count: those of earlier rounds, and those that were interrupted.
    #[serde(default)]
    pub earlier_attempts: u32,
    /// Share of the work done in the running attempt, in `0..=1`.
    pub progress: f64,
    /// Frames that the running attempt has done, or the last one did.
    #[serde(default)]
    pub frames: u64,
    /// How often the running attempt has said that it is alive, or the last one did.
    #[serde(default)]
    pub beats: u32,
    /// What all attempts cost, in US dollars.
    #[serde(default)]
    pub cost_usd: f64,
    /// Whether a function's time or disk has not sufficed for it.
    #[serde(default)]
    pub outgrew: bool,
    /// How many of its messages reached a dead-letter queue since an attempt began last.
    #[serde(default)]
    pub dead_letters: u32,
    /// Why the sweeper sent it again, until an attempt begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repaired: Option<RepairReason>,
    /// When its task was first sent.
    pub queued_at: Timestamp,
    /// Since when it waits: when its task was sent or went back to the queue last.
    pub waiting_since: Timestamp,
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
        /// Frames done.
        frames: u64,
    },
    /// The attempt has stored everything.
    Complete {
        /// The attempt.
        token: LeaseToken,
        /// What it stored.
        artifacts: Vec<Artifact>,
        /// What it found.
        facts: serde_json::Value,
        /// Frames done.
        frames: u64,
        /// Whether nothing ran, since an earlier job had the same inputs.
        reused: bool,
        /// What the attempt cost, in US dollars.
        cost_usd: f64,
    },
    /// The attempt failed, but another may succeed.
    GiveBack {
        /// The attempt.
        token: LeaseToken,
        /// Why.
        failure: Failure,
        /// What the attempt cost, in US dollars.
        cost_usd: f64,
    },
    /// The attempt's machine was taken away. It was not the attempt's fault and does not count against the policy.
    Interrupt {
        /// The attempt.
        token: LeaseToken,
        /// Why.
        failure: Failure,
        /// What the attempt cost, in US dollars.
        cost_usd: f64,
    },
    /// The attempt failed for good.
    Fail {
        /// The attempt.
        token: LeaseToken,
        /// Why.
        failure: Failure,
        /// What the attempt cost, in US dollars.
        cost_usd: f64,
    },
    /// Its task is sent once more: it was held, it ended badly in an earlier round, or its message was lost.
    Dispatch {
        /// The job's round.
        round: u32,
    },
    /// The sweeper sends its task once more, since nobody knows of a message.
    Resend {
        /// Why: its message is lost, or overdue.
        reason: RepairReason,
    },
    /// One of its messages reached the dead-letter queue although attempts are left: its task is sent once more. A duplicate
    /// uses up its deliveries by waiting for the attempt that runs, and says nothing about the shard.
    Revive,
    /// Its stage is paused, and its message was taken from the queue.
    Hold,
    /// Nobody heard of the attempt that held the lease: another may begin.
    Expire {
        /// What people are told.
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
    /// The shard is not in a state in which this can happen to it.
    #[error("the shard is not in a state for that")]
    OutOfPlace,
}

impl Shard {
    /// A shard whose task has just been sent.
    pub fn queued(key: ShardKey, round: u32, now: Timestamp) -> Self {
        Self {
            key,
            state: ShardState::Queued,
            round,
            attempt: 0,
            earlier_attempts: 0,
            progress: 0.0,
            frames: 0,
            beats: 0,
            cost_usd: 0.0,
            outgrew: false,
            dead_letters: 0,
            repaired: None,
            queued_at: now,
            waiting_since: now,
            queue_ms: None,
            last_failure: None,
            facts: serde_json::Value::Null,
        }
    }

    /// Whether nothing can change the shard any more, in this round.
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

    /// Whether it belongs to an earlier round of the job and has to be run again in this one.
    pub fn is_left_over(&self, round: u32) -> bool {
        self.round < round && !self.is_complete()
    }

    /// Attempts that count against the policy: those of this round that nobody interrupted.
    pub fn attempts_this_round(&self) -> u32 {
        self.attempt - self.earlier_attempts.min(self.attempt)
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.state {
            ShardState::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// Frames per second of the running attempt, once it can be told.
    pub fn frames_per_s(&self, now: Timestamp) -> Option<f64> {
        let seconds = match &self.state {
            ShardState::Running { since, .. } => elapsed_ms(*since, now) as f64 / 1000.0,
            ShardState::Completed { run_ms, .. } => *run_ms as f64 / 1000.0,
            _ => return None,
        };
        (self.frames > 0 && seconds > 0.0).then(|| self.frames as f64 / seconds)
    }

    /// The shard after an event, or why the event does not apply.
    ///
    /// # Errors
    /// [`Refusal`] for every pair of state and event that is not allowed; the shard is then unchanged.
    pub fn apply(&self, event: ShardEvent, now: Timestamp) -> Result<Self, Refusal> {
        // Only another round wakes what has ended.
        if self.has_ended() && !matches!(event, ShardEvent::Dispatch { .. }) {
            return Err(Refusal::Ended);
        }
        match event {
            ShardEvent::Lease {
                token,
                until,
                max_attempts,
            } => self.lease(token, until, max_attempts, now),
            ShardEvent::Heartbeat {
                token,
                until,
                progress,
                frames,
            } => {
                let since = self.held_by(token)?;
                Ok(Self {
                    state: ShardState::Running {
                        lease: Lease { token, until },
                        since,
                    },
                    progress: sound_share(progress, self.progress),
                    frames,
                    beats: self.beats.saturating_add(1),
                    ..self.clone()
                })
            }
            complete @ ShardEvent::Complete { .. } => self.complete(complete, now),
            ShardEvent::GiveBack {
                token,
                failure,
                cost_usd,
            } => self.give_back(token, failure, cost_usd, now),
            ShardEvent::Interrupt {
                token,
                failure,
                cost_usd,
            } => Ok(Self {
                earlier_attempts: self.earlier_attempts.saturating_add(1),
                ..self.give_back(token, failure, cost_usd, now)?
            }),
            ShardEvent::Fail {
                token,
                failure,
                cost_usd,
            } => {
                self.held_by(token)?;
                Ok(Self {
                    outgrew: self.outgrew || is_too_large(&failure.code),
                    state: ShardState::Failed { at: now, failure },
                    cost_usd: self.cost_usd + sound_cost(cost_usd),
                    ..self.clone()
                })
            }
            ShardEvent::Dispatch { round } => self.dispatch(round, now),
            ShardEvent::Hold => {
                self.unless_leased(now)?;
                Ok(self.waiting(ShardState::Held, self.last_failure.clone(), now))
            }
            ShardEvent::Expire { failure } => self.expire(failure, now),
            ShardEvent::Resend { reason } => {
                if self.state != ShardState::Queued {
                    return Err(Refusal::OutOfPlace);
                }
                Ok(Self {
                    repaired: Some(reason),
                    ..self.waiting(ShardState::Queued, self.last_failure.clone(), now)
                })
            }
            ShardEvent::Revive => {
                if self.state == ShardState::Held {
                    return Err(Refusal::OutOfPlace);
                }
                self.unless_leased(now)?;
                Ok(Self {
                    dead_letters: self.dead_letters.saturating_add(1),
                    ..self.waiting(ShardState::Queued, self.last_failure.clone(), now)
                })
            }
            ShardEvent::Abandon { failure } => {
                self.unless_leased(now)?;
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

    /// Its attempt ended, and another may begin.
    fn give_back(&self, token: LeaseToken, failure: Failure, cost_usd: f64, now: Timestamp) -> Result<Self, Refusal> {
        self.held_by(token)?;
        Ok(Self {
            outgrew: self.outgrew || is_too_large(&failure.code),
            cost_usd: self.cost_usd + sound_cost(cost_usd),
            ..self.waiting(ShardState::Queued, Some(failure), now)
        })
    }

    /// Its attempt went silent.
    fn expire(&self, failure: Failure, now: Timestamp) -> Result<Self, Refusal> {
        if !matches!(self.state, ShardState::Running { .. }) {
            return Err(Refusal::OutOfPlace);
        }
        self.unless_leased(now)?;
        Ok(Self {
            repaired: Some(RepairReason::LeaseExpired),
            ..self.waiting(ShardState::Queued, Some(failure), now)
        })
    }

    /// Sent once more. A shard that is left over from an earlier round begins anew, whoever holds its lease: that attempt
    /// has lost it. In the same round only a shard that waits can be sent again.
    fn dispatch(&self, round: u32, now: Timestamp) -> Result<Self, Refusal> {
        if self.is_left_over(round) {
            return Ok(Self {
                round,
                earlier_attempts: self.attempt,
                ..self.waiting(
                    ShardState::Queued,
                    self.failure().cloned().or(self.last_failure.clone()),
                    now,
                )
            });
        }
        match &self.state {
            ShardState::Queued | ShardState::Held => {
                Ok(self.waiting(ShardState::Queued, self.last_failure.clone(), now))
            }
            ShardState::Running { lease, .. } => Err(Refusal::Leased { until: lease.until }),
            _ => Err(Refusal::Ended),
        }
    }

    /// A state in which nobody works on it.
    fn waiting(&self, state: ShardState, last_failure: Option<Failure>, now: Timestamp) -> Self {
        Self {
            state,
            progress: 0.0,
            frames: 0,
            last_failure,
            waiting_since: now,
            ..self.clone()
        }
    }

    fn unless_leased(&self, now: Timestamp) -> Result<(), Refusal> {
        match &self.state {
            ShardState::Running { lease, .. } if lease.until > now => Err(Refusal::Leased { until: lease.until }),
            _ => Ok(()),
        }
    }

    fn lease(&self, token: LeaseToken, until: Timestamp, max_attempts: u32, now: Timestamp) -> Result<Self, Refusal> {
        self.unless_leased(now)?;
        if self.attempts_this_round() >= max_attempts {
            return Err(Refusal::Exhausted {
                attempts: self.attempts_this_round(),
            });
        }
        Ok(Self {
            state: ShardState::Running {
                lease: Lease { token, until },
                since: now,
            },
            attempt: self.attempt + 1,
            progress: 0.0,
            frames: 0,
            beats: 0,
            dead_letters: 0,
            repaired: None,
            queue_ms: self.queue_ms.or(Some(elapsed_ms(self.queued_at, now))),
            ..self.clone()
        })
    }

    fn complete(&self, event: ShardEvent, now: Timestamp) -> Result<Self, Refusal> {
        let ShardEvent::Complete {
            token,
            artifacts,
            facts,
            frames,
            reused,
            cost_usd,
        } = event
        else {
            return Err(Refusal::OutOfPlace);
        };
        let since = self.held_by(token)?;
        Ok(Self {
            state: ShardState::Completed {
                at: now,
                run_ms: elapsed_ms(since, now),
                artifacts,
                reused,
            },
            progress: 1.0,
            frames,
            cost_usd: self.cost_usd + sound_cost(cost_usd),
            facts,
            ..self.clone()
        })
    }

    /// Whether an attempt holds the lease. An expired one that nobody else took is still its own.
    pub fn is_held_by(&self, token: LeaseToken) -> bool {
        self.held_by(token).is_ok()
    }

    /// Since when the attempt holds the lease. An expired lease that nobody else took is still its own.
    fn held_by(&self, token: LeaseToken) -> Result<Timestamp, Refusal> {
        match &self.state {
            ShardState::Running { lease, since } if lease.token == token => Ok(*since),
            _ => Err(Refusal::LeaseLost),
        }
    }
}

/// A cost that is no number is none.
fn sound_cost(cost_usd: f64) -> f64 {
    if cost_usd.is_finite() { cost_usd.max(0.0) } else { 0.0 }
}

/// Progress never runs backwards within an attempt, and a broken number is no progress.
fn sound_share(new: f64, old: f64) -> f64 {
    if new.is_finite() { new.clamp(old, 1.0) } else { old }
}

/// Milliseconds from one moment to another; clocks of two machines may disagree, time does not run backwards.
pub(crate) fn elapsed_ms(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_millis().clamp(0, i128::from(i64::MAX)) as i64
}

#[cfg(test)]
mod tests;
