//! Slow services, services that fail, cancels, and dead letters.

use super::*;

#[tokio::test]
async fn the_lease_is_kept_while_files_travel() {
    for operation in ["fetch", "store_file"] {
        let world = World::new().await;
        let message = world.message();
        world.memory.slow_down(operation, Duration::from_millis(300));
        assert_eq!(world.probe(&message, good).await, Disposal::Acknowledge);
        let beats = world.memory.hidden().len();
        assert!(beats > 2, "{operation}: {beats} heartbeats");
    }
}

#[tokio::test]
async fn a_cancel_is_noticed_while_files_travel() {
    for operation in ["fetch", "store_file"] {
        let world = World::new().await;
        let message = world.message();
        world.memory.slow_down(operation, Duration::from_hours(1));
        let (memory, id) = (world.memory.clone(), world.job.id);
        let cancel = async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let row = memory.job(id).await.unwrap().unwrap();
            let cancelled = row
                .value
                .apply(marey_engine::JobEvent::Cancel, Timestamp::now())
                .unwrap();
            memory.put_job(&cancelled, row.version).await.unwrap();
        };
        let (disposal, ()) = tokio::join!(world.probe(&message, good), cancel);
        assert_eq!(disposal, Disposal::Acknowledge, "{operation}");
        assert!(matches!(world.shard("probe").await.state, ShardState::Cancelled { .. }));
    }
}

#[tokio::test]
async fn a_stage_that_fails_because_it_was_stopped_did_not_fail() {
    let world = World::new().await;
    let message = world.message();
    let (memory, id) = (world.memory.clone(), world.job.id);
    let handle = tokio::runtime::Handle::current();
    let disposal = world.probe(&message, move |work| {
        let row = handle.block_on(memory.job(id)).unwrap().unwrap();
        let cancelled = row
            .value
            .apply(marey_engine::JobEvent::Cancel, Timestamp::now())
            .unwrap();
        handle.block_on(memory.put_job(&cancelled, row.version)).unwrap();
        while work.control.check().is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(StageError::permanent("MEDIA_TOOL_FAILED", "its child was killed", "h"))
    });
    assert_eq!(disposal.await, Disposal::Acknowledge);
    assert!(matches!(world.shard("probe").await.state, ShardState::Cancelled { .. }));
    assert!(world.memory.failures(world.job.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_message_that_cannot_be_hidden_is_worked_on_all_the_same() {
    let world = World::new().await;
    let message = world.message();
    world.memory.break_down("hide");
    assert_eq!(world.probe(&message, good).await, Disposal::Acknowledge);
}

#[test]
fn trouble_is_waited_out_for_minutes() {
    let message = |receives| Received {
        body: String::new(),
        queue: String::new(),
        receipt: String::new(),
        receives,
    };
    let mut all = 0;
    for (receives, longest) in [(1, 15), (2, 30), (3, 60), (4, 120), (5, 240), (9, 240)] {
        let Disposal::Return(Some(seconds)) = message(receives).after_trouble(&RealTime) else {
            panic!("it comes back")
        };
        assert!((longest / 2..=longest).contains(&seconds), "{receives}: {seconds}");
        all += if receives < 5 { seconds } else { 0 };
    }
    assert!(all > 100, "five deliveries outlast {all} s");
    assert!(message(0).after_trouble(&RealTime) != Disposal::Acknowledge);
}

#[tokio::test]
async fn a_job_whose_workflow_is_not_deployed_any_more_ends() {
    let world = World::new().await;
    let row = world.memory.job(world.job.id).await.unwrap().unwrap();
    let renamed = Job {
        workflow: "gone".into(),
        ..row.value
    };
    world.memory.put_job(&renamed, row.version).await.unwrap();
    let message = world.message();
    assert_eq!(world.probe(&message, good).await, Disposal::Return(Some(0)));
    let dead = crate::dead_letter::handle(&world.conductor(), &message).await.unwrap();
    assert_eq!(dead, Disposal::Acknowledge);
    assert!(matches!(world.job().await.state, JobState::Failed { .. }));
    let advance = world.conductor().advance(world.job.id).await.unwrap();
    assert_eq!(advance, Advance::Ended);
}

#[tokio::test]
async fn a_dead_letter_is_recorded_once_wherever_its_handling_breaks() {
    for step in ["put_shard", "record_failure", "put_job", "park"] {
        let world = World::new().await;
        let message = world.message();
        for _ in 0..3 {
            world
                .probe(&message, |_| Err(StageError::transient("BUSY", "m", "h")))
                .await;
        }
        world.memory.break_down(step);
        let broken = crate::dead_letter::handle(&world.conductor(), &message).await;
        assert!(broken.is_err(), "{step}");
        world.memory.recover();
        for _ in 0..2 {
            let again = crate::dead_letter::handle(&world.conductor(), &message).await;
            assert_eq!(again.unwrap(), Disposal::Acknowledge, "{step}");
        }
        assert_eq!(
            world.memory.failures(world.job.id).await.unwrap().len(),
            3 + 1,
            "{step}"
        );
        assert!(matches!(world.job().await.state, JobState::Failed { .. }), "{step}");
        assert_eq!(world.memory.parked()[0], message.body, "{step}");
    }
}

#[tokio::test]
async fn a_dead_duplicate_of_work_that_is_done_is_forgotten() {
    let world = World::new().await;
    let message = world.message();
    world.probe(&message, good).await;
    let dead = crate::dead_letter::handle(&world.conductor(), &message).await.unwrap();
    assert_eq!(dead, Disposal::Acknowledge);
    assert!(world.memory.parked().is_empty(), "nobody has to look at it");
    assert!(world.memory.failures(world.job.id).await.unwrap().is_empty());
    assert_eq!(world.job().await.state, JobState::Running);
}

#[tokio::test]
async fn a_dead_letter_waits_as_long_as_an_attempt_is_alive() {
    let world = World::new().await;
    let message = world.message();
    let inner = received(&serde_json::from_str(&message.body).unwrap());
    let (conductor, handle) = (world.conductor(), tokio::runtime::Handle::current());
    let disposal = world.probe(&message, move |work| {
        let dead = handle.block_on(crate::dead_letter::handle(&conductor, &inner));
        let Ok(Disposal::Return(Some(seconds))) = dead else {
            panic!("{dead:?}")
        };
        let hidden = conductor.queues.hidden();
        assert_eq!(
            hidden.last(),
            Some(&("r".to_owned(), seconds)),
            "until the lease may end"
        );
        good(work)
    });
    assert_eq!(disposal.await, Disposal::Acknowledge);
}

#[tokio::test]
async fn a_cause_without_end_still_fits_into_its_row() {
    let world = World::new().await;
    let message = world.message();
    world.probe(&message, |_| panic!("{}", "ä".repeat(1 << 20))).await;
    let recorded = world.memory.failures(world.job.id).await.unwrap();
    assert!(recorded[0].cause.len() <= 8192);
    assert!(recorded[0].cause.starts_with("INTERNAL"));
}

/// The attempt of a container whose machine is taken away as soon as it works.
async fn interrupted(world: &World, ends: fn(&Work) -> Result<Output, StageError>) -> Disposal {
    let message = world.message();
    let task: Task = serde_json::from_str(&message.body).unwrap();
    let begun = Arc::new(AtomicU32::new(0));
    let inside = begun.clone();
    let stage = Scripted {
        name: "probe",
        run: move |work: &Work| {
            inside.fetch_add(1, Ordering::Release);
            while work.control.check().is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
            ends(work)
        },
        runs: world.runs.clone(),
    };
    let harness = harness(stage, world.conductor());
    let taken_away = async {
        while begun.load(Ordering::Acquire) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        harness.interrupt();
    };
    let deadline = Timestamp::now() + SignedDuration::from_secs(100);
    let (disposal, ()) = tokio::join!(harness.run_task(&task, deadline), taken_away);
    // Whatever begins on a machine that is taken away ends at once.
    assert_eq!(world.shard("probe").await.attempt, 1);
    disposal.unwrap()
}

#[tokio::test]
async fn an_interrupted_attempt_gives_its_lease_back_and_does_not_count() {
    let world = World::new().await;
    let disposal = interrupted(&world, |_| {
        Err(StageError::permanent("MEDIA_TOOL_FAILED", "killed", "h"))
    })
    .await;
    assert_eq!(disposal, Disposal::Return(Some(0)));
    let shard = world.shard("probe").await;
    assert_eq!(shard.state, ShardState::Queued);
    assert_eq!((shard.attempt, shard.attempts_this_round()), (1, 0));
    assert_eq!(shard.last_failure.unwrap().code, "INTERRUPTED");
    let controls = crate::store::ReadControls::control_rows(&world.memory).await.unwrap();
    assert!(controls.is_empty(), "the breaker hears nothing of it");
}

#[tokio::test]
async fn what_was_done_when_the_machine_was_taken_away_is_stored() {
    let world = World::new().await;
    assert_eq!(interrupted(&world, good).await, Disposal::Acknowledge);
    assert!(world.shard("probe").await.is_complete());
}

#[tokio::test]
async fn a_container_that_uses_up_the_attempts_says_so_itself() {
    let world = World::new().await;
    let message = world.message();
    let task: Task = serde_json::from_str(&message.body).unwrap();
    let deadline = Timestamp::now() + SignedDuration::from_secs(100);
    for attempt in 1..=3 {
        let stage = Scripted {
            name: "probe",
            run: |_: &Work| Err(StageError::transient("BUSY", "m", "h")),
            runs: world.runs.clone(),
        };
        let disposal = harness(stage, world.conductor())
            .run_task(&task, deadline)
            .await
            .unwrap();
        assert_eq!(disposal == Disposal::Acknowledge, attempt == 3, "{disposal:?}");
    }
    assert!(matches!(world.job().await.state, JobState::Failed { failure, .. } if failure.code == "BUSY"));
}

#[tokio::test]
async fn a_dead_duplicate_is_no_verdict_while_attempts_are_left() {
    let world = World::new().await;
    let message = world.message();
    world
        .probe(&message, |_| Err(StageError::transient("BUSY", "m", "h")))
        .await;
    let dead = crate::dead_letter::handle(&world.conductor(), &message).await.unwrap();
    assert_eq!(dead, Disposal::Acknowledge);
    assert_eq!(world.job().await.state, JobState::Running);
    assert!(world.memory.parked().is_empty());
    assert_eq!(
        world.probe(&world.message(), good).await,
        Disposal::Acknowledge,
        "its task was sent again"
    );
}

#[tokio::test]
async fn a_shard_whose_messages_all_die_before_an_attempt_is_given_up() {
    let world = World::new().await;
    let mut message = world.message();
    for _ in 0..2 {
        crate::dead_letter::handle(&world.conductor(), &message).await.unwrap();
        message = world.message();
    }
    crate::dead_letter::handle(&world.conductor(), &message).await.unwrap();
    assert!(matches!(world.job().await.state, JobState::Failed { failure, .. } if failure.code == "STAGE_ABANDONED"));
    assert_eq!(world.memory.parked(), [message.body]);
}
