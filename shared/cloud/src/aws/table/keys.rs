//! Keys of the API. They lie in one partition, so that they can be listed.

use marey_engine::Versioned;

use super::{
    Table,
    rows::{RowKey, expire, item, read},
};
use crate::{
    CloudError,
    store::{ApiKey, KeepKeys},
};

const KEYS: &str = "KEYS";

fn row_key(hash: &str) -> RowKey {
    RowKey {
        partition: KEYS.to_owned(),
        sort: format!("KEY#{hash}"),
    }
}

impl KeepKeys for Table {
    async fn key(&self, hash: &str) -> Result<Option<Versioned<ApiKey>>, CloudError> {
        self.get(row_key(hash)).await?.as_ref().map(read).transpose()
    }

    async fn put_key(&self, key: &ApiKey, version: Option<u64>) -> Result<Versioned<ApiKey>, CloudError> {
        let row = Versioned {
            value: key.clone(),
            version: version.unwrap_or(0) + 1,
        };
        let mut item = item(row_key(&key.hash), key, row.version)?;
        // A key works until it is revoked, and a revoked one must not be forgotten and made again.
        expire(&mut item, None);
        self.put(item, &row, "put key").await?;
        Ok(row)
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, CloudError> {
        let rows = self.partition(KEYS.to_owned(), "KEY#").await?;
        let mut keys: Vec<ApiKey> = rows
            .iter()
            .map(|item| read(item).map(|row| row.value))
            .collect::<Result<_, _>>()?;
        keys.sort_by(|a, b| (a.created_at, &a.hash).cmp(&(b.created_at, &b.hash)));
        Ok(keys)
    }
}
