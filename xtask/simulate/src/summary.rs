//! Many runs in one table.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{ledger::Injected, run::Outcome};

/// The greatest and the mean of something per shard and round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// The greatest of one job.
    pub most: f64,
    sum: f64,
    of: f64,
    /// The mean, weighted by shards.
    pub mean: f64,
}

impl Spread {
    fn add(&mut self, amount: u64, shards: u64) {
        self.most = self.most.max(amount as f64 / shards.max(1) as f64);
        self.sum += amount as f64;
        self.of += shards as f64;
        self.mean = self.sum / self.of.max(1.0);
    }
}

/// What many runs came to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Runs.
    pub runs: u64,
    /// Things that happened.
    pub events: u64,
    /// Hours of virtual time.
    pub virtual_hours: f64,
    /// Leases that were taken.
    pub leases: u64,
    /// Shards' rows.
    pub shards: u64,
    /// Shards that took over earlier results.
    pub reused: u64,
    /// What went wrong on purpose.
    pub faults: Injected,
    /// Jobs by how they ended.
    pub jobs: BTreeMap<String, u64>,
    /// Cancels, retries, pauses lifted, breakers tripped, dead letters, letters sent back.
    pub people: BTreeMap<String, u64>,
    /// Repairs by reason.
    pub repairs: BTreeMap<String, u64>,
    /// Writes for each shard and round, without heartbeats.
    pub writes_per_shard: Spread,
    /// Messages for each shard and round.
    pub dispatches_per_shard: Spread,
    /// Invariants that did not hold, with the first seeds.
    pub violations: BTreeMap<String, Vec<u64>>,
}

/// So many seeds are named of each invariant that did not hold.
const NAMED: usize = 20;

impl Summary {
    /// Adds a run.
    pub fn add(&mut self, run: &Outcome) {
        self.runs += 1;
        self.events += run.events;
        self.virtual_hours += run.took_us as f64 / 3.6e9;
        self.leases += run.tally.leases;
        self.reused += run.tally.reused;
        self.faults.add(&run.tally.faults);
        for job in &run.jobs {
            *self.jobs.entry(job.end.to_owned()).or_default() += 1;
            self.shards += job.shards;
            self.writes_per_shard.add(job.writes, job.shards * job.waves);
            self.dispatches_per_shard.add(job.dispatches, job.shards * job.waves);
        }
        let people = [
            ("cancels", run.tally.cancels),
            ("retries", run.tally.retries),
            ("pauses lifted", run.tally.resumes),
            ("breakers tripped", run.tally.trips),
            ("dead letters", run.tally.dead_letters),
            ("parked letters sent back", run.tally.redriven),
        ];
        for (what, count) in people {
            *self.people.entry(what.to_owned()).or_default() += count;
        }
        for (reason, count) in &run.tally.repairs {
            *self.repairs.entry(reason.clone()).or_default() += count;
        }
        if let Some(violation) = &run.violation {
            let seeds = self.violations.entry(violation.invariant.to_owned()).or_default();
            seeds.push(run.seed);
            seeds.sort_unstable();
            seeds.truncate(NAMED);
        }
    }

    /// Adds another summary.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.runs += other.runs;
        self.events += other.events;
        self.virtual_hours += other.virtual_hours;
        self.leases += other.leases;
        self.shards += other.shards;
        self.reused += other.reused;
        self.faults.add(&other.faults);
        let pairs = [
            (&mut self.jobs, other.jobs),
            (&mut self.people, other.people),
            (&mut self.repairs, other.repairs),
        ];
        for (own, others) in pairs {
            for (name, count) in others {
                *own.entry(name).or_default() += count;
            }
        }
        for (own, others) in [
            (&mut self.writes_per_shard, other.writes_per_shard),
            (&mut self.dispatches_per_shard, other.dispatches_per_shard),
        ] {
            own.most = own.most.max(others.most);
            own.sum += others.sum;
            own.of += others.of;
            own.mean = own.sum / own.of.max(1.0);
        }
        for (invariant, seeds) in other.violations {
            let own = self.violations.entry(invariant).or_default();
            own.extend(seeds);
            own.sort_unstable();
            own.truncate(NAMED);
        }
        self
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, what: &str, value: String| writeln!(f, "  {what:<42}{value:>14}");
        writeln!(f, "what happened")?;
        line(f, "seeds", self.runs.to_string())?;
        line(f, "events", self.events.to_string())?;
        line(f, "virtual time, hours", format!("{:.1}", self.virtual_hours))?;
        line(f, "shards", self.shards.to_string())?;
        line(f, "leases", self.leases.to_string())?;
        line(f, "shards with results of earlier jobs", self.reused.to_string())?;
        for (what, count) in &self.people {
            line(f, what, count.to_string())?;
        }
        writeln!(f, "faults injected")?;
        let faults = serde_json::to_value(self.faults).unwrap_or_default();
        for (what, count) in faults.as_object().into_iter().flatten() {
            line(f, &what.replace('_', " "), count.to_string())?;
        }
        writeln!(f, "repairs")?;
        for (what, count) in &self.repairs {
            line(f, &what.replace('_', " "), count.to_string())?;
        }
        writeln!(f, "jobs")?;
        for (what, count) in &self.jobs {
            line(f, what, count.to_string())?;
        }
        writeln!(f, "for each shard and round")?;
        let (writes, sent) = (self.writes_per_shard, self.dispatches_per_shard);
        line(
            f,
            "writes, mean / most of a job",
            format!("{:.2} / {:.1}", writes.mean, writes.most),
        )?;
        line(
            f,
            "messages, mean / most of a job",
            format!("{:.2} / {:.1}", sent.mean, sent.most),
        )?;
        writeln!(f, "violations")?;
        if self.violations.is_empty() {
            line(f, "none", String::new())?;
        }
        for (what, seeds) in &self.violations {
            line(f, what, format!("seeds {seeds:?}"))?;
        }
        Ok(())
    }
}
