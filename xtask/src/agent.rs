//! Starts and stops `marey-worker --agent`, which plays AWS Batch beside a local cloud that only keeps the names of Batch jobs.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result};

use crate::{
    build,
    cloud::Cloud,
    home,
    process::{Process, began},
    shell::{Program, step},
};

/// The program that runs stages, and the agent.
pub(crate) fn program() -> PathBuf {
    build::target().join("debug/marey-worker")
}

/// Where the agent of a cloud is remembered.
fn state_file(cloud: &Cloud) -> PathBuf {
    home().join(format!("agent-{}.json", cloud.port))
}

/// Starts an agent for what is deployed to a cloud, in the place of one that runs.
pub(crate) fn start(cloud: &Cloud, failures: &str) -> Result<()> {
    stop(cloud);
    step("start the agent that plays AWS Batch", || {
        let log = home().join(format!("agent-{}.log", cloud.port));
        let pid = Program::new(program())
            .args(["--agent", "--worker"])
            .arg(program())
            .envs(environment(cloud)?)
            .envs(cloud.environment())
            .env("MAREY_QUEUE_BATCH_FAILURES", failures)
            .env("TMPDIR", home().join("tmp"))
            .start(&log)?;
        let began = began(pid).with_context(|| format!("the agent ended at once; see {}", log.display()))?;
        std::fs::write(state_file(cloud), serde_json::to_vec(&Process { pid, began })?)?;
        Ok(())
    })
}

/// What the deployed functions are told: containers are told the same.
fn environment(cloud: &Cloud) -> Result<BTreeMap<String, String>> {
    let text = Program::new(home().join("venv/bin/aws"))
        .envs(cloud.environment())
        .args(["lambda", "get-function-configuration", "--function-name", "marey-pose"])
        .args(["--query", "Environment.Variables", "--output", "json"])
        .text()?;
    serde_json::from_str(&text).context("the environment of the function pose cannot be read")
}

/// Stops the agent of a cloud, if there is one, and with it its workers.
pub(crate) fn stop(cloud: &Cloud) {
    let file = state_file(cloud);
    let agent = std::fs::read(&file).ok();
    if let Some(agent) = agent.and_then(|bytes| serde_json::from_slice::<Process>(&bytes).ok()) {
        agent.stop();
    }
    // Gone is gone.
    let _ = std::fs::remove_file(file);
}
