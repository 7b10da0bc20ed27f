//! Every repair is told: in the log where it is made, as a metric, and as an event.

use std::collections::BTreeMap;

use marey_cloud::{
    CloudError, Time,
    publish::{PutEvents, tell_repairs},
    store::ReadJobs,
    sweep::Repaired,
    telemetry::{Record, Unit},
};
use marey_engine::{
    RepairReason,
    event::{About, of_repair},
};

use crate::Sweeper;

impl<S: ReadJobs, A, Q, B: PutEvents, T: Time> Sweeper<S, A, Q, B, T> {
    pub(crate) async fn tell(&self, repaired: &[Repaired]) -> Result<(), CloudError> {
        let mut counts: BTreeMap<String, f64> = BTreeMap::new();
        for repair in repaired {
            *counts.entry(repair.reason.to_string()).or_default() += 1.0;
        }
        for (reason, count) in counts {
            Record::of("Reason", &reason)
                .metric("Repairs", Unit::Count, count)
                .emit();
        }
        let Some(bus) = &self.bus else { return Ok(()) };
        let now = self.conductor.time.now();
        tell_repairs(&self.conductor.store, bus, repaired, now).await?;
        // The jobs of these are not known any more, so that nobody can say whose they were.
        let orphans = repaired
            .iter()
            .filter(|repair| repair.reason == RepairReason::ArtifactsOrphaned);
        let events: Vec<_> = orphans
            .filter_map(|repair| {
                let about = About {
                    job: repair.job,
                    owner: String::new(),
                    workflow: String::new(),
                    trace: String::new(),
                };
                of_repair(&about, repair.reason, None, now)
            })
            .collect();
        if events.is_empty() {
            return Ok(());
        }
        bus.put(&events).await.map_err(|unpublished| unpublished.error)
    }
}
