//! Events of stages, which have no row that changes: where a stage stands follows from all of its shards.

use jiff::Timestamp;

use super::{About, Change, Event};
use crate::{ShardState, Snapshot, StageName};

/// What a job's rows say about a stage after one of its shards ended.
///
/// Whoever looks after any shard's end sees at least what the last one left, so the end of a stage is seen by at least one
/// of them. Several may see it; they all make the same event.
pub fn of_stage(snapshot: &Snapshot, stage: &StageName) -> Option<Event> {
    if !snapshot.is_stage_complete(stage) {
        return None;
    }
    let row = snapshot.stages.get(stage)?;
    let ends: Vec<(Timestamp, i64)> = snapshot
        .shards_of(stage)
        .filter_map(|shard| match &shard.state {
            ShardState::Completed { at, run_ms, .. } => Some((*at, *run_ms)),
            _ => None,
        })
        .collect();
    let at = ends.iter().map(|(at, _)| *at).max()?;
    let about = About::from(&snapshot.job.value);
    let of = format!("{}/{stage}", about.job);
    let change = Change::StageCompleted {
        stage: stage.clone(),
        shards: row.shards,
        run_ms: ends.iter().map(|(_, run_ms)| run_ms).sum(),
    };
    Some(Event::new(&about, &of, at, change))
}
