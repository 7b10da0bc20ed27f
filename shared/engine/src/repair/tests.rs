use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{Control, JobEvent, LeaseToken, Scope, ShardEvent, StageRow, Versioned, plan::tests::job};

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn workflow() -> Workflow {
    Workflow::shipped("pose").unwrap()
}

/// A job whose first stage is in a state.
fn with(shard: Shard) -> Snapshot {
    let stages = workflow()
        .stages()
        .iter()
        .map(|s| (s.name.clone(), StageRow::of(s)))
        .collect();
    let job = Versioned {
        value: job(),
        version: 1,
    };
    let place = (shard.key.stage.clone(), 0);
    Snapshot {
        job,
        stages,
        shards: BTreeMap::from([(
            place,
            Versioned {
                value: shard,
                version: 1,
            },
        )]),
    }
}

fn queued() -> Shard {
    let stage = "probe".parse().unwrap();
    Shard::queued(
        ShardKey {
            job: job().id,
            stage,
            shard: 0,
        },
        0,
        at(0),
    )
}

fn leased(until: i64) -> ShardEvent {
    ShardEvent::Lease {
        token: LeaseToken(Uuid::nil()),
        until: at(until),
        max_attempts: 3,
    }
}

fn found(snapshot: &Snapshot, backlog: Option<u64>, now: i64) -> Vec<(RepairReason, &'static str)> {
    found_under(&Controls::default(), snapshot, backlog, now)
}

fn found_under(
    controls: &Controls,
    snapshot: &Snapshot,
    backlog: Option<u64>,
    now: i64,
) -> Vec<(RepairReason, &'static str)> {
    let backlog = backlog.map(|n| ("probe".parse().unwrap(), n)).into_iter().collect();
    let repairs = repairs(&workflow(), snapshot, controls, &backlog, false, at(now));
    let name = |action: &Action| match action {
        Action::Expire(_) => "expire",
        Action::Resend(_) => "resend",
        Action::Abandon(_) => "abandon",
        Action::Advance => "advance",
        Action::Fail(_) => "fail",
        Action::Postpone(_) => "postpone",
    };
    repairs
        .iter()
        .map(|repair| (repair.reason, name(&repair.action)))
        .collect()
}

#[test]
fn a_living_job_needs_no_repair() {
    assert_eq!(found(&with(queued()), Some(3), 600), []);
    assert_eq!(
        found(&with(queued()), None, 600),
        [],
        "who cannot see the queue does not guess"
    );
    let running = queued().apply(leased(60), at(1)).unwrap();
    assert_eq!(found(&with(running), Some(0), 149), []);
}

#[test]
fn a_lease_that_nobody_extends_is_taken_away() {
    let running = queued().apply(leased(60), at(1)).unwrap();
    assert_eq!(
        found(&with(running), Some(0), 150),
        [(RepairReason::LeaseExpired, "expire")]
    );
}

#[test]
fn a_shard_without_a_message_is_sent_again() {
    assert_eq!(found(&with(queued()), Some(0), 179), []);
    assert_eq!(
        found(&with(queued()), Some(0), 180),
        [(RepairReason::MessageLost, "resend")]
    );
    assert_eq!(
        found(&with(queued()), Some(9), 7200),
        [(RepairReason::MessageOverdue, "resend")],
        "it may be among the nine"
    );
    let sent = queued().apply(ShardEvent::Dispatch { round: 0 }, at(180)).unwrap();
    assert_eq!(found(&with(sent), Some(0), 200), [], "not every minute");
}

#[test]
fn a_shard_in_a_long_backlog_gets_a_second_message_and_no_third_for_half_a_day() {
    let sent = queued()
        .apply(
            ShardEvent::Resend {
                reason: RepairReason::MessageLost,
            },
            at(7200),
        )
        .unwrap();
    assert_eq!(found(&with(sent.clone()), Some(9), 7200 + 43_199), []);
    assert_eq!(
        found(&with(sent), Some(9), 7200 + 43_200),
        [(RepairReason::MessageOverdue, "resend")]
    );
}

#[test]
fn a_shard_whose_attempts_are_used_up_is_ended() {
    let mut shard = queued();
    for n in 0..3 {
        shard = shard.apply(leased(n), at(n)).unwrap();
    }
    assert_eq!(
        found(&with(shard), Some(0), 500),
        [(RepairReason::AttemptsUsedUp, "abandon")]
    );
}

#[test]
fn a_plan_that_nobody_carried_out_is_carried_out() {
    let mut it = with(queued());
    it.shards.clear();
    assert_eq!(found(&it, Some(0), 1), [(RepairReason::PlanNotCarriedOut, "advance")]);
    let token = LeaseToken(Uuid::nil());
    let done = ShardEvent::Complete {
        token,
        artifacts: vec![],
        facts: json!({}),
        frames: 0,
        reused: false,
        cost_usd: 0.0,
    };
    let done = queued().apply(leased(60), at(1)).unwrap().apply(done, at(2)).unwrap();
    assert_eq!(
        found(&with(done), Some(0), 3),
        [(RepairReason::PlanNotCarriedOut, "advance")]
    );
}

#[test]
fn a_job_past_its_deadline_fails_and_an_ended_one_is_left_alone() {
    let mut it = with(queued());
    it.job.value.deadline = Some(at(100));
    assert_eq!(found(&it, Some(0), 99), []);
    assert_eq!(found(&it, Some(0), 100), [(RepairReason::PastDeadline, "fail")]);
    it.job.value = it.job.value.apply(JobEvent::Cancel, at(5)).unwrap();
    assert_eq!(found(&it, Some(0), 9999), []);
}

fn paused(scope: Scope, by: &str) -> Controls {
    let mut control = Control::new(scope);
    control.pause = Some(Pause {
        since: at(0),
        by: by.to_owned(),
        reason: "maintenance".to_owned(),
    });
    [control].into_iter().collect()
}

#[test]
fn a_wait_for_a_persons_pause_does_not_count_against_the_deadline() {
    let stage = || Scope::Stage("probe".parse().unwrap());
    let whole = i64::from(workflow().deadline_s());
    let mut waiting = with(queued());
    waiting.job.value.deadline = Some(at(whole));
    let by_ann = paused(stage(), "ann");
    let half = whole / 2;
    assert_eq!(
        found_under(&by_ann, &waiting, Some(1), half - 1),
        [],
        "not every minute"
    );
    assert_eq!(
        found_under(&by_ann, &waiting, Some(1), half),
        [(RepairReason::OnHold, "postpone")]
    );
    assert_eq!(
        found_under(&by_ann, &waiting, Some(1), whole + 9),
        [(RepairReason::OnHold, "postpone")],
        "also if no sweep came in time"
    );
    let by_breaker = paused(stage(), BREAKER);
    assert_eq!(
        found_under(&by_breaker, &waiting, Some(1), whole),
        [(RepairReason::PastDeadline, "fail")],
        "a stage that never works again must not hold its jobs for ever"
    );
    let elsewhere = paused(Scope::Stage("pose".parse().unwrap()), "ann");
    assert_eq!(
        found_under(&elsewhere, &waiting, Some(1), whole),
        [(RepairReason::PastDeadline, "fail")],
        "it does not wait for that pause"
    );
    let drained = paused(Scope::System, "ann");
    assert_eq!(
        found_under(&drained, &waiting, Some(1), whole),
        [(RepairReason::PastDeadline, "fail")],
        "a drain lets run what was sent"
    );
    waiting.shards.clear();
    assert_eq!(
        found_under(&drained, &waiting, Some(0), whole),
        [(RepairReason::OnHold, "postpone")],
        "and holds back what was not"
    );
}

#[test]
fn a_postponed_deadline_never_moves_back_and_what_has_ended_has_none() {
    let mut job = job();
    job.deadline = Some(at(500));
    let postpone = |seconds| JobEvent::Postpone { deadline: at(seconds) };
    assert_eq!(job.apply(postpone(400), at(1)).unwrap().deadline, Some(at(500)));
    assert_eq!(job.apply(postpone(900), at(1)).unwrap().deadline, Some(at(900)));
    let cancelled = job.apply(JobEvent::Cancel, at(2)).unwrap();
    assert_eq!(cancelled.apply(postpone(900), at(3)), Err(crate::JobRefusal::Ended));
}
