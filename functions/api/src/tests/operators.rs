//! What administrators do.

use marey_cloud::{
    queues::ParkMessages,
    store::{KeepPulses, Pulse, ReadControls},
};
use marey_engine::{Control, Scope, Task};

use super::*;

fn stage_of<'a>(system: &'a Value, name: &str) -> &'a Value {
    let stages = system["stages"].as_array().unwrap();
    stages.iter().find(|stage| stage["stage"] == name).unwrap()
}

#[tokio::test]
async fn the_system_shows_queues_workers_and_pauses() {
    let memory = Memory::default();
    let job = job(&memory, "a.mp4").await;
    let key = ShardKey {
        job: job.id,
        stage: "probe".parse().unwrap(),
        shard: 0,
    };
    let since = now() - SignedDuration::from_secs(5);
    memory
        .put_shard(&Shard::queued(key.clone(), 0, since), None)
        .await
        .unwrap();
    let pulse = Pulse {
        stage: "pose".parse().unwrap(),
        worker: "w".into(),
        started_at: since,
        at: since,
        working_on: Some(key),
        completed: 3,
        failed: 1,
        frames: 900,
        run_ms: 9000,
    };
    memory.put_pulse(&pulse).await.unwrap();
    memory.park("{}", "pose-dead").await.unwrap();
    let (status, system) = ask(&memory, "GET", "/system", None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(stage_of(&system, "probe")["oldest_ms"], 5000);
    let pose = stage_of(&system, "pose");
    assert_eq!(
        (&pose["workers"], &pose["busy"], &pose["error_rate"]),
        (&json!(1), &json!(1), &json!(0.25))
    );
    assert_eq!(
        (&pose["frames_per_s"], &pose["mean_run_ms"]),
        (&json!(100.0), &json!(3000.0))
    );
    assert_eq!(
        (&system["running"]["standard"], &system["parked"]["waiting"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn a_pause_holds_and_a_resume_lets_jobs_go_on() {
    let memory = Memory::default();
    let pause = json!({"stage": "probe", "reason": "new models"});
    let (status, told) = ask(&memory, "POST", "/system/pause", Some(pause)).await;
    assert_eq!((status, &told["scope"]), (StatusCode::OK, &json!("stage/probe")));
    let job = job(&memory, "a.mp4").await;
    let (_, shown) = ask(&memory, "GET", &format!("/jobs/{}", job.id), None).await;
    assert!(
        shown["stages"][0]["held"].as_str().unwrap().contains("new models"),
        "{shown}"
    );
    let (_, system) = ask(&memory, "GET", "/system", None).await;
    assert_eq!(stage_of(&system, "probe")["pause"]["by"], "default");
    assert!(memory.receive().is_none());
    let (_, told) = ask(&memory, "POST", "/system/resume", Some(json!({"stage": "probe"}))).await;
    assert_eq!((&told["jobs_resumed"], told.get("pause")), (&json!(1), None));
    assert!(memory.receive().is_some());
}

#[tokio::test]
async fn a_drain_lets_no_job_begin_until_it_is_taken_back() {
    let memory = Memory::default();
    let (status, _) = ask(&memory, "POST", "/system/drain", Some(json!({"reason": "the end"}))).await;
    assert_eq!(status, StatusCode::OK);
    let (_, system) = ask(&memory, "GET", "/system", None).await;
    assert_eq!(system["drain"]["reason"], "the end");
    job(&memory, "a.mp4").await;
    let (_, told) = ask(&memory, "DELETE", "/system/drain", None).await;
    assert_eq!((&told["scope"], &told["jobs_resumed"]), (&json!("system"), &json!(1)));
}

#[tokio::test]
async fn what_operators_get_wrong_is_told() {
    let memory = Memory::default();
    for (path, body, status, code) in [
        ("/system/pause", json!({"reason": "r"}), 400, "REQUEST_INVALID"),
        (
            "/system/pause",
            json!({"stage": "pose", "workflow": "motion", "reason": "r"}),
            400,
            "REQUEST_INVALID",
        ),
        (
            "/system/pause",
            json!({"stage": "pose", "reason": " "}),
            400,
            "REQUEST_INVALID",
        ),
        (
            "/system/pause",
            json!({"stage": "dance", "reason": "r"}),
            404,
            "STAGE_NOT_FOUND",
        ),
        (
            "/system/resume",
            json!({"workflow": "dance"}),
            404,
            "WORKFLOW_NOT_FOUND",
        ),
        (
            "/system/concurrency",
            json!({"stage": "pose", "tasks": 1}),
            400,
            "REQUEST_INVALID",
        ),
        ("/system/purge", json!({"older_than_days": 0}), 400, "REQUEST_INVALID"),
        (
            "/system/purge",
            json!({"older_than_days": 1, "status": "running"}),
            400,
            "REQUEST_INVALID",
        ),
        ("/queues/dance/redrive", json!({}), 404, "QUEUE_NOT_FOUND"),
        ("/queues/pose/redrive", json!({"limit": 0}), 400, "REQUEST_INVALID"),
    ] {
        let (found, answer) = ask(&memory, "POST", path, Some(body)).await;
        assert_eq!(
            (found.as_u16(), &answer["error"]["code"]),
            (status, &json!(code)),
            "{path} {answer}"
        );
    }
    assert!(memory.control_rows().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_limit_is_set_and_remembered() {
    let memory = Memory::default();
    let (_, told) = ask(
        &memory,
        "POST",
        "/system/concurrency",
        Some(json!({"stage": "pose", "tasks": 4})),
    )
    .await;
    assert_eq!(told["concurrency"], 4);
    assert_eq!(memory.limits()[&"pose".parse().unwrap()], Some(4));
    memory.break_down("limit");
    let (status, _) = ask(&memory, "POST", "/system/concurrency", Some(json!({"stage": "pose"}))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let rows = memory.controls().await.unwrap();
    let row: &Control = rows.get(&Scope::Stage("pose".parse().unwrap())).unwrap();
    assert_eq!(
        row.concurrency,
        Some(4),
        "the row does not tell of what did not take effect"
    );
}

#[tokio::test]
async fn a_purge_forgets_what_ended_long_ago_and_nothing_else() {
    let memory = Memory::default();
    let running = job(&memory, "running.mp4").await;
    let recent = failed_job(&memory, "recent.mp4").await;
    let old = failed_job(&memory, "old.mp4").await;
    let row = memory.job(old.id).await.unwrap().unwrap();
    let at = now() - SignedDuration::from_hours(24 * 9);
    let aged = Job {
        state: JobState::Failed {
            at,
            failure: failure("PROBE_BROKE"),
        },
        ..old.clone()
    };
    memory.put_job(&aged, row.version).await.unwrap();
    memory.put_object(&format!("artifacts/{}/probe/0000/1/video.json", old.id), "x");
    memory.put_object(&format!("artifacts/{}/probe/0000/1/video.json", recent.id), "x");
    let ask_for = |dry_run: bool, status: &str| json!({"older_than_days": 7, "dry_run": dry_run, "status": status});
    let (_, told) = ask(&memory, "POST", "/system/purge", Some(ask_for(false, "completed"))).await;
    assert_eq!(told["jobs"], json!([]));
    let (_, told) = ask(&memory, "POST", "/system/purge", Some(ask_for(true, "failed"))).await;
    assert_eq!(told["jobs"], json!([old.id.to_string()]));
    assert!(memory.job(old.id).await.unwrap().is_some(), "a dry run forgets nothing");
    let (_, told) = ask(&memory, "POST", "/system/purge", Some(ask_for(false, "failed"))).await;
    assert_eq!(
        (&told["jobs"], &told["artifacts"]),
        (&json!([old.id.to_string()]), &json!(1))
    );
    let (_, told) = ask(&memory, "POST", "/system/purge", Some(ask_for(false, "failed"))).await;
    assert_eq!(told["jobs"], json!([]), "once more does nothing");
    assert!(memory.job(old.id).await.unwrap().is_none());
    for kept in [running.id, recent.id] {
        assert!(memory.job(kept).await.unwrap().is_some());
    }
    assert_eq!(memory.object_keys().len(), 1);
}

/// A job that failed nine days ago.
async fn old_job(memory: &Memory, name: &str) -> Job {
    let old = failed_job(memory, name).await;
    let row = memory.job(old.id).await.unwrap().unwrap();
    let aged = Job {
        state: JobState::Failed {
            at: now() - SignedDuration::from_hours(24 * 9),
            failure: failure("PROBE_BROKE"),
        },
        ..old
    };
    memory.put_job(&aged, row.version).await.unwrap();
    aged
}

#[tokio::test]
async fn a_job_that_is_being_purged_cannot_be_retried_any_more() {
    let memory = Memory::default();
    let old = old_job(&memory, "old.mp4").await;
    let purge = || Some(json!({"older_than_days": 7}));
    memory.break_down("delete_some");
    let (status, _) = ask(&memory, "POST", "/system/purge", purge()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let (status, told) = ask(&memory, "POST", &format!("/jobs/{}/retry", old.id), None).await;
    assert_eq!(
        (status, &told["error"]["code"]),
        (StatusCode::CONFLICT, &json!("JOB_NOT_RETRYABLE"))
    );
    memory.recover();
    let other = Some(json!({"older_than_days": 7, "status": "completed"}));
    let (_, told) = ask(&memory, "POST", "/system/purge", other).await;
    assert_eq!(told["jobs"], json!([old.id.to_string()]), "what was begun is ended");
}

#[tokio::test]
async fn a_purge_ends_within_its_time_and_goes_on_with_its_cursor() {
    let memory = Memory::default();
    let old = old_job(&memory, "old.mp4").await;
    for number in 0..2500 {
        memory.put_object(&format!("artifacts/{}/pose/{number:04}/1/x", old.id), "x");
    }
    let mut body = json!({"older_than_days": 7});
    let (mut rounds, mut artifacts) = (0, 0);
    loop {
        let (status, told) = ask_slowly(&memory, 6, "/system/purge", body.clone()).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        (rounds, artifacts) = (rounds + 1, artifacts + told["artifacts"].as_u64().unwrap());
        let Some(cursor) = told["next_cursor"].as_str() else {
            assert_eq!(told["jobs"], json!([old.id.to_string()]));
            break;
        };
        assert!(memory.job(old.id).await.unwrap().is_some(), "its own row goes last");
        body["cursor"] = json!(cursor);
    }
    assert!(rounds > 1);
    assert_eq!((artifacts, memory.object_keys().len()), (2500, 0));
    assert!(memory.job(old.id).await.unwrap().is_none());
}

async fn parked_task(memory: &Memory, job: &Job, stage: &str) {
    let key = ShardKey {
        job: job.id,
        stage: stage.parse().unwrap(),
        shard: 0,
    };
    let task = Task::new(job, key, 1, "test", now());
    memory
        .park(&serde_json::to_string(&task).unwrap(), "http://q/dead")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_redrive_retries_jobs_and_forgets_their_messages() {
    let memory = Memory::default();
    let failed = failed_job(&memory, "a.mp4").await;
    parked_task(&memory, &failed, "probe").await;
    parked_task(&memory, &failed, "probe").await;
    parked_task(&memory, &failed, "pose").await;
    memory.park("not json", "http://q/dead").await.unwrap();
    let (status, told) = ask(&memory, "POST", "/queues/probe/redrive", None).await;
    assert_eq!(
        (status, &told["jobs"]),
        (StatusCode::OK, &json!([failed.id.to_string()])),
        "{told}"
    );
    assert_eq!(
        (&told["forgotten"], &told["kept"], &told["more"]),
        (&json!(1), &json!(2), &json!(false))
    );
    assert_eq!(memory.job(failed.id).await.unwrap().unwrap().value.round, 1);
    assert!(memory.receive().is_some());
    memory.show_parked();
    let (_, told) = ask(&memory, "POST", "/queues/probe/redrive", None).await;
    assert_eq!((&told["jobs"], &told["kept"]), (&json!([]), &json!(2)));
}

#[tokio::test]
async fn a_message_stays_parked_until_the_retry_is_durable() {
    let memory = Memory::default();
    let failed = failed_job(&memory, "a.mp4").await;
    parked_task(&memory, &failed, "probe").await;
    for operation in ["put_job", "forget_parked"] {
        memory.break_down(operation);
        let (status, _) = ask(&memory, "POST", "/queues/probe/redrive", None).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{operation}");
        memory.recover();
        memory.show_parked();
    }
    let (_, told) = ask(&memory, "POST", "/queues/probe/redrive", None).await;
    assert_eq!(told["forgotten"], 1, "the job runs already");
    assert_eq!(
        memory.job(failed.id).await.unwrap().unwrap().value.round,
        1,
        "it was retried once"
    );
}

#[tokio::test]
async fn a_redrive_reaches_what_lies_behind_the_messages_of_other_stages() {
    let memory = Memory::default();
    let failed = failed_job(&memory, "a.mp4").await;
    for _ in 0..700 {
        parked_task(&memory, &failed, "pose").await;
    }
    for _ in 0..3 {
        parked_task(&memory, &failed, "probe").await;
    }
    let (_, told) = ask(&memory, "POST", "/queues/probe/redrive", Some(json!({"limit": 50}))).await;
    assert_eq!(told["jobs"], json!([failed.id.to_string()]), "{told}");
    assert_eq!((&told["forgotten"], &told["more"]), (&json!(2), &json!(false)));
}

#[tokio::test]
async fn many_messages_of_one_job_plan_it_once() {
    let memory = Memory::default();
    let failed = failed_job(&memory, "a.mp4").await;
    for _ in 0..30 {
        parked_task(&memory, &failed, "probe").await;
    }
    let before = memory.calls("snapshot");
    ask(&memory, "POST", "/queues/probe/redrive", None).await;
    let planned = memory.calls("snapshot") - before;
    assert!(planned <= 3, "{planned} times");
}

#[tokio::test]
async fn what_aws_batch_told_of_a_stage_is_redriven_with_the_stage() {
    let memory = Memory::default();
    let failed = failed_job(&memory, "a.mp4").await;
    let name = format!("marey_{}_probe_0000_1_0", failed.id);
    let event = json!({"detail-type": "Batch Job State Change", "detail": {"jobName": name, "status": "FAILED"}});
    memory
        .park(&event.to_string(), "http://q/batch-failures")
        .await
        .unwrap();
    let (_, told) = ask(&memory, "POST", "/queues/probe/redrive", None).await;
    assert_eq!(told["jobs"], json!([failed.id.to_string()]), "{told}");
}

#[tokio::test]
async fn what_rests_goes_back_to_its_queue() {
    let memory = Memory::default();
    let (status, told) = ask(&memory, "POST", "/queues/webhook/redrive", None).await;
    assert_eq!(
        (status, &told["error"]["code"]),
        (StatusCode::NOT_FOUND, &json!("QUEUE_NOT_FOUND")),
        "where nothing is posted there is no such queue"
    );
    for queue in ["webhook", "batch-failures"] {
        for number in 0..12 {
            memory.rest(queue, &format!("{queue} {number}"));
        }
        let (status, told) = ask(&memory, "POST", &format!("/queues/{queue}/redrive"), None).await;
        assert_eq!(
            (status, &told["sent_back"], &told["more"]),
            (StatusCode::OK, &json!(12), &json!(false))
        );
    }
    assert_eq!(memory.sent_back().len(), 24);
}

#[tokio::test]
async fn messages_of_the_bucket_go_back_to_intake() {
    let memory = Memory::default();
    let event = json!({"Records": [{"s3": {"object": {"key": "uploads/a.mp4"}}}]}).to_string();
    memory.park(&event, "http://q/intake-dead").await.unwrap();
    memory.park("{}", "http://q/intake-dead").await.unwrap();
    let (_, told) = ask(&memory, "POST", "/queues/intake/redrive", Some(json!({"limit": 10}))).await;
    assert_eq!((&told["sent_back"], &told["kept"]), (&json!(1), &json!(1)));
    assert_eq!(memory.sent_back(), [(event, "http://q/intake-dead".to_owned())]);
}
