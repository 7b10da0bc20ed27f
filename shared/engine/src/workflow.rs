//! Workflows: directed acyclic graphs of stages, as data, validated when they are loaded.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use crate::StageName;

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

/// A node of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSpec {
    /// Its name, unique in the workflow.
    pub name: StageName,
    /// What people read on a progress bar.
    pub title: String,
    /// The stages that must be complete before it starts.
    pub needs: Vec<StageName>,
    /// Its part of the job's progress, in any unit.
    pub weight: f64,
    /// After how many seconds an attempt is given up.
    pub timeout_s: u32,
    /// How often and how patiently it is tried.
    pub retry: RetryPolicy,
    /// The artifacts that a completed shard has left, by name.
    pub artifacts: Vec<String>,
}

/// A validated workflow; its stages are in an order in which every stage follows what it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    name: String,
    title: String,
    description: String,
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
const SHIPPED: [(&str, &str); 1] = [("motion.toml", include_str!("../workflows/motion.toml"))];

impl Workflow {
    /// Loads a workflow from TOML; `file` is named in errors.
    ///
    /// # Errors
    /// Names the line of what is malformed, out of bounds, unknown, named twice, or part of a cycle.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, WorkflowError> {
        let at = |offset: usize, problem: String| {
            let line = 1 + text.get(..offset).unwrap_or(text).matches('\n').count();
            WorkflowError {
                file: file.to_owned(),
                line,
                problem,
            }
        };
        let raw: Document =
            toml::from_str(text).map_err(|e| at(e.span().map_or(0, |span| span.start), e.message().to_owned()))?;
        validate(raw).map_err(|(offset, problem)| at(offset, problem))
    }

    /// A workflow that Marey ships, by name.
    pub fn shipped(name: &str) -> Option<Self> {
        Self::all_shipped().into_iter().find(|workflow| workflow.name == name)
    }

    /// Every workflow that Marey ships.
    ///
    /// # Panics
    /// Never in a build whose tests passed: the shipped files are part of it and a test loads them all.
    pub fn all_shipped() -> Vec<Self> {
        #[expect(clippy::expect_used, reason = "the files are compiled in and tested")]
        SHIPPED
            .iter()
            .map(|(file, text)| Self::from_toml(file, text).expect("a shipped workflow is valid"))
            .collect()
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

    /// The stages, each after what it needs.
    pub fn stages(&self) -> &[StageSpec] {
        &self.stages
    }

    /// A stage by name.
    pub fn stage(&self, name: &StageName) -> Option<&StageSpec> {
        self.stages.iter().find(|stage| stage.name == *name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema_version: Spanned<u32>,
    name: Spanned<String>,
    title: String,
    description: String,
    #[serde(default, rename = "stage")]
    stages: Vec<Spanned<StageDocument>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StageDocument {
    name: Spanned<String>,
    title: String,
    needs: Vec<Spanned<String>>,
    weight: Spanned<f64>,
    timeout_s: Spanned<u32>,
    retry: Spanned<RetryPolicy>,
    artifacts: Vec<String>,
}

/// The newest layout this code reads.
const SCHEMA_VERSION: u32 = 1;

type Problem = (usize, String);

fn validate(raw: Document) -> Result<Workflow, Problem> {
    let version = *raw.schema_version.get_ref();
    if version != SCHEMA_VERSION {
        let problem =
            format!("schema_version is {version}; this Marey reads {SCHEMA_VERSION}: update Marey or the file");
        return Err((raw.schema_version.span().start, problem));
    }
    let start = raw.name.span().start;
    let name = raw
        .name
        .into_inner()
        .parse::<StageName>()
        .map_err(|e| (start, e.to_string()))?
        .to_string();
    if raw.stages.is_empty() {
        return Err((start, format!("the workflow {name} has no stage")));
    }
    let mut known = BTreeSet::new();
    for stage in &raw.stages {
        let name = &stage.get_ref().name;
        if !known.insert(name.get_ref().clone()) {
            return Err((
                name.span().start,
                format!("the stage {} is there twice", name.get_ref()),
            ));
        }
    }
    let mut stages = Vec::new();
    for stage in raw.stages {
        stages.push((stage.span().start, validate_stage(stage.into_inner(), &known)?));
    }
    Ok(Workflow {
        name,
        title: raw.title,
        description: raw.description,
        stages: in_order(stages)?,
    })
}

fn validate_stage(raw: StageDocument, known: &BTreeSet<String>) -> Result<StageSpec, Problem> {
    let start = raw.name.span().start;
    let name: StageName = raw
        .name
        .into_inner()
        .parse()
        .map_err(|e: crate::ids::Malformed| (start, e.to_string()))?;
    let mut needs = Vec::new();
    for need in raw.needs {
        if !known.contains(need.get_ref()) {
            return Err((
                need.span().start,
                format!("{name} needs {}, which is not a stage", need.get_ref()),
            ));
        }
        let at = need.span().start;
        needs.push(
            need.into_inner()
                .parse()
                .map_err(|e: crate::ids::Malformed| (at, e.to_string()))?,
        );
    }
    let weight = *raw.weight.get_ref();
    if !weight.is_finite() || weight <= 0.0 {
        return Err((
            raw.weight.span().start,
            format!("the weight of {name} is {weight}; it must be above 0"),
        ));
    }
    if *raw.timeout_s.get_ref() == 0 {
        return Err((raw.timeout_s.span().start, format!("the timeout of {name} is 0 s")));
    }
    let retry = raw.retry.get_ref();
    let delays = 0.0..=43_200.0;
    if retry.attempts == 0 || !delays.contains(&retry.first_delay_s) || !delays.contains(&retry.longest_delay_s) {
        let problem = format!("{name} needs at least 1 attempt and delays from 0 to 43200 s (the longest visibility)");
        return Err((raw.retry.span().start, problem));
    }
    let timeout_s = raw.timeout_s.into_inner();
    let (title, artifacts, retry) = (raw.title, raw.artifacts, raw.retry.into_inner());
    Ok(StageSpec {
        name,
        title,
        needs,
        weight,
        timeout_s,
        retry,
        artifacts,
    })
}

/// Sorts the stages so that each follows what it needs (Kahn 1962), keeping the file's order among equals.
fn in_order(mut waiting: Vec<(usize, StageSpec)>) -> Result<Vec<StageSpec>, Problem> {
    let mut done: Vec<StageSpec> = Vec::new();
    while !waiting.is_empty() {
        let is_done = |need: &StageName| done.iter().any(|stage| stage.name == *need);
        let Some(next) = waiting.iter().position(|(_, stage)| stage.needs.iter().all(is_done)) else {
            let names: Vec<_> = waiting.iter().map(|(_, stage)| stage.name.as_str()).collect();
            return Err((
                waiting[0].0,
                format!("these stages wait for each other: {}", names.join(", ")),
            ));
        };
        done.push(waiting.remove(next).1);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(stages: &str) -> Result<Workflow, WorkflowError> {
        let head = "schema_version = 1\nname = \"w\"\ntitle = \"W\"\ndescription = \"d\"\n";
        Workflow::from_toml("w.toml", &format!("{head}{stages}"))
    }

    fn stage(name: &str, needs: &str) -> String {
        format!(
            "[[stage]]\nname = \"{name}\"\ntitle = \"T\"\nneeds = [{needs}]\nweight = 1\ntimeout_s = 9\n\
             retry = {{ attempts = 1, first_delay_s = 1, longest_delay_s = 2 }}\nartifacts = []\n"
        )
    }

    fn problem(stages: &str) -> String {
        with(stages).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_workflows_load() {
        let names: Vec<_> = Workflow::all_shipped().iter().map(|w| w.name().to_owned()).collect();
        assert_eq!(names, ["motion"]);
        let motion = Workflow::shipped("motion").unwrap();
        let stages: Vec<_> = motion.stages().iter().map(|s| s.name.as_str()).collect();
        assert_eq!(stages, ["probe", "pose", "biomechanics", "visualize"]);
        assert!(Workflow::shipped("nope").is_none());
    }

    #[test]
    fn stages_are_put_in_an_order_that_can_be_run() {
        let workflow = with(&(stage("c", "\"a\", \"b\"") + &stage("b", "\"a\"") + &stage("a", ""))).unwrap();
        let names: Vec<_> = workflow.stages().iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        let cycle = stage("z", "") + &stage("a", "\"b\"") + &stage("b", "\"a\"");
        assert_eq!(problem(&cycle), "w.toml:13: these stages wait for each other: a, b");
        assert_eq!(
            problem(&stage("a", "\"x\"")),
            "w.toml:8: a needs x, which is not a stage"
        );
        assert_eq!(
            problem(&(stage("a", "") + &stage("a", ""))),
            "w.toml:14: the stage a is there twice"
        );
        assert_eq!(problem(&stage("A b", "")), "w.toml:6: \"A b\" is not a stage name");
        assert_eq!(problem(&stage("a", "").replace("weight = 1", "weight = -1")), {
            "w.toml:9: the weight of a is -1; it must be above 0"
        });
        assert_eq!(problem(""), "w.toml:2: the workflow w has no stage");
        assert!(problem(&stage("a", "").replace("timeout_s", "timeout")).starts_with("w.toml:10: unknown field"));
        let newer = Workflow::from_toml("n.toml", "schema_version = 2\nname='w'\ntitle=''\ndescription=''");
        assert!(newer.unwrap_err().problem.contains("update Marey"));
    }

    proptest! {
        #[test]
        fn a_delay_is_never_negative_nor_longer_than_allowed(attempt in 0_u32..200, random in -1.0..2.0_f64) {
            let policy = RetryPolicy { attempts: 3, first_delay_s: 2.0, longest_delay_s: 60.0 };
            prop_assert!((0.0..=60.0).contains(&policy.delay_s(attempt, random)));
            prop_assert!(policy.delay_s(1, 1.0) <= 2.0);
        }

        #[test]
        fn any_text_is_a_workflow_or_an_error(text in "\\PC{0,200}") {
            let _ = Workflow::from_toml("x", &text);
        }
    }
}
