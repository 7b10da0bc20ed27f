//! Batches, keys and ended jobs in memory.

use std::cmp::Reverse;

use marey_engine::{BatchId, Job, Versioned};

use super::{Memory, next_version};
use crate::{
    CloudError,
    store::{ApiKey, Batch, BatchItem, BatchPage, Creation, EndedPage, FindEnded, KeepBatches, KeepKeys, place},
};

impl KeepBatches for Memory {
    async fn create_batch(&self, batch: &Batch, items: &[BatchItem]) -> Result<Creation, CloudError> {
        let mut state = self.working("create_batch")?;
        if state.batches.contains_key(&batch.id) {
            return Ok(Creation::Existed);
        }
        let row = Versioned {
            value: batch.clone(),
            version: 1,
        };
        state.batches.insert(batch.id, (row, items.to_vec()));
        Ok(Creation::Created)
    }

    async fn batch(&self, id: BatchId) -> Result<Option<Versioned<Batch>>, CloudError> {
        Ok(self.working("batch")?.batches.get(&id).map(|(row, _)| row.clone()))
    }

    async fn batch_items(&self, id: BatchId) -> Result<Vec<BatchItem>, CloudError> {
        let state = self.working("batch_items")?;
        Ok(state
            .batches
            .get(&id)
            .map(|(_, items)| items.clone())
            .unwrap_or_default())
    }

    async fn put_batch(&self, batch: &Batch, version: u64) -> Result<Versioned<Batch>, CloudError> {
        let mut state = self.working("put_batch")?;
        let missing = || CloudError::Missing {
            what: format!("batch {}", batch.id),
        };
        let (row, _) = state.batches.get_mut(&batch.id).ok_or_else(missing)?;
        let version = next_version(Some(row.version), Some(version))?;
        *row = Versioned {
            value: batch.clone(),
            version,
        };
        Ok(row.clone())
    }

    async fn batches(&self, owner: &str, limit: u32, cursor: Option<&str>) -> Result<BatchPage, CloudError> {
        let state = self.working("batches")?;
        let place_of = |batch: &Batch| place(batch.created_at, batch.id);
        let mut batches: Vec<Batch> = state.batches.values().map(|(row, _)| row.value.clone()).collect();
        batches.retain(|batch| batch.owner == owner && cursor.is_none_or(|after| place_of(batch).as_str() < after));
        batches.sort_by_key(|batch| Reverse(place_of(batch)));
        let more = batches.len() > limit as usize;
        batches.truncate(limit as usize);
        let next = batches.last().filter(|_| more).map(place_of);
        Ok(BatchPage { batches, next })
    }
}

impl KeepKeys for Memory {
    async fn key(&self, hash: &str) -> Result<Option<Versioned<ApiKey>>, CloudError> {
        Ok(self.working("key")?.keys.get(hash).cloned())
    }

    async fn put_key(&self, key: &ApiKey, version: Option<u64>) -> Result<Versioned<ApiKey>, CloudError> {
        let mut state = self.working("put_key")?;
        let version = next_version(state.keys.get(&key.hash).map(|row| row.version), version)?;
        let row = Versioned {
            value: key.clone(),
            version,
        };
        state.keys.insert(key.hash.clone(), row.clone());
        Ok(row)
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, CloudError> {
        let state = self.working("keys")?;
        let mut keys: Vec<ApiKey> = state.keys.values().map(|row| row.value.clone()).collect();
        keys.sort_by(|a, b| (a.created_at, &a.hash).cmp(&(b.created_at, &b.hash)));
        Ok(keys)
    }
}

impl FindEnded for Memory {
    async fn ended(&self, limit: u32, cursor: Option<&str>) -> Result<EndedPage, CloudError> {
        let state = self.working("ended")?;
        let behind = |id: &str| cursor.is_none_or(|after| id > after);
        let mut looked_at: Vec<_> = state
            .jobs
            .values()
            .map(|rows| (rows.job.value.id.to_string(), rows.job.value.clone()))
            .filter(|(id, _)| behind(id))
            .collect();
        looked_at.sort_by(|a, b| a.0.cmp(&b.0));
        let more = looked_at.len() > limit as usize;
        looked_at.truncate(limit as usize);
        let next = looked_at.last().filter(|_| more).map(|(id, _)| id.clone());
        let jobs = looked_at
            .into_iter()
            .map(|(_, job)| job)
            .filter(Job::has_ended)
            .collect();
        Ok(EndedPage { jobs, next })
    }
}
