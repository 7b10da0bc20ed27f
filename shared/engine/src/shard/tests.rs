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
        0,
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
fn a_heartbeat_extends_the_lease_and_says_how_far_the_work_is() {
    let held = shard().apply(lease(1, 60), at(5)).unwrap();
    let heartbeat = ShardEvent::Heartbeat {
        token: token(1),
        until: at(90),
        progress: 0.25,
        frames: 30,
    };
    let beaten = held.apply(heartbeat, at(30)).unwrap();
    let ShardState::Running { lease: held_now, since } = &beaten.state else {
        panic!("it runs: {beaten:?}");
    };
    assert_eq!(
        (held_now.until, held_now.token, *since),
        (at(90), token(1), at(5)),
        "the same attempt, for longer"
    );
    assert!((beaten.progress - 0.25).abs() < 1e-12);
    assert_eq!((beaten.frames, beaten.beats), (30, held.beats + 1));
    assert_eq!(
        beaten.apply(lease(2, 150), at(89)),
        Err(Refusal::Leased { until: at(90) })
    );
}

#[test]
fn a_failure_costs_money_and_tells_what_was_too_large() {
    let held = shard().apply(lease(1, 60), at(5)).unwrap();
    let fail = |code: &str| {
        let fail = ShardEvent::Fail {
            token: token(1),
            failure: failure(code),
            cost_usd: 0.25,
        };
        held.apply(fail, at(9)).unwrap()
    };
    let (broken, large) = (fail("MEDIA_BROKEN"), fail("MEDIA_NO_SPACE"));
    assert_eq!((broken.outgrew, large.outgrew), (false, true));
    assert!((broken.cost_usd - 0.25).abs() < 1e-12 && matches!(broken.state, ShardState::Failed { .. }));
}

#[test]
fn a_revived_shard_counts_its_dead_letters() {
    let once = shard().apply(ShardEvent::Revive, at(9)).unwrap();
    let twice = once.apply(ShardEvent::Revive, at(19)).unwrap();
    assert_eq!((once.dead_letters, twice.dead_letters), (1, 2));
    assert_eq!((twice.state, twice.waiting_since), (ShardState::Queued, at(19)));
}

/// A shard whose first attempt had come half of the way before it was given back as too large.
fn given_back() -> Shard {
    let held = shard().apply(lease(1, 60), at(5)).unwrap();
    let heartbeat = ShardEvent::Heartbeat {
        token: token(1),
        until: at(60),
        progress: 0.5,
        frames: 30,
    };
    let give_back = ShardEvent::GiveBack {
        token: token(1),
        failure: failure("STAGE_TIMEOUT"),
        cost_usd: 0.5,
    };
    held.apply(heartbeat, at(7)).unwrap().apply(give_back, at(9)).unwrap()
}

#[test]
fn what_is_given_back_waits_from_the_beginning_and_remembers_why() {
    let back = given_back();
    assert_eq!((back.state.clone(), back.waiting_since), (ShardState::Queued, at(9)));
    assert_eq!((back.frames, back.outgrew), (0, true));
    assert!(back.progress.abs() < 1e-12 && (back.cost_usd - 0.5).abs() < 1e-12);
    assert_eq!(
        back.last_failure.map(|failure| failure.code).as_deref(),
        Some("STAGE_TIMEOUT")
    );
}

#[test]
fn a_new_attempt_begins_with_nothing_of_the_one_before() {
    let before = Shard {
        progress: 0.5,
        frames: 30,
        dead_letters: 2,
        repaired: Some(RepairReason::MessageLost),
        ..given_back()
    };
    assert_eq!(before.beats, 1);
    let again = before.apply(lease(2, 99), at(20)).unwrap();
    assert_eq!(
        (again.attempt, again.frames, again.beats, again.dead_letters),
        (2, 0, 0, 0)
    );
    assert_eq!(again.repaired, None);
    assert!(again.progress.abs() < 1e-12);
}

#[test]
fn what_is_complete_says_how_long_it_took_and_what_it_cost() {
    let held = given_back().apply(lease(2, 99), at(20)).unwrap();
    let complete = ShardEvent::Complete {
        token: token(2),
        artifacts: vec![],
        facts: json!({"shards": 3}),
        frames: 120,
        reused: false,
        cost_usd: 0.25,
    };
    let done = held.apply(complete, at(50)).unwrap();
    assert!(matches!(done.state, ShardState::Completed { run_ms: 30_000, at: end, .. } if end == at(50)));
    assert_eq!((done.frames, &done.facts), (120, &json!({"shards": 3})));
    assert!((done.progress - 1.0).abs() < 1e-12 && (done.cost_usd - 0.75).abs() < 1e-12);
}

#[test]
fn a_new_round_counts_attempts_anew_and_a_repair_says_its_reason() {
    let anew = given_back().apply(ShardEvent::Dispatch { round: 1 }, at(70)).unwrap();
    assert_eq!((anew.round, anew.attempt, anew.attempts_this_round()), (1, 1, 0));
    let reason = RepairReason::MessageLost;
    let sent = anew.apply(ShardEvent::Resend { reason }, at(80)).unwrap();
    assert_eq!((sent.repaired, sent.waiting_since), (Some(reason), at(80)));
    let held = sent.apply(lease(3, 99), at(90)).unwrap();
    let expire = ShardEvent::Expire {
        failure: failure("LEASE_EXPIRED"),
    };
    let silent = held.apply(expire, at(100)).unwrap();
    assert_eq!(silent.repaired, Some(RepairReason::LeaseExpired));
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
        frames: 0,
        reused: false,
        cost_usd: 0.0,
    };
    assert_eq!(taken.apply(complete(1), at(21)), Err(Refusal::LeaseLost));
    let beat = ShardEvent::Heartbeat {
        token: token(1),
        until: at(500),
        progress: 0.9,
        frames: 0,
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
            frames: 0,
            reused: false,
            cost_usd: 0.0,
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
                    cost_usd: 0.5,
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

#[test]
fn an_interruption_costs_money_but_no_attempt() {
    let mut it = shard();
    for n in 1..=5 {
        it = it.apply(lease(n, 60), at(n as i64)).unwrap();
        assert_eq!(it.attempts_this_round(), 1);
        let interrupt = ShardEvent::Interrupt {
            token: token(n),
            failure: failure("INTERRUPTED"),
            cost_usd: 0.25,
        };
        it = it.apply(interrupt, at(n as i64)).unwrap();
    }
    assert_eq!(
        (it.attempt, it.attempts_this_round()),
        (5, 0),
        "each attempt has a number of its own"
    );
    assert_eq!(it.state, ShardState::Queued);
    assert!((it.cost_usd - 1.25).abs() < 1e-12);
    assert_eq!(
        it.last_failure.as_ref().map(|failure| failure.code.as_str()),
        Some("INTERRUPTED")
    );
    let late = ShardEvent::Interrupt {
        token: token(5),
        failure: failure("INTERRUPTED"),
        cost_usd: 0.25,
    };
    assert_eq!(it.apply(late, at(9)), Err(Refusal::LeaseLost));
}

fn any_event() -> impl Strategy<Value = ShardEvent> {
    let who = 1_u128..4;
    prop_oneof![
        (who.clone(), 0_i64..200).prop_map(|(n, u)| lease(n, u)),
        (who.clone(), 0_i64..200, any::<f64>()).prop_map(|(n, u, progress)| ShardEvent::Heartbeat {
            token: token(n),
            until: at(u),
            progress,
            frames: 1,
        }),
        who.clone().prop_map(|n| ShardEvent::Complete {
            token: token(n),
            artifacts: vec![],
            facts: json!(null),
            frames: 0,
            reused: false,
            cost_usd: 1.0,
        }),
        who.clone().prop_map(|n| ShardEvent::GiveBack {
            token: token(n),
            failure: failure("T"),
            cost_usd: 1.0,
        }),
        who.clone().prop_map(|n| ShardEvent::Interrupt {
            token: token(n),
            failure: failure("I"),
            cost_usd: 1.0,
        }),
        who.prop_map(|n| ShardEvent::Fail {
            token: token(n),
            failure: failure("P"),
            cost_usd: 1.0,
        }),
        Just(ShardEvent::Abandon { failure: failure("D") }),
        Just(ShardEvent::Cancel),
        Just(ShardEvent::Hold),
        Just(ShardEvent::Resend {
            reason: RepairReason::MessageLost
        }),
        Just(ShardEvent::Revive),
        Just(ShardEvent::Expire { failure: failure("E") }),
        (0_u32..3).prop_map(|round| ShardEvent::Dispatch { round }),
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
                    let next_round = matches!(event, ShardEvent::Dispatch { round } if round > it.round);
                    prop_assert!(!ended || (next_round && !it.is_complete()), "only another round wakes an ended shard");
                    prop_assert!(next.attempts_this_round() <= 3);
                    prop_assert!((0.0..=1.0).contains(&next.progress));
                    if let ShardEvent::Complete { token, .. } | ShardEvent::Interrupt { token, .. } = event {
                        prop_assert_eq!(holder.map(|l| l.token), Some(token));
                    }
                    // Nothing but a new round and an interruption gives an attempt back, and that gives back the one that ran.
                    let given_back = u32::from(matches!(event, ShardEvent::Interrupt { .. }));
                    if next.round == it.round && !matches!(event, ShardEvent::Lease { .. }) {
                        prop_assert_eq!(next.attempts_this_round() + given_back, it.attempts_this_round());
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
