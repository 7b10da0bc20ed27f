//! What the sweeper repairs: what must be done for a running job because something that should have happened did not.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Controls, Failure, FailureClass, Pause, Shard, ShardKey, ShardState, Snapshot, StageName, StageSpec, Workflow,
    control::BREAKER,
    plan::{self, Command, Route, plan},
};

/// So long after its end a lease is taken for abandoned. The message of a killed attempt comes back when the lease ends,
/// and is the better repair.
pub const LEASE_GRACE: SignedDuration = SignedDuration::from_secs(90);

/// A shard that waits for longer than this, while its stage's queues are empty, has lost its message. It covers what the
/// queues' approximate numbers lag behind, and the longest delay of a retry.
pub const LOST_AFTER: SignedDuration = SignedDuration::from_mins(3);

/// A shard that waits for longer than this is sent again, even if the queues are not empty: its message may be among what
/// waits there, and a second one does no harm.
pub const STALE_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// The same for a shard that was sent again before: in a long backlog its copies would only lengthen what they wait in.
pub const STALE_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(12);

/// A repair that a job needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    /// What to do.
    pub action: Action,
    /// Why.
    pub reason: RepairReason,
}

/// What to do for a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Take the lease away, and send the task again.
    Expire(ShardKey),
    /// Send the task again.
    Resend(ShardKey),
    /// Mark the shard failed: its attempts are used up and nobody said so.
    Abandon(ShardKey),
    /// Do what the planner says.
    Advance,
    /// Mark the job failed.
    Fail(Failure),
    /// Give the job more time, until then.
    Postpone(Timestamp),
}

/// Why a repair is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairReason {
    /// Nobody heard of the attempt since its lease ended.
    LeaseExpired,
    /// The shard waits and no message asks for it.
    MessageLost,
    /// The shard has waited for so long in a backlog that its message may be lost in it.
    MessageOverdue,
    /// The attempts are used up and no dead letter came.
    AttemptsUsedUp,
    /// What follows from the rows has not been done.
    PlanNotCarriedOut,
    /// The job's time is over.
    PastDeadline,
    /// The job waits for somebody to lift a pause, and that is not its fault.
    OnHold,
    /// An object lies in the bucket and no event announced it.
    UploadUnannounced,
    /// Artifacts of a job that is no longer known are past their time.
    ArtifactsOrphaned,
}

impl std::fmt::Display for RepairReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::LeaseExpired => "lease_expired",
            Self::MessageLost => "message_lost",
            Self::MessageOverdue => "message_overdue",
            Self::AttemptsUsedUp => "attempts_used_up",
            Self::PlanNotCarriedOut => "plan_not_carried_out",
            Self::PastDeadline => "past_deadline",
            Self::OnHold => "on_hold",
            Self::UploadUnannounced => "upload_unannounced",
            Self::ArtifactsOrphaned => "artifacts_orphaned",
        })
    }
}

/// How many messages each stage's queues hold, whether they wait, are hidden, or are being worked on. A stage that is not
/// there has an unknown number.
pub type Backlog = BTreeMap<StageName, u64>;

/// What a running job needs that has not happened by itself. `has_batch` says whether AWS Batch runs what goes there; then the
/// queues say nothing of it.
pub fn repairs(
    workflow: &Workflow,
    snapshot: &Snapshot,
    controls: &Controls,
    backlog: &Backlog,
    has_batch: bool,
    now: Timestamp,
) -> Vec<Repair> {
    let job = &snapshot.job.value;
    if job.has_ended() {
        return Vec::new();
    }
    let mut repairs = Vec::new();
    match job.deadline {
        Some(deadline) if is_on_hold(workflow, snapshot, controls) => {
            let whole = SignedDuration::from_secs(workflow.deadline_s().into());
            // Seldom enough that a long pause costs a write a job now and then.
            if deadline.duration_since(now) <= whole / 2 {
                let (action, reason) = (Action::Postpone(now + whole), RepairReason::OnHold);
                repairs.push(Repair { action, reason });
            }
        }
        Some(deadline) if deadline <= now => {
            let (action, reason) = (Action::Fail(past_deadline()), RepairReason::PastDeadline);
            return vec![Repair { action, reason }];
        }
        _ => {}
    }
    if !plan(workflow, snapshot, controls).is_empty() {
        // Whoever should have done it may be about to; doing it twice is the same.
        let (action, reason) = (Action::Advance, RepairReason::PlanNotCarriedOut);
        repairs.push(Repair { action, reason });
    }
    for row in snapshot.shards.values() {
        let shard = &row.value;
        let Some(stage) = workflow.stage(&shard.key.stage) else {
            continue;
        };
        if shard.is_left_over(job.round) || controls.hold_attempt(&job.workflow, &stage.name).is_some() {
            continue;
        }
        let is_on_batch = has_batch && plan::route(stage, snapshot, &shard.key) == Route::Batch;
        let backlog = if is_on_batch {
            // Whoever makes the repair asks AWS Batch, which knows exactly.
            Some(0)
        } else {
            backlog.get(&stage.name).copied()
        };
        repairs.extend(repair_of(shard, stage, backlog, now));
    }
    repairs
}

/// Whether something of the job waits for a pause that a person made: such a wait does not count against its deadline. A circuit
/// breaker's pause does, or a stage that never works again would hold its jobs for ever.
fn is_on_hold(workflow: &Workflow, snapshot: &Snapshot, controls: &Controls) -> bool {
    let job = &snapshot.job.value;
    let by_person = |pause: Option<&Pause>| pause.is_some_and(|pause| pause.by != BREAKER);
    let is_unsent = |stage: &StageName| {
        let sent = |command: &Command| matches!(command, Command::Dispatch { shards, .. } if shards.iter().any(|shard| shard.stage == *stage));
        plan(workflow, snapshot, &Controls::default()).iter().any(sent)
    };
    workflow.stages().iter().any(|stage| {
        let waits_for_attempt = snapshot
            .shards_of(&stage.name)
            .any(|shard| shard.state == ShardState::Queued && !shard.is_left_over(job.round));
        (waits_for_attempt && by_person(controls.hold_attempt(&job.workflow, &stage.name)))
            || (by_person(controls.hold(&job.workflow, stage)) && is_unsent(&stage.name))
    })
}

fn repair_of(shard: &Shard, stage: &StageSpec, backlog: Option<u64>, now: Timestamp) -> Option<Repair> {
    let key = shard.key.clone();
    let used_up = shard.attempts_this_round() >= stage.retry.attempts;
    let (action, reason) = match &shard.state {
        ShardState::Running { lease, .. } if lease.until + LEASE_GRACE <= now => {
            if used_up {
                (Action::Abandon(key), RepairReason::AttemptsUsedUp)
            } else {
                (Action::Expire(key), RepairReason::LeaseExpired)
            }
        }
        ShardState::Queued => {
            let waited = now.duration_since(shard.waiting_since);
            let longest_delay = SignedDuration::try_from_secs_f64(stage.retry.longest_delay_s).unwrap_or_default();
            let is_lost = backlog == Some(0) && waited >= LOST_AFTER.max(longest_delay);
            let stale_after = match shard.repaired {
                Some(_) => STALE_AGAIN_AFTER,
                None => STALE_AFTER,
            };
            if !is_lost && waited < stale_after {
                return None;
            }
            if used_up {
                (Action::Abandon(key), RepairReason::AttemptsUsedUp)
            } else {
                let reason = if is_lost {
                    RepairReason::MessageLost
                } else {
                    RepairReason::MessageOverdue
                };
                (Action::Resend(key), reason)
            }
        }
        _ => return None,
    };
    Some(Repair { action, reason })
}

/// What people are told of an attempt that went silent.
pub fn lease_expired(shard: &Shard) -> Failure {
    Failure {
        code: "LEASE_EXPIRED".to_owned(),
        message: format!("Attempt {} at {} went silent.", shard.attempt, shard.key.stage),
        hint: "Marey tries again by itself. The usual reasons are too little memory and a machine that was taken away."
            .to_owned(),
        stage: Some(shard.key.stage.clone()),
        attempt: shard.attempt,
        class: FailureClass::Transient,
    }
}

/// What people are told of a job whose time is over.
pub fn past_deadline() -> Failure {
    Failure {
        code: "JOB_DEADLINE".to_owned(),
        message: "The job was not done in its time.".to_owned(),
        hint:
            "Look at `marey system` for a stage that is broken or behind, then retry the job: what is complete is kept."
                .to_owned(),
        stage: None,
        attempt: 0,
        class: FailureClass::Transient,
    }
}

#[cfg(test)]
mod tests;
