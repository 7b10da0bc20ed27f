//! Workflows as the tool knows them, and parameters as people type them.

use std::collections::BTreeMap;

use marey_contract::{ParameterDetail, ParameterType, RunsOn, WorkflowDetail, WorkflowStage};
use marey_engine::draw::{Graph, Node};
use marey_engine::{Parameter, ParameterKind, ShardCount, StageSpec, Workflow};
use serde_json::Value;

use crate::client::Client;
use crate::error::Error;

/// The workflow of uploads that name none.
pub(crate) const DEFAULT_WORKFLOW: &str = "motion";

/// A parameter as it is typed: its name, and a value whose type the workflow tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Reads `name=value`.
pub(crate) fn typed(text: &str) -> Result<Typed, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok(Typed {
            name: name.trim().to_owned(),
            value: value.to_owned(),
        }),
        _ => Err("it must be name=value, such as cutoff_hz=8".to_owned()),
    }
}

/// The values of typed parameters, checked against the workflow as the deployment has it; nothing is asked if there are none.
pub(crate) async fn wishes(
    client: &Client,
    workflow: Option<&str>,
    typed: &[Typed],
) -> Result<BTreeMap<String, Value>, Error> {
    if typed.is_empty() {
        return Ok(BTreeMap::new());
    }
    let detail = client.workflow(workflow.unwrap_or(DEFAULT_WORKFLOW)).await?;
    values(&detail, typed)
}

/// The values of typed parameters in a workflow.
pub(crate) fn values(workflow: &WorkflowDetail, typed: &[Typed]) -> Result<BTreeMap<String, Value>, Error> {
    let mut values = BTreeMap::new();
    for Typed { name, value } in typed {
        let refuse = |why: String| Error::BadParameter {
            why,
            workflow: workflow.name.clone(),
        };
        let Some(detail) = workflow.params.get(name) else {
            let known: Vec<_> = workflow.params.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(refuse(format!(
                "{name} is not a parameter of the workflow {}; it has {known}",
                workflow.name
            )));
        };
        let parsed = read(detail, value);
        if !admits(detail, &parsed) {
            return Err(refuse(format!("{name} is {value}; it must be {}", detail.expected)));
        }
        if values.insert(name.clone(), parsed).is_some() {
            return Err(refuse(format!("{name} is given twice")));
        }
    }
    Ok(values)
}

/// Checks values that have types already, as in a manifest.
pub(crate) fn check(workflow: &WorkflowDetail, params: &BTreeMap<String, Value>) -> Result<(), Error> {
    for (name, value) in params {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let typed = Typed {
            name: name.clone(),
            value: text.clone(),
        };
        values(workflow, std::slice::from_ref(&typed))?;
        // Read as text it may fit although its type does not: "8" is no number. A flag that became a choice is still one.
        let detail = &workflow.params[name];
        if !admits(detail, value) && !detail.formerly.contains_key(&text) {
            return Err(Error::BadParameter {
                why: format!("{name} is {value}; it must be {}", detail.expected),
                workflow: workflow.name.clone(),
            });
        }
    }
    Ok(())
}

/// Text as a value of the parameter's type.
fn read(detail: &ParameterDetail, text: &str) -> Value {
    match detail.kind {
        ParameterType::Choice => detail.formerly.get(text).map_or(text, String::as_str).into(),
        ParameterType::Text => text.into(),
        _ => serde_json::from_str(text.trim()).unwrap_or_else(|_| text.into()),
    }
}

fn admits(detail: &ParameterDetail, value: &Value) -> bool {
    let is_within =
        |number: f64| detail.min.is_none_or(|min| number >= min) && detail.max.is_none_or(|max| number <= max);
    match detail.kind {
        ParameterType::Number => value.as_f64().is_some_and(is_within),
        ParameterType::Integer => value.as_i64().is_some_and(|number| is_within(number as f64)),
        ParameterType::Flag => value.is_boolean(),
        ParameterType::Choice => value
            .as_str()
            .is_some_and(|text| detail.values.iter().any(|known| known == text)),
        ParameterType::Text => value.as_str().is_some_and(|text| {
            detail
                .longest
                .is_none_or(|longest| text.chars().count() as u64 <= longest)
        }),
    }
}

/// A shipped workflow in the words of the contract.
pub(crate) fn shipped(workflow: &Workflow) -> WorkflowDetail {
    let total: f64 = workflow.stages().iter().map(|stage| stage.weight).sum();
    let params = workflow.parameters().iter();
    WorkflowDetail {
        name: workflow.name().to_owned(),
        title: workflow.title().to_owned(),
        description: workflow.description().to_owned(),
        deadline_s: workflow.deadline_s(),
        params: params
            .map(|(name, parameter)| (name.clone(), detail(parameter)))
            .collect(),
        stages: workflow.stages().iter().map(|spec| stage(spec, total)).collect(),
    }
}

fn detail(parameter: &Parameter) -> ParameterDetail {
    let mut detail = ParameterDetail {
        title: parameter.title.clone(),
        kind: ParameterType::Flag,
        unit: parameter.unit.clone(),
        min: None,
        max: None,
        values: Vec::new(),
        formerly: BTreeMap::new(),
        longest: None,
        default: parameter.default_value(),
        expected: parameter.expected(),
    };
    match &parameter.kind {
        ParameterKind::Number { min, max, .. } => {
            (detail.kind, detail.min, detail.max) = (ParameterType::Number, Some(*min), Some(*max));
        }
        ParameterKind::Integer { min, max, .. } => {
            (detail.kind, detail.min, detail.max) = (ParameterType::Integer, Some(*min as f64), Some(*max as f64));
        }
        ParameterKind::Flag { .. } => {}
        ParameterKind::Choice { values, formerly, .. } => {
            detail.kind = ParameterType::Choice;
            (detail.values, detail.formerly) = (values.clone(), formerly.clone());
        }
        ParameterKind::Text { longest, .. } => {
            (detail.kind, detail.longest) = (ParameterType::Text, Some(*longest as u64));
        }
    }
    detail
}

fn stage(spec: &StageSpec, total: f64) -> WorkflowStage {
    let (shards, shards_from) = match &spec.shards {
        ShardCount::Fixed(shards) => (Some(*shards), None),
        ShardCount::From(from) => (None, Some(format!("{}/{}", from.from, from.fact))),
    };
    WorkflowStage {
        name: spec.name.to_string(),
        title: spec.title.clone(),
        needs: spec.needs.iter().map(ToString::to_string).collect(),
        inputs: spec.inputs.iter().map(ToString::to_string).collect(),
        shards,
        shards_from,
        runs_on: match spec.runs_on {
            marey_engine::RunsOn::Lambda => RunsOn::Lambda,
            marey_engine::RunsOn::Batch => RunsOn::Batch,
            marey_engine::RunsOn::Auto => RunsOn::Auto,
        },
        optional: spec.optional,
        params: spec.params.clone(),
        weight: spec.weight / total,
        timeout_s: spec.timeout_s,
        attempts: spec.retry.attempts,
        artifacts: spec.artifacts.clone(),
        results: spec.results.clone(),
    }
}

/// What is drawn of a workflow.
pub(crate) fn graph(workflow: &WorkflowDetail) -> Graph {
    let node = |stage: &WorkflowStage| Node {
        name: stage.name.clone(),
        title: stage.title.clone(),
        needs: stage.needs.clone(),
        shards: match (stage.shards, &stage.shards_from) {
            (_, Some(from)) => format!("×{from}"),
            (Some(shards), None) if shards > 1 => format!("×{shards}"),
            _ => String::new(),
        },
        runs_on: runs_on(stage.runs_on).to_owned(),
        optional: stage.optional,
        share: stage.weight,
    };
    Graph {
        title: workflow.title.clone(),
        nodes: workflow.stages.iter().map(node).collect(),
    }
}

/// Where something runs, in a word.
pub(crate) fn runs_on(place: RunsOn) -> &'static str {
    match place {
        RunsOn::Lambda => "lambda",
        RunsOn::Batch => "batch",
        RunsOn::Auto => "auto",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_all(texts: &[&str]) -> Result<BTreeMap<String, Value>, Error> {
        let typed: Vec<_> = texts.iter().map(|text| typed(text).unwrap()).collect();
        values(&shipped(&Workflow::shipped("motion").unwrap()), &typed)
    }

    #[test]
    fn values_have_the_types_of_the_workflow() {
        let values = read_all(&["cutoff_hz=8", "filter=loess", "filter_order=3"]).unwrap();
        assert_eq!(
            json!(values),
            json!({"cutoff_hz": 8, "filter": "loess", "filter_order": 3})
        );
        // As it was called when there was one filter only.
        assert_eq!(json!(read_all(&["filter=false"]).unwrap()), json!({"filter": "none"}));
        let flag = BTreeMap::from([("filter".to_owned(), json!(true))]);
        assert!(check(&shipped(&Workflow::shipped("motion").unwrap()), &flag).is_ok());
    }

    #[test]
    fn what_does_not_fit_is_told_before_anything_is_sent() {
        let told = |text: &[&str]| read_all(text).unwrap_err().to_string();
        assert_eq!(
            told(&["cutoff_hz=900"]),
            "cutoff_hz is 900; it must be a number from 0.1 to 100 Hz"
        );
        assert_eq!(
            told(&["cutoff_hz=fast"]),
            "cutoff_hz is fast; it must be a number from 0.1 to 100 Hz"
        );
        assert_eq!(
            told(&["filter_order=2.5"]),
            "filter_order is 2.5; it must be a whole number from 1 to 8"
        );
        assert!(told(&["filter=no"]).starts_with("filter is no; it must be one of none, butterworth, "));
        assert_eq!(told(&["filter=none", "filter=none"]), "filter is given twice");
        assert!(told(&["cutof=1"]).starts_with("cutof is not a parameter of the workflow motion; it has cutoff_hz, "));
        for text in ["cutoff_hz", "=8", ""] {
            assert!(typed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_workflow_from_the_api_is_drawn_as_the_shipped_one() {
        for workflow in Workflow::all_shipped() {
            assert_eq!(graph(&shipped(workflow)), Graph::from(workflow));
        }
    }
}
