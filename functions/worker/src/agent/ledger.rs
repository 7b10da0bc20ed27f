//! What was submitted, what runs, and what follows from how it ends.

use std::collections::{HashSet, VecDeque};

use marey_cloud::aws::batch::{BatchName, Listed};
use marey_engine::ShardKey;

use crate::Outcome;

/// `attempts` of the retry strategy in the template's job definition.
const ATTEMPTS: u32 = 10;

/// Exit codes after which `evaluateOnExit` of the job definition says EXIT: failed for good, and a wrong command line. After every other end
/// it says RETRY.
const FINAL: [i32; 2] = [Outcome::Failed.code() as i32, 2];

/// One shard of a submitted job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// The submitted job's id.
    pub(crate) parent: String,
    /// What it is to do.
    pub(crate) name: BatchName,
    /// Which child of an array this is.
    pub(crate) index: Option<u32>,
    /// The shard.
    pub(crate) key: ShardKey,
    /// Which queue it came from.
    pub(crate) express: bool,
    /// Which attempt it is, from 1.
    pub(crate) attempt: u32,
}

impl Order {
    /// The job's id, as AWS Batch tells it to the container.
    pub(crate) fn id(&self) -> String {
        match self.index {
            Some(index) => format!("{}:{index}", self.parent),
            None => self.parent.clone(),
        }
    }

    fn work(&self) -> (ShardKey, u32) {
        (self.key.clone(), self.name.round)
    }
}

/// What follows from a worker's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    Again,
    Failed,
}

/// What was submitted and has not ended.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    seen: HashSet<String>,
    /// What waits or runs: a second job for the same shard and round has nothing to do while the first one has.
    in_hand: HashSet<(ShardKey, u32)>,
    express: VecDeque<Order>,
    standard: VecDeque<Order>,
}

impl Ledger {
    /// Takes the jobs that were not seen before. Their status is no help: a local cloud may call a job ended that nobody ran.
    pub(crate) fn take(&mut self, listed: &[Listed], express: bool) {
        for job in listed {
            if !self.seen.insert(job.id.clone()) {
                continue;
            }
            let Ok(name) = job.name.parse::<BatchName>() else {
                tracing::warn!(name = job.name, "submitted job is not one of Marey");
                continue;
            };
            for (index, key) in name.shards().enumerate() {
                let order = Order {
                    parent: job.id.clone(),
                    index: (name.count > 1).then_some(index as u32),
                    name: name.clone(),
                    key,
                    express,
                    attempt: 1,
                };
                if self.in_hand.insert(order.work()) {
                    self.lane(express).push_back(order);
                } else {
                    tracing::info!(shard = %order.key, "submitted twice: it is in hand");
                }
            }
        }
    }

    fn lane(&mut self, express: bool) -> &mut VecDeque<Order> {
        if express { &mut self.express } else { &mut self.standard }
    }

    /// What to begin next.
    pub(crate) fn next(&mut self) -> Option<Order> {
        self.express.pop_front().or_else(|| self.standard.pop_front())
    }

    /// Takes back what could not be begun.
    pub(crate) fn put_back(&mut self, order: Order) {
        self.lane(order.express).push_front(order);
    }

    /// An order that needs nothing.
    pub(crate) fn forget(&mut self, order: &Order) {
        self.in_hand.remove(&order.work());
    }

    /// Takes note of a worker's end, and lines the order up again if it is to be tried again.
    pub(crate) fn ended(&mut self, order: &Order, code: i32) -> Verdict {
        let verdict = match code {
            0 => Verdict::Done,
            _ if FINAL.contains(&code) || order.attempt >= ATTEMPTS => Verdict::Failed,
            _ => Verdict::Again,
        };
        if verdict == Verdict::Again {
            let attempt = order.attempt + 1;
            self.lane(order.express).push_back(Order {
                attempt,
                ..order.clone()
            });
        } else {
            self.forget(order);
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use marey_engine::JobId;

    use super::*;

    fn name(first: u32, count: u32, round: u32) -> BatchName {
        BatchName {
            job: JobId::of_object("b", "k", None, "e"),
            stage: "pose".parse().unwrap(),
            first,
            count,
            round,
        }
    }

    fn listed(id: &str, name: &BatchName) -> Listed {
        Listed {
            id: id.to_owned(),
            name: name.to_string(),
            status: "SUCCEEDED".to_owned(),
        }
    }

    #[test]
    fn a_job_is_taken_once_and_an_array_is_its_children() {
        let mut ledger = Ledger::default();
        let jobs = [listed("a", &name(2, 3, 0)), listed("b", &name(9, 1, 0))];
        ledger.take(&jobs, false);
        ledger.take(&jobs, false);
        let orders: Vec<_> = std::iter::from_fn(|| ledger.next())
            .map(|it| (it.id(), it.key.shard))
            .collect();
        assert_eq!(
            orders,
            [("a:0".into(), 2), ("a:1".into(), 3), ("a:2".into(), 4), ("b".into(), 9)]
        );
    }

    #[test]
    fn the_same_work_under_another_id_runs_only_when_the_first_has_ended() {
        let mut ledger = Ledger::default();
        ledger.take(&[listed("a", &name(0, 2, 0))], false);
        let first = ledger.next().unwrap();
        ledger.take(&[listed("b", &name(0, 1, 0))], false);
        ledger.take(&[listed("c", &name(0, 1, 1))], true);
        assert_eq!(
            ledger.next().unwrap().id(),
            "c",
            "another round is other work, and express comes first"
        );
        assert_eq!(ledger.next().unwrap().id(), "a:1");
        assert_eq!(ledger.next(), None);
        assert_eq!(ledger.ended(&first, 0), Verdict::Done);
        ledger.take(&[listed("d", &name(0, 1, 0))], false);
        assert_eq!(ledger.next().unwrap().id(), "d");
    }

    #[test]
    fn it_retries_as_the_job_definition_says() {
        let mut ledger = Ledger::default();
        ledger.take(&[listed("a", &name(0, 1, 0))], false);
        let mut order = ledger.next().unwrap();
        for attempt in 1..10 {
            assert_eq!(order.attempt, attempt);
            assert_eq!(
                ledger.ended(&order, if attempt % 2 == 0 { 137 } else { 75 }),
                Verdict::Again
            );
            order = ledger.next().unwrap();
        }
        assert_eq!(ledger.ended(&order, 75), Verdict::Failed, "ten attempts");
        assert_eq!(ledger.next(), None);
        ledger.take(&[listed("b", &name(0, 1, 0))], false);
        let order = ledger.next().unwrap();
        assert_eq!(ledger.ended(&order, 1), Verdict::Failed);
    }

    #[test]
    fn what_is_not_mareys_is_left_alone() {
        let mut ledger = Ledger::default();
        let mut strange = listed("a", &name(0, 1, 0));
        strange.name = "somebody-elses".to_owned();
        ledger.take(&[strange], false);
        assert_eq!(ledger.next(), None);
    }
}
