//! What the whole deployment does.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use jiff::Timestamp;
use marey_cloud::{
    queues::CountMessages,
    store::{KeepPulses, ReadControls, ReadJobs},
};
use marey_contract::{ErrorAnswer, RunningJobs, System};
use marey_engine::{JobId, ShardState, Snapshot, StageName, Workflow};

use super::{Answer, Shared, together};
use crate::{Api, Ports, access::Admin, answer::Refusal, view};

/// So many running jobs of a lane are read in one call.
const PAGE: u32 = 1000;

/// So many running jobs of a lane are counted at most.
const MOST_COUNTED: u64 = 20_000;

/// Of so many of the oldest jobs of each lane the waiting shards are looked at.
const OLDEST: usize = 40;

/// Every stage of every workflow, each once, in their order.
pub(crate) fn stages() -> Vec<StageName> {
    let mut names: Vec<StageName> = Vec::new();
    for stage in Workflow::all_shipped().iter().flat_map(Workflow::stages) {
        if !names.contains(&stage.name) {
            names.push(stage.name.clone());
        }
    }
    names
}

/// Shows what the whole deployment does: queues, workers, pauses, errors; for administrators
#[utoipa::path(get, path = "/system", responses((status = 200, body = System),
    (status = 403, body = ErrorAnswer)))]
pub(crate) async fn show_system<P: Ports>(State(api): Shared<P>, Admin(_): Admin) -> Answer<System> {
    let (store, now) = (&api.conductor.store, api.now());
    let stages = stages();
    let controls = store.controls().await?;
    let depths = api.conductor.queues.depths().await?;
    let pulses = together(stages.iter().map(|stage| store.pulses(stage))).await;
    let (standard, more, mut oldest) = lane(&api, false).await?;
    let (express, more_express, oldest_express) = lane(&api, true).await?;
    oldest.extend(oldest_express);
    let waiting = oldest_waiting(&api, &oldest).await?;
    let running = RunningJobs {
        standard,
        express,
        more: more || more_express,
    };
    let mut loads = Vec::new();
    for (stage, pulses) in stages.iter().zip(pulses) {
        let waits_since = waiting.get(stage).copied();
        loads.push(view::system::stage_load(
            stage,
            &pulses?,
            &controls,
            &depths,
            waits_since,
            now,
        ));
    }
    Ok(Json(view::system::system(loads, &controls, &depths, running, now)))
}

/// How many jobs of a lane run, whether there are more, and the oldest of them.
async fn lane<P: Ports>(api: &Api<P>, express: bool) -> Result<(u64, bool, Vec<JobId>), Refusal> {
    let (mut count, mut oldest, mut cursor) = (0, Vec::new(), None::<String>);
    loop {
        let page = api.conductor.store.running(express, PAGE, cursor.as_deref()).await?;
        count += page.jobs.len() as u64;
        oldest.extend(page.jobs.into_iter().take(OLDEST - oldest.len().min(OLDEST)));
        cursor = page.next;
        if cursor.is_none() || count >= MOST_COUNTED {
            return Ok((count, cursor.is_some(), oldest));
        }
    }
}

/// Since when each stage's shard waits that waits longest, among some jobs.
async fn oldest_waiting<P: Ports>(api: &Api<P>, jobs: &[JobId]) -> Result<BTreeMap<StageName, Timestamp>, Refusal> {
    let found = together(jobs.iter().map(|id| api.conductor.store.snapshot(*id))).await;
    let mut oldest: BTreeMap<StageName, Timestamp> = BTreeMap::new();
    for snapshot in found {
        let Some(snapshot): Option<Snapshot> = snapshot? else {
            continue;
        };
        for row in snapshot.shards.values() {
            if row.value.state == ShardState::Queued {
                let since = oldest
                    .entry(row.value.key.stage.clone())
                    .or_insert(row.value.waiting_since);
                *since = (*since).min(row.value.waiting_since);
            }
        }
    }
    Ok(oldest)
}
