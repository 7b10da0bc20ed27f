//! Batches.

use marey_engine::{BatchId, Versioned};

use super::{
    Table,
    rows::{Item, RowKey, item, read, text},
};
use crate::{
    CloudError,
    store::{Batch, BatchItem, BatchPage, Creation, KeepBatches, place},
};

/// So many items lie in one row: with names and parameters at their longest it stays below a row's 400 KB.
const ITEMS_PER_ROW: usize = 100;

/// The row of a batch.
const HEAD: &str = "BATCH";

/// Before the number of a row of items.
const ITEMS: &str = "ITEMS#";

fn partition(id: BatchId) -> String {
    format!("BATCH#{id}")
}

fn head_key(id: BatchId) -> RowKey {
    RowKey {
        partition: partition(id),
        sort: HEAD.to_owned(),
    }
}

fn owner_partition(owner: &str) -> String {
    format!("BATCHES#{owner}")
}

fn head(batch: &Batch, version: u64) -> Result<Item, CloudError> {
    let mut item = item(head_key(batch.id), batch, version)?;
    item.insert("owner_pk".to_owned(), text(owner_partition(&batch.owner)));
    item.insert("owner_sk".to_owned(), text(place(batch.created_at, batch.id)));
    Ok(item)
}

impl KeepBatches for Table {
    async fn create_batch(&self, batch: &Batch, items: &[BatchItem]) -> Result<Creation, CloudError> {
        // A batch that is there keeps its items; they are written before their batch, so that it names none that is missing.
        if self.batch(batch.id).await?.is_some() {
            return Ok(Creation::Existed);
        }
        for (number, some) in items.chunks(ITEMS_PER_ROW).enumerate() {
            let key = RowKey {
                partition: partition(batch.id),
                sort: format!("{ITEMS}{number:04}"),
            };
            self.replace(item(key, &some, 1)?, "put items").await?;
        }
        let row = Versioned {
            value: batch.clone(),
            version: 1,
        };
        match self.put(head(batch, 1)?, &row, "put batch").await {
            Ok(()) => Ok(Creation::Created),
            Err(CloudError::Conflict) => Ok(Creation::Existed),
            Err(error) => Err(error),
        }
    }

    async fn batch(&self, id: BatchId) -> Result<Option<Versioned<Batch>>, CloudError> {
        self.get(head_key(id)).await?.as_ref().map(read).transpose()
    }

    async fn batch_items(&self, id: BatchId) -> Result<Vec<BatchItem>, CloudError> {
        let mut items = Vec::new();
        for row in self.partition(partition(id), ITEMS).await? {
            items.extend(read::<Vec<BatchItem>>(&row)?.value);
        }
        Ok(items)
    }

    async fn put_batch(&self, batch: &Batch, version: u64) -> Result<Versioned<Batch>, CloudError> {
        let row = Versioned {
            value: batch.clone(),
            version: version + 1,
        };
        self.put(head(batch, row.version)?, &row, "put batch").await?;
        Ok(row)
    }

    async fn batches(&self, owner: &str, limit: u32, cursor: Option<&str>) -> Result<BatchPage, CloudError> {
        let call = self.client.query().table_name(&self.name).index_name("by-owner");
        let call = call
            .scan_index_forward(false)
            .limit(limit.max(1) as i32)
            .expression_attribute_values(":owner", text(owner_partition(owner)));
        let call = match cursor {
            None => call.key_condition_expression("owner_pk = :owner"),
            Some(after) => call
                .key_condition_expression("owner_pk = :owner AND owner_sk < :after")
                .expression_attribute_values(":after", text(after)),
        };
        let page = call.send().await.map_err(|e| CloudError::service("list batches", e))?;
        let more = page.last_evaluated_key.as_ref().is_some_and(|key| !key.is_empty());
        let batches: Vec<Batch> = page
            .items
            .unwrap_or_default()
            .iter()
            .map(|item| read(item).map(|row| row.value))
            .collect::<Result<_, _>>()?;
        let next = batches
            .last()
            .filter(|_| more)
            .map(|last| place(last.created_at, last.id));
        Ok(BatchPage { batches, next })
    }
}
