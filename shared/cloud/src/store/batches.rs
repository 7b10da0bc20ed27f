//! Batches: videos that somebody announced together.
//!
//! A batch's row says what was announced. Where it stands follows from the rows of its jobs, and is stored nowhere.

use std::{collections::BTreeMap, future::Future};

use jiff::Timestamp;
use marey_engine::{BatchId, JobId, Versioned, Wishes};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Creation;
use crate::CloudError;

/// Most videos of one batch.
pub const MOST_ITEMS: usize = 1000;

/// What was announced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Its identity.
    pub id: BatchId,
    /// The tenant it belongs to.
    pub owner: String,
    /// What people call it.
    pub name: String,
    /// The workflow its jobs run.
    pub workflow: String,
    /// 0 to 9.
    pub priority: u8,
    /// When it was announced.
    pub created_at: Timestamp,
    /// What its jobs are asked for beside the workflow; each video's own parameters come on top.
    pub wishes: Wishes,
    /// How many videos it has.
    pub items: u32,
    /// When somebody cancelled it: no leave to upload is given from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    /// When every line of its manifest had its job. A batch that was announced over HTTP has none: its jobs come with
    /// their uploads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
}

/// One video of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchItem {
    /// File name.
    pub name: String,
    /// Its own parameters, over those of the batch.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
}

impl Batch {
    /// The job that the upload of an item begins: reserved by its place, so that asking again reserves the same one.
    pub fn job_of(&self, item: u32) -> JobId {
        JobId::reserved(Uuid::new_v5(&self.id.0, &item.to_be_bytes()))
    }
}

/// A page of batches.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchPage {
    /// Newest first.
    pub batches: Vec<Batch>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Keeping batches.
pub trait KeepBatches: Send + Sync {
    /// Stores a batch and its items. `Ok(Created)` promises that all of them are durable. An interrupted call leaves items
    /// that no batch names; calling it again completes it.
    fn create_batch(
        &self,
        batch: &Batch,
        items: &[BatchItem],
    ) -> impl Future<Output = Result<Creation, CloudError>> + Send;

    /// One batch, strongly consistent.
    fn batch(&self, id: BatchId) -> impl Future<Output = Result<Option<Versioned<Batch>>, CloudError>> + Send;

    /// A batch's items, in order.
    fn batch_items(&self, id: BatchId) -> impl Future<Output = Result<Vec<BatchItem>, CloudError>> + Send;

    /// Writes a batch if its row still has the version given.
    ///
    /// # Errors
    /// [`CloudError::Conflict`] if the row has moved on; nothing was written.
    fn put_batch(
        &self,
        batch: &Batch,
        version: u64,
    ) -> impl Future<Output = Result<Versioned<Batch>, CloudError>> + Send;

    /// An owner's batches, newest first; may miss writes of the last second.
    fn batches(
        &self,
        owner: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> impl Future<Output = Result<BatchPage, CloudError>> + Send;
}
