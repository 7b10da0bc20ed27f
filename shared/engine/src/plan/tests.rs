use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    Job, JobEvent, JobId, JobState, LeaseToken, Shard, ShardEvent, StageRow, StageStatus, Upload, Versioned, progress,
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
    };
    Job {
        id: input.job_id(),
        owner: "default".into(),
        workflow: "motion".into(),
        input,
        priority: 5,
        created_at: at(0),
        trace: "trace".into(),
        state: JobState::Running,
    }
}

fn begun(workflow: &Workflow) -> Snapshot {
    let stages = workflow.stages().iter().map(|s| {
        (
            s.name.clone(),
            StageRow {
                stage: s.name.clone(),
                shards: 1,
            },
        )
    });
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
             retry = {{ attempts = 2, first_delay_s = 1, longest_delay_s = 2 }}\nartifacts = []\n"
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
    let names = commands.iter().map(|command| match command {
        Command::Dispatch(key) => format!("{}/{}", key.stage, key.shard),
        other => format!("{other:?}"),
    });
    names.collect()
}

fn finish(snapshot: &mut Snapshot, key: &ShardKey) {
    let token = LeaseToken(Uuid::nil());
    let shard = Shard::queued(key.clone(), at(0));
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
    };
    let value = shard.apply(done, at(2)).unwrap();
    snapshot
        .shards
        .insert((key.stage.clone(), key.shard), Versioned { value, version: 3 });
}

#[test]
fn a_new_job_dispatches_what_needs_nothing() {
    let workflow = Workflow::shipped("motion").unwrap();
    assert_eq!(dispatched(&plan(&workflow, &begun(&workflow))), ["probe/0"]);
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
    assert_eq!(dispatched(&plan(&workflow, &it)), ["voices/0", "scenes/0", "card/0"]);
    finish(&mut it, &key("voices"));
    finish(&mut it, &key("card"));
    assert_eq!(dispatched(&plan(&workflow, &it)), ["scenes/0"]);
    finish(&mut it, &key("scenes"));
    assert_eq!(dispatched(&plan(&workflow, &it)), ["composition/0"]);
    finish(&mut it, &key("composition"));
    assert_eq!(plan(&workflow, &it), [Command::Complete]);
}

#[test]
fn every_shard_of_a_stage_is_dispatched_and_awaited() {
    let workflow = diamond();
    let mut it = begun(&workflow);
    it.stages.get_mut(&"script".parse().unwrap()).unwrap().shards = 3;
    assert_eq!(dispatched(&plan(&workflow, &it)), ["script/0", "script/1", "script/2"]);
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
    assert_eq!(dispatched(&plan(&workflow, &it)), ["script/2"]);
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
        let shard = Shard::queued(key, at(0));
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
            value: shard.apply(ShardEvent::Fail { token, failure }, at(second)).unwrap(),
            version: 3,
        }
    };
    it.shards.insert(("card".parse().unwrap(), 0), failed("LATER", 20));
    it.shards.insert(("voices".parse().unwrap(), 0), failed("FIRST", 10));
    let commands = plan(&workflow, &it);
    assert!(
        matches!(&commands[..], [Command::Fail(failure)] if failure.code == "FIRST"),
        "{commands:?}"
    );
}

#[test]
fn a_job_that_ended_needs_nothing() {
    let workflow = diamond();
    for event in [
        JobEvent::Complete { manifest: "m".into() },
        JobEvent::Cancel,
        JobEvent::Fail {
            failure: missing_stage(&workflow, "x"),
        },
    ] {
        let mut it = begun(&workflow);
        it.job.value = it.job.value.apply(event, at(5)).unwrap();
        assert_eq!(plan(&workflow, &it), []);
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
    assert!(matches!(&plan(&workflow, &it)[..], [Command::Fail(f)] if f.code == "WORKFLOW_CHANGED"));
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
            row.shards = count;
        }
        let mut last_share = 0.0;
        for choice in choices {
            let commands = plan(&workflow, &it);
            prop_assert_eq!(&commands, &plan(&workflow, &it), "planning changes nothing");
            if commands == [Command::Complete] {
                prop_assert!((progress(&workflow, &it).share - 1.0).abs() < 1e-12);
                return Ok(());
            }
            let keys: Vec<_> = commands.iter().filter_map(|c| match c {
                Command::Dispatch(key) => Some(key.clone()),
                _ => None,
            }).collect();
            prop_assert_eq!(keys.len(), commands.len());
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
    finish(&mut it, &key);
    let token = LeaseToken(Uuid::nil());
    let pose = Shard::queued(
        ShardKey {
            stage: "pose".parse().unwrap(),
            ..key
        },
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
            StageStatus::Waiting
        ]
    );
    assert!(
        (now.share - 0.295).abs() < 1e-9,
        "2 % of probe and half of pose's 55 %: {}",
        now.share
    );
}
