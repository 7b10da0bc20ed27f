//! DynamoDB: one table, every entity with its own key.
//!
//! | row | `PK` | `SK` |
//! |---|---|---|
//! | job | `JOB#<id>` | `JOB` |
//! | stage | `JOB#<id>` | `STAGE#<stage>` |
//! | shard | `JOB#<id>` | `SHARD#<stage>#<0007>` |
//! | failure | `JOB#<id>` | `FAILURE#<time>#<id>` |
//!
//! A row's value lies in `data`, its version in `version`. Jobs carry `owner_pk`/`owner_sk` for the index `by-owner`, and
//! while they run `watch_pk`/`watch_sk` for the sparse index `by-watch`. Everything expires.

use std::collections::{BTreeMap, HashMap};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError},
    types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use jiff::{SignedDuration, Timestamp};
use marey_engine::{Job, JobId, Shard, ShardKey, Snapshot, StageRow, Versioned};
use serde::{Serialize, de::DeserializeOwned};
use serde_dynamo::aws_sdk_dynamodb_1::{from_attribute_value, to_attribute_value};

use crate::{
    CloudError, Settings,
    store::{Creation, FailureRecord, JobPage, ReadJobs, WriteJobs},
};

type Item = HashMap<String, AttributeValue>;

/// The layout of rows that this code writes.
const SCHEMA_VERSION: u32 = 1;

/// Rows are kept this long after they were last written.
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The jobs table.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
}

/// Builds the keys; no other code writes one.
struct RowKey {
    partition: String,
    sort: String,
}

impl RowKey {
    fn partition(job: JobId) -> String {
        format!("JOB#{job}")
    }

    fn job(job: JobId) -> Self {
        Self {
            partition: Self::partition(job),
            sort: "JOB".to_owned(),
        }
    }

    fn stage(job: JobId, row: &StageRow) -> Self {
        Self {
            partition: Self::partition(job),
            sort: format!("STAGE#{}", row.stage),
        }
    }

    fn shard(key: &ShardKey) -> Self {
        Self {
            partition: Self::partition(key.job),
            sort: format!("SHARD#{}#{:04}", key.stage, key.shard),
        }
    }

    fn failure(record: &FailureRecord) -> Self {
        Self {
            partition: Self::partition(record.job),
            // Timestamps of equal width sort as text in the order of time.
            sort: format!("FAILURE#{:.9}#{}", record.at, record.id),
        }
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl Into<u64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// An item with everything that every row has.
fn item<T: Serialize>(key: RowKey, value: &T, version: u64) -> Result<Item, CloudError> {
    let data: AttributeValue = to_attribute_value(value).map_err(|e| CloudError::Malformed {
        what: format!("row {}", key.sort),
        problem: e.to_string(),
    })?;
    let expires = (Timestamp::now() + RETENTION).as_second().unsigned_abs();
    Ok(HashMap::from([
        ("PK".to_owned(), text(key.partition)),
        ("SK".to_owned(), text(key.sort)),
        ("data".to_owned(), data),
        ("version".to_owned(), number(version)),
        ("schema_version".to_owned(), number(SCHEMA_VERSION)),
        ("expires_at".to_owned(), number(expires)),
    ]))
}

fn job_item(job: &Job, version: u64) -> Result<Item, CloudError> {
    let mut item = item(RowKey::job(job.id), job, version)?;
    // Timestamps of equal width sort as text in the order of time.
    let when = format!("{:.3}#{}", job.created_at, job.id);
    item.insert("owner_pk".to_owned(), text(owner_partition(&job.owner)));
    item.insert("owner_sk".to_owned(), text(when.clone()));
    if !job.has_ended() {
        item.insert("watch_pk".to_owned(), text("RUNNING"));
        item.insert("watch_sk".to_owned(), text(when));
    }
    Ok(item)
}

fn owner_partition(owner: &str) -> String {
    format!("OWNER#{owner}")
}

fn sort_key(item: &Item) -> &str {
    item.get("SK")
        .and_then(|value| value.as_s().ok())
        .map_or("", String::as_str)
}

fn read<T: DeserializeOwned>(item: &Item) -> Result<Versioned<T>, CloudError> {
    let malformed = |problem: String| CloudError::Malformed {
        what: format!("row {}", sort_key(item)),
        problem,
    };
    let number = |name: &str| -> Result<u64, CloudError> {
        let value = item
            .get(name)
            .and_then(|value| value.as_n().ok())
            .and_then(|text| text.parse().ok());
        value.ok_or_else(|| malformed(format!("{name} is missing")))
    };
    let schema = number("schema_version")?;
    if schema > u64::from(SCHEMA_VERSION) {
        return Err(malformed(format!(
            "it was written by a newer Marey (schema {schema}): deploy that version"
        )));
    }
    let data = item
        .get("data")
        .cloned()
        .ok_or_else(|| malformed("data is missing".to_owned()))?;
    let value = from_attribute_value(data).map_err(|e| malformed(e.to_string()))?;
    Ok(Versioned {
        value,
        version: number("version")?,
    })
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

    /// Every row of a job whose sort key begins with `prefix`, to the last page.
    async fn rows(&self, id: JobId, prefix: &str) -> Result<Vec<Item>, CloudError> {
        let mut call = self.client.query().table_name(&self.name).consistent_read(true);
        call = call.expression_attribute_values(":pk", text(RowKey::partition(id)));
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

/// Whether a transaction was refused because its first row, the job, was there.
fn job_existed<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return false;
    };
    cancelled
        .cancellation_reasons()
        .iter()
        .any(|reason| reason.code() == Some("ConditionalCheckFailed"))
}

impl ReadJobs for Table {
    async fn job(&self, id: JobId) -> Result<Option<Versioned<Job>>, CloudError> {
        self.get(RowKey::job(id)).await?.as_ref().map(read).transpose()
    }

    async fn snapshot(&self, id: JobId) -> Result<Option<Snapshot>, CloudError> {
        let (mut job, mut stages, mut shards) = (None, BTreeMap::new(), BTreeMap::new());
        for item in self.rows(id, "").await? {
            match sort_key(&item).split('#').next() {
                Some("JOB") => job = Some(read(&item)?),
                Some("STAGE") => {
                    let row: StageRow = read(&item)?.value;
                    stages.insert(row.stage.clone(), row);
                }
                Some("SHARD") => {
                    let row: Versioned<Shard> = read(&item)?;
                    shards.insert((row.value.key.stage.clone(), row.value.key.shard), row);
                }
                _ => {}
            }
        }
        Ok(job.map(|job| Snapshot { job, stages, shards }))
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::store::contract::new_job;

    /// A table whose every write meets a row with this content and version, and whose reads are not asked for.
    fn table_that_holds(data: &serde_json::Value, version: u64) -> Table {
        let data: AttributeValue = to_attribute_value(data).unwrap();
        let answer = serde_json::json!({
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
            "Item": {
                "PK": {"S": "p"}, "SK": {"S": "s"}, "data": wire(&data),
                "version": {"N": version.to_string()}, "schema_version": {"N": "1"},
            },
        })
        .to_string();
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in server.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                while !is_whole(&request) {
                    let mut part = [0; 4096];
                    let length = stream.read(&mut part).unwrap();
                    request.extend_from_slice(&part[..length]);
                }
                let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close";
                write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).unwrap();
            }
        });
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_dynamodb::config::Region::new("eu-west-1"))
            .credentials_provider(aws_credential_types::Credentials::new("a", "s", None, None, "test"))
            .endpoint_url(format!("http://{address}"));
        Table {
            client: Client::from_conf(config.build()),
            name: "jobs".into(),
        }
    }

    /// Whether a request has come to its end.
    fn is_whole(request: &[u8]) -> bool {
        let text = String::from_utf8_lossy(request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            return false;
        };
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        body.len() >= length.unwrap_or(0)
    }

    /// An attribute as DynamoDB's JSON has it.
    fn wire(value: &AttributeValue) -> serde_json::Value {
        use serde_json::json;
        match value {
            AttributeValue::S(text) => json!({"S": text}),
            // As the service does: a number comes back in its shortest form.
            AttributeValue::N(text) => json!({"N": text.trim_end_matches(".0")}),
            AttributeValue::Bool(truth) => json!({"BOOL": truth}),
            AttributeValue::L(list) => json!({"L": list.iter().map(wire).collect::<Vec<_>>()}),
            AttributeValue::M(map) => {
                json!({"M": map.iter().map(|(name, value)| (name.clone(), wire(value))).collect::<BTreeMap<_, _>>()})
            }
            _ => json!({"NULL": true}),
        }
    }

    #[tokio::test]
    async fn a_row_that_was_written_although_the_answer_was_lost_is_written() {
        let (job, _) = new_job("ann", 0);
        let key = ShardKey {
            job: job.id,
            stage: "pose".parse().unwrap(),
            shard: 0,
        };
        let mine = Shard::queued(key, job.created_at);
        let theirs = Shard {
            attempt: 1,
            ..mine.clone()
        };
        let meets = async |found: &Shard, version| {
            let table = table_that_holds(&serde_json::to_value(found).unwrap(), version);
            table.put_shard(&mine, Some(6)).await
        };
        assert_eq!(meets(&mine, 7).await.unwrap().version, 7);
        assert!(matches!(meets(&theirs, 7).await, Err(CloudError::Conflict)));
        assert!(matches!(meets(&mine, 8).await, Err(CloudError::Conflict)));
    }

    #[test]
    fn a_call_that_is_not_answered_ends() {
        let settings = Settings::from_lookup(|name| (!name.ends_with("BYTES")).then(|| "x".to_owned())).unwrap();
        let config = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
            .build();
        let table = Table::new(&config, &settings);
        let timeouts = table.client.config().timeout_config().unwrap();
        assert!(timeouts.operation_attempt_timeout().is_some());
    }

    #[test]
    fn failures_sort_by_time_also_within_a_second() {
        let job = JobId::of_object("b", "k", None, "e");
        let failure = |at: &str| {
            RowKey::failure(&FailureRecord {
                job,
                at: at.parse().unwrap(),
                failure: marey_engine::Failure {
                    code: "C".into(),
                    message: String::new(),
                    hint: String::new(),
                    stage: None,
                    attempt: 0,
                    class: marey_engine::FailureClass::Transient,
                },
                cause: String::new(),
                message: None,
                id: "i".into(),
            })
        };
        assert!(failure("2026-11-21T10:00:00Z").sort < failure("2026-11-21T10:00:00.5Z").sort);
    }
}
