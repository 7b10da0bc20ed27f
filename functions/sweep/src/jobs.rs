//! The running jobs.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use marey_cloud::{
    CloudError, Time,
    artifacts::StoreArtifacts,
    queues::{CountMessages, Depth, SendTasks},
    store::{Bookmark, KeepBookmarks, WriteControls, WriteJobs},
    sweep::repair_job,
    uploads::Place,
};
use marey_engine::{StageName, Workflow, repair::Backlog};

use crate::{Findings, Sweeper};

/// So many jobs are read in one call, and the next run begins behind the last such page that was done.
const PAGE: u32 = 100;

/// So many jobs are looked at at once.
const AT_ONCE: usize = 8;

impl<S, A, Q, B, T> Sweeper<S, A, Q, B, T>
where
    S: WriteJobs + WriteControls + KeepBookmarks,
    A: StoreArtifacts,
    Q: SendTasks + CountMessages,
    T: Time,
{
    /// Makes the repairs that running jobs need, the express ones first.
    pub(crate) async fn repair_jobs(&self, findings: &mut Findings) -> Result<(), CloudError> {
        let backlog = match self.conductor.queues.depths().await {
            Ok(depths) => backlog(&depths),
            // What needs no queue is repaired all the same.
            Err(error) => {
                findings.trouble("queues not measured", &error);
                Backlog::new()
            }
        };
        for express in [true, false] {
            if let Err(error) = self.repair_lane(express, &backlog, findings).await {
                findings.trouble("a lane of running jobs", &error);
            }
        }
        Ok(())
    }

    /// Goes through a lane, and begins where the last run was cut off.
    async fn repair_lane(&self, express: bool, backlog: &Backlog, findings: &mut Findings) -> Result<(), CloudError> {
        let store = &self.conductor.store;
        let name = if express { "jobs-express" } else { "jobs" };
        let before = store.bookmark(name).await?.and_then(|bookmark| bookmark.after);
        let mut cursor = before.clone().map(|place| place.key);
        loop {
            let page = store.running(express, PAGE, cursor.as_deref()).await?;
            let repairs = page.jobs.iter().map(|job| {
                let repair = repair_job(&self.conductor, *job, backlog);
                Box::pin(async move { (*job, repair.await) })
            });
            let repairs: Vec<_> = repairs.collect();
            let mut repairs = stream::iter(repairs).buffer_unordered(AT_ONCE);
            while let Some((job, repaired)) = repairs.next().await {
                findings.looked_at += 1;
                match repaired {
                    Ok(some) => findings.repaired.extend(some),
                    Err(error) => findings.trouble(&format!("job {job}"), &error),
                }
            }
            cursor = page.next;
            let after = cursor.clone().map(|key| Place { key, version: None });
            // A deployment with few jobs never writes one.
            if after.is_some() || before.is_some() {
                let bookmark = Bookmark {
                    after,
                    ..Bookmark::new(name)
                };
                store.put_bookmark(&bookmark).await?;
            }
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}

/// How many messages each stage's two queues hold together; a stage of which one was not measured is left out.
fn backlog(depths: &BTreeMap<String, Depth>) -> Backlog {
    let workflows = Workflow::all_shipped();
    let stages = workflows.iter().flat_map(Workflow::stages);
    let of_stage = |name: &StageName| {
        let standard = depths.get(name.as_str())?;
        let express = depths.get(&format!("{name}-express"))?;
        Some(standard.total() + express.total())
    };
    stages
        .filter_map(|stage| Some((stage.name.clone(), of_stage(&stage.name)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_of_which_a_queue_was_not_measured_has_no_backlog() {
        let depth = |waiting, in_flight, delayed| Depth {
            waiting,
            in_flight,
            delayed,
        };
        let depths = BTreeMap::from([
            ("pose".to_owned(), depth(1, 2, 3)),
            ("pose-express".to_owned(), depth(4, 0, 0)),
            ("probe".to_owned(), depth(0, 0, 0)),
            ("parked".to_owned(), depth(9, 9, 9)),
        ]);
        assert_eq!(backlog(&depths), Backlog::from([("pose".parse().unwrap(), 10)]));
    }
}
