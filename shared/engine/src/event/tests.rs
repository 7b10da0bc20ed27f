use std::collections::BTreeMap;

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    Failure, FailureClass, JobEvent, LeaseToken, Shard, ShardCount, ShardEvent, ShardState, Snapshot, StageName,
    StageRow, Versioned, Workflow, plan::tests::job, repair::lease_expired,
};

mod document;
mod version;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn failure(code: &str) -> Failure {
    Failure {
        code: code.into(),
        message: "m".into(),
        hint: "h".into(),
        stage: Some("pose".parse().unwrap()),
        attempt: 1,
        class: FailureClass::Transient,
    }
}

fn shard(stage: &str, number: u32) -> Shard {
    let key = ShardKey {
        job: job().id,
        stage: stage.parse().unwrap(),
        shard: number,
    };
    Shard::queued(key, 0, at(0))
}

fn token(n: u128) -> LeaseToken {
    LeaseToken(Uuid::from_u128(n))
}

fn lease(n: u128, until: i64) -> ShardEvent {
    ShardEvent::Lease {
        token: token(n),
        until: at(until),
        max_attempts: 9,
    }
}

fn complete(n: u128) -> ShardEvent {
    ShardEvent::Complete {
        token: token(n),
        artifacts: vec![],
        facts: Value::Null,
        frames: 7,
        reused: false,
        cost_usd: 0.5,
    }
}

fn row_of(shard: &Shard, version: u64) -> Row {
    let value = shard.clone();
    Row::Shard(Box::new(Versioned { value, version }))
}

fn row_of_job(job: &Job, version: u64) -> Row {
    let value = job.clone();
    Row::Job(Box::new(Versioned { value, version }))
}

/// The types of the events of a shard that goes through these events at these seconds, one list per write.
fn told(events: Vec<(i64, ShardEvent)>) -> Vec<Vec<&'static str>> {
    let about = About::from(&job());
    let mut it = shard("pose", 0);
    let kinds = |events: Vec<Event>| events.iter().map(Event::kind).collect::<Vec<_>>();
    let mut told = vec![kinds(between(&about, None, &row_of(&it, 1), at(0)))];
    for (version, (now, event)) in (1..).zip(events) {
        let next = it.apply(event, at(now)).unwrap();
        let events = between(
            &about,
            Some(&row_of(&it, version)),
            &row_of(&next, version + 1),
            at(now),
        );
        told.push(kinds(events));
        it = next;
    }
    told
}

const QUEUED: &str = "marey.shard.queued";
const STARTED: &str = "marey.shard.started";
const GIVEN_BACK: &str = "marey.shard.given_back";
const REPAIRED: &str = "marey.shard.repaired";

#[test]
fn a_shard_tells_what_happens_to_it_and_no_heartbeats() {
    let heartbeat = ShardEvent::Heartbeat {
        token: token(1),
        until: at(99),
        progress: 0.5,
        frames: 3,
    };
    let told = told(vec![(5, lease(1, 60)), (7, heartbeat), (9, complete(1))]);
    assert_eq!(
        told,
        [vec![QUEUED], vec![STARTED], vec![], vec!["marey.shard.completed"]]
    );
}

#[test]
fn a_row_that_is_written_again_as_it_was_tells_nothing() {
    let expire = ShardEvent::Expire {
        failure: lease_expired(&shard("pose", 0)),
    };
    let leased = shard("pose", 0).apply(lease(1, 60), at(5)).unwrap();
    let repaired = leased.apply(expire, at(200)).unwrap();
    let about = About::from(&job());
    for it in [leased, repaired] {
        let told = between(&about, Some(&row_of(&it, 3)), &row_of(&it, 4), at(300));
        assert!(told.is_empty(), "{told:?}");
    }
}

#[test]
fn an_attempt_that_ends_without_a_result_is_told_however_it_ends() {
    let give_back = ShardEvent::GiveBack {
        token: token(1),
        failure: failure("STAGE_TIMEOUT"),
        cost_usd: 0.0,
    };
    let by_itself = told(vec![(5, lease(1, 60)), (6, give_back), (9, lease(2, 60))]);
    assert_eq!(by_itself[2..], [vec![GIVEN_BACK], vec![STARTED]]);
    let by_the_next = told(vec![(5, lease(1, 60)), (70, lease(2, 130))]);
    assert_eq!(by_the_next[2], [GIVEN_BACK, STARTED]);
    let expire = ShardEvent::Expire {
        failure: lease_expired(&shard("pose", 0)),
    };
    let by_the_sweeper = told(vec![(5, lease(1, 60)), (200, expire)]);
    assert_eq!(by_the_sweeper[2], [GIVEN_BACK, REPAIRED]);
    let by_a_pause = told(vec![(5, lease(1, 60)), (70, ShardEvent::Hold)]);
    assert_eq!(by_a_pause[2], [GIVEN_BACK, "marey.shard.held"]);
}

#[test]
fn a_lost_message_a_pause_and_a_retry_are_told_apart() {
    let again = |round| ShardEvent::Dispatch { round };
    assert_eq!(
        told(vec![(300, LOST), (600, LOST)])[1..],
        [vec![REPAIRED], vec![REPAIRED]]
    );
    let paused = told(vec![(1, ShardEvent::Hold), (2, again(0))]);
    assert_eq!(paused[1..], [vec!["marey.shard.held"], vec![QUEUED]]);
    let abandon = ShardEvent::Abandon { failure: failure("C") };
    let retried = told(vec![(1, abandon), (2, again(1)), (3, lease(1, 60))]);
    assert_eq!(
        retried[1..],
        [vec!["marey.shard.failed"], vec!["marey.shard.retried"], vec![STARTED]]
    );
    let interrupted = told(vec![(1, lease(1, 60)), (2, again(1)), (3, ShardEvent::Cancel)]);
    assert_eq!(
        interrupted[2..],
        [vec!["marey.shard.retried"], vec!["marey.shard.cancelled"]]
    );
}

#[test]
fn the_reason_is_the_one_in_the_row() {
    let about = About::from(&job());
    let running = shard("pose", 3).apply(lease(1, 60), at(1)).unwrap();
    let give_back = ShardEvent::GiveBack {
        token: token(1),
        failure: failure("STAGE_TIMEOUT"),
        cost_usd: 0.0,
    };
    let back = running.apply(give_back, at(2)).unwrap();
    let events = between(&about, Some(&row_of(&running, 2)), &row_of(&back, 3), at(9));
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(event.at, at(9), "the row does not say when; the stream does");
    let Change::ShardGivenBack {
        shard, attempt, reason, ..
    } = &event.change
    else {
        panic!("{event:?}")
    };
    assert_eq!((*shard, *attempt, reason.code.as_str()), (3, 1, "STAGE_TIMEOUT"));
}

#[test]
fn a_job_tells_its_beginning_its_ends_and_its_rounds() {
    let about = About::from(&job());
    let (mut it, mut kinds) = (job(), Vec::new());
    let tell = |old: Option<&Row>, new: &Row, now| between(&about, old, new, at(now));
    kinds.extend(tell(None, &row_of_job(&it, 1), 0));
    let steps = [
        (5, JobEvent::Fail { failure: failure("C") }),
        (6, JobEvent::Retry { deadline: at(99) }),
        (7, JobEvent::Cancel),
        (8, JobEvent::Retry { deadline: at(99) }),
        (
            9,
            JobEvent::Complete {
                manifest: "m".into(),
                degraded: vec![failure("D")],
            },
        ),
    ];
    for (version, (now, step)) in (1..).zip(steps) {
        let next = it.apply(step, at(now)).unwrap();
        kinds.extend(tell(
            Some(&row_of_job(&it, version)),
            &row_of_job(&next, version + 1),
            now,
        ));
        it = next;
    }
    let outcomes: Vec<_> = kinds
        .iter()
        .map(|event| (event.kind(), event.outcome(), event.at))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("marey.job.created", None, at(0)),
            ("marey.job.failed", Some("failed"), at(5)),
            ("marey.job.retried", None, at(6)),
            ("marey.job.cancelled", Some("cancelled"), at(7)),
            ("marey.job.retried", None, at(8)),
            ("marey.job.completed", Some("completed"), at(9)),
        ]
    );
    let same = row_of_job(&it, 7);
    assert_eq!(tell(Some(&same), &same, 10), []);
}

#[test]
fn a_row_never_turns_into_another() {
    let about = About::from(&job());
    let (job, shard) = (row_of_job(&job(), 1), row_of(&shard("pose", 0), 2));
    assert_eq!(between(&about, Some(&job), &shard, at(0)), []);
    assert_eq!(between(&about, Some(&shard), &job, at(0)), []);
}

#[test]
fn ids_differ_by_row_version_and_type_and_by_nothing_else() {
    let about = About::from(&job());
    let ids = |version, shard: &Shard, written| -> Vec<Uuid> {
        let running = shard.apply(lease(1, 60), at(1)).unwrap();
        let taken = running.apply(lease(2, 130), at(70)).unwrap();
        let events = between(
            &about,
            Some(&row_of(&running, version - 1)),
            &row_of(&taken, version),
            at(written),
        );
        events.iter().map(|event| event.id).collect()
    };
    let base = ids(3, &shard("pose", 0), 70);
    assert_eq!(base.len(), 2);
    assert_ne!(base[0], base[1], "two events of one write");
    assert_eq!(base, ids(3, &shard("pose", 0), 99));
    assert_ne!(base, ids(4, &shard("pose", 0), 70));
    assert_ne!(base, ids(3, &shard("pose", 1), 70));
    assert_ne!(base, ids(3, &shard("probe", 0), 70));
}

#[test]
fn the_namespaces_are_what_they_say() {
    assert_eq!(EVENT_NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"marey.event"));
    assert_eq!(
        delivery::DELIVERY_NAMESPACE,
        Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"marey.delivery")
    );
}

#[test]
fn only_repairs_that_no_row_tells_are_told_by_the_sweeper() {
    let (about, key) = (About::from(&job()), shard("pose", 4).key);
    assert_eq!(of_repair(&about, RepairReason::LeaseExpired, Some(&key), at(1)), None);
    assert_eq!(of_repair(&about, RepairReason::MessageLost, Some(&key), at(1)), None);
    assert_eq!(of_repair(&about, RepairReason::MessageOverdue, Some(&key), at(1)), None);
    let told = |reason, shard, now| of_repair(&about, reason, shard, at(now)).unwrap();
    let one = told(RepairReason::AttemptsUsedUp, Some(&key), 1);
    assert_eq!(
        serde_json::to_value(&one).unwrap()["detail"],
        json!({"reason": "attempts_used_up", "stage": "pose", "shard": 4})
    );
    assert_eq!(one, told(RepairReason::AttemptsUsedUp, Some(&key), 1));
    assert_ne!(
        one.id,
        told(RepairReason::AttemptsUsedUp, Some(&key), 61).id,
        "a repair that had to be made again"
    );
    assert_ne!(one.id, told(RepairReason::PlanNotCarriedOut, None, 1).id);
}

/// `first` (two shards), then `extra` (optional), then `last` (optional too), which reads what `extra` left.
fn branching() -> Workflow {
    let stage = |name: &str, more: &str| {
        format!(
            "[[stage]]\nname = \"{name}\"\ntitle = \"T\"\nweight = 1\ntimeout_s = 9\n\
             retry = {{ attempts = 2, first_delay_s = 1, longest_delay_s = 2 }}\nartifacts = [\"out\"]\n{more}\n"
        )
    };
    let text = [
        "schema_version = 1\nname = \"w\"\ntitle = \"W\"\ndescription = \"D\"\n".to_owned(),
        stage("first", "needs = []\ninputs = [\"upload\"]\nshards = 2"),
        stage(
            "extra",
            "needs = [\"first\"]\ninputs = [\"first/out\"]\noptional = true",
        ),
        stage("last", "needs = [\"extra\"]\ninputs = [\"extra/out\"]\noptional = true"),
        stage("other", "needs = [\"first\"]\ninputs = [\"first/out\"]"),
    ]
    .concat();
    Workflow::from_toml("w.toml", &text).unwrap()
}

fn snapshot(workflow: &Workflow, shards: &[Shard]) -> Snapshot {
    let stages = workflow
        .stages()
        .iter()
        .map(|spec| (spec.name.clone(), StageRow::of(spec)));
    let rows = shards.iter().map(|shard| {
        let key = (shard.key.stage.clone(), shard.key.shard);
        let value = shard.clone();
        (key, Versioned { value, version: 3 })
    });
    Snapshot {
        job: Versioned {
            value: job(),
            version: 1,
        },
        stages: stages.collect::<BTreeMap<_, _>>(),
        shards: rows.collect(),
    }
}

fn name(text: &str) -> StageName {
    text.parse().unwrap()
}

#[test]
fn a_stage_is_complete_with_its_last_shard_whoever_looks() {
    let workflow = branching();
    let done = |number, now| {
        let running = shard("first", number).apply(lease(1, 60), at(1)).unwrap();
        running.apply(complete(1), at(now)).unwrap()
    };
    let half = snapshot(&workflow, &[done(0, 5), shard("first", 1)]);
    assert_eq!(of_stages(&workflow, &half, &name("first")), []);
    let whole = snapshot(&workflow, &[done(0, 5), done(1, 9)]);
    let events = of_stages(&workflow, &whole, &name("first"));
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    let expected = Change::StageCompleted {
        stage: name("first"),
        shards: 2,
        run_ms: 12_000,
        cost_usd: 1.0,
    };
    assert_eq!((event.at, &event.change), (at(9), &expected));
    assert!(matches!(whole.stages[&name("first")].shards, ShardCount::Fixed(2)));

    let mut later = done(1, 9);
    later.round = 1;
    let again = of_stages(&workflow, &snapshot(&workflow, &[done(0, 5), later]), &name("first"));
    assert_ne!(again[0].id, event.id, "the stage ended again in the next round");
}

#[test]
fn a_job_that_goes_on_without_a_stage_says_so() {
    let workflow = branching();
    let failed = |stage: &str| {
        let abandon = ShardEvent::Abandon {
            failure: failure("STAGE_CRASHED"),
        };
        shard(stage, 0).apply(abandon, at(8)).unwrap()
    };
    let events = of_stages(&workflow, &snapshot(&workflow, &[failed("extra")]), &name("extra"));
    let changes: Vec<_> = events.iter().map(|event| (event.at, event.change.clone())).collect();
    let degraded = Change::StageDegraded {
        stage: name("extra"),
        failure: failure("STAGE_CRASHED"),
    };
    let skipped = Change::StageSkipped { stage: name("last") };
    assert_eq!(changes, [(at(8), degraded), (at(8), skipped)]);
    let vital = of_stages(&workflow, &snapshot(&workflow, &[failed("other")]), &name("other"));
    assert_eq!(vital, [], "the job's own end tells that");
}

#[test]
fn an_address_for_notices_is_checked_when_it_is_given() {
    for good in [
        "https://example.com",
        "https://example.com:8443/a?b=c#d",
        "http://127.0.0.1:8099/",
        "http://localhost/x",
        "http://[::1]:1/",
    ] {
        assert_eq!(check_notify(good), Ok(()), "{good}");
    }
    let start = "https://example.com/";
    let longest = format!("{start}{}", "a".repeat(2000 - start.len()));
    assert_eq!(check_notify(&longest), Ok(()));
    let long = format!("{longest}a");
    for bad in [
        "",
        "example.com",
        "http://example.com/",
        "http://localhost.example.com/",
        "ftp://a/",
        "https://",
        "https:///a",
        "https://:1/",
        "https://a:b@example.com/",
        "https://a b/",
        "https://exämple.com/",
        "https://a\n",
        "https://a\\b",
        &long,
    ] {
        assert!(check_notify(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_delivery_is_named_by_event_and_address() {
    let event = of_repair(&About::from(&job()), RepairReason::PastDeadline, None, at(1)).unwrap();
    let delivery = Delivery::new(&event, "https://example.com/").unwrap();
    assert_eq!(delivery, Delivery::new(&event, "https://example.com/").unwrap());
    assert_ne!(delivery.id, Delivery::new(&event, "https://example.org/").unwrap().id);
    assert_eq!(serde_json::from_value::<Event>(delivery.event).unwrap(), event);
}

const LOST: ShardEvent = ShardEvent::Resend {
    reason: RepairReason::MessageLost,
};

fn any_event() -> impl Strategy<Value = ShardEvent> {
    prop_oneof![
        (1_u128..4, 1_i64..200).prop_map(|(n, until)| lease(n, until)),
        (1_u128..4).prop_map(complete),
        (1_u128..4).prop_map(|n| ShardEvent::GiveBack {
            token: token(n),
            failure: failure("A"),
            cost_usd: 0.0
        }),
        (1_u128..4).prop_map(|n| ShardEvent::Interrupt {
            token: token(n),
            failure: failure("I"),
            cost_usd: 0.0
        }),
        (1_u128..4).prop_map(|n| ShardEvent::Fail {
            token: token(n),
            failure: failure("B"),
            cost_usd: 0.0
        }),
        (0_u32..3).prop_map(|round| ShardEvent::Dispatch { round }),
        Just(ShardEvent::Resend {
            reason: RepairReason::MessageLost
        }),
        Just(ShardEvent::Hold),
        Just(ShardEvent::Expire {
            failure: lease_expired(&shard("pose", 0))
        }),
        Just(ShardEvent::Abandon { failure: failure("C") }),
        Just(ShardEvent::Cancel),
    ]
}

proptest! {
    #[test]
    fn every_change_of_state_is_told_once_and_nothing_is_told_without_one(
        events in prop::collection::vec((any_event(), 1_i64..40), 0..40),
    ) {
        let about = About::from(&job());
        let (mut it, mut now, mut version) = (shard("pose", 0), 0, 1);
        let mut ids = std::collections::BTreeSet::new();
        let mut attempts = 0_i64;
        for (event, wait) in events {
            now += wait;
            let Ok(next) = it.apply(event, at(now)) else { continue };
            let told = between(&about, Some(&row_of(&it, version)), &row_of(&next, version + 1), at(now));
            let as_before = std::mem::discriminant(&it.state) == std::mem::discriminant(&next.state)
                && it.attempt == next.attempt && it.round == next.round && (it.waiting_since == next.waiting_since || it.state == ShardState::Held || next.repaired.is_none());
            prop_assert_eq!(told.is_empty(), as_before, "{:?} to {:?}: {:?}", it, next, told);
            for event in &told {
                prop_assert!(ids.insert(event.id), "{:?} was told before", event);
                match event.change {
                    Change::ShardStarted { .. } => attempts += 1,
                    Change::ShardGivenBack { .. } | Change::ShardCompleted { .. } | Change::ShardFailed { .. }
                    | Change::ShardCancelled { .. } | Change::ShardRetried { .. } => attempts = (attempts - 1).max(0),
                    _ => {}
                }
            }
            prop_assert!(attempts <= 1, "an attempt began and the one before it was not said to have ended");
            (it, version) = (next, version + 1);
        }
    }
}

#[test]
fn only_what_is_too_heavy_loses_the_ends_of_its_sentences() {
    let event = |letters: usize| {
        let failure = Failure {
            message: "m".repeat(letters),
            ..failure("BUSY")
        };
        let change = Change::JobFailed {
            failure,
            duration_ms: 1,
            round: 0,
        };
        Event::new(&About::from(&job()), "job", at(1), change)
    };
    let weight = |event: &Event| serde_json::to_string(event).unwrap().len();
    let room = MOST_BYTES - weight(&event(0));
    // A bus takes 256 KiB, and JSON within JSON at most twice its weight.
    const { assert!(MOST_BYTES > 64 << 10 && 2 * MOST_BYTES < 256 << 10) };
    let full = event(room);
    assert_eq!(full.clone().bounded(), full, "as heavy as it may be");
    let over = event(room + 1).bounded();
    // A kibibyte of the sentence stays.
    assert!(
        (1024..4096).contains(&weight(&over)),
        "one byte more: {} bytes are left",
        weight(&over)
    );
    assert_eq!((over.id, over.kind()), (full.id, full.kind()));
}
