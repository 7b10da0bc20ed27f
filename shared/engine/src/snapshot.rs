//! A job's rows as they were at one moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Artifact, Job, Shard, ShardState, StageName};

/// A row together with the number of writes it has seen, which the next write must match.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The row.
    pub value: T,
    /// Counts its writes, from 1.
    pub version: u64,
}

/// A stage's row: how many shards it is made of. Where the stage stands follows from its shards and is stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRow {
    /// Which stage.
    pub stage: StageName,
    /// How many shards it has.
    pub shards: u32,
}

/// All of a job's rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The job.
    pub job: Versioned<Job>,
    /// Its stages by name.
    pub stages: BTreeMap<StageName, StageRow>,
    /// The shards that have been dispatched, by stage and number.
    pub shards: BTreeMap<(StageName, u32), Versioned<Shard>>,
}

impl Snapshot {
    /// The shards of a stage that have been dispatched, in order.
    pub fn shards_of<'a>(&'a self, stage: &StageName) -> impl Iterator<Item = &'a Shard> + use<'a> {
        let stage = stage.clone();
        self.shards
            .range((stage.clone(), 0)..=(stage, u32::MAX))
            .map(|(_, row)| &row.value)
    }

    /// Whether every shard of a stage is complete.
    pub fn is_stage_complete(&self, stage: &StageName) -> bool {
        self.stages
            .get(stage)
            .is_some_and(|row| self.shards_of(stage).filter(|shard| shard.is_complete()).count() == row.shards as usize)
    }

    /// The artifacts of the completed shards, with the stage and shard that left them, in order.
    pub fn artifacts(&self) -> impl Iterator<Item = (&StageName, u32, &Artifact)> {
        self.shards.iter().flat_map(|((stage, shard), row)| {
            let artifacts = match &row.value.state {
                ShardState::Completed { artifacts, .. } => artifacts.as_slice(),
                _ => &[],
            };
            artifacts.iter().map(move |artifact| (stage, *shard, artifact))
        })
    }
}
