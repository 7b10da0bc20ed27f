//! Retrying and reprocessing.

use marey_cloud::store::{FailureRecord, KeepPulses, Pulse};

use super::*;

#[tokio::test]
async fn a_failed_job_goes_on_and_its_shard_is_sent_again() {
    let memory = Memory::default();
    let job = failed_job(&memory, "a.mp4").await;
    let (status, answer) = ask(&memory, "POST", &format!("/jobs/{}/retry", job.id), None).await;
    assert_eq!((status, &answer["round"]), (StatusCode::OK, &json!(1)));
    assert_eq!(answer["status"], "running");
    assert!(answer["deadline"].is_string());
    assert_eq!(memory.receive().unwrap().payload.stage.as_str(), "probe");
}

#[tokio::test]
async fn what_runs_or_is_complete_is_not_retried() {
    let memory = Memory::default();
    let running = job(&memory, "a.mp4").await;
    let done = job(&memory, "b.mp4").await;
    let complete = JobEvent::Complete {
        manifest: "m".into(),
        degraded: vec![],
    };
    end(&memory, &done, complete).await;
    for (id, code) in [(running.id, "JOB_RUNNING"), (done.id, "JOB_COMPLETE")] {
        let (status, answer) = ask(&memory, "POST", &format!("/jobs/{id}/retry"), None).await;
        assert_eq!((status, &answer["error"]["code"]), (StatusCode::CONFLICT, &json!(code)));
    }
}

#[tokio::test]
async fn a_job_that_was_refused_for_what_it_asked_stays_failed() {
    let memory = Memory::default();
    let mut job = failed_job(&memory, "a.mp4").await;
    job.id = JobId::reserved(Uuid::new_v4());
    job.wishes.params.insert("cutoff_hz".into(), json!(1e9));
    store(&memory, &job).await;
    let (status, answer) = ask(&memory, "POST", &format!("/jobs/{}/retry", job.id), None).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::CONFLICT, &json!("JOB_NOT_RETRYABLE"))
    );
    assert!(memory.job(job.id).await.unwrap().unwrap().value.has_ended());
}

/// A job that intake made as one that has failed.
async fn refused_job(memory: &Memory, code: &str, change: impl Fn(&mut Job)) -> Job {
    let mut job = failed_job(memory, &format!("{code}.mp4")).await;
    job.id = JobId::reserved(Uuid::new_v4());
    let failure = Failure {
        stage: None,
        class: FailureClass::Permanent,
        ..failure(code)
    };
    job.state = JobState::Failed { at: now(), failure };
    change(&mut job);
    store(memory, &job).await;
    job
}

#[tokio::test]
async fn a_job_that_was_refused_before_anything_ran_does_not_run_with_something_else() {
    let memory = Memory::default();
    // The metadata said `{"cutoff_hz": 4`, which is no JSON: nothing of it is in the row.
    let job = refused_job(&memory, "PARAMETER_INVALID", |job| {
        job.wishes.params.clear();
        job.wishes.notify = Some("ftp://x".into());
    })
    .await;
    let (status, answer) = ask(&memory, "POST", &format!("/jobs/{}/retry", job.id), None).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::CONFLICT, &json!("JOB_NOT_RETRYABLE")),
        "{answer}"
    );
    assert_eq!(answer["error"]["hint"], "Mend it.");
    let path = format!("/jobs/{}/reprocess", job.id);
    let (status, other) = ask(&memory, "POST", &path, Some(json!({"params": {"cutoff_hz": 4}}))).await;
    assert_eq!(status, StatusCode::CREATED, "{other}");
    let id = other["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(memory.job(id).await.unwrap().unwrap().value.wishes.notify, None);
}

#[tokio::test]
async fn what_has_no_video_is_not_run_again() {
    let memory = Memory::default();
    let manifest = refused_job(&memory, "MANIFEST_INVALID", |job| {
        job.input.key = "uploads/ann/motion/a.manifest.jsonl".into();
    });
    let gone = refused_job(&memory, "INPUT_GONE", |job| job.input.key.clear());
    for job in [manifest.await, gone.await] {
        for what in ["retry", "reprocess"] {
            let (status, _) = ask(&memory, "POST", &format!("/jobs/{}/{what}", job.id), None).await;
            assert_eq!(status, StatusCode::CONFLICT, "{what}");
        }
        assert!(memory.job(job.id).await.unwrap().unwrap().value.has_ended());
    }
}

#[tokio::test]
async fn a_retry_runs_with_every_parameter_of_the_workflow() {
    let memory = Memory::default();
    let mut job = failed_job(&memory, "a.mp4").await;
    job.id = JobId::reserved(Uuid::new_v4());
    job.wishes.params.clear();
    store(&memory, &job).await;
    let (status, _) = ask(&memory, "POST", &format!("/jobs/{}/retry", job.id), None).await;
    assert_eq!(status, StatusCode::OK);
    let params = memory.job(job.id).await.unwrap().unwrap().value.wishes.params;
    let workflow = Workflow::shipped("motion").unwrap();
    assert_eq!(
        params.keys().collect::<Vec<_>>(),
        workflow.parameters().keys().collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_job_whose_records_are_about_to_be_deleted_is_not_retried() {
    let memory = Memory::default();
    let mut job = failed_job(&memory, "a.mp4").await;
    for (days, expected) in [(59, StatusCode::OK), (61, StatusCode::CONFLICT)] {
        job.id = JobId::reserved(Uuid::new_v4());
        job.created_at = now() - SignedDuration::from_hours(24 * days);
        store(&memory, &job).await;
        let (status, answer) = ask(&memory, "POST", &format!("/jobs/{}/retry", job.id), None).await;
        assert_eq!(status, expected, "{answer}");
    }
}

#[tokio::test]
async fn a_retry_is_durable_though_nothing_can_be_sent() {
    let memory = Memory::default();
    let job = failed_job(&memory, "a.mp4").await;
    memory.break_down("send");
    let (status, _) = ask(&memory, "POST", &format!("/jobs/{}/retry", job.id), None).await;
    assert_eq!(status, StatusCode::OK, "the sweeper does the rest");
    assert!(!memory.job(job.id).await.unwrap().unwrap().value.has_ended());
}

#[tokio::test]
async fn the_same_request_to_reprocess_makes_one_job() {
    let memory = Memory::default();
    let old = failed_job(&memory, "a.mp4").await;
    let path = format!("/jobs/{}/reprocess", old.id);
    let body = || Some(json!({"params": {"cutoff_hz": 4}}));
    let (status, first) = ask(&memory, "POST", &path, body()).await;
    assert_eq!(status, StatusCode::CREATED, "{first}");
    assert_eq!(
        (&first["params"]["cutoff_hz"], &first["reuse"]),
        (&json!(4), &json!(true))
    );
    let (status, second) = ask(&memory, "POST", &path, body()).await;
    assert_eq!((status, &second["id"]), (StatusCode::OK, &first["id"]));
    let (_, other) = ask(
        &memory,
        "POST",
        &path,
        Some(json!({"params": {"cutoff_hz": 4}, "token": "2"})),
    )
    .await;
    assert_ne!(other["id"], first["id"]);
    assert_ne!(first["id"], json!(old.id.to_string()));
    assert_eq!(memory.list("default", 100, None).await.unwrap().jobs.len(), 3);
    assert!(
        memory.job(old.id).await.unwrap().unwrap().value.has_ended(),
        "the old job stays as it was"
    );
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_refused_with_what_would() {
    let memory = Memory::default();
    let old = failed_job(&memory, "a.mp4").await;
    let path = format!("/jobs/{}/reprocess", old.id);
    for (body, word) in [
        (json!({"params": {"cutoff_hz": 999}}), "0.1 to 100 Hz"),
        (json!({"params": {"cutof": 9}}), "/workflows/motion"),
    ] {
        let (status, answer) = ask(&memory, "POST", &path, Some(body)).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (StatusCode::BAD_REQUEST, &json!("PARAMETER_INVALID"))
        );
        assert!(answer["error"]["hint"].as_str().unwrap().contains(word), "{answer}");
    }
    let (status, _) = ask(&memory, "POST", &path, Some(json!({"workflow": "dance"}))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, probe) = ask(&memory, "POST", &path, Some(json!({"workflow": "probe"}))).await;
    assert_eq!(
        (status, &probe["workflow"]),
        (StatusCode::CREATED, &json!("probe")),
        "{probe}"
    );
}

#[tokio::test]
async fn failures_tell_users_what_and_administrators_why() {
    let memory = Memory::default();
    let job = failed_job(&memory, "a.mp4").await;
    let record = FailureRecord {
        job: job.id,
        at: now(),
        failure: failure("PROBE_BROKE"),
        cause: "secret path /x".into(),
        message: Some("{}".into()),
        id: format!("{}/probe/0000/1/dead", job.id),
    };
    memory.record_failure(&record).await.unwrap();
    let path = format!("/jobs/{}", job.id);
    let (_, told) = ask(&memory, "GET", &path, None).await;
    assert_eq!(told["failures"][0]["cause"], "secret path /x");
    assert_eq!(told["failures"][0]["attempt"], 1);
    assert!(told["failures"][0].get("shard").is_none(), "the stage has one shard");
    let key = super::access::key(&memory, "default", &["read"]).await;
    let (_, told) = ask_as(&memory, open(), Some(&key), "GET", &path, None).await;
    assert_eq!(told["failures"][0]["code"], "PROBE_BROKE");
    assert!(!told.to_string().contains("secret"), "{told}");
}

#[tokio::test]
async fn a_queued_job_says_how_many_are_ahead_and_how_long_it_takes() {
    let memory = Memory::default();
    let early = job(&memory, "a.mp4").await;
    let late = Job {
        id: JobId::reserved(Uuid::new_v4()),
        workflow: "probe".into(),
        created_at: now() + SignedDuration::from_secs(9),
        ..early
    };
    store(&memory, &late).await;
    let pulse = Pulse {
        stage: "probe".parse().unwrap(),
        worker: "w".into(),
        started_at: now(),
        at: now(),
        working_on: None,
        completed: 4,
        failed: 1,
        frames: 0,
        run_ms: 8000,
    };
    memory.put_pulse(&pulse).await.unwrap();
    let (_, answer) = ask(&memory, "GET", &format!("/jobs/{}", late.id), None).await;
    assert_eq!((&answer["status"], &answer["ahead"]), (&json!("queued"), &json!(1)));
    assert_eq!(answer["time_left"], json!({"least_ms": 1000, "most_ms": 4000}));
}

#[tokio::test]
async fn workflows_are_described() {
    let memory = Memory::default();
    let (_, list) = ask(&memory, "GET", "/workflows", None).await;
    assert_eq!(list["workflows"][0]["name"], "motion");
    let (_, motion) = ask(&memory, "GET", "/workflows/motion", None).await;
    assert_eq!(motion["stages"][1]["shards_from"], "probe/shards");
    assert_eq!(motion["params"]["cutoff_hz"]["expected"], "a number from 0.1 to 100 Hz");
    let (status, answer) = ask(&memory, "GET", "/workflows/dance", None).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::NOT_FOUND, &json!("WORKFLOW_NOT_FOUND"))
    );
}
