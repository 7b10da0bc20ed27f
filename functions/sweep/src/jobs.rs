//! The running jobs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use marey_cloud::{
    CloudError, Time,
    artifacts::StoreArtifacts,
    queues::{CountMessages, Depth, SendTasks},
    store::{KeepBookmarks, WriteControls, WriteJobs},
    sweep::{Swept, sweep},
};
use marey_engine::{StageName, Workflow, repair::Backlog};

use crate::{Findings, Sweeper};

impl<S, A, Q, B, T> Sweeper<S, A, Q, B, T>
where
    S: WriteJobs + WriteControls + KeepBookmarks,
    A: StoreArtifacts,
    Q: SendTasks + CountMessages,
    T: Time,
{
    /// Makes the repairs that running jobs need, until their time is over.
    pub(crate) async fn repair_jobs(&self, until: Timestamp, findings: &mut Findings) -> Result<(), CloudError> {
        let backlog = match self.conductor.queues.depths().await {
            Ok(depths) => backlog(&depths),
            // What needs no queue is repaired all the same.
            Err(error) => {
                findings.trouble("queues not measured", &error);
                Backlog::new()
            }
        };
        let mut swept = Swept::default();
        let end = sweep(&self.conductor, &backlog, until, &mut swept).await;
        findings.looked_at += swept.jobs;
        findings.repaired.extend(swept.repaired);
        findings.is_unfinished |= swept.is_unfinished;
        for (job, trouble) in swept.troubles {
            findings.note(format!("job {job}: {trouble}"));
        }
        end
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
