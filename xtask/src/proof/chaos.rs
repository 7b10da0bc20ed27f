//! `cargo xtask chaos`: jobs run while functions are killed, events and messages come twice, and the cloud restarts.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use marey_engine::JobId;
use serde::Serialize;
use serde_json::json;

use super::{
    Arena, fresh_folder,
    local::{Local, Uploaded},
    verdict::{Rows, Standing},
};
use crate::{sample, shell::step, stack::Stack};

/// How much chaos.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// How many jobs
    #[arg(long, default_value_t = 40)]
    jobs: usize,
    /// For how many seconds functions are killed and messages repeated
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seed of what happens when; the machine's timing is not part of it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave the cloud alone in the middle
    #[arg(long)]
    no_restart: bool,
    /// The videos; the project's own sample if absent
    #[arg(long)]
    video: Vec<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// A job that has not ended so long after the chaos is lost.
const PATIENCE: Duration = Duration::from_mins(20);

/// What happened.
#[derive(Debug, Default, Clone, Serialize)]
struct Mischief {
    functions_killed: usize,
    events_repeated: usize,
    tasks_repeated: usize,
    cloud_restarts: usize,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Outcome {
    jobs: usize,
    mischief: Mischief,
    /// When the chaos had ended and everything had come to its end.
    first_end: Standing,
    /// After the jobs that had failed were tried again.
    last_end: Standing,
    seconds: f64,
    faults: Vec<String>,
}

/// A generator of small numbers (Marsaglia, "Xorshift RNGs", 2003): the same seed makes the same mischief.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// `cargo xtask chaos`.
pub(crate) fn run(options: &Options) -> Result<()> {
    let videos = match options.video.as_slice() {
        [] => vec![sample::default_video()?],
        some => some.to_vec(),
    };
    let state = (!options.no_restart).then(|| fresh_folder("chaos-state")).transpose()?;
    let mut arena = Arena::start(state)?;
    let started = Instant::now();
    let uploads = step(&format!("upload {} videos", options.jobs), || {
        upload(&arena.stack, &videos, options.jobs)
    })?;
    let jobs: Vec<JobId> = uploads.iter().map(|upload| upload.job).collect();
    let title = format!("{} s of chaos", options.seconds);
    let mischief = step(&title, || make_mischief(&mut arena.stack, &uploads, options))?;
    let local = Local::of(&arena.stack)?;
    let first_end = step("wait for every job to end", || all_ended(&local, &jobs))?;
    let last_end = step("try again what failed", || try_again(&local, &jobs, &first_end))?;
    let mut faults = Rows::read(&local)?.faults(&jobs, &local.artifacts()?);
    if last_end.completed != jobs.len() {
        faults.push(format!("{} of {} jobs are complete", last_end.completed, jobs.len()));
    }
    drop(arena);
    let outcome = Outcome {
        jobs: jobs.len(),
        mischief,
        first_end,
        last_end,
        seconds: started.elapsed().as_secs_f64(),
        faults,
    };
    show(&outcome, options.json)?;
    if outcome.faults.is_empty() {
        return Ok(());
    }
    bail!("{} faults: {}", outcome.faults.len(), outcome.faults.join("; "))
}

fn upload(stack: &Stack, videos: &[PathBuf], count: usize) -> Result<Vec<Uploaded>> {
    let local = Local::of(stack)?;
    let mut contents = Vec::new();
    for video in videos {
        contents.push(std::fs::read(video).with_context(|| format!("cannot read {}", video.display()))?);
    }
    let one = |number: usize| {
        let mut metadata = BTreeMap::from([("priority", (number % 10).to_string())]);
        // Every third one is cut into pieces, as far as it is long enough.
        if number.is_multiple_of(3) {
            metadata.insert("params", json!({"shard_s": 5}).to_string());
        }
        let key = format!("uploads/chaos/{number:04}.mp4");
        local.put(&key, &contents[number % contents.len()], &metadata)
    };
    (0..count).map(one).collect()
}

/// Kills, repeats and restarts until the time is over.
fn make_mischief(stack: &mut Stack, uploads: &[Uploaded], options: &Options) -> Result<Mischief> {
    let mut dice = Dice(options.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let ends = Instant::now() + Duration::from_secs(options.seconds);
    let mut restart = (!options.no_restart).then(|| Instant::now() + Duration::from_secs(options.seconds / 2));
    let mut mischief = Mischief::default();
    while Instant::now() < ends {
        std::thread::sleep(Duration::from_millis(200 + dice.below(600) as u64));
        if restart.is_some_and(|at| Instant::now() >= at) {
            restart = None;
            stack.cloud = stack.cloud.restart()?;
            mischief.cloud_restarts += 1;
        }
        let local = Local::of(stack)?;
        match dice.below(4) {
            0 | 1 => {
                let functions = local.functions();
                if let Some(pid) = functions.get(dice.below(functions.len())) {
                    crate::shell::Program::new("kill")
                        .args(["-KILL", &pid.to_string()])
                        .quiet()
                        .ok();
                    mischief.functions_killed += 1;
                }
            }
            2 => {
                let upload = &uploads[dice.below(uploads.len())];
                local.send(stack.output("IntakeQueueUrl")?, &local.announcement(upload))?;
                mischief.events_repeated += 1;
            }
            _ => repeat_task(stack, &local, &mut dice, &mut mischief)?,
        }
    }
    Ok(mischief)
}

/// Sends the task of a shard once more, whatever became of it.
fn repeat_task(stack: &Stack, local: &Local, dice: &mut Dice, mischief: &mut Mischief) -> Result<()> {
    let shards = Rows::read(local)?.shards();
    let Some((job, stage, number, trace)) = shards.get(dice.below(shards.len())).cloned() else {
        return Ok(());
    };
    let mut capital = stage.clone();
    capital[..1].make_ascii_uppercase();
    let task = json!({"schema_version": 1, "task_id": format!("{job}/{stage}/{number:04}"), "type": "run_shard",
        "created_at": "2026-11-21T00:00:00Z", "priority": 5,
        "payload": {"job": job, "stage": stage, "shard": number},
        "metadata": {"source": "chaos", "attempts": 0, "shards": 1, "trace": trace}});
    local.send(stack.output(&format!("{capital}QueueUrl"))?, &task.to_string())?;
    mischief.tasks_repeated += 1;
    Ok(())
}

fn all_ended(local: &Local, jobs: &[JobId]) -> Result<Standing> {
    let started = Instant::now();
    loop {
        let standing = Rows::read(local)?.standing(jobs);
        if standing.running + standing.missing == 0 {
            return Ok(standing);
        }
        if started.elapsed() > PATIENCE {
            bail!(
                "{} jobs did not end and {} uploads have none: {standing:?}",
                standing.running,
                standing.missing
            );
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Who was killed three times at the same shard has failed, as the policy says. A retry must resume it.
fn try_again(local: &Local, jobs: &[JobId], first: &Standing) -> Result<Standing> {
    for job in first.failures.keys() {
        local.retry(job.parse()?)?;
    }
    all_ended(local, jobs)
}

fn show(outcome: &Outcome, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(outcome)?);
        return Ok(());
    }
    let Outcome {
        mischief,
        first_end,
        last_end,
        ..
    } = outcome;
    let codes: Vec<_> = first_end.failures.values().map(String::as_str).collect();
    let rows = [
        ("jobs", outcome.jobs.to_string()),
        ("functions killed (SIGKILL)", mischief.functions_killed.to_string()),
        ("restarts of the cloud", mischief.cloud_restarts.to_string()),
        ("events repeated", mischief.events_repeated.to_string()),
        ("tasks repeated", mischief.tasks_repeated.to_string()),
        ("jobs with a second attempt", first_end.tried_again.to_string()),
        ("completed by themselves", first_end.completed.to_string()),
        (
            "failed by the policy",
            format!("{} {}", first_end.failed, codes.join(" ")),
        ),
        (
            "completed after a retry",
            (last_end.completed - first_end.completed).to_string(),
        ),
        ("faults", outcome.faults.len().to_string()),
        ("seconds in all", format!("{:.0}", outcome.seconds)),
    ];
    println!();
    for (name, value) in rows {
        println!("  {name:<28} {value}");
    }
    Ok(())
}
