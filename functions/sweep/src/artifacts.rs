//! Artifacts that nobody knows any more.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    CloudError, Time,
    artifacts::{ListArtifacts, StoredArtifact, job_of},
    store::{Bookmark, KeepBookmarks, ReadJobs},
    sweep::Repaired,
    uploads::Place,
};
use marey_engine::{JobId, RepairReason};

use crate::{Findings, Policy, Sweeper};

/// The bookmark's name.
const NAME: &str = "artifacts";

/// So many pages are listed in one run.
const PAGES: u32 = 5;

/// From the end of a round to the next: what has lain for months may lie for an hour more.
const REST: SignedDuration = SignedDuration::from_hours(1);

/// So many objects are deleted at once.
const AT_ONCE: usize = 16;

impl<S, A, Q, B, T> Sweeper<S, A, Q, B, T>
where
    S: ReadJobs + KeepBookmarks,
    A: ListArtifacts,
    T: Time,
{
    /// Deletes artifacts past their time whose job is unknown. Those of known jobs are left to the bucket's own rules, and
    /// nothing younger is touched.
    pub(crate) async fn clear_artifacts(
        &self,
        policy: &Policy,
        until: Timestamp,
        findings: &mut Findings,
    ) -> Result<(), CloudError> {
        let (store, time) = (&self.conductor.store, &self.conductor.time);
        let mut bookmark = store.bookmark(NAME).await?.unwrap_or_else(|| Bookmark::new(NAME));
        if bookmark.after.is_none() && bookmark.complete_since.is_some_and(|at| at + REST > time.now()) {
            return Ok(());
        }
        for _ in 0..PAGES {
            let after = bookmark.after.as_ref().map(|place| place.key.as_str());
            let page = self.conductor.artifacts.artifacts(after).await?;
            findings.looked_at += page.artifacts.len() as u64;
            self.clear_page(policy, &page.artifacts, findings).await?;
            bookmark.after = page.next.map(|key| Place { key, version: None });
            if bookmark.after.is_none() {
                bookmark.complete_since = Some(time.now());
            }
            store.put_bookmark(&bookmark).await?;
            if bookmark.after.is_none() || time.now() >= until {
                break;
            }
        }
        Ok(())
    }

    async fn clear_page(
        &self,
        policy: &Policy,
        artifacts: &[StoredArtifact],
        findings: &mut Findings,
    ) -> Result<(), CloudError> {
        let oldest_kept = self.conductor.time.now() - policy.artifacts_kept;
        let mut past: BTreeMap<JobId, Vec<&str>> = BTreeMap::new();
        for artifact in artifacts.iter().filter(|artifact| artifact.stored_at < oldest_kept) {
            if let Some(job) = job_of(&artifact.key) {
                past.entry(job).or_default().push(&artifact.key);
            }
        }
        let known = past.keys().map(|job| Box::pin(self.is_known(*job)));
        let known: Vec<_> = known.collect();
        let known: BTreeSet<JobId> = stream::iter(known)
            .buffer_unordered(AT_ONCE)
            .try_filter_map(async |job| Ok(job))
            .try_collect()
            .await?;
        for (job, keys) in past.into_iter().filter(|(job, _)| !known.contains(job)) {
            let count = keys.len();
            let deletions: Vec<_> = keys
                .into_iter()
                .map(|key| Box::pin(self.conductor.artifacts.delete_artifact(key)))
                .collect();
            let deleted = stream::iter(deletions).buffer_unordered(AT_ONCE);
            deleted.try_collect::<()>().await?;
            let reason = RepairReason::ArtifactsOrphaned;
            tracing::warn!(%job, artifacts = count, %reason, "repaired");
            findings.repaired.push(Repaired {
                job,
                shard: None,
                reason,
            });
        }
        Ok(())
    }

    async fn is_known(&self, job: JobId) -> Result<Option<JobId>, CloudError> {
        Ok(self.conductor.store.job(job).await?.map(|_| job))
    }
}
