//! Events of jobs and shards, from two versions of their row.

use jiff::Timestamp;

use super::{About, Change, Event, Reason};
use crate::{Job, JobState, Shard, ShardState, Versioned, shard::elapsed_ms};

/// A row whose changes are events.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// A job.
    Job(Box<Versioned<Job>>),
    /// A shard.
    Shard(Box<Versioned<Shard>>),
}

/// What happened between two versions of one row. `old` is nothing where the row is new; `written_at` is when the new
/// version was written, for changes whose row does not say when they happened.
///
/// Versions that were never seen in between lose the events that only they would have told, and no others.
pub fn between(about: &About, old: Option<&Row>, new: &Row, written_at: Timestamp) -> Vec<Event> {
    match (old, new) {
        (None, Row::Job(new)) => of_job(about, None, new, written_at),
        (Some(Row::Job(old)), Row::Job(new)) => of_job(about, Some(&old.value), new, written_at),
        (None, Row::Shard(new)) => of_shard(about, None, new, written_at),
        (Some(Row::Shard(old)), Row::Shard(new)) => of_shard(about, Some(&old.value), new, written_at),
        // Keys name one kind of row each; a row never turns into another.
        (Some(Row::Job(_)), Row::Shard(_)) | (Some(Row::Shard(_)), Row::Job(_)) => Vec::new(),
    }
}

fn of_job(about: &About, old: Option<&Job>, new: &Versioned<Job>, written_at: Timestamp) -> Vec<Event> {
    let job = &new.value;
    let of = format!("{}@{}", job.id, new.version);
    let mut changes = Vec::new();
    match old {
        None => changes.push((job.created_at, created(job))),
        Some(old) if old.round < job.round => changes.push((written_at, Change::JobRetried { round: job.round })),
        Some(_) => {}
    }
    if old.is_none_or(|old| old.state != job.state) {
        changes.extend(ended(job));
    }
    let event = |(at, change)| Event::new(about, &of, at, change);
    changes.into_iter().map(event).collect()
}

fn created(job: &Job) -> Change {
    Change::JobCreated {
        name: job.input.name.clone(),
        key: job.input.key.clone(),
        bytes: job.input.bytes,
        priority: job.priority,
        batch: job.wishes.batch,
    }
}

fn ended(job: &Job) -> Option<(Timestamp, Change)> {
    let at = job.ended_at()?;
    let (duration_ms, round) = (elapsed_ms(job.created_at, at), job.round);
    let change = match &job.state {
        JobState::Running => return None,
        JobState::Completed { manifest, degraded, .. } => Change::JobCompleted {
            manifest: manifest.clone(),
            degraded: degraded.clone(),
            duration_ms,
            round,
        },
        JobState::Failed { failure, .. } => Change::JobFailed {
            failure: failure.clone(),
            duration_ms,
            round,
        },
        JobState::Cancelled { .. } => Change::JobCancelled { duration_ms, round },
    };
    Some((at, change))
}

fn of_shard(about: &About, old: Option<&Shard>, new: &Versioned<Shard>, written_at: Timestamp) -> Vec<Event> {
    let shard = &new.value;
    let of = format!("{}@{}", shard.key, new.version);
    let changes = [
        given_back(old, shard, written_at),
        repaired(old, shard),
        entered(old, shard, written_at),
    ];
    let event = |(at, change)| Event::new(about, &of, at, change);
    changes.into_iter().flatten().map(event).collect()
}

/// Whether an attempt ended without a result, in this round: one of an earlier round ended with its job.
fn given_back(old: Option<&Shard>, new: &Shard, written_at: Timestamp) -> Option<(Timestamp, Change)> {
    let old = old.filter(|old| old.round == new.round)?;
    if !matches!(old.state, ShardState::Running { .. }) {
        return None;
    }
    let told = match &new.state {
        ShardState::Queued => new.last_failure.as_ref(),
        // Somebody else found the lease expired, and nobody had said anything.
        ShardState::Held => None,
        ShardState::Running { .. } if old.attempt != new.attempt => None,
        _ => return None,
    };
    let change = Change::ShardGivenBack {
        stage: new.key.stage.clone(),
        shard: new.key.shard,
        attempt: old.attempt,
        reason: told.map_or_else(|| Reason::from(&crate::repair::lease_expired(old)), Reason::from),
    };
    Some((written_at, change))
}

/// Whether the sweeper sent it again.
fn repaired(old: Option<&Shard>, new: &Shard) -> Option<(Timestamp, Change)> {
    let old = old.filter(|old| old.round == new.round && new.state == ShardState::Queued)?;
    let reason = new.repaired?;
    if old.repaired == new.repaired && old.waiting_since == new.waiting_since {
        return None;
    }
    let change = Change::ShardRepaired {
        stage: new.key.stage.clone(),
        shard: new.key.shard,
        reason,
    };
    Some((new.waiting_since, change))
}

/// Whether the shard entered a state.
fn entered(old: Option<&Shard>, new: &Shard, written_at: Timestamp) -> Option<(Timestamp, Change)> {
    let (stage, shard, attempt) = (new.key.stage.clone(), new.key.shard, new.attempt);
    if old.is_some_and(|old| old.round < new.round) {
        let round = new.round;
        return Some((new.waiting_since, Change::ShardRetried { stage, shard, round }));
    }
    let before = old.map(|old| &old.state);
    Some(match (before, &new.state) {
        // A heartbeat.
        (Some(ShardState::Running { .. }), ShardState::Running { .. })
            if old.is_some_and(|old| old.attempt == attempt) =>
        {
            return None;
        }
        (_, ShardState::Running { since, .. }) => {
            let queue_ms = new.queue_ms;
            let change = Change::ShardStarted {
                stage,
                shard,
                attempt,
                queue_ms,
            };
            (*since, change)
        }
        (Some(before), state) if before == state => return None,
        (None, ShardState::Queued) => (new.queued_at, Change::ShardQueued { stage, shard }),
        (Some(ShardState::Held), ShardState::Queued) => (new.waiting_since, Change::ShardQueued { stage, shard }),
        // Back to the queue: that is told as what brought it there.
        (_, ShardState::Queued) => return None,
        (_, ShardState::Held) => (written_at, Change::ShardHeld { stage, shard }),
        (
            _,
            ShardState::Completed {
                at,
                run_ms,
                artifacts,
                reused,
            },
        ) => {
            let change = Change::ShardCompleted {
                stage,
                shard,
                attempt,
                run_ms: *run_ms,
                artifacts: artifacts.clone(),
                frames: new.frames,
                reused: *reused,
                cost_usd: new.cost_usd,
            };
            (*at, change)
        }
        (_, ShardState::Failed { at, failure }) => {
            let failure = failure.clone();
            let change = Change::ShardFailed {
                stage,
                shard,
                attempt,
                failure,
            };
            (*at, change)
        }
        (_, ShardState::Cancelled { at }) => (*at, Change::ShardCancelled { stage, shard, attempt }),
    })
}
