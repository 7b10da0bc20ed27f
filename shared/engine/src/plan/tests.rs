use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    Job, JobEvent, JobId, JobState, LeaseToken, Shard, ShardCount, ShardEvent, StageRow, StageStatus, Upload,
    Versioned, Wishes, progress,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// A job that has just begun.
pub(crate) fn job() -> Job {
    let input = Upload {
        bucket: "uploads".into(),
        key: "uploads/clip.mp4".into(),
        version: None,
        etag: "e".into(),
        bytes: 1,
        name: "clip.mp4".into(),
        member: None,
    };
    Job {
        id: input.job_id(),
        owner: "default".into(),
        workflow: "motion".into(),
        input,
        priority: 5,
        created_at: at(0),
        deadline: None,
        round: 0,
        forgotten: false,
        wishes: Wishes::default(),
        trace: "trace".into(),
        state: JobState::Running,
    }
}

fn begun(workflow: &Workflow) -> Snapshot {
    let stages = workflow.stages().iter().map(|s| (s.name.clone(), StageRow::of(s)));
    Snapshot {
        job: Versioned {
            value: job(),
            version: 1,
        },
        stages: stages.collect(),
        shards: BTreeMap::new(),
    }
}

/// A graph in the form of the avatar workflows to come: one root, three branches, a join.
fn diamond() -> Workflow {
    let stage = |name: &str, needs: &str| {
        format!(
            "[[stage]]\nname = \"{name}\"\ntitle = \"T\"\nneeds = [{needs}]\nweight = 1\ntimeout_s = 9\n\
             retry = {{ attempts = 2, first_delay_s = 1, longest_delay_s = 2 }}\nartifacts = [\"out\"]\n"
        )
    };
    let text = "schema_version = 1\nname = \"diamond\"\ntitle = \"D\"\ndescription = \"\"\n".to_owned()
        + &stage("script", "")
        + &stage("voices", "\"script\"")
        + &stage("scenes", "\"script\"")
        + &stage("card", "\"script\"")
        + &stage("composition", "\"voices\", \"scenes\", \"card\"");
    Workflow::from_toml("diamond.toml", &text).unwrap()
}

fn dispatched(commands: &[Command]) -> Vec<String> {
    let names = commands.iter().flat_map(|command| match command {
        Command::Dispatch { shards, .. } => shards
            .iter()
            .map(|key| format!("{}/{}", key.stage, key.shard))
            .collect(),
        other => vec![format!("{other:?}")],
    });
    names.collect()
}

fn finish(snapshot: &mut Snapshot, key: &ShardKey) {
    let token = LeaseToken(Uuid::nil());
    let shard = Shard::queued(key.clone(), 0, at(0));
    let shard = shard
        .apply(
            ShardEvent::Lease {
                token,
                until: at(9),
                max_attempts: 1,
            },
            at(1),
        )
        .unwrap();
    let done = ShardEvent::Complete {
        token,
        artifacts: vec![],
        facts: json!({}),
        frames: 0,
        reused: false,
        cost_usd: 0.0,
    };
    let value = shard.apply(done, at(2)).unwrap();
    snapshot
        .shards
        .insert((key.stage.clone(), key.shard), Versioned { value, version: 3 });
}

#[test]
fn a_new_job_dispatches_what_needs_nothing() {
    let workflow = Workflow::shipped("motion").unwrap();
    assert_eq!(
        dispatched(&plan(&workflow, &begun(&workflow), &Controls::default())),
        ["probe/0"]
    );
}

#[test]
fn branches_run_side_by_side_and_the_join_waits_for_all() {
    let workflow = diamond();
    let mut it = begun(&workflow);
    let key = |stage: &str| ShardKey {
        job: job().id,
        stage: stage.parse().unwrap(),
        shard: 0,
    };
    finish(&mut it, &key("script"));
    assert_eq!(
        dispatched(&plan(&workflow, &it, &Controls::default())),
        ["voices/0", "scenes/0", "card/0"]
    );
    finish(&mut it, &key("voices"));
    finish(&mut it, &key("card"));
    assert_eq!(dispatched(&plan(&workflow, &it, &Controls::default())), ["scenes/0"]);
    finish(&mut it, &key("scenes"));
    assert_eq!(
        dispatched(&plan(&workflow, &it, &Controls::default())),
        ["composition/0"]
    );
    finish(&mut it, &key("composition"));
    assert_eq!(
        plan(&workflow, &it, &Controls::default()),
        [Command::Complete { degraded: vec![] }]
    );
}

#[test]
fn every_shard_of_a_stage_is_dispatched_and_awaited() {
    let workflow = diamond();
    let mut it = begun(&workflow);
    it.stages.get_mut(&"script".parse().unwrap()).unwrap().shards = ShardCount::Fixed(3);
    assert_eq!(
        dispatched(&plan(&workflow, &it, &Controls::default())),
        ["script/0", "script/1", "script/2"]
    );
    for shard in 0..2 {
        finish(
            &mut it,
            &ShardKey {
                job: job().id,
                stage: "script".parse().unwrap(),
                shard,
            },
        );
    }
    assert_eq!(dispatched(&plan(&workflow, &it, &Controls::default())), ["script/2"]);
}

#[test]
fn the_first_failure_ends_the_job_and_nothing_more_is_sent() {
    let workflow = diamond();
    let mut it = begun(&workflow);
    let failed = |code: &str, second: i64| {
        let class = FailureClass::Permanent;
        let failure = Failure {
            code: code.into(),
            message: String::new(),
            hint: String::new(),
            stage: None,
            attempt: 1,
            class,
        };
        let token = LeaseToken(Uuid::nil());
        let key = ShardKey {
            job: job().id,
            stage: "voices".parse().unwrap(),
            shard: 0,
        };
        let shard = Shard::queued(key, 0, at(0));
        let shard = shard
            .apply(
                ShardEvent::Lease {
                    token,
                    until: at(99),
                    max_attempts: 1,
                },
                at(1),
            )
            .unwrap();
        Versioned {
            value: shard
                .apply(
                    ShardEvent::Fail {
                        token,
                        failure,
                        cost_usd: 0.0,
                    },
                    at(second),
                )
                .unwrap(),
            version: 3,
        }
    };
    it.shards.insert(("card".parse().unwrap(), 0), failed("LATER", 20));
    it.shards.insert(("voices".parse().unwrap(), 0), failed("FIRST", 10));
    let commands = plan(&workflow, &it, &Controls::default());
    assert!(
        matches!(&commands[..], [Command::Fail(failure)] if failure.code == "FIRST"),
        "{commands:?}"
    );
}

#[test]
fn a_job_that_ended_needs_nothing() {
    let workflow = diamond();
    for event in [
        JobEvent::Complete {
            manifest: "m".into(),
            degraded: vec![],
        },
        JobEvent::Cancel,
        JobEvent::Fail {
            failure: missing_stage(&workflow, "x"),
        },
    ] {
        let mut it = begun(&workflow);
        it.job.value = it.job.value.apply(event, at(5)).unwrap();
        assert_eq!(plan(&workflow, &it, &Controls::default()), []);
        assert!(
            it.job.value.apply(JobEvent::Cancel, at(6)).is_err(),
            "an ended job stays as it is"
        );
    }
}

#[test]
fn a_job_of_an_older_workflow_fails_with_a_reason() {
    let workflow = diamond();
    let mut it = begun(&workflow);
    it.stages.remove(&"card".parse().unwrap());
    assert!(
        matches!(&plan(&workflow, &it, &Controls::default())[..], [Command::Fail(f)] if f.code == "WORKFLOW_CHANGED")
    );
}

proptest! {
    /// Any order in which shards finish, with plans repeated at any time, dispatches every shard exactly when its needs
    /// are complete and ends in one `Complete`.
    #[test]
    fn any_order_of_finishing_completes_the_job(
        choices in prop::collection::vec(any::<prop::sample::Index>(), 40),
        shards in prop::collection::vec(1_u32..4, 5),
    ) {
        let workflow = diamond();
        let mut it = begun(&workflow);
        for (row, count) in it.stages.values_mut().zip(shards) {
            row.shards = ShardCount::Fixed(count);
        }
        let mut last_share = 0.0;
        for choice in choices {
            let commands = plan(&workflow, &it, &Controls::default());
            prop_assert_eq!(&commands, &plan(&workflow, &it, &Controls::default()), "planning changes nothing");
            if commands == [Command::Complete { degraded: vec![] }] {
                prop_assert!((progress(&workflow, &it).share - 1.0).abs() < 1e-12);
                return Ok(());
            }
            let keys: Vec<_> = commands.iter().flat_map(|c| match c {
                Command::Dispatch { shards, .. } => shards.clone(),
                _ => vec![],
            }).collect();
            let only_tasks = commands.iter().all(|c| matches!(c, Command::Dispatch { .. }));
            prop_assert!(only_tasks);
            for key in &keys {
                let spec = workflow.stage(&key.stage).unwrap();
                prop_assert!(spec.needs.iter().all(|need| it.is_stage_complete(need)));
            }
            finish(&mut it, choice.get(&keys));
            let share = progress(&workflow, &it).share;
            prop_assert!(share >= last_share && share <= 1.0);
            last_share = share;
        }
        prop_assert!(false, "the job did not end");
    }
}

#[test]
fn progress_is_weighted_and_says_where_each_stage_stands() {
    let workflow = Workflow::shipped("motion").unwrap();
    let mut it = begun(&workflow);
    let key = ShardKey {
        job: JobId::of_object("", "", None, ""),
        stage: "probe".parse().unwrap(),
        shard: 0,
    };
    leave(&mut it, &key, json!({"shards": 2}));
    let token = LeaseToken(Uuid::nil());
    let pose = Shard::queued(
        ShardKey {
            stage: "pose".parse().unwrap(),
            ..key
        },
        0,
        at(2),
    );
    let pose = pose
        .apply(
            ShardEvent::Lease {
                token,
                until: at(9),
                max_attempts: 2,
            },
            at(3),
        )
        .unwrap();
    let pose = pose
        .apply(
            ShardEvent::Heartbeat {
                token,
                until: at(9),
                progress: 0.5,
                frames: 0,
            },
            at(4),
        )
        .unwrap();
    it.shards.insert(
        ("pose".parse().unwrap(), 0),
        Versioned {
            value: pose,
            version: 2,
        },
    );
    let now = progress(&workflow, &it);
    let statuses: Vec<_> = now.stages.iter().map(|s| s.status).collect();
    assert_eq!(
        statuses,
        [
            StageStatus::Completed,
            StageStatus::Running,
            StageStatus::Waiting,
            StageStatus::Waiting,
            StageStatus::Waiting
        ]
    );
    assert!(
        (now.share - 0.1575).abs() < 1e-9,
        "2 % of probe and half of one of pose's two shards, which are 55 %: {}",
        now.share
    );
}

/// The graph of an avatar to come: voice, speech, face, lip-sync, encode; with captions that may fail and a thumbnail made
/// from them alone.
fn avatar() -> Workflow {
    let text = r#"
schema_version = 1
name = "avatar"
title = "Talking avatar"
description = "d"

[[stage]]
name = "speech"
title = "T"
needs = []
inputs = ["upload"]
weight = 1
timeout_s = 9
retry = { attempts = 2, first_delay_s = 1, longest_delay_s = 2 }
artifacts = ["speech.wav"]
results = []

[[stage]]
name = "captions"
title = "T"
needs = ["speech"]
inputs = ["speech/speech.wav"]
optional = true
weight = 1
timeout_s = 9
retry = { attempts = 2, first_delay_s = 1, longest_delay_s = 2 }
artifacts = ["captions.vtt"]

[[stage]]
name = "thumbnail"
title = "T"
needs = ["captions"]
inputs = ["captions/captions.vtt"]
optional = true
weight = 1
timeout_s = 9
retry = { attempts = 2, first_delay_s = 1, longest_delay_s = 2 }
artifacts = ["thumbnail.jpg"]

[[stage]]
name = "lip-sync"
title = "T"
needs = ["speech"]
inputs = ["speech/speech.wav"]
shards = { from = "speech", fact = "sentences" }
runs_on = "auto"
weight = 1
timeout_s = 9
retry = { attempts = 2, first_delay_s = 1, longest_delay_s = 2 }
artifacts = ["piece.mp4"]
results = []

[[stage]]
name = "encode"
title = "T"
needs = ["lip-sync", "captions"]
inputs = ["lip-sync/piece.mp4", "captions/captions.vtt?"]
weight = 1
timeout_s = 9
retry = { attempts = 2, first_delay_s = 1, longest_delay_s = 2 }
artifacts = ["avatar.mp4"]
"#;
    Workflow::from_toml("avatar.toml", text).unwrap()
}

fn key(stage: &str, shard: u32) -> ShardKey {
    ShardKey {
        job: job().id,
        stage: stage.parse().unwrap(),
        shard,
    }
}

fn leave(snapshot: &mut Snapshot, key: &ShardKey, facts: serde_json::Value) {
    finish(snapshot, key);
    let row = snapshot.shards.get_mut(&(key.stage.clone(), key.shard)).unwrap();
    row.value.facts = facts;
}

fn break_down(snapshot: &mut Snapshot, key: &ShardKey, code: &str) {
    let round = snapshot.job.value.round;
    let failure = Failure {
        code: code.into(),
        message: String::new(),
        hint: String::new(),
        stage: Some(key.stage.clone()),
        attempt: 1,
        class: FailureClass::Transient,
    };
    let value = Shard::queued(key.clone(), round, at(0))
        .apply(ShardEvent::Abandon { failure }, at(3))
        .unwrap();
    snapshot
        .shards
        .insert((key.stage.clone(), key.shard), Versioned { value, version: 2 });
}

fn commands(workflow: &Workflow, snapshot: &Snapshot) -> Vec<String> {
    dispatched(&plan(workflow, snapshot, &Controls::default()))
}

#[test]
fn a_stage_has_as_many_shards_as_the_stage_before_it_found() {
    let workflow = avatar();
    let mut it = begun(&workflow);
    leave(&mut it, &key("speech", 0), json!({"sentences": 3}));
    assert_eq!(
        commands(&workflow, &it),
        ["captions/0", "lip-sync/0", "lip-sync/1", "lip-sync/2"]
    );
    let lip_sync = "lip-sync".parse().unwrap();
    assert_eq!(it.shard_count(&lip_sync), Ok(Some(3)));
    for wrong in [
        json!({}),
        json!({"sentences": 0}),
        json!({"sentences": 10_001}),
        json!({"sentences": "many"}),
    ] {
        leave(&mut it, &key("speech", 0), wrong);
        let plan = plan(&workflow, &it, &Controls::default());
        assert!(matches!(&plan[..], [Command::Fail(failure)] if failure.code == "SHARDS_UNKNOWN"));
    }
}

#[test]
fn what_an_optional_stage_could_not_do_is_told_and_the_job_goes_on() {
    let workflow = avatar();
    let mut it = begun(&workflow);
    leave(&mut it, &key("speech", 0), json!({"sentences": 1}));
    break_down(&mut it, &key("captions", 0), "NO_WORDS");
    assert_eq!(commands(&workflow, &it), ["lip-sync/0"], "the thumbnail cannot be made");
    finish(&mut it, &key("lip-sync", 0));
    assert_eq!(
        commands(&workflow, &it),
        ["encode/0"],
        "the encoder can do without captions"
    );
    finish(&mut it, &key("encode", 0));
    let ends = ends(&workflow, &it);
    assert_eq!(ends[&"thumbnail".parse().unwrap()], StageEnd::Skipped);
    let plan = plan(&workflow, &it, &Controls::default());
    assert!(
        matches!(&plan[..], [Command::Complete { degraded }] if degraded[0].code == "NO_WORDS"),
        "{plan:?}"
    );
    let progress = progress(&workflow, &it);
    assert!((progress.share - 1.0).abs() < 1e-12);
    let statuses: Vec<_> = progress.stages.iter().map(|stage| stage.status).collect();
    assert_eq!(statuses[1..3], [StageStatus::Failed, StageStatus::Skipped]);
}

#[test]
fn a_retry_sends_what_did_not_complete_and_nothing_else() {
    let workflow = avatar();
    let mut it = begun(&workflow);
    leave(&mut it, &key("speech", 0), json!({"sentences": 3}));
    finish(&mut it, &key("captions", 0));
    finish(&mut it, &key("thumbnail", 0));
    finish(&mut it, &key("lip-sync", 1));
    break_down(&mut it, &key("lip-sync", 0), "OUT_OF_MEMORY");
    let waiting = Shard::queued(key("lip-sync", 2), 0, at(0));
    it.shards.insert(
        (waiting.key.stage.clone(), 2),
        Versioned {
            value: waiting,
            version: 1,
        },
    );
    let [Command::Fail(failure)] = &plan(&workflow, &it, &Controls::default())[..] else {
        panic!("a vital shard failed")
    };
    it.job.value = it
        .job
        .value
        .apply(
            JobEvent::Fail {
                failure: failure.clone(),
            },
            at(4),
        )
        .unwrap();
    assert_eq!(commands(&workflow, &it), [""; 0]);
    it.job.value = it.job.value.apply(JobEvent::Retry { deadline: at(99) }, at(5)).unwrap();
    assert_eq!(
        commands(&workflow, &it),
        ["lip-sync/0", "lip-sync/2"],
        "the failed one, and the one whose message is gone"
    );
    let failed = it.shards[&("lip-sync".parse().unwrap(), 0)].value.clone();
    let again = failed.apply(ShardEvent::Dispatch { round: 1 }, at(6)).unwrap();
    assert_eq!(again.last_failure.as_ref().unwrap().code, "OUT_OF_MEMORY");
    assert_eq!(again.attempts_this_round(), 0);
}

#[test]
fn a_paused_stage_is_not_sent_and_a_held_shard_is_sent_when_it_goes_on() {
    let workflow = avatar();
    let mut it = begun(&workflow);
    leave(&mut it, &key("speech", 0), json!({"sentences": 2}));
    let held = Shard::queued(key("lip-sync", 0), 0, at(0))
        .apply(ShardEvent::Hold, at(1))
        .unwrap();
    it.shards.insert(
        (held.key.stage.clone(), 0),
        Versioned {
            value: held,
            version: 1,
        },
    );
    let paused = |scope| {
        let pause = crate::Pause {
            since: at(0),
            by: "ann".into(),
            reason: "maintenance".into(),
        };
        Controls::from_iter([crate::Control {
            pause: Some(pause),
            ..crate::Control::new(scope)
        }])
    };
    let sent = |controls: &Controls| dispatched(&plan(&workflow, &it, controls));
    assert_eq!(
        sent(&paused(crate::Scope::Stage("lip-sync".parse().unwrap()))),
        ["captions/0"]
    );
    assert_eq!(sent(&paused(crate::Scope::Workflow("motion".into()))), [""; 0]);
    assert_eq!(
        sent(&paused(crate::Scope::System)).len(),
        3,
        "a drain lets end what has begun"
    );
    assert_eq!(sent(&Controls::default()), ["captions/0", "lip-sync/0", "lip-sync/1"]);
    let fresh = begun(&workflow);
    assert_eq!(
        plan(&workflow, &fresh, &paused(crate::Scope::System)),
        [],
        "a drain begins nothing"
    );
}

#[test]
fn work_goes_where_it_was_asked_to_run() {
    let workflow = avatar();
    let mut it = begun(&workflow);
    leave(&mut it, &key("speech", 0), json!({"sentences": 1}));
    let stage = |name: &str| workflow.stage(&name.parse().unwrap()).unwrap();
    let of = |it: &Snapshot, name: &str| route(stage(name), it, &key(name, 0));
    assert_eq!(of(&it, "lip-sync"), Route::Queue);
    it.job.value.wishes.runs_on = Some(crate::RunsOn::Batch);
    assert_eq!(of(&it, "lip-sync"), Route::Batch);
    assert_eq!(of(&it, "captions"), Route::Queue, "a light stage stays in its function");
    it.job.value.wishes.runs_on = None;
    it.job.value.input.bytes = AUTO_BATCH_BYTES;
    assert_eq!(of(&it, "lip-sync"), Route::Batch);
    it.job.value.input.bytes = 1;
    let token = LeaseToken(Uuid::nil());
    let lease = || ShardEvent::Lease {
        token,
        until: at(9),
        max_attempts: 9,
    };
    let failure = |code: &str| Failure {
        code: code.into(),
        ..missing_stage(&workflow, "x")
    };
    let too_long = ShardEvent::GiveBack {
        token,
        failure: failure("STAGE_TIMEOUT"),
        cost_usd: 0.0,
    };
    let taken_away = ShardEvent::Interrupt {
        token,
        failure: failure("INTERRUPTED"),
        cost_usd: 0.0,
    };
    let shard = Shard::queued(key("lip-sync", 0), 0, at(0))
        .apply(lease(), at(1))
        .unwrap();
    let shard = shard.apply(too_long, at(2)).unwrap().apply(lease(), at(3)).unwrap();
    let value = shard.apply(taken_away, at(4)).unwrap();
    it.shards
        .insert((value.key.stage.clone(), 0), Versioned { value, version: 9 });
    assert_eq!(of(&it, "lip-sync"), Route::Batch, "whatever happened since");
}
