//! Workflows: directed acyclic graphs of stages, as data, validated when they are loaded.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{Parameter, StageName};

mod document;
#[cfg(test)]
mod tests;

/// No stage has more shards: a shard's number has four digits wherever it is written.
pub const MOST_SHARDS: u32 = 10_000;

/// How often and how patiently a stage is tried.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryPolicy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// Greatest delay before the second attempt, in seconds.
    pub first_delay_s: f64,
    /// No delay is longer than this, in seconds.
    pub longest_delay_s: f64,
}

impl RetryPolicy {
    /// Delay in seconds before the attempt after `attempt`: exponential with full jitter, where `random` is drawn evenly
    /// from `0..1` (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    pub fn delay_s(&self, attempt: u32, random: f64) -> f64 {
        let doublings = attempt.saturating_sub(1).min(30);
        let ceiling = (self.first_delay_s * f64::from(1_u32 << doublings)).min(self.longest_delay_s);
        ceiling * random.clamp(0.0, 1.0)
    }
}

/// How many shards a stage has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ShardCount {
    /// As many as the file says.
    Fixed(u32),
    /// As many as a stage before it found out.
    From(FromFact),
}

/// A number that a stage leaves among its facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromFact {
    /// The stage, which has one shard.
    pub from: StageName,
    /// The name of the fact.
    pub fact: String,
}

/// Where a stage runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunsOn {
    /// In its Lambda function.
    #[default]
    Lambda,
    /// In a container of AWS Batch.
    Batch,
    /// In its Lambda function, unless the work is too large for one.
    Auto,
}

/// Something that a stage reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The upload itself.
    Upload,
    /// An artifact, of every shard of the stage that left it.
    Artifact {
        /// The stage that left it.
        stage: StageName,
        /// Its name.
        name: String,
        /// Whether the stage can do without it, which it must when an optional stage failed.
        may_be_missing: bool,
    },
}

impl fmt::Display for Input {
    /// As it is written in a workflow: `upload`, `probe/video.json`, `visualize/piece.mp4?`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upload => f.write_str("upload"),
            Self::Artifact {
                stage,
                name,
                may_be_missing,
            } => write!(f, "{stage}/{name}{}", if *may_be_missing { "?" } else { "" }),
        }
    }
}

/// A node of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSpec {
    /// Its name, unique in the workflow.
    pub name: StageName,
    /// What people read on a progress bar.
    pub title: String,
    /// The stages that must have ended before it starts.
    pub needs: Vec<StageName>,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// How many pieces it runs in.
    pub shards: ShardCount,
    /// Where it runs, unless the job says otherwise.
    pub runs_on: RunsOn,
    /// Whether the job goes on without it when it fails.
    pub optional: bool,
    /// The job's parameters that it reads.
    pub params: Vec<String>,
    /// Its part of the job's progress, in any unit.
    pub weight: f64,
    /// After how many seconds an attempt is given up.
    pub timeout_s: u32,
    /// How often and how patiently it is tried.
    pub retry: RetryPolicy,
    /// The artifacts that every completed shard has left, by name.
    pub artifacts: Vec<String>,
    /// What people get to see: some of the artifacts, and what a shard may have left besides. The rest is for later stages.
    pub results: Vec<String>,
}

impl StageSpec {
    /// Whether it reads something of a stage that it cannot do without.
    pub fn depends_on(&self, stage: &StageName) -> bool {
        self.inputs
            .iter()
            .any(|input| matches!(input, Input::Artifact { stage: of, may_be_missing: false, .. } if of == stage))
    }
}

/// A validated workflow; its stages are in an order in which every stage follows what it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    name: String,
    title: String,
    description: String,
    deadline_s: u32,
    parameters: BTreeMap<String, Parameter>,
    stages: Vec<StageSpec>,
}

/// What is wrong with a workflow file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct WorkflowError {
    /// The file's name as the caller gave it.
    pub file: String,
    /// Line from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// The workflows that Marey ships.
const SHIPPED: [(&str, &str); 3] = [
    ("motion.toml", include_str!("../workflows/motion.toml")),
    ("pose.toml", include_str!("../workflows/pose.toml")),
    ("probe.toml", include_str!("../workflows/probe.toml")),
];

/// The workflows that this process added to them.
static ADDED: std::sync::OnceLock<Vec<Workflow>> = std::sync::OnceLock::new();

impl Workflow {
    /// Loads a workflow from TOML; `file` is named in errors.
    ///
    /// # Errors
    /// Names the line of what is malformed, out of bounds, unknown, named twice, unreachable, or part of a cycle.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, WorkflowError> {
        document::read(file, text)
    }

    /// A workflow that Marey ships, by name.
    pub fn shipped(name: &str) -> Option<Self> {
        Self::all_shipped()
            .iter()
            .find(|workflow| workflow.name == name)
            .cloned()
    }

    /// Every workflow that Marey ships.
    ///
    /// # Panics
    /// Never in a build whose tests passed: the shipped files are part of it and a test loads them all.
    pub fn all_shipped() -> &'static [Self] {
        static ALL: std::sync::LazyLock<Vec<Workflow>> = std::sync::LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "the files are compiled in and tested")]
            let shipped = SHIPPED
                .iter()
                .map(|(file, text)| Workflow::from_toml(file, text).expect("a shipped workflow is valid"));
            shipped.chain(ADDED.get().into_iter().flatten().cloned()).collect()
        });
        &ALL
    }

    /// Adds workflows to the shipped ones, in this process: for simulations of graphs that no release has yet. Call it once,
    /// before any workflow is asked for by name; whether it was in time, the answer says.
    pub fn ship_also(workflows: Vec<Self>) -> bool {
        let names: Vec<_> = workflows.iter().map(|workflow| workflow.name.clone()).collect();
        ADDED.set(workflows).is_ok() && names.iter().all(|name| Self::shipped(name).is_some())
    }

    /// Its name, by which uploads ask for it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What people call it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it does, in a sentence.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// After how many seconds a job is given up, waiting included.
    pub fn deadline_s(&self) -> u32 {
        self.deadline_s
    }

    /// What a job may be given, by name.
    pub fn parameters(&self) -> &BTreeMap<String, Parameter> {
        &self.parameters
    }

    /// The stages, each after what it needs.
    pub fn stages(&self) -> &[StageSpec] {
        &self.stages
    }

    /// A stage by name.
    pub fn stage(&self, name: &StageName) -> Option<&StageSpec> {
        self.stages.iter().find(|stage| stage.name == *name)
    }
}
