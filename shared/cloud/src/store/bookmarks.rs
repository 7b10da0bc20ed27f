//! How far the sweeper has come, and what must not come back.

use std::future::Future;

use jiff::Timestamp;
use marey_engine::JobId;
use serde::{Deserialize, Serialize};

use crate::{CloudError, uploads::Place};

/// How far somebody has come who goes through a long list a part at a time, round after round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bookmark {
    /// What it is about.
    pub name: String,
    /// Where to go on; at the beginning, if nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Place>,
    /// When the present round began; there is none yet, or the last has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// Whether something of the present round could not be done.
    #[serde(default)]
    pub is_incomplete: bool,
    /// When the last round began in which everything could be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_since: Option<Timestamp>,
}

impl Bookmark {
    /// Nothing was done yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            after: None,
            began_at: None,
            is_incomplete: false,
            complete_since: None,
        }
    }
}

/// Remembering how far somebody has come. What is remembered saves work and decides nothing: of two writers, the last
/// counts, and some of the list is looked at again.
pub trait KeepBookmarks: Send + Sync {
    /// A bookmark by its name.
    fn bookmark(&self, name: &str) -> impl Future<Output = Result<Option<Bookmark>, CloudError>> + Send;

    /// Writes a bookmark over what was there.
    fn put_bookmark(&self, bookmark: &Bookmark) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Whether a job was deleted on purpose: its upload must not make it again. It is known for as long as rows are kept.
    fn was_deleted(&self, job: JobId) -> impl Future<Output = Result<bool, CloudError>> + Send;
}
