//! The rows' keys and attributes; no other code writes one.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use marey_engine::{Job, JobId, Scope, ShardKey, StageName, StageRow, Versioned};
use serde::{Serialize, de::DeserializeOwned};
use serde_dynamo::aws_sdk_dynamodb_1::{from_attribute_value, to_attribute_value};

use crate::{
    CloudError,
    store::{FailureRecord, place},
};

/// The partition of the control rows.
pub(super) const CONTROLS: &str = "CONTROL";

pub(super) type Item = HashMap<String, AttributeValue>;

/// The layout of rows that this code writes.
const SCHEMA_VERSION: u32 = 1;

/// Rows are kept this long after they were last written.
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Builds the keys; no other code writes one.
pub(super) struct RowKey {
    pub(super) partition: String,
    pub(super) sort: String,
}

impl RowKey {
    pub(super) fn partition(job: JobId) -> String {
        format!("JOB#{job}")
    }

    pub(super) fn job(job: JobId) -> Self {
        Self {
            partition: Self::partition(job),
            sort: "JOB".to_owned(),
        }
    }

    pub(super) fn stage(job: JobId, row: &StageRow) -> Self {
        Self {
            partition: Self::partition(job),
            sort: format!("STAGE#{}", row.stage),
        }
    }

    pub(super) fn shard(key: &ShardKey) -> Self {
        Self {
            partition: Self::partition(key.job),
            sort: format!("SHARD#{}#{:04}", key.stage, key.shard),
        }
    }

    pub(super) fn control(scope: &Scope) -> Self {
        Self {
            partition: CONTROLS.to_owned(),
            sort: scope.to_string(),
        }
    }

    pub(super) fn pulse(stage: &StageName, worker: &str) -> Self {
        Self {
            partition: Self::pulses(stage),
            sort: worker.to_owned(),
        }
    }

    pub(super) fn pulses(stage: &StageName) -> String {
        format!("PULSE#{stage}")
    }

    pub(super) fn memo(inputs: &str) -> Self {
        Self {
            partition: format!("MEMO#{inputs}"),
            sort: "MEMO".to_owned(),
        }
    }

    pub(super) fn bookmark(name: &str) -> Self {
        Self {
            partition: "BOOKMARK".to_owned(),
            sort: name.to_owned(),
        }
    }

    pub(super) fn deleted(job: JobId) -> Self {
        Self {
            partition: format!("DELETED#{job}"),
            sort: "DELETED".to_owned(),
        }
    }

    pub(super) fn failure(record: &FailureRecord) -> Self {
        Self {
            partition: Self::partition(record.job),
            // Timestamps of equal width sort as text in the order of time.
            sort: format!("FAILURE#{:.9}#{}", record.at, record.id),
        }
    }
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl Into<u64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// An item with everything that every row has.
pub(super) fn item<T: Serialize>(key: RowKey, value: &T, version: u64) -> Result<Item, CloudError> {
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

pub(super) fn job_item(job: &Job, version: u64) -> Result<Item, CloudError> {
    let mut item = item(RowKey::job(job.id), job, version)?;
    let when = place(job.created_at, job.id);
    item.insert("owner_pk".to_owned(), text(owner_partition(&job.owner)));
    item.insert("owner_sk".to_owned(), text(when.clone()));
    if !job.has_ended() {
        item.insert("watch_pk".to_owned(), text(lane(job.is_express())));
        item.insert("watch_sk".to_owned(), text(when));
    }
    Ok(item)
}

pub(super) fn owner_partition(owner: &str) -> String {
    format!("OWNER#{owner}")
}

pub(super) fn sort_key(item: &Item) -> &str {
    item.get("SK")
        .and_then(|value| value.as_s().ok())
        .map_or("", String::as_str)
}

pub(super) fn read<T: DeserializeOwned>(item: &Item) -> Result<Versioned<T>, CloudError> {
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

/// The partition of the index `by-watch` in which a lane's running jobs stand.
pub(super) fn lane(express: bool) -> &'static str {
    if express { "RUNNING-EXPRESS" } else { "RUNNING" }
}

/// Sets when a row is forgotten; `None` for never.
pub(super) fn expire(item: &mut Item, after: Option<SignedDuration>) {
    match after {
        None => drop(item.remove("expires_at")),
        Some(after) => {
            let at = (Timestamp::now() + after).as_second().unsigned_abs();
            item.insert("expires_at".to_owned(), number(at));
        }
    }
}
