//! The artifacts bucket, and the work that fills it.

use std::{path::Path, sync::Arc};

use marey_cloud::{
    CloudError, StageError,
    artifacts::{StoreArtifacts, artifact_key},
    harness::{Attempt, Left, Workplace},
};
use marey_engine::{Artifact, Input};
use serde_json::json;

use crate::{
    chance::mixed,
    fault::Planted,
    invariants,
    scenario::SECOND,
    world::{Call, Object, State, World},
};

fn missing(key: &str) -> CloudError {
    CloudError::Missing { what: key.to_owned() }
}

impl State {
    fn store(&mut self, key: &str, object: Object, now_us: u64) {
        // An attempt may go over what it stored itself: nobody knows of that yet.
        let verdict = invariants::artifacts_are_immutable(key, self.objects.get(key), &object);
        self.hold("artifacts_are_immutable", now_us, verdict);
        self.objects.insert(key.to_owned(), object);
    }
}

impl World {
    /// Stores the object that an artifact says it is.
    async fn store_artifact(&self, artifact: &Artifact) -> Result<(), CloudError> {
        self.call(
            Call::Store,
            || artifact.key.clone(),
            |state, caller| {
                let forgets = state.has(Planted::ForgetArtifact);
                if !(forgets && caller.world.clock.roll(|chance| chance.happens(0.1))) {
                    let object = Object {
                        sha256: artifact.sha256.clone(),
                        bytes: Vec::new(),
                        by: caller.task,
                    };
                    state.store(&artifact.key, object, caller.now_us);
                }
                Ok(())
            },
        )
        .await
    }
}

impl StoreArtifacts for World {
    async fn fetch(&self, key: &str, _to: &Path) -> Result<(), CloudError> {
        self.call(
            Call::Fetch,
            || key.to_owned(),
            |state, _| state.objects.get(key).map(drop).ok_or_else(|| missing(key)),
        )
        .await
    }

    async fn store_file(&self, artifact: &Artifact, _from: &Path) -> Result<(), CloudError> {
        self.store_artifact(artifact).await
    }

    async fn copy(&self, from: &Artifact, to: &str) -> Result<(), CloudError> {
        self.call(
            Call::Store,
            || format!("{} → {to}", from.key),
            |state, caller| {
                let mut object = state
                    .objects
                    .get(&from.key)
                    .cloned()
                    .ok_or_else(|| missing(&from.key))?;
                object.by = caller.task;
                state.store(to, object, caller.now_us);
                Ok(())
            },
        )
        .await
    }

    async fn store_bytes(&self, key: &str, _content_type: &str, bytes: Vec<u8>) -> Result<(), CloudError> {
        self.call(
            Call::Store,
            || key.to_owned(),
            |state, caller| {
                let (sha256, by) = (String::new(), caller.task);
                if !state.has(Planted::ForgetManifest) {
                    state.objects.insert(key.to_owned(), Object { sha256, bytes, by });
                }
                Ok(())
            },
        )
        .await
    }
}

/// How an attempt's work goes.
#[derive(Debug, Clone, Copy)]
struct Fortune {
    takes_us: u64,
    dawdles_us: u64,
    ends: Ends,
    content: u64,
}

/// What an attempt's work comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Well,
    Transient,
    Permanent,
    /// It does not end until it is stopped.
    Hangs,
    /// It leaves a fact that is none.
    Lies,
}

/// A place where stages take their time, fail and hang as the dice say.
#[derive(Debug, Clone)]
pub struct Workshop {
    world: World,
    stage: String,
}

impl Workshop {
    /// A place for a stage's work.
    pub fn new(world: &World, stage: &str) -> Self {
        Self {
            world: world.clone(),
            stage: stage.to_owned(),
        }
    }

    fn fortune(&self, attempt: &Attempt) -> Fortune {
        let state = self.world.state();
        let rates = state.rates();
        let first = state.plans.iter().find(|(_, plan)| **plan == 0).map(|(id, _)| *id);
        // The second stage of the first job's workflow is the one that is broken.
        let broken = first
            .and_then(|id| Some(state.jobs.get(&id)?.rows.job.value.workflow.clone()))
            .and_then(|name| {
                marey_engine::Workflow::shipped(&name)?
                    .stages()
                    .get(1)
                    .map(|stage| stage.name.clone())
            });
        let is_broken = state.scenario.broken_stage && !state.is_calm && broken.as_ref() == Some(&attempt.key.stage);
        let longest_us = state.scenario.longest_work_us;
        drop(state);
        self.world.clock.roll(|chance| Fortune {
            takes_us: chance.between(200_000, longest_us),
            dawdles_us: chance.between(0, 2 * SECOND),
            ends: if chance.happens(rates.hang) {
                Ends::Hangs
            } else if chance.happens(rates.permanent) {
                Ends::Permanent
            } else if is_broken || chance.happens(rates.transient) {
                Ends::Transient
            } else if chance.happens(rates.permanent / 2.0) {
                Ends::Lies
            } else {
                Ends::Well
            },
            content: chance.bits(),
        })
    }

    async fn fetch_one(&self, key: &str) -> Result<(), StageError> {
        let fetched = StoreArtifacts::fetch(&self.world, key, Path::new("")).await;
        fetched.map_err(|e| StageError::transient("STORAGE_BUSY", "m", "h").because(e))
    }
}

/// What lies ready.
#[derive(Debug)]
pub struct SimBench {
    control: Arc<marey_cloud::Control>,
    fortune: Fortune,
    facts: serde_json::Value,
}

/// What was made.
#[derive(Debug)]
pub struct SimProduct {
    content: u64,
    facts: serde_json::Value,
}

impl Workplace for Workshop {
    type Bench = SimBench;
    type Product = SimProduct;

    fn stage(&self) -> &str {
        &self.stage
    }

    async fn fetch(&self, attempt: &Attempt, control: Arc<marey_cloud::Control>) -> Result<SimBench, StageError> {
        for input in &attempt.spec.inputs {
            let Input::Artifact {
                stage,
                name,
                may_be_missing,
            } = input
            else {
                continue;
            };
            let whole = attempt.snapshot.is_stage_complete(stage);
            if !whole && !may_be_missing {
                return Err(StageError::internal(format!("the stage {stage} left no {name}")));
            }
            // Every one is looked for; of many only the first and the last take their time.
            let keys: Vec<_> = attempt
                .snapshot
                .artifacts_of(stage, name)
                .map(|it| it.key.clone())
                .collect();
            let now_us = self.world.clock.now_us();
            {
                let mut state = self.world.state();
                let gone = keys.iter().find(|key| whole && !state.objects.contains_key(*key));
                let verdict = gone.map_or(Ok(()), |key| {
                    Err(format!("{} reads {key}, which is not stored", attempt.key))
                });
                state.hold("no_stage_begins_before_its_needs", now_us, verdict);
            }
            for key in keys.first().into_iter().chain(keys.get(1..).and_then(<[_]>::last)) {
                self.fetch_one(key).await?;
            }
        }
        let fortune = self.fortune(attempt);
        let state = self.world.state();
        let plan = state.plans.get(&attempt.key.job).copied().unwrap_or(0);
        let shards = state.scenario.jobs.get(plan).map_or(1, |plan| plan.shards);
        let shards = if fortune.ends == Ends::Lies {
            json!("many")
        } else {
            json!(shards)
        };
        Ok(SimBench {
            control,
            fortune,
            facts: json!({"shards": shards, "frames": 10}),
        })
    }

    async fn perform(&self, bench: SimBench) -> Result<SimProduct, StageError> {
        let fortune = bench.fortune;
        {
            let mut state = self.world.state();
            state.tally.faults.failures += u64::from(!matches!(fortune.ends, Ends::Well | Ends::Hangs));
            state.tally.faults.hangs += u64::from(fortune.ends == Ends::Hangs);
        }
        let takes_us = if fortune.ends == Ends::Hangs {
            3_600 * SECOND
        } else {
            fortune.takes_us
        };
        let control = bench.control.clone();
        let mut work = std::pin::pin!(self.world.clock.sleep_us(takes_us));
        // The heartbeats run in the same task, so whoever is told to stop is polled right after.
        let was_stopped = std::future::poll_fn(|context| {
            if control.stop_reason().is_some() {
                return std::task::Poll::Ready(true);
            }
            work.as_mut().poll(context).map(|()| false)
        })
        .await;
        if was_stopped {
            self.world.clock.sleep_us(fortune.dawdles_us).await;
            // Some are done in spite of it.
            if !fortune.content.is_multiple_of(4) {
                return Err(StageError::stopped());
            }
        }
        bench.control.set_progress(1.0);
        bench.control.add_frames(10);
        match fortune.ends {
            Ends::Permanent => return Err(StageError::permanent("MEDIA_EMPTY", "m", "h")),
            Ends::Transient => return Err(StageError::transient("SIMULATED", "m", "h")),
            Ends::Well | Ends::Hangs | Ends::Lies => {}
        }
        Ok(SimProduct {
            content: fortune.content,
            facts: bench.facts,
        })
    }

    async fn store(&self, attempt: &Attempt, product: SimProduct) -> Result<Left, StageError> {
        let number = if self.world.state().has(Planted::KeysWithoutAttempt) {
            1
        } else {
            attempt.number
        };
        let mut artifacts = Vec::new();
        for (place, name) in attempt.spec.artifacts.iter().enumerate() {
            // No two runs of an encoder give the same bytes.
            let artifact = Artifact {
                name: name.clone(),
                key: artifact_key(&attempt.key, number, name),
                content_type: "application/octet-stream".to_owned(),
                bytes: 1,
                sha256: format!("{:016x}", mixed(product.content ^ place as u64)),
            };
            let stored = self.world.store_artifact(&artifact).await;
            stored.map_err(|e| StageError::transient("STORAGE_BUSY", "m", "h").because(e))?;
            artifacts.push(artifact);
        }
        let facts = product.facts;
        Ok(Left { artifacts, facts })
    }
}
