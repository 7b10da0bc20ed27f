//! Uploads that arrived without an event.
//!
//! The bucket is listed a part at a time, round after round. An upload is looked up in the table only if it was stored after the last complete
//! round began, less a day: an upload in parts carries the time at which it was begun, and the bucket drops parts after a
//! day. So a bucket at rest costs its listing and nothing else.
//!
//! An upload without a job need not be one that was never announced. Three things keep a job that is gone from coming
//! back: what was seen in a complete round is not looked up again; a job that was deleted on purpose is remembered as such; and
//! nothing is admitted that is almost as old as the table keeps rows.

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    CloudError, Time,
    artifacts::StoreArtifacts,
    queues::SendTasks,
    store::{Bookmark, KeepBatches, KeepBookmarks, ReadControls, WriteJobs},
    sweep::Repaired,
    uploads::{ListUploads, LookAtUploads, ReadTexts, StoredUpload},
};
use marey_engine::{
    JobId, RepairReason,
    upload::{Metadata, Request},
};
use marey_fn_intake::{Admitted, Announced, admit, batch_of, is_archive, is_manifest};

use crate::{Findings, Policy, Sweeper};

/// The bookmark's name.
const NAME: &str = "uploads";

/// So many pages are listed in one run.
const PAGES: u32 = 10;

/// So many uploads are looked up at once.
const AT_ONCE: usize = 16;

/// An upload may appear so long after the time that the bucket gives for it: in parts, for a day, and clocks differ.
const LATE: SignedDuration = SignedDuration::from_hours(25);

impl<S, A, Q, B, T> Sweeper<S, A, Q, B, T>
where
    S: WriteJobs + ReadControls + KeepBatches + KeepBookmarks,
    A: StoreArtifacts + LookAtUploads + ReadTexts + ListUploads,
    Q: SendTasks,
    T: Time,
{
    /// Makes the jobs of uploads that have none, from where the last run left off.
    pub(crate) async fn reconcile_uploads(
        &self,
        policy: &Policy,
        until: Timestamp,
        findings: &mut Findings,
    ) -> Result<(), CloudError> {
        let (store, time) = (&self.conductor.store, &self.conductor.time);
        let mut bookmark = store.bookmark(NAME).await?.unwrap_or_else(|| Bookmark::new(NAME));
        for _ in 0..PAGES {
            let now = time.now();
            let began_at = *bookmark.began_at.get_or_insert(now);
            let page = self
                .conductor
                .artifacts
                .uploads(&self.uploads, bookmark.after.as_ref())
                .await?;
            findings.looked_at += page.uploads.len() as u64;
            let since = since(policy, &bookmark, now);
            let young = page
                .uploads
                .into_iter()
                .filter(|upload| upload.stored_at > since && upload.stored_at <= now - policy.uploads_after);
            bookmark.is_incomplete |= !self.reconcile(young.collect(), findings).await;
            bookmark.after = page.next;
            let has_ended = bookmark.after.is_none();
            if has_ended {
                bookmark = ended(&bookmark, began_at - policy.uploads_after);
            }
            store.put_bookmark(&bookmark).await?;
            if has_ended || time.now() >= until {
                break;
            }
        }
        Ok(())
    }

    /// Whether every one of some uploads has its job, or must have none.
    async fn reconcile(&self, uploads: Vec<StoredUpload>, findings: &mut Findings) -> bool {
        let mut all_done = true;
        let checks = uploads
            .into_iter()
            .map(|upload| Box::pin(async move { (self.reconcile_one(&upload).await, upload) }));
        let checks: Vec<_> = checks.collect();
        let mut checks = stream::iter(checks).buffer_unordered(AT_ONCE);
        while let Some((done, upload)) = checks.next().await {
            match done {
                Ok(None) => {}
                Ok(Some(job)) => {
                    let reason = RepairReason::UploadUnannounced;
                    tracing::warn!(%job, key = upload.key, %reason, "repaired");
                    findings.repaired.push(Repaired {
                        job,
                        shard: None,
                        reason,
                    });
                }
                Err(error) => {
                    findings.trouble(&format!("upload {}", upload.key), &error);
                    all_done = false;
                }
            }
        }
        all_done
    }

    /// Makes the job of an upload, if it has none and had none.
    async fn reconcile_one(&self, upload: &StoredUpload) -> Result<Option<JobId>, CloudError> {
        if self.has_job(upload).await? {
            return Ok(None);
        }
        let announced = Announced {
            bucket: self.uploads.clone(),
            key: upload.key.clone(),
            version: upload.version.clone(),
        };
        match admit(&self.conductor, self.upload_max_bytes, &announced).await? {
            Admitted::Created(job) => Ok(Some(job)),
            // A batch stands under the id that the manifest's or archive's job would have.
            Admitted::Batch(_) => Ok(Some(self.own_job(upload))),
            // Its event came in the meantime, or it was deleted.
            Admitted::Existed(_) | Admitted::Gone => Ok(None),
        }
    }

    /// The id of an upload's job, if none was reserved.
    fn own_job(&self, upload: &StoredUpload) -> JobId {
        JobId::of_object(&self.uploads, &upload.key, upload.version.as_deref(), &upload.etag)
    }

    /// Whether an upload has its job, or had it. Its id follows from what the bucket lists, so nothing is asked of the bucket.
    async fn has_job(&self, upload: &StoredUpload) -> Result<bool, CloudError> {
        let store = &self.conductor.store;
        let own = self.own_job(upload);
        if (is_manifest(&upload.key) || is_archive(&upload.key))
            && let Some(batch) = batch_of(own)
            && store.batch(batch).await?.is_some_and(|row| row.value.made_at.is_some())
        {
            return Ok(true);
        }
        // The key alone says which id is reserved; metadata has no part in that.
        let reserved = Request::read(&upload.key, &Metadata::default()).reserved;
        if let Some(reserved) = reserved
            && let Some(row) = store.job(reserved).await?
            && row.value.input.etag == upload.etag
            && row.value.input.version == upload.version
        {
            return Ok(true);
        }
        // A reserved id counts for the content that came first; what came later has its own.
        if store.job(own).await?.is_some() || store.was_deleted(own).await? {
            return Ok(true);
        }
        match reserved {
            Some(reserved) => store.was_deleted(reserved).await,
            None => Ok(false),
        }
    }
}

/// Uploads that were stored before this are not looked up.
fn since(policy: &Policy, bookmark: &Bookmark, now: Timestamp) -> Timestamp {
    let forgotten = now - policy.uploads_until;
    bookmark
        .complete_since
        .map_or(forgotten, |complete| (complete - LATE).max(forgotten))
}

/// The bookmark after a round. If something could not be done, the next round looks at everything that this one did.
fn ended(bookmark: &Bookmark, complete_since: Timestamp) -> Bookmark {
    Bookmark {
        complete_since: if bookmark.is_incomplete {
            bookmark.complete_since
        } else {
            Some(complete_since)
        },
        ..Bookmark::new(NAME)
    }
}
