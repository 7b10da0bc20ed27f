//! A job's rows as they were at one moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Artifact, Job, MOST_SHARDS, Shard, ShardCount, ShardState, StageName, StageSpec, workflow::FromFact};

/// A row together with the number of writes it has seen, which the next write must match.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The row.
    pub value: T,
    /// Counts its writes, from 1.
    pub version: u64,
}

/// A stage's row: how many shards it is made of, as its workflow said when the job began. Where the stage stands follows
/// from its shards and is stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRow {
    /// Which stage.
    pub stage: StageName,
    /// How many shards it has.
    pub shards: ShardCount,
}

impl StageRow {
    /// The row of a stage of a new job.
    pub fn of(spec: &StageSpec) -> Self {
        Self {
            stage: spec.name.clone(),
            shards: spec.shards.clone(),
        }
    }
}

/// A fact that should be a number of shards and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stage {from} left {value} as its fact {fact}, not a number from 1 to {MOST_SHARDS}")]
pub struct NoShardCount {
    /// The stage that left it.
    pub from: StageName,
    /// The fact's name.
    pub fact: String,
    /// What it is.
    pub value: String,
}

/// All of a job's rows, or those that a decision needs.
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

    /// How many shards a stage has; `None` while the stage that finds out is not complete.
    ///
    /// # Errors
    /// That stage is complete and did not leave a number of shards.
    pub fn shard_count(&self, stage: &StageName) -> Result<Option<u32>, NoShardCount> {
        let FromFact { from, fact } = match self.stages.get(stage).map(|row| &row.shards) {
            None => return Ok(None),
            Some(ShardCount::Fixed(count)) => return Ok(Some(*count)),
            Some(ShardCount::From(from)) => from,
        };
        let Some(source) = self
            .shards_of(from)
            .find(|shard| shard.key.shard == 0 && shard.is_complete())
        else {
            return Ok(None);
        };
        let value = source.facts.get(fact);
        let count = value
            .and_then(serde_json::Value::as_u64)
            .and_then(|count| u32::try_from(count).ok());
        match count {
            Some(count) if (1..=MOST_SHARDS).contains(&count) => Ok(Some(count)),
            _ => Err(NoShardCount {
                from: from.clone(),
                fact: fact.clone(),
                value: value.map_or("nothing".to_owned(), ToString::to_string),
            }),
        }
    }

    /// Whether every shard of a stage is complete.
    pub fn is_stage_complete(&self, stage: &StageName) -> bool {
        let Ok(Some(count)) = self.shard_count(stage) else {
            return false;
        };
        self.shards_of(stage)
            .filter(|shard| shard.key.shard < count && shard.is_complete())
            .count()
            == count as usize
    }

    /// The artifacts of the completed shards, with the stage and shard that left them, in order; without those of shards that
    /// the stage has not got.
    pub fn artifacts(&self) -> impl Iterator<Item = (&StageName, u32, &Artifact)> {
        let is_one_of =
            |stage: &StageName, shard: u32| self.shard_count(stage).ok().flatten().is_none_or(|count| shard < count);
        let shards = self
            .shards
            .iter()
            .filter(move |((stage, shard), _)| is_one_of(stage, *shard));
        shards.flat_map(|((stage, shard), row)| {
            let artifacts = match &row.value.state {
                ShardState::Completed { artifacts, .. } => artifacts.as_slice(),
                _ => &[],
            };
            artifacts.iter().map(move |artifact| (stage, *shard, artifact))
        })
    }

    /// The artifacts of one name that a stage left, in the order of its shards.
    pub fn artifacts_of<'a>(&'a self, stage: &'a StageName, name: &'a str) -> impl Iterator<Item = &'a Artifact> + 'a {
        self.artifacts()
            .filter(move |(of, _, artifact)| *of == stage && artifact.name == name)
            .map(|(_, _, artifact)| artifact)
    }

    /// What the job has cost so far, in US dollars.
    pub fn cost_usd(&self) -> f64 {
        self.shards.values().map(|row| row.value.cost_usd).sum()
    }
}
