//! What a seed asks of the world: which jobs, which trouble, for how long.

use marey_engine::RunsOn;

use crate::{chance::Chance, fault::Planted, graphs};

/// How a run is set up, beside its seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// A fault that is planted.
    pub planted: Option<Planted>,
    /// Every job's stages that take their number of shards from a fact have so many.
    pub shards: Option<u32>,
    /// Whether the trace is kept as text.
    pub keep_trace: bool,
}

/// How often what goes wrong, as probabilities of each call.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// The process ends before or after what it does.
    pub crash: f64,
    /// The service refuses: throttled, or out of order.
    pub refuse: f64,
    /// The service does it, and its answer is lost.
    pub lose_answer: f64,
    /// The process stands still for minutes.
    pub stall: f64,
    /// A write is told to have lost a race that it won.
    pub conflict: f64,
    /// A message never arrives.
    pub lose_message: f64,
    /// A message arrives twice.
    pub duplicate: f64,
    /// A message arrives late.
    pub delay: f64,
    /// An attempt fails for a reason that passes.
    pub transient: f64,
    /// An attempt fails for a reason that stays.
    pub permanent: f64,
    /// A stage hangs until it is stopped.
    pub hang: f64,
    /// AWS Batch tells of a failure late or twice.
    pub late_event: f64,
}

impl Rates {
    fn of(strength: f64) -> Self {
        Self {
            crash: 0.002 * strength,
            refuse: 0.008 * strength,
            lose_answer: 0.003 * strength,
            stall: 0.0008 * strength,
            conflict: 0.002 * strength,
            lose_message: 0.01 * strength,
            duplicate: 0.06 * strength,
            delay: 0.08 * strength,
            transient: 0.04 * strength,
            permanent: 0.004 * strength,
            hang: 0.006 * strength,
            late_event: 0.3 * strength,
        }
    }
}

/// One job that somebody submits.
#[derive(Debug, Clone)]
pub struct JobPlan {
    /// The workflow.
    pub workflow: &'static str,
    /// When it is submitted.
    pub at_us: u64,
    /// Whose content it has: jobs with the same number have the same upload's content.
    pub content: u64,
    /// How many shards its stages find out.
    pub shards: u32,
    /// 0 to 9.
    pub priority: u8,
    /// Whether earlier results are taken over.
    pub reuse: bool,
    /// Where it is wanted to run.
    pub runs_on: Option<RunsOn>,
    /// When somebody cancels it.
    pub cancel_at_us: Option<u64>,
    /// How often somebody tries again what failed, and so long after the end.
    pub retries: u32,
}

/// A pause that an operator makes.
#[derive(Debug, Clone, Copy)]
pub struct PausePlan {
    /// When.
    pub at_us: u64,
    /// For how long.
    pub for_us: u64,
    /// Which stage of which job it hits, or the job's workflow, or everything.
    pub job: usize,
    /// Chooses the scope.
    pub dice: u64,
}

/// All that a seed asks for.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What goes wrong until the trouble ends.
    pub rates: Rates,
    /// The jobs.
    pub jobs: Vec<JobPlan>,
    /// The pauses.
    pub pauses: Vec<PausePlan>,
    /// A stage of the first job's workflow that fails always, until the trouble ends.
    pub broken_stage: bool,
    /// How many messages of a queue a function works on at once.
    pub concurrency: u32,
    /// Whether there is a Batch queue.
    pub has_batch: bool,
    /// The work of one attempt takes up to so long.
    pub longest_work_us: u64,
    /// When the trouble ends.
    pub chaos_end_us: u64,
    /// When every job must have ended.
    pub end_us: u64,
}

/// A second of the clock.
pub const SECOND: u64 = 1_000_000;
/// A minute of the clock.
pub const MINUTE: u64 = 60 * SECOND;

/// So long after the trouble has ended every job must have ended too. The longest repair is of a message that went to sleep
/// for its function's visibility timeout (16 minutes) on each of its last deliveries.
pub const SETTLE_US: u64 = 90 * MINUTE;

impl Scenario {
    /// The scenario of a seed.
    pub fn of(chance: &mut Chance, options: &Options) -> Self {
        let strength = chance.one(&[0.0, 0.3, 0.3, 1.0, 1.0, 1.0, 2.5]).unwrap_or(1.0);
        let broken_stage = chance.happens(0.08);
        let wide = chance.happens(0.05);
        let count = match (broken_stage, wide) {
            (true, _) => chance.between(6, 8),
            (_, true) => 1,
            _ => chance.between(1, 4),
        };
        let shared = chance.happens(0.5).then(|| chance.one(graphs::NAMES)).flatten();
        let jobs: Vec<_> = (0..count)
            .map(|_| job(chance, shared, broken_stage, wide, options))
            .collect();
        let pauses = (0..chance.below(3).saturating_sub(u64::from(chance.happens(0.5))))
            .map(|_| PausePlan {
                at_us: chance.below(10 * MINUTE),
                for_us: chance.between(20 * SECOND, 7 * MINUTE),
                job: chance.below(count) as usize,
                dice: chance.bits(),
            })
            .collect();
        let chaos_end_us = chance.between(12, 25) * MINUTE;
        Self {
            rates: Rates::of(strength),
            jobs,
            pauses,
            broken_stage,
            concurrency: chance.between(2, 10) as u32 * if wide { 6 } else { 1 },
            has_batch: chance.happens(0.7),
            longest_work_us: if wide {
                10
            } else {
                chance.one(&[3, 10, 30, 90]).unwrap_or(10)
            } * SECOND,
            chaos_end_us,
            end_us: chaos_end_us + SETTLE_US,
        }
    }
}

fn job(chance: &mut Chance, shared: Option<&'static str>, broken: bool, wide: bool, options: &Options) -> JobPlan {
    let own = chance.one(graphs::NAMES).unwrap_or("motion");
    let workflow = match (broken, wide) {
        (_, true) => chance.one(graphs::WIDE).unwrap_or("motion"),
        (true, _) => shared.unwrap_or("motion"),
        _ => shared.filter(|_| chance.happens(0.6)).unwrap_or(own),
    };
    let dice = chance.below(100);
    let shards = match dice {
        _ if wide => chance.between(60, 500),
        _ if broken => chance.between(1, 3),
        0..60 => chance.between(1, 4),
        60..92 => chance.between(5, 16),
        _ => chance.between(17, 50),
    };
    JobPlan {
        workflow,
        at_us: chance.below(4 * MINUTE),
        content: chance.below(3),
        shards: options.shards.unwrap_or(shards as u32),
        priority: chance.below(10) as u8,
        reuse: chance.happens(0.3),
        runs_on: chance
            .one(&[
                None,
                None,
                None,
                Some(RunsOn::Batch),
                Some(RunsOn::Auto),
                Some(RunsOn::Lambda),
            ])
            .flatten(),
        cancel_at_us: chance.happens(0.2).then(|| chance.below(12 * MINUTE)),
        retries: chance.one(&[0, 1, 1, 2]).unwrap_or(0),
    }
}
