//! Results that were there before: a shard whose inputs have the hash of an earlier one takes what that one left.

use marey_engine::{Artifact, Input, Shard, ShardState};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Attempt, Ended, Harness, Left, Workplace};
use crate::{
    CloudError, Time,
    artifacts::{StoreArtifacts, artifact_key},
    queues::{HoldMessages, SendTasks},
    store::{JobsTable, Memo},
};

impl<W, S, A, Q, T> Harness<W, S, A, Q, T>
where
    W: Workplace,
    S: JobsTable,
    A: StoreArtifacts,
    Q: SendTasks + HoldMessages,
    T: Time,
{
    /// What an earlier shard with the same inputs left, copied to where this one's artifacts belong. `None` if the job does
    /// not ask for it or nothing is remembered; whatever goes wrong, the stage can still run.
    pub(super) async fn remembered(&self, attempt: &Attempt) -> Option<Ended> {
        if !attempt.job.wishes.reuse {
            return None;
        }
        match self.take_over(attempt).await {
            Ok(found) => found,
            Err(error) => {
                tracing::info!(error = error.chain(), "earlier results not taken over");
                None
            }
        }
    }

    async fn take_over(&self, attempt: &Attempt) -> Result<Option<Ended>, CloudError> {
        let Some(memo) = self.conductor.store.memo(&hash(attempt, &self.revision)).await? else {
            return Ok(None);
        };
        let mut artifacts = Vec::new();
        for left in memo.artifacts {
            let key = artifact_key(&attempt.key, attempt.number, &left.name);
            self.conductor.artifacts.copy(&left, &key).await?;
            artifacts.push(Artifact { key, ..left });
        }
        tracing::info!(from = %memo.shard, "earlier results taken over");
        Ok(Some(Ended {
            left: Left {
                artifacts,
                facts: memo.facts,
            },
            frames: memo.frames,
            reused: true,
        }))
    }

    /// Remembers what a shard left. That it was not remembered costs time later, no result.
    pub(super) async fn remember(&self, attempt: &Attempt, shard: &Shard) {
        let ShardState::Completed { artifacts, .. } = &shard.state else {
            return;
        };
        let memo = Memo {
            inputs: hash(attempt, &self.revision),
            shard: attempt.key.clone(),
            artifacts: artifacts.clone(),
            facts: shard.facts.clone(),
            frames: shard.frames,
        };
        if let Err(error) = self.conductor.store.put_memo(&memo).await {
            tracing::warn!(error = error.chain(), "result not remembered");
        }
    }
}

/// The hash of everything that decides what an attempt leaves: whose it is, which code runs, which piece of how many, the
/// content of its inputs and the parameters it reads. The owner is part of it, so that nobody learns from a fast answer
/// what somebody else uploaded.
fn hash(attempt: &Attempt, revision: &str) -> String {
    let job = &attempt.job;
    let content = |input: &Input| match input {
        Input::Upload => {
            let mut content = json!({"etag": job.input.etag, "bytes": job.input.bytes, "name": job.input.name});
            if let Some(member) = &job.input.member {
                content["member"] = json!(member);
            }
            content
        }
        Input::Artifact { stage, name, .. } => {
            let hashes = attempt
                .snapshot
                .artifacts_of(stage, name)
                .map(|artifact| &artifact.sha256);
            json!({"stage": stage, "name": name, "sha256": hashes.collect::<Vec<_>>()})
        }
    };
    let params = attempt
        .spec
        .params
        .iter()
        .map(|name| (name, job.wishes.params.get(name)));
    let what = json!({
        "layout": 1,
        "owner": job.owner,
        "revision": revision,
        "stage": attempt.key.stage,
        "shard": attempt.key.shard,
        "shards": attempt.shards,
        "inputs": attempt.spec.inputs.iter().map(content).collect::<Vec<_>>(),
        "params": params.collect::<std::collections::BTreeMap<_, _>>(),
        "artifacts": attempt.spec.artifacts,
    });
    hex::encode(Sha256::digest(what.to_string()))
}
