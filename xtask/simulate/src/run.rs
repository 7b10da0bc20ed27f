//! One run: a seed in, what happened out.

use std::collections::BTreeMap;

use marey_engine::JobState;

use crate::{
    chance::{Chance, mixed},
    clock::{Clock, Executor},
    graphs, invariants,
    ledger::Tally,
    people,
    scenario::{MINUTE, Options, Scenario},
    world::{State, Violation, World},
};

/// What became of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobOutcome {
    /// Its workflow.
    pub workflow: String,
    /// How it ended.
    pub end: &'static str,
    /// The rounds it took.
    pub rounds: u32,
    /// Its shards' rows.
    pub shards: u64,
    /// Writes of them, without heartbeats.
    pub writes: u64,
    /// Heartbeats.
    pub beats: u64,
    /// Messages.
    pub dispatches: u64,
    /// Reads of all rows.
    pub looks: u64,
    /// Rounds and resumes.
    pub waves: u64,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The invariant that did not hold, if one did not.
    pub violation: Option<Violation>,
    /// A number that two different runs hardly share.
    pub hash: u64,
    /// How much happened.
    pub events: u64,
    /// How long it took on the virtual clock, in microseconds.
    pub took_us: u64,
    /// When the last job ended, in microseconds.
    pub ended_us: u64,
    /// What was counted.
    pub tally: Tally,
    /// The jobs.
    pub jobs: Vec<JobOutcome>,
    /// What happened as text, oldest first, if it was kept.
    pub trace: Vec<String>,
}

/// Lets the world of a seed run until it has come to rest.
pub fn simulate(seed: u64, options: &Options) -> Outcome {
    graphs::make_known();
    let clock = Clock::new(seed);
    let scenario = Scenario::of(&mut Chance::new(mixed(seed ^ 0x5ce4_a100)), options);
    run_with(seed, &clock, scenario, options, |_| {})
}

/// Lets a scenario run in a world that is changed before it begins.
pub fn run_with(
    seed: u64,
    clock: &Clock,
    scenario: Scenario,
    options: &Options,
    change: impl FnOnce(&mut State),
) -> Outcome {
    let end_us = scenario.end_us;
    let world = World::new(clock.clone(), scenario, *options);
    change(&mut world.state());
    let mut executor = Executor::new(clock.clone());
    people::begin(&world);
    let mut next_look_us = MINUTE;
    while executor.step() {
        let now_us = clock.now_us();
        if world.state().violation.is_some() || now_us >= end_us {
            break;
        }
        if now_us >= next_look_us {
            next_look_us = now_us + MINUTE / 2;
            if is_at_rest(&world) {
                break;
            }
        }
    }
    let now_us = clock.now_us();
    let mut state = world.state();
    invariants::at_the_end(&mut state, now_us);
    let outcome = outcome(seed, now_us, &state);
    drop(state);
    // Tasks that are dropped take note of their end.
    drop(executor);
    outcome
}

/// Whether every job has ended, nothing is on its way, and nobody wants anything any more.
fn is_at_rest(world: &World) -> bool {
    let state = world.state();
    let ended = state.jobs.values().all(|job| job.rows.job.value.has_ended());
    let made = state.jobs.len() == state.scenario.jobs.len();
    let idle = state.processes.is_empty() && state.queues.on_the_way_of.values().all(|count| *count == 0);
    made && ended && idle && state.wishes == 0
}

fn outcome(seed: u64, now_us: u64, state: &State) -> Outcome {
    let jobs = state.jobs.values().map(|job| {
        let row = &job.rows.job.value;
        let end = match &row.state {
            JobState::Running => "running",
            JobState::Completed { degraded, .. } if degraded.is_empty() => "completed",
            JobState::Completed { .. } => "completed without an optional stage",
            JobState::Failed { failure, .. } if failure.code == "JOB_DEADLINE" => "failed: past its deadline",
            JobState::Failed { .. } => "failed",
            JobState::Cancelled { .. } => "cancelled",
        };
        JobOutcome {
            workflow: row.workflow.clone(),
            end,
            rounds: row.round + 1,
            shards: job.shards(),
            writes: job.writes,
            beats: job.beats,
            dispatches: job.dispatches,
            looks: job.looks,
            waves: u64::from(row.round) + 1 + job.resumes,
        }
    });
    Outcome {
        seed,
        violation: state.violation.clone(),
        hash: state.trace.hash(),
        events: state.trace.events(),
        took_us: now_us,
        ended_us: state
            .jobs
            .values()
            .filter_map(|job| job.ended_us)
            .max()
            .unwrap_or(now_us),
        tally: state.tally.clone(),
        jobs: jobs.collect(),
        trace: state.trace.lines(),
    }
}

/// How many jobs ended how.
pub fn ends(jobs: &[JobOutcome]) -> BTreeMap<&'static str, u64> {
    let mut ends = BTreeMap::new();
    for job in jobs {
        *ends.entry(job.end).or_default() += 1;
    }
    ends
}
