//! Runs seeds, and says what did not hold.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program for people at a terminal"
)]

use std::{
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::Result;
use clap::Parser;
use marey_simulate::{Options, Outcome, Planted, Summary, invariants, scale::scale, simulate};

/// Simulates the engine in a world that breaks on purpose.
///
/// Example: `cargo xtask simulate --seeds 2000`
#[derive(Debug, Parser)]
#[command(name = "cargo xtask simulate", bin_name = "cargo xtask simulate")]
struct Arguments {
    /// How many seeds to run
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Plant a fault, to see that an invariant notices it
    #[arg(long)]
    fault: Option<Planted>,
    /// Cut every job into so many shards, 1 to 10000
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    shards: Option<u32>,
    /// Simulate one job of so many shards instead, without trouble
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    scale: Option<u32>,
    /// With --scale: how many tasks of a stage run at once; without it all
    #[arg(long)]
    concurrency: Option<u32>,
    /// With --scale: how long the work of a shard takes, at most, in seconds
    #[arg(long, default_value_t = 120)]
    work_s: u64,
    /// How many threads; one for each core without it
    #[arg(long)]
    threads: Option<usize>,
    /// Show all that happened in the first seed, whether or not something did not hold
    #[arg(long)]
    trace: bool,
    /// Say it in JSON
    #[arg(long)]
    json: bool,
    /// List the invariants and the faults that can be planted
    #[arg(long)]
    list: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.list {
        list();
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(shards) = arguments.scale {
        let concurrency = arguments.concurrency.unwrap_or(shards);
        let result = scale(shards, concurrency, arguments.work_s, arguments.from);
        if arguments.json {
            println!("{}", serde_json::to_string_pretty(&result)?);
        } else {
            print!("{result}");
        }
        return Ok(code(result.violation.is_none()));
    }
    let options = Options {
        planted: arguments.fault,
        shards: arguments.shards,
        keep_trace: false,
    };
    let began = Instant::now();
    let summary = run_all(&arguments, &options);
    let took_s = began.elapsed().as_secs_f64();
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        print!("{summary}");
    }
    eprintln!("{} seeds in {took_s:.1} s", summary.runs);
    let first = summary.violations.values().flatten().min().copied();
    if let Some(seed) = first.or(arguments.trace.then_some(arguments.from)) {
        tell(seed, &arguments);
    }
    Ok(code(first.is_none()))
}

fn code(is_good: bool) -> ExitCode {
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Each seed is one thread's; the threads share nothing but the number of the next.
fn run_all(arguments: &Arguments, options: &Options) -> Summary {
    let threads = arguments
        .threads
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);
    let end = arguments.from + arguments.seeds;
    let next = AtomicU64::new(arguments.from);
    let all = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut own = Summary::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    own.add(&simulate(seed, options));
                    let done = seed - arguments.from + 1;
                    if done.is_multiple_of(1000) {
                        eprintln!("{done} of {} seeds", arguments.seeds);
                    }
                }
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                *all = std::mem::take(&mut *all).merged(own);
            });
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// So many events are shown of a seed that broke, and so many before them of the job in question.
const LINES: usize = 60;

/// The job that a text speaks of.
fn job_of(text: &str) -> Option<&str> {
    // A job's id may lie within a key.
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'))
        .find(|word| word.len() == 36 && word.parse::<uuid::Uuid>().is_ok())
}

/// Runs a seed once more, and shows what led to its end.
fn tell(seed: u64, arguments: &Arguments) {
    let options = Options {
        planted: arguments.fault,
        shards: arguments.shards,
        keep_trace: true,
    };
    let Outcome { violation, trace, .. } = simulate(seed, &options);
    eprintln!("\nseed {seed}");
    let told = violation.as_ref().and_then(|violation| job_of(&violation.seen));
    let skip = if arguments.trace {
        0
    } else {
        trace.len().saturating_sub(LINES)
    };
    // What concerns the job in question may lie further back.
    let concerns = |line: &String| told.is_some_and(|job| line.contains(job));
    let before: Vec<_> = trace[..skip].iter().filter(|line| concerns(line)).collect();
    for line in before.iter().skip(before.len().saturating_sub(LINES)) {
        eprintln!("{line}");
    }
    for line in &trace[skip..] {
        eprintln!("{line}");
    }
    if let Some(violation) = violation {
        let at_s = violation.at_us as f64 / 1e6;
        eprintln!(
            "\n{} does not hold at {at_s:.4} s: {}",
            violation.invariant, violation.seen
        );
    }
    let planted = arguments
        .fault
        .map(|fault| format!(" --fault {}", fault.name()))
        .unwrap_or_default();
    let shards = arguments
        .shards
        .map(|shards| format!(" --shards {shards}"))
        .unwrap_or_default();
    eprintln!("again: cargo xtask simulate --seeds 1 --from {seed}{planted}{shards} --trace");
}

fn list() {
    println!("invariants");
    for (name, told) in invariants::ALL {
        println!("  {name:<36}{told}");
    }
    println!("faults that can be planted");
    for fault in Planted::ALL {
        println!("  {:<36}{}", fault.name(), fault.told().trim());
    }
}
