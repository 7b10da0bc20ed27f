//! Workflows, as people see them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::RunsOn;

/// `GET /workflows`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowList {
    /// The workflows that an upload may ask for.
    pub workflows: Vec<WorkflowSummary>,
}

/// A workflow in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowSummary {
    /// Its name, by which uploads ask for it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it does, in a sentence.
    pub description: String,
    /// The names of its stages, each after what it needs.
    pub stages: Vec<String>,
    /// The names of its parameters.
    pub params: Vec<String>,
}

/// `GET /workflows/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowDetail {
    /// Its name, by which uploads ask for it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it does, in a sentence.
    pub description: String,
    /// After how many seconds a job is given up, waiting included.
    pub deadline_s: u32,
    /// What a job may be given, by name.
    pub params: BTreeMap<String, ParameterDetail>,
    /// The stages, each after what it needs.
    pub stages: Vec<WorkflowStage>,
}

/// A stage of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowStage {
    /// Its name, unique in the workflow.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The stages that must have ended before it starts.
    pub needs: Vec<String>,
    /// What it reads: `upload`, `probe/video.json`; with `?` at the end what may be missing.
    pub inputs: Vec<String>,
    /// How many pieces it runs in, if the workflow says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
    /// Otherwise the stage that finds out, and the fact: `probe/shards`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards_from: Option<String>,
    /// Where it runs, unless the job says otherwise.
    pub runs_on: RunsOn,
    /// Whether the job goes on without it when it fails.
    pub optional: bool,
    /// The parameters that it reads.
    pub params: Vec<String>,
    /// Its share of a job's progress bar, 0 to 1.
    pub weight: f64,
    /// After how many seconds an attempt is given up.
    pub timeout_s: u32,
    /// Attempts in all.
    pub attempts: u32,
    /// What every completed piece leaves, by name.
    pub artifacts: Vec<String>,
    /// Those of them that people get to see.
    pub results: Vec<String>,
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    /// A number from `min` to `max`.
    Number,
    /// A whole number from `min` to `max`.
    Integer,
    /// True or false.
    Flag,
    /// One of `values`.
    Choice,
    /// A text of at most `longest` characters.
    Text,
}

/// A parameter of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParameterDetail {
    /// What people read, in a sentence.
    pub title: String,
    /// What it may be.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// Unit of a number, such as `Hz`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The words to choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// What earlier versions called a word to choose, and what it is now; they may still be given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub formerly: BTreeMap<String, String>,
    /// Most characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<u64>,
    /// Its value where none is given.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub default: Value,
    /// What may be given, in words: `a number from 0.5 to 30 Hz`.
    pub expected: String,
}
