//! Reads workflow files and tells what is wrong with them, and where.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::{FromFact, Input, MOST_SHARDS, RetryPolicy, RunsOn, ShardCount, StageSpec, Workflow, WorkflowError};
use crate::{Parameter, StageName, ids::Malformed};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema_version: Spanned<u32>,
    name: Spanned<String>,
    title: String,
    description: String,
    deadline_s: Option<Spanned<u32>>,
    #[serde(default, rename = "param")]
    parameters: BTreeMap<String, Spanned<Parameter>>,
    #[serde(default, rename = "stage")]
    stages: Vec<Spanned<StageDocument>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StageDocument {
    name: Spanned<String>,
    title: String,
    needs: Vec<Spanned<String>>,
    #[serde(default)]
    inputs: Vec<Spanned<String>>,
    shards: Option<Spanned<ShardCount>>,
    #[serde(default)]
    runs_on: RunsOn,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    params: Vec<Spanned<String>>,
    weight: Spanned<f64>,
    timeout_s: Spanned<u32>,
    retry: Spanned<RetryPolicy>,
    artifacts: Vec<String>,
    results: Option<Vec<Spanned<String>>>,
}

/// The newest layout this code reads.
const SCHEMA_VERSION: u32 = 1;

/// A job is given up after a day unless its workflow says otherwise.
const DEADLINE_S: u32 = 86_400;

/// A job and its stages are made in one transaction, which takes 100 rows.
const MOST_STAGES: usize = 99;

/// The longest time of a function in seconds (AWS Lambda quotas).
const LAMBDA_S: u32 = 900;

/// A problem and its offset in the file.
type Problem = (usize, String);

pub(super) fn read(file: &str, text: &str) -> Result<Workflow, WorkflowError> {
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

fn validate(raw: Document) -> Result<Workflow, Problem> {
    let version = *raw.schema_version.get_ref();
    if version != SCHEMA_VERSION {
        let problem =
            format!("schema_version is {version}; this Marey reads {SCHEMA_VERSION}: update Marey or the file");
        return Err((raw.schema_version.span().start, problem));
    }
    let start = raw.name.span().start;
    let name = stage_name(raw.name)?.to_string();
    let deadline_s = match raw.deadline_s {
        Some(given) if *given.get_ref() == 0 => return Err((given.span().start, "the deadline is 0 s".to_owned())),
        Some(given) => given.into_inner(),
        None => DEADLINE_S,
    };
    if raw.stages.len() > MOST_STAGES {
        let problem = format!(
            "the workflow {name} has {} stages, allowed are {MOST_STAGES}",
            raw.stages.len()
        );
        return Err((raw.stages[MOST_STAGES].span().start, problem));
    }
    if raw.stages.is_empty() {
        return Err((start, format!("the workflow {name} has no stage")));
    }
    let parameters = parameters(raw.parameters)?;
    let known = names(&raw.stages)?;
    let mut stages = Vec::new();
    for stage in raw.stages {
        stages.push((
            stage.span().start,
            validate_stage(stage.into_inner(), &known, &parameters)?,
        ));
    }
    let offsets: BTreeMap<_, _> = stages
        .iter()
        .map(|(offset, stage)| (stage.name.clone(), *offset))
        .collect();
    let stages = in_order(stages)?;
    check_inputs(&stages).map_err(|(stage, problem)| (offsets[&stage], problem))?;
    check_purpose(&stages, &parameters).map_err(|(stage, problem)| {
        let offset = stage.and_then(|stage| offsets.get(&stage).copied());
        (offset.unwrap_or(start), problem)
    })?;
    Ok(Workflow {
        name,
        title: raw.title,
        description: raw.description,
        deadline_s,
        parameters,
        stages,
    })
}

fn stage_name(raw: Spanned<String>) -> Result<StageName, Problem> {
    let start = raw.span().start;
    raw.into_inner().parse().map_err(|e: Malformed| (start, e.to_string()))
}

fn names(stages: &[Spanned<StageDocument>]) -> Result<BTreeSet<String>, Problem> {
    let mut known = BTreeSet::new();
    for stage in stages {
        let name = &stage.get_ref().name;
        if !known.insert(name.get_ref().clone()) {
            let problem = format!("the stage {} is there twice", name.get_ref());
            return Err((name.span().start, problem));
        }
    }
    Ok(known)
}

fn parameters(raw: BTreeMap<String, Spanned<Parameter>>) -> Result<BTreeMap<String, Parameter>, Problem> {
    let mut sound = BTreeMap::new();
    for (name, parameter) in raw {
        let start = parameter.span().start;
        let parameter = parameter.into_inner();
        parameter
            .check_itself()
            .map_err(|problem| (start, format!("the parameter {name}: {problem}")))?;
        sound.insert(name, parameter);
    }
    Ok(sound)
}

fn validate_stage(
    raw: StageDocument,
    known: &BTreeSet<String>,
    parameters: &BTreeMap<String, Parameter>,
) -> Result<StageSpec, Problem> {
    let name = stage_name(raw.name)?;
    let mut needs = Vec::new();
    for need in raw.needs {
        if !known.contains(need.get_ref()) {
            let problem = format!("{name} needs {}, which is not a stage", need.get_ref());
            return Err((need.span().start, problem));
        }
        needs.push(stage_name(need)?);
    }
    let inputs = raw.inputs.into_iter().map(|input| read_input(&name, input, &needs));
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let shards = read_shards(&name, raw.shards, &needs)?;
    let mut params = Vec::new();
    for param in raw.params {
        if !parameters.contains_key(param.get_ref()) {
            let problem = format!("{name} reads {}, which is not a parameter", param.get_ref());
            return Err((param.span().start, problem));
        }
        params.push(param.into_inner());
    }
    let weight = *raw.weight.get_ref();
    if !weight.is_finite() || weight <= 0.0 {
        let problem = format!("the weight of {name} is {weight}; it must be above 0");
        return Err((raw.weight.span().start, problem));
    }
    check_timeout(&name, &raw.timeout_s, raw.runs_on)?;
    check_retry(&name, &raw.retry)?;
    let results = match raw.results {
        None => raw.artifacts.clone(),
        Some(results) => read_results(&name, results, &raw.artifacts)?,
    };
    Ok(StageSpec {
        name,
        title: raw.title,
        needs,
        inputs,
        shards,
        runs_on: raw.runs_on,
        optional: raw.optional,
        params,
        weight,
        timeout_s: raw.timeout_s.into_inner(),
        retry: raw.retry.into_inner(),
        artifacts: raw.artifacts,
        results,
    })
}

/// A function ends before a longer timeout could; `auto` sends what outgrows it to a container.
fn check_timeout(name: &StageName, timeout_s: &Spanned<u32>, runs_on: RunsOn) -> Result<(), Problem> {
    let start = timeout_s.span().start;
    match (*timeout_s.get_ref(), runs_on) {
        (0, _) => Err((start, format!("the timeout of {name} is 0 s"))),
        (given, RunsOn::Lambda) if given > LAMBDA_S => Err((
            start,
            format!(
                "the timeout of {name} is {given} s; a function has {LAMBDA_S} s: shorten it, or let it run on auto or batch"
            ),
        )),
        _ => Ok(()),
    }
}

/// A result with a question mark may be missing, as an input may: what a stage leaves only where an optional one before it did its
/// part. All others must be promised.
fn read_results(name: &StageName, raw: Vec<Spanned<String>>, artifacts: &[String]) -> Result<Vec<String>, Problem> {
    let mut results = Vec::new();
    for result in raw {
        if let Some(may_be_missing) = result.get_ref().strip_suffix('?') {
            results.push(may_be_missing.to_owned());
            continue;
        }
        if !artifacts.contains(result.get_ref()) {
            let problem = format!(
                "{name} has the result {}, which is not among its artifacts",
                result.get_ref()
            );
            return Err((result.span().start, problem));
        }
        results.push(result.into_inner());
    }
    Ok(results)
}

fn read_input(stage: &StageName, raw: Spanned<String>, needs: &[StageName]) -> Result<Input, Problem> {
    let start = raw.span().start;
    let text = raw.into_inner();
    if text == "upload" {
        return Ok(Input::Upload);
    }
    let Some((of, name)) = text.split_once('/') else {
        let problem = format!("{stage} reads {text:?}; an input is \"upload\" or \"<stage>/<artifact>\"");
        return Err((start, problem));
    };
    let (name, may_be_missing) = match name.strip_suffix('?') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let of: StageName = of.parse().map_err(|e: Malformed| (start, e.to_string()))?;
    if !needs.contains(&of) {
        return Err((start, format!("{stage} reads {text} but does not need {of}")));
    }
    Ok(Input::Artifact {
        stage: of,
        name: name.to_owned(),
        may_be_missing,
    })
}

fn read_shards(name: &StageName, raw: Option<Spanned<ShardCount>>, needs: &[StageName]) -> Result<ShardCount, Problem> {
    let Some(raw) = raw else {
        return Ok(ShardCount::Fixed(1));
    };
    let start = raw.span().start;
    match raw.get_ref() {
        ShardCount::Fixed(count) if !(1..=MOST_SHARDS).contains(count) => Err((
            start,
            format!("{name} has {count} shards; it must have 1 to {MOST_SHARDS}"),
        )),
        ShardCount::From(FromFact { from, .. }) if !needs.contains(from) => Err((
            start,
            format!("{name} takes its shards from {from} but does not need it"),
        )),
        _ => Ok(raw.into_inner()),
    }
}

fn check_retry(name: &StageName, retry: &Spanned<RetryPolicy>) -> Result<(), Problem> {
    let policy = retry.get_ref();
    let delays = 0.0..=43_200.0;
    if policy.attempts == 0 || !delays.contains(&policy.first_delay_s) || !delays.contains(&policy.longest_delay_s) {
        let problem = format!("{name} needs at least 1 attempt and delays from 0 to 43200 s (the longest visibility)");
        return Err((retry.span().start, problem));
    }
    Ok(())
}

/// Sorts the stages so that each follows what it needs (Kahn 1962), keeping the file's order among equals.
fn in_order(mut waiting: Vec<(usize, StageSpec)>) -> Result<Vec<StageSpec>, Problem> {
    let mut done: Vec<StageSpec> = Vec::new();
    while !waiting.is_empty() {
        let is_done = |need: &StageName| done.iter().any(|stage| stage.name == *need);
        let Some(next) = waiting.iter().position(|(_, stage)| stage.needs.iter().all(is_done)) else {
            let names: Vec<_> = waiting.iter().map(|(_, stage)| stage.name.as_str()).collect();
            let problem = format!("these stages wait for each other: {}", names.join(", "));
            return Err((waiting[0].0, problem));
        };
        done.push(waiting.remove(next).1);
    }
    Ok(done)
}

/// Every input must be promised by the stage it is read from, and whoever reads from an optional stage must be able to do
/// without.
fn check_inputs(stages: &[StageSpec]) -> Result<(), (StageName, String)> {
    let find = |name: &StageName| stages.iter().find(|stage| stage.name == *name);
    for stage in stages {
        for input in &stage.inputs {
            let Input::Artifact {
                stage: of,
                name,
                may_be_missing,
            } = input
            else {
                continue;
            };
            let Some(source) = find(of) else { continue };
            if !source.artifacts.contains(name) {
                let problem = format!("{} reads {of}/{name}, which {of} does not leave", stage.name);
                return Err((stage.name.clone(), problem));
            }
            if source.optional && !may_be_missing && !stage.optional {
                let problem = format!(
                    "{} reads {of}/{name}, but {of} is optional: write \"{of}/{name}?\" or make {} optional too",
                    stage.name, stage.name
                );
                return Err((stage.name.clone(), problem));
            }
        }
        let ShardCount::From(FromFact { from, .. }) = &stage.shards else {
            continue;
        };
        let source = find(from);
        if source.is_some_and(|source| source.shards != ShardCount::Fixed(1) || (source.optional && !stage.optional)) {
            let problem = format!(
                "{} takes its shards from {from}, which must have one shard and not be optional",
                stage.name
            );
            return Err((stage.name.clone(), problem));
        }
    }
    Ok(())
}

/// A stage whose work reaches nobody, or a parameter that nobody reads, is a mistake in the file.
fn check_purpose(
    stages: &[StageSpec],
    parameters: &BTreeMap<String, Parameter>,
) -> Result<(), (Option<StageName>, String)> {
    for stage in stages {
        let is_used = stages.iter().any(|other| other.needs.contains(&stage.name));
        if !is_used && stage.results.is_empty() {
            let problem = format!(
                "{} is unreachable from any result: nothing needs it and it has no results",
                stage.name
            );
            return Err((Some(stage.name.clone()), problem));
        }
    }
    let unread = parameters
        .keys()
        .find(|name| !stages.iter().any(|stage| stage.params.contains(name)));
    match unread {
        Some(name) => Err((None, format!("no stage reads the parameter {name}"))),
        None => Ok(()),
    }
}
