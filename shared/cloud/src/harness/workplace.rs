//! Where an attempt's work is done: inputs on a disk, a stage on a thread, artifacts into the bucket.

use std::{
    collections::BTreeMap,
    future::Future,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use marey_engine::{Artifact, Input, Job, LeaseToken, Shard, ShardKey, Snapshot, StageSpec, Versioned};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    outcome::{digest, panic_text, service_busy, upload_gone},
    scratch,
};
use crate::{
    Control, Output, Stage, StageError, Work,
    artifacts::{ReadUploads, StoreArtifacts, artifact_key},
};

/// What a stage's facts may weigh in JSON, in bytes: a row of the table has 400 KB in all.
const MOST_FACTS: usize = 64 << 10;

/// How deep facts may be nested; the table takes 32 levels, some of which are the row's own.
const DEEPEST_FACTS: u32 = 16;

/// DynamoDB's numbers have 38 digits and end at 9.99e125; the smallest is 1e-130.
const LARGEST_NUMBER: f64 = 1e125;
const SMALLEST_NUMBER: f64 = 1e-129;

/// Refuses facts that the table cannot keep: the write would fail on every attempt, and nobody would learn why.
fn check_facts(facts: &Value) -> Result<(), StageError> {
    let problem = match serde_json::to_vec(facts) {
        Err(error) => Some(error.to_string()),
        Ok(bytes) if bytes.len() > MOST_FACTS => {
            Some(format!("they have {} bytes, allowed are {MOST_FACTS}", bytes.len()))
        }
        Ok(_) => unstorable(facts, DEEPEST_FACTS),
    };
    match problem {
        None => Ok(()),
        Some(problem) => Err(StageError::permanent(
            "FACTS_INVALID",
            format!("What the stage found out cannot be kept: {problem}."),
            "This is a fault of Marey's own: report it with the job's id.",
        )),
    }
}

/// What the table would not take.
fn unstorable(facts: &Value, levels: u32) -> Option<String> {
    if levels == 0 {
        return Some(format!("they are nested more than {DEEPEST_FACTS} deep"));
    }
    match facts {
        Value::Null | Value::Bool(_) | Value::String(_) => None,
        Value::Number(number) => {
            let size = number.as_f64().unwrap_or(f64::INFINITY).abs();
            let fits = size == 0.0 || (SMALLEST_NUMBER..=LARGEST_NUMBER).contains(&size);
            (!fits).then(|| format!("the number {number} is out of range"))
        }
        Value::Array(items) => items.iter().find_map(|item| unstorable(item, levels - 1)),
        Value::Object(fields) => fields.values().find_map(|field| unstorable(field, levels - 1)),
    }
}

/// An attempt that holds the lease.
#[derive(Debug)]
pub struct Attempt {
    /// The job.
    pub job: Job,
    /// The job's rows, as far as the attempt needs them.
    pub snapshot: Snapshot,
    /// The stage.
    pub spec: StageSpec,
    /// The shard.
    pub key: ShardKey,
    /// How many shards the stage has.
    pub shards: u32,
    /// Which attempt at the shard it is, from 1, in all rounds.
    pub number: u32,
    /// Whose the lease is.
    pub(super) token: LeaseToken,
    /// The shard as this attempt wrote it last; heartbeats write it beside the work.
    pub(super) row: Mutex<Versioned<Shard>>,
}

impl Attempt {
    /// The shard's row as this attempt wrote it last.
    pub(super) fn row(&self) -> Versioned<Shard> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the policy allows no attempt after this one.
    pub(super) fn is_last(&self) -> bool {
        self.row().value.attempts_this_round() >= self.spec.retry.attempts
    }
}

/// What an attempt leaves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Left {
    /// The artifacts, stored.
    pub artifacts: Vec<Artifact>,
    /// What the stage found.
    pub facts: Value,
}

/// Where an attempt's work is done. The harness does everything around it: the lease, the heartbeats, the end.
pub trait Workplace: Send + Sync {
    /// What lies ready for the stage.
    type Bench: Send;
    /// What the stage leaves behind, before it is stored.
    type Product: Send;

    /// The stage whose work is done here.
    fn stage(&self) -> &str;

    /// Fetches what the stage reads. May be dropped at any await: what it leaves is named by nobody.
    fn fetch(
        &self,
        attempt: &Attempt,
        control: Arc<Control>,
    ) -> impl Future<Output = Result<Self::Bench, StageError>> + Send;

    /// Does the work. Is never dropped, and ends soon after `control` says stop.
    fn perform(&self, bench: Self::Bench) -> impl Future<Output = Result<Self::Product, StageError>> + Send;

    /// Stores what was made. May be dropped at any await.
    fn store(&self, attempt: &Attempt, product: Self::Product)
    -> impl Future<Output = Result<Left, StageError>> + Send;
}

/// A stage with a disk and a bucket.
#[derive(Debug)]
pub struct StageWorkplace<G, A> {
    stage: Arc<G>,
    artifacts: A,
}

impl<G, A> StageWorkplace<G, A> {
    /// A place for a stage.
    pub fn new(stage: G, artifacts: A) -> Self {
        let stage = Arc::new(stage);
        Self { stage, artifacts }
    }
}

/// A stage's inputs in a folder that is deleted with the value.
#[derive(Debug)]
pub struct Bench {
    work: Work,
    folder: TempDir,
}

/// A stage's output, with the folder that it lies in.
#[derive(Debug)]
pub struct Product {
    output: Output,
    _folder: TempDir,
}

impl<G: Stage, A: ReadUploads + StoreArtifacts> StageWorkplace<G, A> {
    async fn fetch_input(
        &self,
        work: &mut Work,
        input: &Input,
        attempt: &Attempt,
        to: &Path,
    ) -> Result<(), StageError> {
        let Input::Artifact {
            stage,
            name,
            may_be_missing,
        } = input
        else {
            let to = to.join("upload");
            let fetched = self.artifacts.fetch_upload(&attempt.job.input, &to).await;
            fetched.map_err(upload_gone)?;
            work.upload = Some(to);
            return Ok(());
        };
        let mut paths = Vec::new();
        for (number, artifact) in attempt.snapshot.artifacts_of(stage, name).enumerate() {
            let to = to.join(format!("{stage}-{number:04}-{name}"));
            self.artifacts.fetch(&artifact.key, &to).await.map_err(service_busy)?;
            paths.push(to);
        }
        // What only some shards of a failed stage left is no result of it.
        let is_whole = attempt.snapshot.is_stage_complete(stage);
        if !is_whole && !may_be_missing {
            return Err(StageError::internal(format!("the stage {stage} left no {name}")));
        }
        if is_whole {
            work.artifacts.insert((stage.to_string(), name.clone()), paths);
        }
        Ok(())
    }
}

impl<G: Stage, A: ReadUploads + StoreArtifacts> Workplace for StageWorkplace<G, A> {
    type Bench = Bench;
    type Product = Product;

    fn stage(&self) -> &str {
        self.stage.name()
    }

    async fn fetch(&self, attempt: &Attempt, control: Arc<Control>) -> Result<Bench, StageError> {
        let folder = scratch::make()?;
        let inputs = folder.path().join("inputs");
        let scratch = folder.path().join("scratch");
        std::fs::create_dir(&inputs)?;
        std::fs::create_dir(&scratch)?;
        let mut work = Work {
            job: attempt.job.clone(),
            shard: attempt.key.clone(),
            shards: attempt.shards,
            scratch,
            upload: None,
            artifacts: BTreeMap::new(),
            control,
        };
        for input in &attempt.spec.inputs {
            self.fetch_input(&mut work, input, attempt, &inputs).await?;
        }
        Ok(Bench { work, folder })
    }

    async fn perform(&self, bench: Bench) -> Result<Product, StageError> {
        let stage = self.stage.clone();
        let span = tracing::Span::current();
        let Bench { work, folder } = bench;
        let ended = tokio::task::spawn_blocking(move || {
            let _inside = span.enter();
            // The folder and files are gone with the work whatever happens, so a panic leaves nothing half done.
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| stage.run(&work)))
        });
        let output = match ended.await {
            Ok(Ok(result)) => result?,
            Ok(Err(panic)) => return Err(StageError::internal(panic_text(panic.as_ref()))),
            Err(error) => return Err(StageError::internal(error)),
        };
        Ok(Product {
            output,
            _folder: folder,
        })
    }

    async fn store(&self, attempt: &Attempt, product: Product) -> Result<Left, StageError> {
        let output = &product.output;
        let is_there = |name: &String| output.files.iter().any(|file| file.name == *name);
        if let Some(missing) = attempt.spec.artifacts.iter().find(|name| !is_there(name)) {
            let problem = format!("the stage promised {missing} and did not leave it");
            return Err(StageError::internal(problem));
        }
        check_facts(&output.facts)?;
        let mut artifacts = Vec::new();
        for file in &output.files {
            let (bytes, sha256) = digest(&file.path)?;
            let artifact = Artifact {
                name: file.name.clone().into_owned(),
                key: artifact_key(&attempt.key, attempt.number, &file.name),
                content_type: file.content_type.to_owned(),
                bytes,
                sha256,
            };
            let stored = self.artifacts.store_file(&artifact, &file.path).await;
            stored.map_err(service_busy)?;
            artifacts.push(artifact);
        }
        let facts = output.facts.clone();
        Ok(Left { artifacts, facts })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_that_the_table_does_not_take_are_refused_by_name() {
        let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
        for (facts, word) in [
            (json!({"text": "x".repeat(MOST_FACTS)}), "bytes"),
            (json!({"people": [{"speed": 1e300}]}), "is out of range"),
            (json!([1e-200]), "out of range"),
            (deep, "nested"),
        ] {
            let error = check_facts(&facts).unwrap_err();
            assert_eq!(error.code, "FACTS_INVALID");
            assert!(error.message.contains(word), "{}", error.message);
        }
        check_facts(&json!({"shards": 24, "fps": 29.97, "zero": 0.0, "none": null, "deep": [[[{"a": -1e99}]]]}))
            .unwrap();
    }
}
