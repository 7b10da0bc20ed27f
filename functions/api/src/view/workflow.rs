//! Workflows as the API shows them.

use std::collections::BTreeMap;

use marey_contract as say;
use marey_engine::{Parameter, ParameterKind, ShardCount, StageSpec, Workflow};

use super::runs_on;

/// A workflow as lists show it.
pub(crate) fn summary(workflow: &Workflow) -> say::WorkflowSummary {
    say::WorkflowSummary {
        name: workflow.name().to_owned(),
        title: workflow.title().to_owned(),
        description: workflow.description().to_owned(),
        stages: workflow.stages().iter().map(|stage| stage.name.to_string()).collect(),
        params: workflow.parameters().keys().cloned().collect(),
    }
}

/// A workflow with its stages and parameters.
pub(crate) fn detail(workflow: &Workflow) -> say::WorkflowDetail {
    let total: f64 = workflow.stages().iter().map(|stage| stage.weight).sum();
    let params = workflow.parameters().iter();
    say::WorkflowDetail {
        name: workflow.name().to_owned(),
        title: workflow.title().to_owned(),
        description: workflow.description().to_owned(),
        deadline_s: workflow.deadline_s(),
        params: params
            .map(|(name, parameter)| (name.clone(), parameter_detail(parameter)))
            .collect(),
        stages: workflow
            .stages()
            .iter()
            .map(|stage| stage_detail(stage, total))
            .collect(),
    }
}

fn parameter_detail(parameter: &Parameter) -> say::ParameterDetail {
    let mut detail = say::ParameterDetail {
        title: parameter.title.clone(),
        kind: say::ParameterType::Flag,
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
            detail.kind = say::ParameterType::Number;
            (detail.min, detail.max) = (Some(*min), Some(*max));
        }
        ParameterKind::Integer { min, max, .. } => {
            detail.kind = say::ParameterType::Integer;
            (detail.min, detail.max) = (Some(*min as f64), Some(*max as f64));
        }
        ParameterKind::Flag { .. } => {}
        ParameterKind::Choice { values, formerly, .. } => {
            detail.kind = say::ParameterType::Choice;
            detail.values.clone_from(values);
            detail.formerly.clone_from(formerly);
        }
        ParameterKind::Text { longest, .. } => {
            detail.kind = say::ParameterType::Text;
            detail.longest = Some(*longest as u64);
        }
    }
    detail
}

fn stage_detail(stage: &StageSpec, total: f64) -> say::WorkflowStage {
    let (shards, shards_from) = match &stage.shards {
        ShardCount::Fixed(count) => (Some(*count), None),
        ShardCount::From(from) => (None, Some(format!("{}/{}", from.from, from.fact))),
    };
    say::WorkflowStage {
        name: stage.name.to_string(),
        title: stage.title.clone(),
        needs: stage.needs.iter().map(ToString::to_string).collect(),
        inputs: stage.inputs.iter().map(ToString::to_string).collect(),
        shards,
        shards_from,
        runs_on: runs_on(stage.runs_on),
        optional: stage.optional,
        params: stage.params.clone(),
        weight: stage.weight / total,
        timeout_s: stage.timeout_s,
        attempts: stage.retry.attempts,
        artifacts: stage.artifacts.clone(),
        results: stage.results.clone(),
    }
}
