//! Each repair by example.

use super::*;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test]
async fn a_lost_message_is_sent_again_and_no_sooner_than_it_is_lost() {
    let world = World::new();
    let (_, key) = world.running("a").await;
    world.wait(MINUTE);
    assert!(world.sweep().await.repairs.is_empty(), "it may be on its way");
    world.wait(MINUTE * 3);
    let summary = world.sweep().await;
    assert_eq!(World::reasons(&summary), ["message_lost"]);
    assert_eq!(summary.repairs[0].subject, key.to_string());
    assert_eq!(world.memory.receive().unwrap().payload, key);
    assert!(world.sweep().await.repairs.is_empty(), "and only once");
}

#[tokio::test]
async fn what_waits_in_a_queue_or_in_one_that_cannot_be_measured_is_not_lost() {
    let world = World::new();
    world.running("a").await;
    world.running("b").await;
    world.wait(MINUTE * 4);
    world.memory.break_down("depths");
    let summary = world.sweep().await;
    assert!(summary.repairs.is_empty());
    assert_eq!(summary.failed.len(), 1, "{summary:?}");
    assert_eq!(summary.jobs, 2, "what needs no queue is looked at all the same");
    world.memory.recover();
    assert_eq!(world.sweep().await.repairs.len(), 2);
    world.wait(MINUTE * 4);
    assert!(world.sweep().await.repairs.is_empty(), "both wait in the queue now");
}

#[tokio::test]
async fn a_silent_attempt_loses_its_lease_and_the_last_one_fails_its_job() {
    let world = World::new();
    let (job, key) = world.running("a").await;
    for attempt in 1..=3 {
        world.begin(&key, MINUTE).await;
        world.wait(MINUTE * 2);
        assert!(world.sweep().await.repairs.is_empty(), "its message comes back first");
        world.wait(MINUTE);
        let summary = world.sweep().await;
        if attempt < 3 {
            assert_eq!(World::reasons(&summary), ["lease_expired"]);
            assert_eq!(world.memory.receive().unwrap().payload, key);
        } else {
            assert_eq!(World::reasons(&summary), ["attempts_used_up"]);
        }
    }
    let JobState::Failed { failure, .. } = world.memory.job(job.id).await.unwrap().unwrap().value.state else {
        panic!("it runs")
    };
    assert_eq!(failure.stage, Some(key.stage));
    assert_eq!(world.told(), [job.id], "the row tells the other repairs");
}

#[tokio::test]
async fn a_job_whose_first_task_was_never_sent_goes_on() {
    let world = World::new();
    let input = world.store("uploads/a.mp4", "v1", SignedDuration::ZERO);
    let job = world.create(input, None).await;
    assert_eq!(World::reasons(&world.sweep().await), ["plan_not_carried_out"]);
    assert_eq!(world.memory.receive().unwrap().payload.job, job.id);
    assert_eq!(world.told(), [job.id]);
}

#[tokio::test]
async fn a_job_past_its_deadline_fails() {
    let world = World::new();
    let (job, _) = world.running("a").await;
    world.wait(DAY * 30);
    assert!(World::reasons(&world.sweep().await).contains(&"past_deadline"));
    let job = world.memory.job(job.id).await.unwrap().unwrap().value;
    assert!(matches!(job.state, JobState::Failed { failure, .. } if failure.code == "JOB_DEADLINE"));
}

#[tokio::test]
async fn an_upload_that_nobody_announced_has_its_job_after_five_minutes() {
    let world = World::new();
    let reserved = JobId::of_object("r", "r", None, "r");
    let key = format!("uploads/ann/motion/{reserved}/b.mp4");
    let plain = world.store("uploads/a.mp4", "v1", MINUTE * 4);
    world.store(&key, "v1", MINUTE * 4);
    assert!(world.sweep().await.repairs.is_empty(), "its event may come yet");
    world.wait(MINUTE * 2);
    assert_eq!(world.sweep().await.repairs.len(), 2);
    let second = world.store(&key, "v2", MINUTE * 6);
    for _ in 0..3 {
        world.sweep().await;
        world.wait(MINUTE);
    }
    for id in [plain.job_id(), reserved, second.job_id()] {
        assert!(world.memory.job(id).await.unwrap().is_some(), "no job {id}");
    }
    assert_eq!(*world.buckets.heads.lock().unwrap(), 3, "each was looked at once");
    assert_eq!(std::iter::from_fn(|| world.memory.receive()).count(), 3);
    assert_eq!(world.told().len(), 3);
}

#[tokio::test]
async fn a_manifest_whose_batch_is_half_made_is_gone_on_with() {
    let world = World::new();
    let manifest = world.store("uploads/ann/motion/a.manifest.jsonl", "v1", MINUTE * 9);
    let video = world.store("uploads/ann/motion/a.mp4", "v1", MINUTE * 9);
    let line = format!(r#"{{"key": "{}"}}"#, video.key);
    world.memory.put_object(&manifest.key, line);
    let own = world.create(video, None).await;
    // The batch's row is written, and then whoever made it died.
    world.memory.break_down("create");
    world.sweep().await;
    world.memory.recover();
    let id = manifest.job_id().to_string().parse().unwrap();
    let batch = world.memory.batch(id).await.unwrap().unwrap().value;
    assert!(world.memory.job(batch.job_of(0)).await.unwrap().is_none());
    world.wait(MINUTE);
    world.sweep().await;
    assert!(world.memory.job(batch.job_of(0)).await.unwrap().is_some());
    assert!(world.memory.job(own.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_job_that_was_deleted_or_forgotten_does_not_come_back() {
    let world = World::new();
    let deleted = world.create(world.store("uploads/a.mp4", "v1", MINUTE * 9), None).await;
    let reserved = JobId::of_object("r", "r", None, "r");
    let key = format!("uploads/ann/motion/{reserved}/b.mp4");
    let also = world.create(world.store(&key, "v1", MINUTE * 9), Some(reserved)).await;
    world.store("uploads/older-than-rows.mp4", "v1", DAY * 81);
    for job in [&deleted, &also] {
        world.memory.delete_job(job.id).await.unwrap();
    }
    let summary = world.sweep().await;
    assert!(summary.repairs.is_empty(), "{summary:?}");
    assert_eq!(summary.uploads, 3);
}

#[tokio::test]
async fn what_a_complete_round_has_seen_is_not_looked_up_again() {
    let world = World::new();
    let job = world.create(world.store("uploads/a.mp4", "v1", DAY * 2), None).await;
    world.sweep().await;
    // Its row expires; nobody has deleted it on purpose.
    let bookmark = world.memory.bookmark("uploads").await.unwrap().unwrap();
    let forgotten = Memory::default();
    let mut sweeper = world.sweeper.clone();
    sweeper.conductor.store = forgotten.clone();
    let until = world.now() + MINUTE;
    forgotten.put_bookmark(&bookmark).await.unwrap();
    let summary = sweeper.sweep(&sweeper.policy, until).await;
    assert!(summary.repairs.is_empty());
    assert!(forgotten.job(job.id).await.unwrap().is_none());
    // Without that round it would be.
    forgotten
        .put_bookmark(&marey_cloud::store::Bookmark::new("uploads"))
        .await
        .unwrap();
    let summary = sweeper.sweep(&sweeper.policy, until).await;
    assert_eq!(World::reasons(&summary), ["upload_unannounced"]);
}

#[tokio::test]
async fn an_upload_that_cannot_be_admitted_keeps_no_other_and_is_tried_in_the_next_round() {
    let world = World::new();
    let stuck = world.store("uploads/a.mp4", "v1", MINUTE * 9);
    let other = world.store("uploads/b.mp4", "v1", MINUTE * 9);
    world.buckets.stuck.lock().unwrap().push(stuck.key.clone());
    let summary = world.sweep().await;
    assert_eq!(summary.failed.len(), 1);
    assert!(world.memory.job(other.job_id()).await.unwrap().is_some());
    world.wait(DAY * 3);
    world.buckets.stuck.lock().unwrap().clear();
    world.sweep().await;
    assert!(world.memory.job(stuck.job_id()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_bucket_that_does_not_answer_keeps_nothing_else_from_its_repair() {
    let world = World::new();
    world.running("a").await;
    world.wait(MINUTE * 4);
    *world.buckets.is_broken.lock().unwrap() = true;
    let orphan = JobId::of_object("o", "o", None, "o");
    world.put_artifact(&format!("artifacts/{orphan}/manifest.json"), DAY * 91);
    let summary = world.sweep().await;
    assert_eq!(World::reasons(&summary), ["message_lost", "artifacts_orphaned"]);
    assert!(summary.failed[0].starts_with("uploads: "), "{summary:?}");
}

#[tokio::test]
async fn artifacts_past_their_time_are_deleted_if_nobody_knows_their_job() {
    let world = World::new();
    let known = world.running("a").await.0.id;
    let orphan = JobId::of_object("o", "o", None, "o");
    let key = |job: JobId, name: &str| format!("artifacts/{job}/probe/0000/1/{name}");
    let strange = "artifacts/readme.txt".to_owned();
    for (key, days) in [
        (key(known, "old.json"), 91),
        (key(orphan, "old.json"), 91),
        (key(orphan, "older.json"), 200),
        (key(orphan, "young.json"), 89),
        (strange.clone(), 999),
    ] {
        world.put_artifact(&key, DAY * days);
    }
    let summary = world.sweep().await;
    assert!(World::reasons(&summary).contains(&"artifacts_orphaned"), "{summary:?}");
    let left: Vec<_> = world.buckets.artifacts.lock().unwrap().keys().cloned().collect();
    let mut expected = vec![key(known, "old.json"), key(orphan, "young.json"), strange];
    expected.sort();
    assert_eq!(left, expected);
    assert!(world.told().contains(&orphan));
}

#[tokio::test]
async fn a_run_without_time_leaves_its_parts_to_the_next() {
    let world = World::new();
    for n in 0..50 {
        world.store(&format!("uploads/{n:02}.mp4"), "v1", MINUTE * 9);
    }
    let summary = world.sweeper.sweep(&world.sweeper.policy, world.now() - MINUTE).await;
    assert!(summary.failed.is_empty(), "{summary:?}");
    assert!(summary.uploads < 50);
    for _ in 0..9 {
        world.sweep().await;
    }
    assert_eq!(world.memory.list("default", 100, None).await.unwrap().jobs.len(), 50);
}

#[tokio::test]
async fn two_sweeps_at_once_repair_like_one() {
    let world = World::new();
    let (_, key) = world.running("a").await;
    world.store("uploads/lost.mp4", "v1", MINUTE * 9);
    world.wait(MINUTE * 4);
    let (one, two) = futures_util::future::join(world.sweep(), world.sweep()).await;
    assert!(one.failed.is_empty() && two.failed.is_empty(), "{one:?} {two:?}");
    assert_eq!(world.shard(&key).await.state, ShardState::Queued);
    assert_eq!(world.memory.list("default", 100, None).await.unwrap().jobs.len(), 1);
    assert!(world.sweep().await.repairs.is_empty());
}

#[tokio::test]
async fn containers_of_a_job_that_ended_are_ended_a_minute_later() {
    let world = World::new();
    world.memory.offer_batch();
    let (ended, _) = world.running("a").await;
    let (running, _) = world.running("b").await;
    for job in [&ended, &running] {
        let work = marey_cloud::queues::BatchWork {
            first: ShardKey {
                job: job.id,
                stage: "pose".parse().unwrap(),
                shard: 0,
            },
            count: 9,
            round: 0,
            timeout_s: 60,
            express: false,
        };
        world.memory.submit(&work).await.unwrap();
    }
    let row = world.memory.job(ended.id).await.unwrap().unwrap();
    let cancelled = row.value.apply(marey_engine::JobEvent::Cancel, world.now()).unwrap();
    world.memory.put_job(&cancelled, row.version).await.unwrap();
    world.sweep().await;
    assert_eq!(
        world.memory.batch_jobs().await.unwrap().len(),
        2,
        "it may notice by itself"
    );
    world.wait(MINUTE);
    world.sweep().await;
    let left = world.memory.batch_jobs().await.unwrap();
    assert_eq!(left.iter().map(|left| left.name.job).collect::<Vec<_>>(), [running.id]);
}
