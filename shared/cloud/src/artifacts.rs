//! The uploads and artifacts buckets as ports.

use std::{collections::BTreeMap, future::Future, path::Path};

use jiff::Timestamp;
use marey_engine::{Artifact, JobId, ShardKey, Snapshot, StageName, Upload, Workflow};
use serde::{Deserialize, Serialize};

use crate::CloudError;

/// Reading uploads.
pub trait ReadUploads: Send + Sync {
    /// Copies exactly the version and content that the job was made for to a local file.
    ///
    /// # Errors
    /// [`CloudError::Missing`] if that content is gone or was replaced.
    fn fetch_upload(&self, upload: &Upload, to: &Path) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// Reading and writing artifacts. An artifact's key names its attempt, so that no two attempts write the same object.
pub trait StoreArtifacts: Send + Sync {
    /// Copies an artifact to a local file.
    ///
    /// # Errors
    /// [`CloudError::Missing`] if it does not exist.
    fn fetch(&self, key: &str, to: &Path) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Stores a file. `Ok` promises that it is durable and that its SHA-256 was checked on the way.
    fn store_file(&self, artifact: &Artifact, from: &Path) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Copies an artifact to another key, without its bytes passing through here. `Ok` promises that the copy is durable.
    ///
    /// # Errors
    /// [`CloudError::Missing`] if it does not exist any more.
    fn copy(&self, from: &Artifact, to: &str) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Stores a few bytes, replacing what was there.
    fn store_bytes(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// Deleting what a job left.
pub trait DeleteArtifacts: Send + Sync {
    /// Deletes up to a thousand objects under `artifacts/<job>/`, and says how many; none when none is left.
    fn delete_some(&self, job: JobId) -> impl Future<Output = Result<u64, CloudError>> + Send;
}

/// An object in the artifacts bucket, as the bucket lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredArtifact {
    /// The key.
    pub key: String,
    /// When it was stored.
    pub stored_at: Timestamp,
}

/// A page of artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactPage {
    /// In the order of their keys.
    pub artifacts: Vec<StoredArtifact>,
    /// Behind which key the next page begins.
    pub next: Option<String>,
}

/// Clearing the artifacts bucket.
pub trait ListArtifacts: Send + Sync {
    /// The objects of all jobs behind a key; at most a thousand.
    fn artifacts(&self, after: Option<&str>) -> impl Future<Output = Result<ArtifactPage, CloudError>> + Send;

    /// Deletes one object; one that is gone is no error.
    fn delete_artifact(&self, key: &str) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// The job whose artifact lies under a key.
pub fn job_of(key: &str) -> Option<JobId> {
    key.strip_prefix("artifacts/")?.split('/').next()?.parse().ok()
}

/// Key of an artifact: `artifacts/<job>/<stage>/<shard>/<attempt>/<name>`.
pub fn artifact_key(shard: &ShardKey, attempt: u32, name: &str) -> String {
    format!(
        "artifacts/{}/{}/{:04}/{attempt}/{name}",
        shard.job, shard.stage, shard.shard
    )
}

/// Where everything lies that a job made.
pub fn job_prefix(job: JobId) -> String {
    format!("artifacts/{job}/")
}

/// Key of a job's manifest.
pub fn manifest_key(job: JobId) -> String {
    format!("artifacts/{job}/manifest.json")
}

/// The layout of manifests that this code writes.
pub const MANIFEST_VERSION: u32 = 1;

/// The list of what a completed job made for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout of this document.
    pub schema_version: u32,
    /// The job.
    pub job: JobId,
    /// The workflow it ran.
    pub workflow: String,
    /// What it ran on.
    pub input: Upload,
    /// The parameters it ran with.
    #[serde(default)]
    pub params: BTreeMap<String, serde_json::Value>,
    /// What it made, without what only its stages read.
    pub artifacts: Vec<ManifestEntry>,
}

/// One artifact in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// The stage that left it.
    pub stage: StageName,
    /// The shard that left it.
    pub shard: u32,
    /// The artifact.
    #[serde(flatten)]
    pub artifact: Artifact,
}

impl Manifest {
    /// The manifest of a job; the same rows give the same bytes.
    pub fn of(workflow: &Workflow, snapshot: &Snapshot) -> Self {
        let job = &snapshot.job.value;
        Self {
            schema_version: MANIFEST_VERSION,
            job: job.id,
            workflow: job.workflow.clone(),
            input: job.input.clone(),
            params: job.wishes.params.clone(),
            artifacts: results(workflow, snapshot).collect(),
        }
    }
}

/// What a job has made for people, stage by stage in the workflow's order.
pub fn results(workflow: &Workflow, snapshot: &Snapshot) -> impl Iterator<Item = ManifestEntry> {
    // What only some pieces of a failed stage left is no result of it.
    let whole = workflow
        .stages()
        .iter()
        .filter(|stage| snapshot.is_stage_complete(&stage.name));
    whole.flat_map(move |stage| {
        let of_stage = snapshot
            .artifacts()
            .filter(move |(of, _, artifact)| **of == stage.name && stage.results.contains(&artifact.name));
        of_stage.map(|(stage, shard, artifact)| ManifestEntry {
            stage: stage.clone(),
            shard,
            artifact: artifact.clone(),
        })
    })
}
