//! Events of stages, which have no row that changes: where a stage stands follows from all of its shards.

use jiff::Timestamp;

use super::{About, Change, Event};
use crate::{Failure, Shard, ShardState, Snapshot, StageEnd, StageName, Workflow, ends};

/// What a job's rows say about stages after a shard of `stage` ended: the end of that stage, and of those that cannot run
/// without it.
///
/// Whoever looks after a shard's end sees at least what that end left, so the end of a stage is seen by at least one of
/// those who look. Several may see it; they all make the same event.
pub fn of_stages(workflow: &Workflow, snapshot: &Snapshot, stage: &StageName) -> Vec<Event> {
    let about = About::from(&snapshot.job.value);
    let ends = ends(workflow, snapshot);
    // A stage may end once in each round of its job, and each time is another event.
    let round = snapshot.shards_of(stage).map(|shard| shard.round).max().unwrap_or(0);
    let event = |of: &StageName, at, change| {
        let of = format!("{}/{of}@round {round}", about.job);
        Event::new(&about, &of, at, change)
    };
    match ends.get(stage) {
        Some(StageEnd::Complete) => {
            let last = snapshot.shards_of(stage).filter_map(completed_at).max();
            let told = last.map(|at| event(stage, at, completed(snapshot, stage)));
            told.into_iter().collect()
        }
        Some(StageEnd::Failed) => {
            let Some((at, failure)) = first_failure(snapshot, stage) else {
                return Vec::new();
            };
            let name = stage.clone();
            let degraded = event(stage, at, Change::StageDegraded { stage: name, failure });
            let skipped = workflow
                .stages()
                .iter()
                .map(|spec| spec.name.clone())
                .filter(|name| ends.get(name) == Some(&StageEnd::Skipped))
                .map(|stage| event(&stage.clone(), at, Change::StageSkipped { stage }));
            std::iter::once(degraded).chain(skipped).collect()
        }
        Some(StageEnd::Skipped) | None => Vec::new(),
    }
}

fn completed_at(shard: &Shard) -> Option<Timestamp> {
    match &shard.state {
        ShardState::Completed { at, .. } => Some(*at),
        _ => None,
    }
}

/// Later failures of the same stage may follow from the first.
fn first_failure(snapshot: &Snapshot, stage: &StageName) -> Option<(Timestamp, Failure)> {
    let failures = snapshot.shards_of(stage).filter_map(|shard| match &shard.state {
        ShardState::Failed { at, failure } => Some((*at, failure.clone())),
        _ => None,
    });
    failures.min_by_key(|(at, _)| *at)
}

fn completed(snapshot: &Snapshot, stage: &StageName) -> Change {
    let run_ms = |shard: &Shard| match &shard.state {
        ShardState::Completed { run_ms, .. } => *run_ms,
        _ => 0,
    };
    Change::StageCompleted {
        stage: stage.clone(),
        shards: snapshot.shards_of(stage).count() as u32,
        run_ms: snapshot.shards_of(stage).map(run_ms).sum(),
        cost_usd: snapshot.shards_of(stage).map(|shard| shard.cost_usd).sum(),
    }
}
