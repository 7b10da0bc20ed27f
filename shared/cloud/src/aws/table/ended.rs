//! Jobs that have ended, by a scan: nothing else needs them in an order, and an index would cost a write for every job.

use marey_engine::Job;

use super::{
    Table,
    rows::{Item, read, sort_key, text},
};
use crate::{
    CloudError,
    store::{EndedPage, FindEnded},
};

/// The keys of an entry of the index `by-owner`, which name where a scan goes on.
const KEYS: [&str; 4] = ["PK", "SK", "owner_pk", "owner_sk"];

/// Keys as one text. A unit separator is in none of them: owners and names of rows have no control characters.
fn cursor_of(last: &Item) -> Option<String> {
    let parts: Option<Vec<_>> = KEYS
        .iter()
        .map(|name| last.get(*name)?.as_s().ok().map(String::as_str))
        .collect();
    Some(hex::encode(parts?.join("\u{1f}")))
}

fn start_of(cursor: &str) -> Result<Item, CloudError> {
    let malformed = || CloudError::Malformed {
        what: "cursor".to_owned(),
        problem: "it is none of an answer".to_owned(),
    };
    let bytes = hex::decode(cursor).map_err(|_| malformed())?;
    let joined = String::from_utf8(bytes).map_err(|_| malformed())?;
    let parts: Vec<_> = joined.split('\u{1f}').collect();
    if parts.len() != KEYS.len() {
        return Err(malformed());
    }
    Ok(KEYS
        .iter()
        .map(ToString::to_string)
        .zip(parts.into_iter().map(text))
        .collect())
}

impl FindEnded for Table {
    async fn ended(&self, limit: u32, cursor: Option<&str>) -> Result<EndedPage, CloudError> {
        let start = cursor.map(start_of).transpose()?;
        let call = self.client.scan().table_name(&self.name).index_name("by-owner");
        let call = call.limit(limit.max(1) as i32).set_exclusive_start_key(start);
        let page = call.send().await.map_err(|e| CloudError::service("scan jobs", e))?;
        let next = page
            .last_evaluated_key
            .filter(|key| !key.is_empty())
            .and_then(|key| cursor_of(&key));
        let mut jobs = Vec::new();
        for item in page.items.unwrap_or_default() {
            if sort_key(&item) == "JOB" {
                jobs.push(read::<Job>(&item)?.value);
            }
        }
        jobs.retain(Job::has_ended);
        Ok(EndedPage { jobs, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_no_other_is() {
        let item: Item = KEYS
            .iter()
            .map(|name| ((*name).to_owned(), text(format!("{name} ä"))))
            .collect();
        assert_eq!(start_of(&cursor_of(&item).unwrap()).unwrap(), item);
        for wrong in ["", "zz", "00", "c3"] {
            assert!(start_of(wrong).is_err(), "{wrong}");
        }
    }
}
