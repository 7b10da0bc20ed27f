//! One job of very many shards at once, in a world without trouble: what it writes, reads and sends, and how fast.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{
    clock::Clock,
    graphs,
    run::{Outcome, run_with},
    scenario::{JobPlan, MINUTE, Options, Rates, SECOND, Scenario},
};

/// What one job of so many shards takes.
#[derive(Debug, Clone, Serialize)]
pub struct Scale {
    /// Shards of each of the two wide stages of `motion`.
    pub shards: u32,
    /// How many tasks of a stage run at once.
    pub concurrency: u32,
    /// The work of a shard takes up to so many seconds.
    pub work_s: u64,
    /// Virtual time from upload to end, in seconds.
    pub wall_s: f64,
    /// How the job ended.
    pub end: String,
    /// Writes of shards' rows without heartbeats.
    pub writes: u64,
    /// Heartbeats: writes too.
    pub heartbeats: u64,
    /// Strongly consistent reads, counted in rows.
    pub rows_read: u64,
    /// Reads of all of the job's rows.
    pub full_reads: u64,
    /// Tasks sent.
    pub messages: u64,
    /// The greatest number of writes in one second, all on the job's partition.
    pub most_writes_in_a_second: u64,
    /// The mean of the busiest minute.
    pub writes_per_second_in_busiest_minute: f64,
    /// The greatest number of tasks sent in one second.
    pub most_messages_in_a_second: u64,
    /// Calls by kind.
    pub calls: BTreeMap<String, u64>,
    /// The invariant that did not hold, if one did not.
    pub violation: Option<String>,
}

/// Simulates one job.
pub fn scale(shards: u32, concurrency: u32, work_s: u64, seed: u64) -> Scale {
    graphs::make_known();
    let scenario = Scenario {
        rates: Rates::default(),
        jobs: vec![JobPlan {
            workflow: "motion",
            at_us: 0,
            content: 0,
            shards,
            priority: 5,
            reuse: false,
            runs_on: None,
            cancel_at_us: None,
            retries: 0,
        }],
        pauses: Vec::new(),
        broken_stage: false,
        concurrency,
        has_batch: false,
        longest_work_us: work_s * SECOND,
        chaos_end_us: MINUTE,
        end_us: 24 * 60 * MINUTE,
    };
    let options = Options {
        shards: Some(shards),
        ..Options::default()
    };
    let outcome = run_with(seed, &Clock::new(seed), scenario, &options, |state| {
        state.tally.writes_in_second = Some(BTreeMap::new());
    });
    told(shards, concurrency, work_s, &outcome)
}

fn told(shards: u32, concurrency: u32, work_s: u64, outcome: &Outcome) -> Scale {
    let tally = &outcome.tally;
    let seconds = tally.writes_in_second.clone().unwrap_or_default();
    let mut minutes: BTreeMap<u64, u64> = BTreeMap::new();
    for (second, writes) in &seconds {
        *minutes.entry(second / 60).or_default() += writes;
    }
    let most = |of: &BTreeMap<u64, u64>| of.values().copied().max().unwrap_or(0);
    let job = outcome.jobs.first();
    Scale {
        shards,
        concurrency,
        work_s,
        wall_s: outcome.ended_us as f64 / 1e6,
        end: job.map_or("never made", |job| job.end).to_owned(),
        writes: job.map_or(0, |job| job.writes),
        heartbeats: job.map_or(0, |job| job.beats),
        rows_read: tally.row_reads,
        full_reads: job.map_or(0, |job| job.looks),
        messages: job.map_or(0, |job| job.dispatches),
        most_writes_in_a_second: most(&seconds),
        writes_per_second_in_busiest_minute: most(&minutes) as f64 / 60.0,
        most_messages_in_a_second: most(&tally.sent_in_second),
        calls: tally
            .calls
            .iter()
            .map(|(call, count)| (format!("{call:?}"), *count))
            .collect(),
        violation: outcome
            .violation
            .as_ref()
            .map(|it| format!("{}: {}", it.invariant, it.seen)),
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, what: &str, value: String| writeln!(f, "  {what:<46}{value:>14}");
        writeln!(
            f,
            "one job of motion, {} shards, {} tasks of a stage at once",
            self.shards, self.concurrency
        )?;
        line(f, "work of a shard, at most, s", self.work_s.to_string())?;
        line(f, "end", self.end.clone())?;
        line(f, "from upload to end, s", format!("{:.1}", self.wall_s))?;
        line(f, "tasks sent", self.messages.to_string())?;
        line(
            f,
            "tasks sent in the busiest second",
            self.most_messages_in_a_second.to_string(),
        )?;
        line(f, "writes of shards without heartbeats", self.writes.to_string())?;
        line(f, "heartbeats", self.heartbeats.to_string())?;
        line(
            f,
            "writes in the busiest second",
            self.most_writes_in_a_second.to_string(),
        )?;
        let busiest = format!("{:.0}", self.writes_per_second_in_busiest_minute);
        line(f, "writes per second in the busiest minute", busiest)?;
        line(f, "reads of all rows", self.full_reads.to_string())?;
        line(f, "rows read", self.rows_read.to_string())?;
        for (call, count) in &self.calls {
            line(f, &format!("call {call}"), count.to_string())?;
        }
        if let Some(violation) = &self.violation {
            writeln!(f, "VIOLATION {violation}")?;
        }
        Ok(())
    }
}
