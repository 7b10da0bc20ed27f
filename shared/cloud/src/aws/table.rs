//! DynamoDB: one table, every entity with its own key.
//!
//! | row | `PK` | `SK` |
//! |---|---|---|
//! | job | `JOB#<id>` | `JOB` |
//! | stage | `JOB#<id>` | `STAGE#<stage>` |
//! | shard | `JOB#<id>` | `SHARD#<stage>#<0007>` |
//! | failure | `JOB#<id>` | `FAILURE#<time>#<id>` |
//! | control | `CONTROL` | `system`, `workflow/<name>`, `stage/<name>` |
//! | pulse | `PULSE#<stage>` | the worker's name |
//! | batch | `BATCH#<id>` | `BATCH` |
//! | 100 items of a batch | `BATCH#<id>` | `ITEMS#<0000>` |
//! | key | `KEYS` | `KEY#<hash>` |
//! | memo | `MEMO#<hash of inputs>` | `MEMO` |
//! | bookmark | `BOOKMARK` | its name |
//! | deleted job | `DELETED#<id>` | `DELETED` |
//!
//! A row's value lies in `data`, its version in `version`. Jobs carry `owner_pk`/`owner_sk` for the index `by-owner`, and
//! while they run `watch_pk`/`watch_sk` for the sparse index `by-watch`.
//! Everything expires, but for bookmarks, control rows and keys.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{
        put_item::PutItemError, query::builders::QueryFluentBuilder, transact_write_items::TransactWriteItemsError,
    },
    types::{Put, ReturnValuesOnConditionCheckFailure, Select, TransactWriteItem},
};
use marey_engine::{Job, JobId, Shard, ShardKey, Snapshot, StageName, StageRow, Versioned};
use serde::de::DeserializeOwned;

use crate::{
    CloudError, Settings,
    store::{Creation, FailureRecord, JobPage, ReadJobs, RunningPage, WriteJobs, place},
};

mod batches;
mod bookmarks;
mod delete;
mod ended;
mod keys;
mod operations;
mod rows;
pub mod stream;
#[cfg(test)]
mod tests;

use rows::{Item, RowKey, item, job_item, lane, number, owner_partition, read, sort_key, text};

/// The jobs table.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    /// The table that the settings name.
    pub fn new(config: &SdkConfig, settings: &Settings) -> Self {
        let builder = aws_sdk_dynamodb::config::Builder::from(config).timeout_config(super::short_calls());
        Self {
            client: Client::from_conf(builder.build()),
            name: settings.table.clone(),
        }
    }

    async fn get(&self, key: RowKey) -> Result<Option<Item>, CloudError> {
        let call = self.client.get_item().table_name(&self.name).consistent_read(true);
        let call = call.key("PK", text(key.partition)).key("SK", text(key.sort));
        let found = call.send().await.map_err(|e| CloudError::service("get row", e))?;
        Ok(found.item)
    }

    /// A strongly consistent query of a partition, which its condition calls `:pk`.
    fn query(&self, partition: String) -> QueryFluentBuilder {
        let call = self.client.query().table_name(&self.name).consistent_read(true);
        call.expression_attribute_values(":pk", text(partition))
    }

    /// Every row of a job whose sort key begins with `prefix`, to the last page.
    async fn rows(&self, id: JobId, prefix: &str) -> Result<Vec<Item>, CloudError> {
        self.partition(RowKey::partition(id), prefix).await
    }

    /// Every row of a partition whose sort key begins with `prefix`, to the last page, strongly consistent.
    async fn partition(&self, partition: String, prefix: &str) -> Result<Vec<Item>, CloudError> {
        let mut call = self.query(partition);
        call = if prefix.is_empty() {
            call.key_condition_expression("PK = :pk")
        } else {
            let condition = "PK = :pk AND begins_with(SK, :prefix)";
            call.key_condition_expression(condition)
                .expression_attribute_values(":prefix", text(prefix))
        };
        let mut rows = Vec::new();
        let mut start: Option<Item> = None;
        loop {
            let page = call.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|e| CloudError::service("query rows", e))?;
            rows.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(rows);
            }
        }
    }

    async fn shards_of(&self, id: JobId, stage: &StageName) -> Result<Vec<Item>, CloudError> {
        self.rows(id, &format!("SHARD#{stage}#")).await
    }

    /// Writes a row whatever is there.
    async fn replace(&self, item: Item, operation: &'static str) -> Result<(), CloudError> {
        let call = self.client.put_item().table_name(&self.name).set_item(Some(item));
        call.send()
            .await
            .map(drop)
            .map_err(|e| CloudError::service(operation, e))
    }

    /// Writes a row if it has the version that the write was decided on.
    ///
    /// The SDK sends a call again whose answer was lost, and the second one then meets the row that the first has written.
    /// So a condition that fails on exactly the row to be written has not failed: a lease would be lost to oneself.
    async fn put<T>(&self, item: Item, row: &Versioned<T>, operation: &'static str) -> Result<(), CloudError>
    where
        T: DeserializeOwned + PartialEq,
    {
        let call = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let call = call.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let call = match row.version - 1 {
            0 => call.condition_expression("attribute_not_exists(PK)"),
            version => call
                .condition_expression("version = :expected")
                .expression_attribute_values(":expected", number(version)),
        };
        let Err(error) = call.send().await else {
            return Ok(());
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(lost)) => match lost.item().map(read::<T>) {
                Some(Ok(found)) if found == *row => Ok(()),
                _ => Err(CloudError::Conflict),
            },
            _ => Err(CloudError::service(operation, error)),
        }
    }
}

fn add_stage(stages: &mut BTreeMap<StageName, StageRow>, item: &Item) -> Result<(), CloudError> {
    let row: StageRow = read(item)?.value;
    stages.insert(row.stage.clone(), row);
    Ok(())
}

fn add_shard(shards: &mut BTreeMap<(StageName, u32), Versioned<Shard>>, item: &Item) -> Result<(), CloudError> {
    let row: Versioned<Shard> = read(item)?;
    shards.insert((row.value.key.stage.clone(), row.value.key.shard), row);
    Ok(())
}

/// Whether a transaction was refused because its first row, the job, was there.
fn job_existed<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return false;
    };
    let first = cancelled.cancellation_reasons().first();
    first.is_some_and(|reason| reason.code() == Some("ConditionalCheckFailed"))
}

impl ReadJobs for Table {
    async fn job(&self, id: JobId) -> Result<Option<Versioned<Job>>, CloudError> {
        self.get(RowKey::job(id)).await?.as_ref().map(read).transpose()
    }

    async fn snapshot(&self, id: JobId) -> Result<Option<Snapshot>, CloudError> {
        let (mut job, mut stages, mut shards) = (None, BTreeMap::new(), BTreeMap::new());
        // From the job's row on: failures sort before it, and a job with many attempts has many of them.
        let call = self
            .query(RowKey::partition(id))
            .key_condition_expression("PK = :pk AND SK >= :first")
            .expression_attribute_values(":first", text("JOB"));
        let mut start = None::<Item>;
        loop {
            // Page by page: thousands of rows take many times the room in DynamoDB's notation.
            let page = call.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|e| CloudError::service("query rows", e))?;
            for item in page.items.unwrap_or_default() {
                match sort_key(&item).split('#').next() {
                    Some("JOB") => job = Some(read(&item)?),
                    Some("STAGE") => add_stage(&mut stages, &item)?,
                    Some("SHARD") => add_shard(&mut shards, &item)?,
                    _ => {}
                }
            }
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(job.map(|job| Snapshot { job, stages, shards }));
            }
        }
    }

    async fn snapshot_for(&self, key: &ShardKey, stages: &[StageName]) -> Result<Option<Snapshot>, CloudError> {
        // The job comes last: a retry begins with the job's row, so the shards are never newer than the job says.
        let rows = Box::pin(self.rows(key.job, "STAGE#"));
        let own = Box::pin(self.get(RowKey::shard(key)));
        let upstream = stages.iter().map(|stage| Box::pin(self.shards_of(key.job, stage)));
        let (rows, own, upstream) =
            futures_util::future::try_join3(rows, own, futures_util::future::try_join_all(upstream)).await?;
        let Some(job) = self.job(key.job).await? else {
            return Ok(None);
        };
        let (mut stages, mut shards) = (BTreeMap::new(), BTreeMap::new());
        for item in rows {
            add_stage(&mut stages, &item)?;
        }
        for item in own.into_iter().chain(upstream.into_iter().flatten()) {
            add_shard(&mut shards, &item)?;
        }
        Ok(Some(Snapshot { job, stages, shards }))
    }

    async fn running(&self, express: bool, limit: u32, cursor: Option<&str>) -> Result<RunningPage, CloudError> {
        let call = self.client.query().table_name(&self.name).index_name("by-watch");
        let call = call
            .limit(limit.max(1) as i32)
            .expression_attribute_values(":lane", text(lane(express)));
        let call = match cursor {
            None => call.key_condition_expression("watch_pk = :lane"),
            Some(after) => call
                .key_condition_expression("watch_pk = :lane AND watch_sk > :after")
                .expression_attribute_values(":after", text(after)),
        };
        let page = call
            .send()
            .await
            .map_err(|e| CloudError::service("list running jobs", e))?;
        let more = page.last_evaluated_key.as_ref().is_some_and(|key| !key.is_empty());
        let mut jobs = Vec::new();
        let mut next = None;
        for item in page.items.unwrap_or_default() {
            let place = item.get("watch_sk").and_then(|value| value.as_s().ok());
            let id = place
                .and_then(|place| place.split_once('#'))
                .and_then(|(_, id)| id.parse().ok());
            let malformed = || CloudError::Malformed {
                what: format!("index entry {place:?}"),
                problem: "it names no job".to_owned(),
            };
            jobs.push(id.ok_or_else(malformed)?);
            next = place.cloned();
        }
        let next = next.filter(|_| more);
        Ok(RunningPage { jobs, next })
    }

    async fn ahead_of(&self, job: &Job) -> Result<u64, CloudError> {
        let call = self.client.query().table_name(&self.name).index_name("by-watch");
        let call = call
            .select(Select::Count)
            .key_condition_expression("watch_pk = :lane AND watch_sk < :own")
            .expression_attribute_values(":lane", text(lane(job.is_express())))
            .expression_attribute_values(":own", text(place(job.created_at, job.id)));
        let (mut count, mut start) = (0, None::<Item>);
        loop {
            let page = call.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|e| CloudError::service("count running jobs", e))?;
            count += page.count.max(0) as u64;
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    async fn list(&self, owner: &str, limit: u32, cursor: Option<&str>) -> Result<JobPage, CloudError> {
        let mut call = self
            .client
            .query()
            .table_name(&self.name)
            .index_name("by-owner")
            .scan_index_forward(false);
        call = call
            .limit(limit.max(1) as i32)
            .expression_attribute_values(":owner", text(owner_partition(owner)));
        call = match cursor {
            None => call.key_condition_expression("owner_pk = :owner"),
            Some(after) => call
                .key_condition_expression("owner_pk = :owner AND owner_sk < :after")
                .expression_attribute_values(":after", text(after)),
        };
        let page = call.send().await.map_err(|e| CloudError::service("list jobs", e))?;
        let items = page.items.unwrap_or_default();
        let more = page.last_evaluated_key.is_some_and(|key| !key.is_empty());
        let last = items
            .last()
            .and_then(|item| item.get("owner_sk"))
            .and_then(|value| value.as_s().ok());
        let next = last.filter(|_| more).cloned();
        let jobs = items
            .iter()
            .map(|item| read(item).map(|row| row.value))
            .collect::<Result<_, _>>()?;
        Ok(JobPage { jobs, next })
    }

    async fn failures(&self, id: JobId) -> Result<Vec<FailureRecord>, CloudError> {
        let rows = self.rows(id, "FAILURE#").await?;
        rows.iter().map(|item| read(item).map(|row| row.value)).collect()
    }
}

impl WriteJobs for Table {
    async fn create(&self, job: &Job, stages: &[StageRow]) -> Result<Creation, CloudError> {
        let mut items = vec![job_item(job, 1)?];
        for row in stages {
            items.push(item(RowKey::stage(job.id, row), row, 1)?);
        }
        let mut call = self.client.transact_write_items();
        for item in items {
            let put = Put::builder().table_name(&self.name).set_item(Some(item));
            let put = put.condition_expression("attribute_not_exists(PK)").build();
            let put = put.map_err(|e| CloudError::service("create job", e))?;
            call = call.transact_items(TransactWriteItem::builder().put(put).build());
        }
        match call.send().await {
            Ok(_) => Ok(Creation::Created),
            Err(error) if job_existed(&error) => Ok(Creation::Existed),
            Err(error) => Err(CloudError::service("create job", error)),
        }
    }

    async fn shard(&self, key: &ShardKey) -> Result<Option<Versioned<Shard>>, CloudError> {
        self.get(RowKey::shard(key)).await?.as_ref().map(read).transpose()
    }

    async fn put_shard(&self, shard: &Shard, version: Option<u64>) -> Result<Versioned<Shard>, CloudError> {
        let row = Versioned {
            value: shard.clone(),
            version: version.unwrap_or(0) + 1,
        };
        let item = item(RowKey::shard(&shard.key), shard, row.version)?;
        self.put(item, &row, "put shard").await?;
        Ok(row)
    }

    async fn put_job(&self, job: &Job, version: u64) -> Result<Versioned<Job>, CloudError> {
        let row = Versioned {
            value: job.clone(),
            version: version + 1,
        };
        self.put(job_item(job, row.version)?, &row, "put job").await?;
        Ok(row)
    }

    async fn delete_job(&self, id: JobId) -> Result<(), CloudError> {
        let mut rows = self.rows(id, "").await?;
        if !rows.is_empty() {
            self.mark_deleted(id).await?;
        }
        // The job's own row last: whoever is interrupted finds the rest again.
        rows.sort_by_key(|item| sort_key(item) == "JOB");
        let own = rows.pop_if(|item| sort_key(item) == "JOB");
        self.delete_all(&rows).await?;
        match &own {
            Some(own) => self.delete(own).await,
            None => Ok(()),
        }
    }

    async fn record_failure(&self, record: &FailureRecord) -> Result<(), CloudError> {
        let row = Versioned {
            value: record.clone(),
            version: 1,
        };
        let item = item(RowKey::failure(record), record, row.version)?;
        match self.put(item, &row, "record failure").await {
            Err(CloudError::Conflict) => Ok(()),
            other => other,
        }
    }
}
