//! What every store must do, run against memory and, where a local cloud is up, against DynamoDB.

use jiff::{SignedDuration, Timestamp};
use marey_engine::{
    Control, Failure, FailureClass, Job, JobEvent, JobId, JobState, LeaseToken, Scope, Shard, ShardEvent, ShardKey,
    StageRow, Upload, Workflow,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    CloudError,
    store::{Bookmark, Creation, FailureRecord, JobsTable, KeepBookmarks, Memo, Pulse, WriteJobs},
    uploads::Place,
};

/// A job of its own owner, so that suites can share a table.
pub(crate) fn new_job(owner: &str, age_s: i64) -> (Job, Vec<StageRow>) {
    let input = Upload {
        bucket: "uploads".into(),
        key: format!("uploads/{}.mp4", Uuid::new_v4()),
        version: Some("v".into()),
        etag: "e".into(),
        bytes: 7,
        name: "läufer 1+1.mp4".into(),
        member: None,
    };
    let job = Job {
        id: input.job_id(),
        owner: owner.to_owned(),
        workflow: "motion".into(),
        input,
        priority: 5,
        created_at: at(1_000_000 - age_s),
        deadline: None,
        round: 0,
        forgotten: false,
        wishes: marey_engine::Wishes::default(),
        trace: "t".into(),
        state: JobState::Running,
    };
    let stages = Workflow::shipped("motion").unwrap();
    let stages = stages.stages().iter().map(StageRow::of).collect();
    (job, stages)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn failure() -> Failure {
    let class = FailureClass::Permanent;
    Failure {
        code: "C".into(),
        message: "m".into(),
        hint: "h".into(),
        stage: None,
        attempt: 1,
        class,
    }
}

fn is_conflict<T>(result: &Result<T, CloudError>) -> bool {
    matches!(result, Err(CloudError::Conflict))
}

/// Runs the whole suite.
pub(crate) async fn suite(store: &(impl JobsTable + KeepBookmarks)) {
    a_job_is_created_once(store).await;
    a_write_needs_the_version_it_was_decided_on(store).await;
    a_snapshot_has_every_row(store).await;
    lists_are_scoped_ordered_and_paged(store).await;
    failures_are_kept_once(store).await;
    an_attempt_at_one_of_many_reads_what_it_needs(store).await;
    running_jobs_are_listed_by_lane_and_age(store).await;
    control_rows_need_the_version_they_were_decided_on(store).await;
    pulses_and_memos_are_replaced(store).await;
    a_deleted_job_leaves_nothing_but_that_it_was_deleted(store).await;
    bookmarks_are_replaced(store).await;
}

async fn a_job_is_created_once(store: &impl WriteJobs) {
    let (job, stages) = new_job("once", 0);
    assert!(store.snapshot(job.id).await.unwrap().is_none());
    assert_eq!(store.create(&job, &stages).await.unwrap(), Creation::Created);
    let other = Job {
        owner: "thief".into(),
        ..job.clone()
    };
    assert_eq!(store.create(&other, &stages).await.unwrap(), Creation::Existed);
    let found = store.job(job.id).await.unwrap().unwrap();
    assert_eq!((found.value, found.version), (job, 1));
}

async fn a_write_needs_the_version_it_was_decided_on(store: &impl WriteJobs) {
    let (job, stages) = new_job("versions", 0);
    store.create(&job, &stages).await.unwrap();
    let key = ShardKey {
        job: job.id,
        stage: "pose".parse().unwrap(),
        shard: 0,
    };
    assert!(store.shard(&key).await.unwrap().is_none());
    let queued = Shard::queued(key.clone(), 0, at(1));
    assert!(
        is_conflict(&store.put_shard(&queued, Some(1)).await),
        "a row that is not there has no version"
    );
    let first = store.put_shard(&queued, None).await.unwrap();
    let again = Shard::queued(key.clone(), 0, at(2));
    assert!(is_conflict(&store.put_shard(&again, None).await), "a second creation");
    let lease = |n| ShardEvent::Lease {
        token: LeaseToken(Uuid::from_u128(n)),
        until: at(60),
        max_attempts: 3,
    };
    let mine = queued.apply(lease(1), at(2)).unwrap();
    let theirs = queued.apply(lease(2), at(2)).unwrap();
    let row = store.put_shard(&mine, Some(first.version)).await.unwrap();
    assert!(
        is_conflict(&store.put_shard(&theirs, Some(first.version)).await),
        "one of two leases wins"
    );
    assert_eq!(store.shard(&key).await.unwrap().unwrap(), row);

    let row = store.job(job.id).await.unwrap().unwrap();
    let failed = row.value.apply(JobEvent::Fail { failure: failure() }, at(9)).unwrap();
    let done = row
        .value
        .apply(
            JobEvent::Complete {
                manifest: "m".into(),
                degraded: vec![],
            },
            at(9),
        )
        .unwrap();
    store.put_job(&done, row.version).await.unwrap();
    assert!(
        is_conflict(&store.put_job(&failed, row.version).await),
        "a job ends in one way"
    );
    assert_eq!(store.job(job.id).await.unwrap().unwrap().value, done);
}

async fn a_snapshot_has_every_row(store: &impl WriteJobs) {
    let (job, stages) = new_job("snapshot", 0);
    store.create(&job, &stages).await.unwrap();
    for shard in [0, 3, 11] {
        let key = ShardKey {
            job: job.id,
            stage: "pose".parse().unwrap(),
            shard,
        };
        let facts = json!({"frames": 12, "rate": 29.97, "name": "ä", "nested": {"list": [1.5, null, true]}});
        store
            .put_shard(
                &Shard {
                    facts,
                    ..Shard::queued(key, 0, at(5))
                },
                None,
            )
            .await
            .unwrap();
    }
    let snapshot = store.snapshot(job.id).await.unwrap().unwrap();
    assert_eq!(snapshot.job.value, job);
    assert_eq!(
        snapshot.stages.values().cloned().collect::<Vec<_>>().len(),
        stages.len()
    );
    let numbers: Vec<_> = snapshot.shards.keys().map(|(_, shard)| *shard).collect();
    assert_eq!(numbers, [0, 3, 11]);
    let facts = &snapshot.shards.values().next().unwrap().value.facts;
    assert_eq!(facts["nested"]["list"], json!([1.5, null, true]));
    assert_eq!(facts["frames"], json!(12));
}

async fn lists_are_scoped_ordered_and_paged(store: &impl WriteJobs) {
    let owner = format!("list-{}", Uuid::new_v4());
    let mut made: Vec<JobId> = Vec::new();
    for age in 0..5 {
        let (job, stages) = new_job(&owner, age);
        store.create(&job, &stages).await.unwrap();
        made.push(job.id);
    }
    let (strange, stages) = new_job("somebody-else", 0);
    store.create(&strange, &stages).await.unwrap();
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..10 {
        let page = store.list(&owner, 2, cursor.as_deref()).await.unwrap();
        assert!(page.jobs.len() <= 2);
        found.extend(page.jobs.iter().map(|job| job.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, made, "newest first, every job once, nobody else's");
}

async fn failures_are_kept_once(store: &impl WriteJobs) {
    let (job, stages) = new_job("failures", 0);
    store.create(&job, &stages).await.unwrap();
    let record = |id: &str, second: i64| FailureRecord {
        job: job.id,
        at: at(second),
        failure: failure(),
        cause: "private".into(),
        message: Some("{}".into()),
        id: id.into(),
    };
    for record in [record("b", 20), record("a", 10), record("b", 20)] {
        store.record_failure(&record).await.unwrap();
    }
    // As text, a whole second would come after its fractions.
    let later = FailureRecord {
        at: at(20) + SignedDuration::from_millis(500),
        ..record("c", 0)
    };
    store.record_failure(&later).await.unwrap();
    let found = store.failures(job.id).await.unwrap();
    assert_eq!(found, [record("a", 10), record("b", 20), later]);
    assert!(
        store.snapshot(job.id).await.unwrap().unwrap().shards.is_empty(),
        "a failure is no shard"
    );
}

fn shard_key(job: &Job, stage: &str, shard: u32) -> ShardKey {
    ShardKey {
        job: job.id,
        stage: stage.parse().unwrap(),
        shard,
    }
}

async fn an_attempt_at_one_of_many_reads_what_it_needs(store: &impl WriteJobs) {
    let (job, stages) = new_job("many", 0);
    store.create(&job, &stages).await.unwrap();
    for (stage, shard) in [("probe", 0), ("pose", 0), ("pose", 1), ("pose", 2), ("visualize", 0)] {
        let row = Shard::queued(shard_key(&job, stage, shard), 0, at(5));
        store.put_shard(&row, None).await.unwrap();
    }
    let upstream = ["probe".parse().unwrap()];
    let found = store
        .snapshot_for(&shard_key(&job, "pose", 1), &upstream)
        .await
        .unwrap()
        .unwrap();
    let places: Vec<_> = found
        .shards
        .keys()
        .map(|(stage, shard)| (stage.as_str(), *shard))
        .collect();
    assert_eq!(places, [("pose", 1), ("probe", 0)]);
    assert_eq!(found.stages.len(), stages.len());
    let (ghost, _) = new_job("ghost", 0);
    assert!(
        store
            .snapshot_for(&shard_key(&ghost, "pose", 1), &upstream)
            .await
            .unwrap()
            .is_none()
    );
}

async fn running_jobs_are_listed_by_lane_and_age(store: &impl WriteJobs) {
    // Older than whatever other tests make at the same time, so that these come first.
    let age = 900_000;
    let mut made = Vec::new();
    for (number, priority) in [5, 9, 5, 5].into_iter().enumerate() {
        let (job, stages) = new_job("lanes", age - number as i64);
        let job = Job { priority, ..job };
        store.create(&job, &stages).await.unwrap();
        made.push(job);
    }
    let row = store.job(made[3].id).await.unwrap().unwrap();
    let cancelled = row.value.apply(JobEvent::Cancel, at(9)).unwrap();
    store.put_job(&cancelled, row.version).await.unwrap();
    let ours = |ids: &[JobId]| -> Vec<JobId> {
        ids.iter()
            .copied()
            .filter(|id| made.iter().any(|j| j.id == *id))
            .collect()
    };
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = store.running(false, 2, cursor.as_deref()).await.unwrap();
        assert!(page.jobs.len() <= 2);
        found.extend(page.jobs);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(
        ours(&found),
        [made[0].id, made[2].id],
        "the express and the ended one are not in this lane"
    );
    let express = store.running(true, 100, None).await.unwrap();
    assert_eq!(ours(&express.jobs), [made[1].id]);
    let between = store.ahead_of(&made[2]).await.unwrap() - store.ahead_of(&made[0]).await.unwrap();
    assert_eq!(between, 1);
}

async fn control_rows_need_the_version_they_were_decided_on(store: &impl JobsTable) {
    let scope = Scope::Workflow(format!("test-{}", Uuid::new_v4()));
    let control = Control::new(scope.clone());
    let row = store.put_control(&control, None).await.unwrap();
    let paused = Control {
        concurrency: Some(3),
        ..control
    };
    assert!(is_conflict(&store.put_control(&paused, None).await));
    store.put_control(&paused, Some(row.version)).await.unwrap();
    assert!(is_conflict(&store.put_control(&paused, Some(row.version + 7)).await));
    let controls = store.controls().await.unwrap();
    assert_eq!(controls.get(&scope), Some(&paused));
}

async fn pulses_and_memos_are_replaced(store: &impl JobsTable) {
    let (job, _) = new_job("pulse", 0);
    let stage: marey_engine::StageName = "pose".parse().unwrap();
    let mut pulse = Pulse {
        stage: stage.clone(),
        worker: Uuid::new_v4().to_string(),
        started_at: at(1),
        at: at(2),
        working_on: None,
        completed: 1,
        failed: 0,
        frames: 100,
        run_ms: 900,
    };
    store.put_pulse(&pulse).await.unwrap();
    pulse.completed = 2;
    store.put_pulse(&pulse).await.unwrap();
    let mut found = store.pulses(&stage).await.unwrap();
    found.retain(|it| it.worker == pulse.worker);
    assert_eq!(found, [pulse]);

    let mut memo = Memo {
        inputs: Uuid::new_v4().simple().to_string(),
        shard: shard_key(&job, "pose", 0),
        artifacts: vec![],
        facts: json!({"n": 1.25}),
        frames: 7,
    };
    assert_eq!(store.memo(&memo.inputs).await.unwrap(), None);
    store.put_memo(&memo).await.unwrap();
    memo.frames = 8;
    store.put_memo(&memo).await.unwrap();
    assert_eq!(store.memo(&memo.inputs).await.unwrap(), Some(memo));
}

async fn a_deleted_job_leaves_nothing_but_that_it_was_deleted(store: &(impl WriteJobs + KeepBookmarks)) {
    let (job, stages) = new_job("deleted", 0);
    store.create(&job, &stages).await.unwrap();
    store
        .put_shard(&Shard::queued(shard_key(&job, "pose", 0), 0, at(5)), None)
        .await
        .unwrap();
    assert!(!store.was_deleted(job.id).await.unwrap());
    store.delete_job(job.id).await.unwrap();
    assert!(store.snapshot(job.id).await.unwrap().is_none());
    assert!(store.shard(&shard_key(&job, "pose", 0)).await.unwrap().is_none());
    store.delete_job(job.id).await.unwrap();
    assert!(store.was_deleted(job.id).await.unwrap());
    let never = new_job("deleted", 0).0.id;
    store.delete_job(never).await.unwrap();
    assert!(!store.was_deleted(never).await.unwrap(), "it was not there");
}

async fn bookmarks_are_replaced(store: &impl KeepBookmarks) {
    let mut bookmark = Bookmark::new(&format!("contract-{}", Uuid::new_v4()));
    assert_eq!(store.bookmark(&bookmark.name).await.unwrap(), None);
    for version in [None, Some("v1".to_owned())] {
        let key = "uploads/läufer 1+1.mp4".to_owned();
        bookmark.after = Some(Place { key, version });
        bookmark.began_at = Some(at(7));
        store.put_bookmark(&bookmark).await.unwrap();
        assert_eq!(store.bookmark(&bookmark.name).await.unwrap().as_ref(), Some(&bookmark));
    }
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    suite(&crate::memory::Memory::default()).await;
}

#[tokio::test]
async fn dynamodb_keeps_the_contract() {
    if std::env::var_os("AWS_ENDPOINT_URL").is_none() || std::env::var_os("MAREY_JOBS_TABLE").is_none() {
        eprintln!("skipped: no local cloud (AWS_ENDPOINT_URL and MAREY_JOBS_TABLE); `cargo xtask test` starts one");
        return;
    }
    let settings = crate::Settings::from_env().unwrap();
    suite(&crate::aws::Table::new(&crate::aws::sdk_config().await, &settings)).await;
}
