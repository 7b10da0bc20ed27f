//! Sweeping a healthy world changes nothing.

use proptest::prelude::*;

use super::*;

/// Where a healthy job may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// Its task waits in its queue, for so many minutes.
    Waiting(i64),
    /// An attempt is alive, with a lease for so many seconds more.
    Working(i64),
    /// It was cancelled.
    Cancelled,
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        (0..110_i64).prop_map(Standing::Waiting),
        (1..60_i64).prop_map(Standing::Working),
        Just(Standing::Cancelled),
    ]
}

async fn stand(world: &World, number: usize, standing: Standing) -> JobId {
    let now = world.now();
    if let Standing::Waiting(minutes) = standing {
        world.wait(SignedDuration::from_mins(-minutes));
    }
    let input = world.store(&format!("uploads/{number}.mp4"), "v1", SignedDuration::from_hours(1));
    let job = world.create(input, None).await;
    world.sweeper.conductor.advance(job.id).await.unwrap();
    let key = ShardKey {
        job: job.id,
        stage: Workflow::shipped("motion").unwrap().stages()[0].name.clone(),
        shard: 0,
    };
    match standing {
        Standing::Waiting(_) => {}
        Standing::Working(left_s) => world.begin(&key, SignedDuration::from_secs(left_s)).await,
        Standing::Cancelled => {
            let row = world.memory.job(job.id).await.unwrap().unwrap();
            let cancelled = row.value.apply(marey_engine::JobEvent::Cancel, now).unwrap();
            world.memory.put_job(&cancelled, row.version).await.unwrap();
        }
    }
    world.wait(now.duration_since(world.now()));
    job.id
}

/// Everything that a sweep could change.
async fn state(world: &World, jobs: &[JobId]) -> String {
    let mut rows = Vec::new();
    for job in jobs {
        rows.push(world.memory.snapshot(*job).await.unwrap());
    }
    let listed = world.memory.list("default", 100, None).await.unwrap().jobs.len();
    let artifacts = world.buckets.artifacts.lock().unwrap().clone();
    let sent = world.memory.depths().await.unwrap();
    format!("{rows:?} {listed} {artifacts:?} {sent:?} {:?}", world.told())
}

async fn check(standings: Vec<Standing>, artifact_days: Vec<i64>, young_s: i64, sweeps: usize) {
    let world = World::new();
    let mut jobs = Vec::new();
    for (number, standing) in standings.into_iter().enumerate() {
        jobs.push(stand(&world, number, standing).await);
    }
    world.store("uploads/just-now.mp4", "v1", SignedDuration::from_secs(young_s));
    for days in artifact_days {
        let job = JobId::of_object("o", &days.to_string(), None, "o");
        world.put_artifact(
            &format!("artifacts/{job}/manifest.json"),
            SignedDuration::from_hours(24 * days),
        );
    }
    let before = state(&world, &jobs).await;
    for _ in 0..sweeps {
        let summary = world.sweep().await;
        let is_quiet = summary.repairs.is_empty() && summary.failed.is_empty() && summary.unfinished.is_empty();
        assert!(is_quiet, "{summary:?}");
        assert_eq!(state(&world, &jobs).await, before);
    }
    let heads = *world.buckets.heads.lock().unwrap();
    assert_eq!(heads, 0, "the bucket is asked for nothing but its list");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn sweeping_a_healthy_world_changes_nothing(
        standings in prop::collection::vec(standing(), 0..6),
        artifact_days in prop::collection::vec(0..89_i64, 0..5),
        young_s in 0..299_i64,
        sweeps in 1..4_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(standings, artifact_days, young_s, sweeps));
    }
}
