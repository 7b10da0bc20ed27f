//! Events of jobs and shards, from two versions of their row.

use jiff::Timestamp;

use super::{About, Change, Event, Reason};
use crate::{Job, JobState, Shard, ShardState, Versioned};

/// A row whose changes are events.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// A job.
    Job(Versioned<Job>),
    /// A shard.
    Shard(Versioned<Shard>),
}

/// What happened between two versions of one row. `old` is nothing where the row is new; `written_at` is when the new
/// version was written, for changes whose row does not say when they happened.
///
/// Versions that were never seen in between lose the events that only they would have told, and no others.
pub fn between(about: &About, old: Option<&Row>, new: &Row, written_at: Timestamp) -> Vec<Event> {
    match (old, new) {
        (None, Row::Job(new)) => of_job(about, None, new),
        (Some(Row::Job(old)), Row::Job(new)) => of_job(about, Some(&old.value), new),
        (None, Row::Shard(new)) => of_shard(about, None, new, written_at),
        (Some(Row::Shard(old)), Row::Shard(new)) => of_shard(about, Some(&old.value), new, written_at),
        // Keys name one kind of row each; a row never turns into another.
        (Some(Row::Job(_)), Row::Shard(_)) | (Some(Row::Shard(_)), Row::Job(_)) => Vec::new(),
    }
}

fn of_job(about: &About, old: Option<&Job>, new: &Versioned<Job>) -> Vec<Event> {
    let job = &new.value;
    let of = format!("{}@{}", job.id, new.version);
    let mut events = Vec::new();
    if old.is_none() {
        let created = Change::JobCreated {
            name: job.input.name.clone(),
            key: job.input.key.clone(),
            bytes: job.input.bytes,
            priority: job.priority,
        };
        events.push(Event::new(about, &of, job.created_at, created));
    }
    if old.is_none_or(|old| old.state != job.state) {
        let ended = ended(job);
        events.extend(ended.map(|(at, change)| Event::new(about, &of, at, change)));
    }
    events
}

fn ended(job: &Job) -> Option<(Timestamp, Change)> {
    let lasted = |at: Timestamp| at.duration_since(job.created_at).as_millis() as i64;
    match &job.state {
        JobState::Running => None,
        JobState::Completed { at, manifest } => Some((
            *at,
            Change::JobCompleted {
                manifest: manifest.clone(),
                duration_ms: lasted(*at),
            },
        )),
        JobState::Failed { at, failure } => Some((
            *at,
            Change::JobFailed {
                failure: failure.clone(),
                duration_ms: lasted(*at),
            },
        )),
        JobState::Cancelled { at } => Some((
            *at,
            Change::JobCancelled {
                duration_ms: lasted(*at),
            },
        )),
    }
}

fn of_shard(about: &About, old: Option<&Shard>, new: &Versioned<Shard>, written_at: Timestamp) -> Vec<Event> {
    let shard = &new.value;
    let of = format!("{}@{}", shard.key, new.version);
    let mut events = Vec::new();
    let mut push = |at: Timestamp, change: Change| events.push(Event::new(about, &of, at, change));
    if let Some((at, change)) = given_back(old, shard, written_at) {
        push(at, change);
    }
    if let Some((at, change)) = entered(old, shard) {
        push(at, change);
    }
    events
}

/// Whether an attempt ended without a result.
fn given_back(old: Option<&Shard>, new: &Shard, written_at: Timestamp) -> Option<(Timestamp, Change)> {
    let ShardState::Running { lease: before, .. } = &old?.state else {
        return None;
    };
    let reason = match &new.state {
        ShardState::Queued => new.last_failure.as_ref().map(Reason::from),
        ShardState::Running { lease, .. } if lease.token != before.token => None,
        _ => return None,
    };
    let expired = || Reason {
        code: "LEASE_EXPIRED".to_owned(),
        message: "The attempt was not heard of any more.".to_owned(),
    };
    let change = Change::ShardGivenBack {
        stage: new.key.stage.clone(),
        shard: new.key.shard,
        attempt: old?.attempt,
        reason: reason.unwrap_or_else(expired),
    };
    Some((written_at, change))
}

/// Whether the shard entered a state.
fn entered(old: Option<&Shard>, new: &Shard) -> Option<(Timestamp, Change)> {
    let (stage, shard, attempt) = (new.key.stage.clone(), new.key.shard, new.attempt);
    match (&new.state, old.map(|old| &old.state)) {
        (ShardState::Queued, None) => Some((new.queued_at, Change::ShardQueued { stage, shard })),
        (ShardState::Running { lease: before, .. }, Some(ShardState::Running { lease, .. }))
            if before.token == lease.token =>
        {
            None
        }
        (ShardState::Running { since, .. }, _) => Some((
            *since,
            Change::ShardStarted {
                stage,
                shard,
                attempt,
                queue_ms: new.queue_ms,
            },
        )),
        (state, before) if before == Some(state) => None,
        (ShardState::Queued, Some(_)) => None,
        (ShardState::Completed { at, run_ms, artifacts }, _) => Some((
            *at,
            Change::ShardCompleted {
                stage,
                shard,
                attempt,
                run_ms: *run_ms,
                artifacts: artifacts.clone(),
            },
        )),
        (ShardState::Failed { at, failure }, _) => Some((
            *at,
            Change::ShardFailed {
                stage,
                shard,
                attempt,
                failure: failure.clone(),
            },
        )),
        (ShardState::Cancelled { at }, _) => Some((*at, Change::ShardCancelled { stage, shard, attempt })),
    }
}
