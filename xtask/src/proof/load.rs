//! `cargo xtask load`: thousands of small jobs, and not one lost.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use marey_engine::JobId;
use serde::Serialize;

use super::{
    Arena,
    local::Local,
    verdict::{Rows, Standing},
};
use crate::sample;

/// How much load.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// How many jobs
    #[arg(long, default_value_t = 2000)]
    jobs: usize,
    /// The workflow that each of them runs
    #[arg(long, default_value = "probe")]
    workflow: String,
    /// Uploads at once
    #[arg(long, default_value_t = 8)]
    uploads: usize,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// No job may take longer than this after the last one ended.
const PATIENCE: Duration = Duration::from_mins(5);

/// What came of it.
#[derive(Debug, Serialize)]
struct Outcome {
    jobs: usize,
    upload_s: f64,
    all_s: f64,
    jobs_per_s: f64,
    standing: Standing,
    parked: u64,
    faults: Vec<String>,
}

/// `cargo xtask load`.
pub(crate) fn run(options: &Options) -> Result<()> {
    let video = std::fs::read(sample::default_video()?)?;
    let arena = Arena::start(None)?;
    let local = Local::of(&arena.stack)?;
    let started = Instant::now();
    let jobs = upload(&local, options, &video)?;
    let upload_s = started.elapsed().as_secs_f64();
    let standing = wait(&local, &jobs)?;
    let all_s = started.elapsed().as_secs_f64();
    let parked = local.depth(arena.stack.output("ParkedQueueUrl")?)?;
    let mut faults = Rows::read(&local)?.faults(&jobs, &local.artifacts()?);
    if standing.completed != jobs.len() || parked > 0 {
        faults.push(format!(
            "{} of {} jobs are complete, {parked} messages are parked",
            standing.completed,
            jobs.len()
        ));
    }
    let outcome = Outcome {
        jobs: jobs.len(),
        upload_s,
        all_s,
        jobs_per_s: jobs.len() as f64 / all_s,
        standing,
        parked,
        faults,
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
    } else {
        println!("\n  jobs               {}", outcome.jobs);
        println!("  uploaded within    {:.1} s", outcome.upload_s);
        println!(
            "  all ended within   {:.1} s, {:.1} jobs/s",
            outcome.all_s, outcome.jobs_per_s
        );
        println!("  completed          {}", outcome.standing.completed);
        println!("  second attempts    {}", outcome.standing.tried_again);
        println!("  parked messages    {}", outcome.parked);
        println!("  faults             {}", outcome.faults.len());
    }
    if outcome.faults.is_empty() {
        return Ok(());
    }
    bail!("{} faults: {}", outcome.faults.len(), outcome.faults.join("; "))
}

fn upload(local: &Local, options: &Options, video: &[u8]) -> Result<Vec<JobId>> {
    let bar = ProgressBar::new(options.jobs as u64).with_message("upload");
    let (next, jobs) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= options.jobs {
                return Ok(());
            }
            let metadata = BTreeMap::from([("workflow", options.workflow.clone())]);
            let upload = local.put(&format!("uploads/load/{number:05}.mp4"), video, &metadata)?;
            jobs.lock().unwrap_or_else(PoisonError::into_inner).push(upload.job);
            bar.inc(1);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.uploads.max(1)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow::anyhow!("an uploader panicked"))?)
    })?;
    bar.finish_and_clear();
    jobs.into_inner()
        .map_err(|_| anyhow::anyhow!("an uploader panicked"))
        .context("the uploads are unknown")
}

/// Waits as long as jobs go on ending.
fn wait(local: &Local, jobs: &[JobId]) -> Result<Standing> {
    let bar = ProgressBar::new(jobs.len() as u64).with_message("jobs");
    let mut last = (Instant::now(), 0);
    loop {
        let standing = Rows::read(local)?.standing(jobs);
        let ended = standing.completed + standing.failed + standing.cancelled;
        bar.set_position(ended as u64);
        if ended == jobs.len() {
            bar.finish_and_clear();
            return Ok(standing);
        }
        if ended > last.1 {
            last = (Instant::now(), ended);
        }
        if last.0.elapsed() > PATIENCE {
            bail!("nothing has ended for {} s: {standing:?}", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_secs(2));
    }
}
