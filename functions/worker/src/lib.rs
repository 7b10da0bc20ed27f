//! Runs any stage in a container, through the same harness as the functions: lease, heartbeats, artifacts, planning.
//!
//! What to run is the name of an AWS Batch job (`marey_cloud::aws::batch::BatchName`), or a shard that a person names. The exit
//! code tells AWS Batch what to do next; the job's rows say everything else, so a container that dies anywhere is like one that
//! never began. [`agent`] plays AWS Batch on one machine.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use marey_engine::ShardKey;

pub mod agent;
mod outcome;
mod shard;
mod signals;
mod stages;

pub use outcome::Outcome;
use signals::Signals;

/// Runs one shard of one stage of a job, as AWS Batch asks for it, and exits with 0 if it is done, 75 if it has to be tried again, 1 if
/// it has failed for good.
///
/// SIGTERM stops the stage, gives its lease back without using up an attempt, and exits with 75.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "marey-worker",
    version,
    after_help = "Examples:\n  \
        marey-worker --task 85ea618c-6a06-5e93-9bd6-e3233f6cbb0b/pose/0\n  \
        MAREY_TASK=marey_85ea618c-6a06-5e93-9bd6-e3233f6cbb0b_pose_0000_4_0 AWS_BATCH_JOB_ARRAY_INDEX=2 marey-worker\n  \
        marey-worker --agent --parallel 2\n\n\
        The environment is that of the deployment's functions: MAREY_JOBS_TABLE, MAREY_UPLOADS_BUCKET, \
        MAREY_ARTIFACTS_BUCKET, MAREY_QUEUE_…, MAREY_BATCH_…, MAREY_FFMPEG, MAREY_FFPROBE, MAREY_ONNXRUNTIME, \
        MAREY_MODELS; and the machine's price: MAREY_USD_PER_HOUR, or MAREY_FARGATE_VCPUS with MAREY_FARGATE_MEMORY (MiB)."
)]
pub struct Arguments {
    /// Run this shard, `<job>/<stage>/<number>`
    #[arg(long, conflicts_with_all = ["batch_job", "agent"])]
    pub task: Option<ShardKey>,
    /// Run what the AWS Batch job of this name is to do
    #[arg(long, env = marey_cloud::aws::batch::TASK_VARIABLE, value_name = "NAME")]
    pub batch_job: Option<String>,
    /// Which of an array's shards, counted from the first
    #[arg(long, env = "AWS_BATCH_JOB_ARRAY_INDEX", default_value_t = 0, value_name = "INDEX")]
    pub index: u32,
    /// Play AWS Batch: look for submitted jobs, run each in a process of its own, tell failures
    #[arg(long)]
    pub agent: bool,
    /// With --agent: so many processes at once
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64), value_name = "N")]
    pub parallel: u32,
    /// With --agent: the program that runs a shard; this one if absent
    #[arg(long, hide = true)]
    pub worker: Option<PathBuf>,
}

/// Does what the arguments say. Says in the log what goes wrong.
pub async fn run(arguments: Arguments) -> ExitCode {
    match attempt(arguments).await {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "worker cannot start");
            Outcome::Failed.into()
        }
    }
}

async fn attempt(arguments: Arguments) -> Result<Outcome> {
    let signals = Signals::listen().context("cannot listen for signals")?;
    if arguments.agent {
        agent::run(&arguments, signals).await?;
        return Ok(Outcome::Done);
    }
    if let Ok(agent) = std::env::var(agent::PARENT_VARIABLE) {
        // An agent that is gone can no longer tell its workers to stop.
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
        let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().to_string());
        if parent.as_ref() != Some(&agent) {
            return Ok(Outcome::TryAgain);
        }
    }
    let asked = match (&arguments.task, &arguments.batch_job) {
        (Some(key), _) => shard::Asked::by_person(key.clone()),
        (None, Some(name)) => shard::Asked::by_batch(&name.parse()?, arguments.index)?,
        (None, None) => anyhow::bail!(
            "nothing to run: give --task <job>/<stage>/<number>, or the environment variable {}",
            marey_cloud::aws::batch::TASK_VARIABLE
        ),
    };
    shard::run(&asked, signals).await
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        let id = "85ea618c-6a06-5e93-9bd6-e3233f6cbb0b";
        let read = |words: &[&str]| Arguments::try_parse_from(["marey-worker"].iter().chain(words));
        let task = format!("{id}/pose/3");
        assert_eq!(read(&["--task", &task]).unwrap().task.unwrap().shard, 3);
        assert!(read(&["--task", "pose"]).is_err());
        assert!(read(&["--task", &task, "--agent"]).is_err());
        assert!(read(&["--agent", "--parallel", "0"]).is_err());
    }
}
