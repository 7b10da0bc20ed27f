//! Bookmarks, and what was deleted on purpose.

use marey_engine::JobId;

use super::{
    Table,
    rows::{RowKey, expire, item, read},
};
use crate::{
    CloudError,
    store::{Bookmark, KeepBookmarks},
};

impl KeepBookmarks for Table {
    async fn bookmark(&self, name: &str) -> Result<Option<Bookmark>, CloudError> {
        let found = self.get(RowKey::bookmark(name)).await?;
        found.map(|item| read(&item).map(|row| row.value)).transpose()
    }

    async fn put_bookmark(&self, bookmark: &Bookmark) -> Result<(), CloudError> {
        let mut item = item(RowKey::bookmark(&bookmark.name), bookmark, 1)?;
        expire(&mut item, None);
        self.replace(item, "put bookmark").await
    }

    async fn was_deleted(&self, job: JobId) -> Result<bool, CloudError> {
        Ok(self.get(RowKey::deleted(job)).await?.is_some())
    }
}

impl Table {
    /// Remembers that a job was deleted on purpose.
    pub(super) async fn mark_deleted(&self, job: JobId) -> Result<(), CloudError> {
        self.replace(item(RowKey::deleted(job), &job, 1)?, "mark job deleted")
            .await
    }
}
