//! Plays AWS Batch on one machine: takes submitted jobs from the Batch API of a local cloud, which only keeps their names, and
//! runs the worker as a process for each shard.
//!
//! It does what the template's job definition asks of AWS Batch: begins a shard again whose worker died or exits with 75, ten times
//! at the most, and tells a failure as EventBridge does. It knows no compute environments, no dependencies and no time limits (the worker has
//! its own), and it forgets everything when it ends: what the table says has ended is not begun again.

use std::{collections::HashMap, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, Result};
use jiff::Timestamp;
use marey_cloud::{
    CloudError, Settings,
    aws::{
        BatchQueues,
        batch::{FailureQueue, TASK_VARIABLE},
        sdk_config,
    },
    lambda::{self, CloudConductor},
    store::{ReadJobs, WriteJobs},
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{process::Command, task::JoinSet};

use crate::{Arguments, signals::Signals};

mod event;
mod ledger;

use ledger::{Ledger, Order, Verdict};

/// Tells a worker who began it, by process id: when that process is gone, the worker ends too.
pub const PARENT_VARIABLE: &str = "MAREY_AGENT";

/// How often the API is asked for new jobs.
const PAUSE: Duration = Duration::from_millis(300);

/// So long workers may take to end when the agent is told to. AWS gives a container 30 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// An attempt that has ended: its order, its exit code, when it began.
type Ended = (Order, i32, Timestamp);

struct Agent {
    conductor: CloudConductor,
    batch: BatchQueues,
    failures: FailureQueue,
    queue_names: [String; 2],
    program: PathBuf,
    parallel: usize,
    ledger: Ledger,
    workers: JoinSet<Ended>,
    /// The running workers' process ids, by order.
    pids: HashMap<String, Pid>,
}

/// Runs until the process is told to stop.
pub(crate) async fn run(arguments: &Arguments, signals: Signals) -> Result<()> {
    let mut agent = Agent::new(arguments).await?;
    tracing::info!(parallel = agent.parallel, "agent plays AWS Batch");
    while !signals.has_come() {
        agent.look().await;
        agent.begin().await;
        tokio::select! {
            Some(ended) = agent.workers.join_next() => match ended {
                Ok(ended) => agent.end(ended).await,
                Err(error) => tracing::error!(%error, "watching a worker failed"),
            },
            _ = signals.sleep(PAUSE) => {}
        }
    }
    agent.stop().await;
    Ok(())
}

impl Agent {
    async fn new(arguments: &Arguments) -> Result<Self> {
        let (conductor, settings): (CloudConductor, Settings) = lambda::connect("batch-agent")
            .await
            .map_err(anyhow::Error::from_boxed)?;
        let names = settings
            .batch
            .context("MAREY_BATCH_QUEUE is not set: there is nothing to take jobs from")?;
        let failures = std::env::var("MAREY_QUEUE_BATCH_FAILURES")
            .context("MAREY_QUEUE_BATCH_FAILURES is not set: nobody would hear of failures")?;
        let config = sdk_config().await;
        marey_cloud::harness::sweep_scratch();
        Ok(Self {
            batch: BatchQueues::new(&config, &names),
            failures: FailureQueue::new(&config, &failures),
            queue_names: [names.standard, names.express],
            conductor,
            program: match &arguments.worker {
                Some(program) => program.clone(),
                None => std::env::current_exe()?,
            },
            parallel: arguments.parallel as usize,
            ledger: Ledger::default(),
            workers: JoinSet::new(),
            pids: HashMap::new(),
        })
    }

    /// Takes new jobs, the urgent ones first.
    async fn look(&mut self) {
        for express in [true, false] {
            match self.batch.listed(express, Some("marey_*")).await {
                Ok(listed) => self.ledger.take(&listed, express),
                Err(error) => tracing::warn!(error = error.chain(), "submitted jobs not listed"),
            }
        }
    }

    /// Begins as many workers as may run at once.
    async fn begin(&mut self) {
        while self.workers.len() < self.parallel {
            let Some(order) = self.ledger.next() else { return };
            match self.is_wanted(&order).await {
                Ok(true) => {
                    if let Err(error) = self.spawn(order.clone()) {
                        tracing::error!(%error, shard = %order.key, "worker does not start");
                        self.end((order, i32::from(u8::MAX), Timestamp::now())).await;
                    }
                }
                Ok(false) => {
                    tracing::info!(shard = %order.key, "nothing to do for a Batch job");
                    self.ledger.forget(&order);
                }
                Err(error) => {
                    tracing::warn!(error = error.chain(), "shard not read");
                    self.ledger.put_back(order);
                    return;
                }
            }
        }
    }

    /// Whether the table still has something to do for an order: after a restart the API lists what was done long ago.
    async fn is_wanted(&self, order: &Order) -> Result<bool, CloudError> {
        let Some(job) = self.conductor.store.job(order.key.job).await? else {
            return Ok(false);
        };
        if job.value.has_ended() || job.value.round > order.name.round {
            return Ok(false);
        }
        let row = self.conductor.store.shard(&order.key).await?;
        Ok(row.is_none_or(|row| !row.value.has_ended() || row.value.is_left_over(job.value.round)))
    }

    fn spawn(&mut self, order: Order) -> Result<()> {
        let mut command = Command::new(&self.program);
        command
            .env(TASK_VARIABLE, order.name.to_string())
            .env("AWS_BATCH_JOB_ID", order.id())
            .env("AWS_BATCH_JOB_ATTEMPT", order.attempt.to_string())
            .env("AWS_BATCH_JQ_NAME", &self.queue_names[usize::from(order.express)])
            .env(PARENT_VARIABLE, std::process::id().to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        match order.index {
            Some(index) => command.env("AWS_BATCH_JOB_ARRAY_INDEX", index.to_string()),
            None => command.env_remove("AWS_BATCH_JOB_ARRAY_INDEX"),
        };
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        tracing::info!(shard = %order.key, attempt = order.attempt, pid = child.id(), "worker started");
        if let Some(pid) = pid {
            self.pids.insert(order.id(), pid);
        }
        let began = Timestamp::now();
        self.workers.spawn(async move {
            let code = child.wait().await.map_or(i32::from(u8::MAX), exit_code);
            (order, code, began)
        });
        Ok(())
    }

    async fn end(&mut self, (order, code, began): Ended) {
        self.pids.remove(&order.id());
        let verdict = self.ledger.ended(&order, code);
        tracing::info!(shard = %order.key, attempt = order.attempt, code, ?verdict, "worker ended");
        if verdict == Verdict::Failed {
            let queue = &self.queue_names[usize::from(order.express)];
            let event = event::failed(&order, code, queue, began, Timestamp::now());
            // A failure that is not told is found by the sweeper.
            if let Err(error) = self.failures.tell(&event).await {
                tracing::error!(error = error.chain(), "failure not told");
            }
        }
    }

    /// Tells the workers to stop, and kills those that do not.
    async fn stop(&mut self) {
        for pid in self.pids.values() {
            // It may have ended just now.
            let _ = kill_process(*pid, Signal::TERM);
        }
        let all = async { while self.workers.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(PATIENCE, all).await.is_ok();
        tracing::info!(in_time, "agent ends");
        // Dropping a worker kills it.
        self.workers.shutdown().await;
    }
}

/// A process's exit code, in a shell's manner: 128 and the signal for one that was killed.
fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
