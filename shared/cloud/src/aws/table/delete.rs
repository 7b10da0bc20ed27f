//! Deleting rows, whatever they say.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Table, rows::Item};
use crate::CloudError;

/// `BatchWriteItem` takes so many rows.
const MOST_ROWS: usize = 25;

/// So many calls are made at once.
const AT_ONCE: usize = 8;

/// How often rows that a call left out are sent again.
const TRIES: u32 = 6;

/// The key of a row.
fn key_of(item: &Item) -> HashMap<String, aws_sdk_dynamodb::types::AttributeValue> {
    let own = |name: &str| Some((name.to_owned(), item.get(name)?.clone()));
    ["PK", "SK"].into_iter().filter_map(own).collect()
}

impl Table {
    /// Deletes a row.
    pub(super) async fn delete(&self, item: &Item) -> Result<(), CloudError> {
        let call = self.client.delete_item().table_name(&self.name);
        let deleted = call.set_key(Some(key_of(item))).send().await;
        deleted.map(drop).map_err(|e| CloudError::service("delete row", e))
    }

    /// Deletes many rows, in no order.
    pub(super) async fn delete_all(&self, items: &[Item]) -> Result<(), CloudError> {
        // Boxed: the futures of SDK calls are large.
        let calls: Vec<_> = items
            .chunks(MOST_ROWS)
            .map(|some| Box::pin(self.delete_some(some)))
            .collect();
        stream::iter(calls).buffer_unordered(AT_ONCE).try_collect::<()>().await
    }

    async fn delete_some(&self, items: &[Item]) -> Result<(), CloudError> {
        let request = |item: &Item| {
            let key = DeleteRequest::builder().set_key(Some(key_of(item))).build()?;
            Ok(WriteRequest::builder().delete_request(key).build())
        };
        let requests: Result<Vec<_>, _> = items.iter().map(request).collect();
        let requests =
            requests.map_err(|e: aws_sdk_dynamodb::error::BuildError| CloudError::service("delete rows", e))?;
        let mut open = HashMap::from([(self.name.clone(), requests)]);
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
            }
            let call = self.client.batch_write_item().set_request_items(Some(open));
            let answer = call.send().await.map_err(|e| CloudError::service("delete rows", e))?;
            // What is too much at once the table leaves out, and says so.
            open = answer.unprocessed_items.unwrap_or_default();
            open.retain(|_, requests| !requests.is_empty());
            if open.is_empty() {
                return Ok(());
            }
        }
        Err(CloudError::service("delete rows", "the table did not take all of them"))
    }
}
