//! What operators do with queues, in memory.

use std::collections::BTreeMap;

use marey_engine::{StageName, Task, Workflow};

use super::Memory;
use crate::{
    CloudError,
    queues::{CountMessages, Depth, LimitStages, Parked, TakeParked},
};

impl Memory {
    /// Ends the time for which received parked messages were hidden.
    pub fn show_parked(&self) {
        self.state().received_parked = 0;
    }

    /// Lays a message into the dead-letter queue of a queue.
    pub fn rest(&self, queue: &str, body: &str) {
        self.state()
            .resting
            .entry(queue.to_owned())
            .or_default()
            .push(body.to_owned());
    }

    /// The messages that were sent back, with the dead-letter queue that each came from.
    pub fn sent_back(&self) -> Vec<(String, String)> {
        self.state().sent_back.clone()
    }

    /// The limits that were set.
    pub fn limits(&self) -> BTreeMap<StageName, Option<u32>> {
        self.state().limits.clone()
    }
}

impl TakeParked for Memory {
    async fn parked(&self, _hide_s: u32) -> Result<Vec<Parked>, CloudError> {
        let mut state = self.working("parked")?;
        let from = state.received_parked;
        let some: Vec<_> = state.parked_from.iter().enumerate().skip(from).take(10).collect();
        let some = some
            .into_iter()
            .filter_map(|(number, message)| {
                let (body, from_queue) = message.clone()?;
                Some(Parked {
                    body,
                    from_queue,
                    receipt: number.to_string(),
                })
            })
            .collect();
        state.received_parked = (from + 10).min(state.parked_from.len());
        Ok(some)
    }

    async fn forget_parked(&self, receipt: &str) -> Result<(), CloudError> {
        let mut state = self.working("forget_parked")?;
        let number: Option<usize> = receipt.parse().ok();
        if let Some(message) = number.and_then(|number| state.parked_from.get_mut(number)) {
            *message = None;
        }
        Ok(())
    }

    async fn resting(&self, queue: &str, _hide_s: u32) -> Result<Vec<Parked>, CloudError> {
        let state = self.working("resting")?;
        let missing = || CloudError::Missing {
            what: format!("a queue called {queue}"),
        };
        let bodies = state.resting.get(queue).ok_or_else(missing)?;
        let parked = |body: &String| Parked {
            body: body.clone(),
            from_queue: format!("{queue}-dead"),
            receipt: body.clone(),
        };
        Ok(bodies.iter().take(10).map(parked).collect())
    }

    async fn wake(&self, queue: &str, message: &Parked) -> Result<(), CloudError> {
        let mut state = self.working("wake")?;
        state.sent_back.push((message.body.clone(), message.from_queue.clone()));
        if let Some(bodies) = state.resting.get_mut(queue) {
            bodies.retain(|body| *body != message.receipt);
        }
        Ok(())
    }

    async fn send_back(&self, body: &str, dead_letter_queue: &str) -> Result<(), CloudError> {
        let mut state = self.working("send_back")?;
        state.sent_back.push((body.to_owned(), dead_letter_queue.to_owned()));
        Ok(())
    }
}

impl CountMessages for Memory {
    async fn depths(&self) -> Result<BTreeMap<String, Depth>, CloudError> {
        let state = self.working("depths")?;
        let workflows = Workflow::all_shipped();
        let stages = workflows.iter().flat_map(marey_engine::Workflow::stages);
        let names = stages.flat_map(|stage| [stage.name.to_string(), format!("{}-express", stage.name)]);
        let mut depths: BTreeMap<_, _> = names.map(|name| (name, Depth::default())).collect();
        let name = |task: &Task| {
            let lane = if task.is_express() { "-express" } else { "" };
            format!("{}{lane}", task.payload.stage)
        };
        for task in &state.sent {
            let depth: &mut Depth = depths.entry(name(task)).or_default();
            depth.waiting += 1;
        }
        let parked = Depth {
            waiting: state.parked_from.iter().flatten().count() as u64,
            ..Depth::default()
        };
        depths.insert("parked".to_owned(), parked);
        Ok(depths)
    }
}

impl LimitStages for Memory {
    async fn limit(&self, stage: &StageName, tasks: Option<u32>) -> Result<(), CloudError> {
        self.working("limit")?.limits.insert(stage.clone(), tasks);
        Ok(())
    }
}
