//! What a job may be given: parameters with types, bounds and defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Workflow;

/// A parameter of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// What people read, in a sentence.
    pub title: String,
    /// Unit of a number, such as `Hz`; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it may be.
    #[serde(flatten)]
    pub kind: ParameterKind,
}

/// What a parameter may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ParameterKind {
    /// A number.
    Number {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
        /// Without a wish.
        default: f64,
    },
    /// A whole number.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
        /// Without a wish.
        default: i64,
    },
    /// Yes or no.
    Flag {
        /// Without a wish.
        default: bool,
    },
    /// One of a few words.
    Choice {
        /// The words.
        values: Vec<String>,
        /// What earlier versions called a word, and the word that it is now: jobs keep their parameters for weeks. A
        /// flag that became a choice was called `true` or `false`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        formerly: BTreeMap<String, String>,
        /// Without a wish.
        default: String,
    },
    /// A text.
    Text {
        /// Most characters.
        longest: usize,
        /// Without a wish.
        default: String,
    },
}

/// A wish that a workflow does not grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParameter {
    /// There is no such parameter.
    #[error("{name} is not a parameter of the workflow {workflow}; it has {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Of which workflow.
        workflow: String,
        /// What it has.
        known: String,
    },
    /// The value does not fit.
    #[error("{name} is {value}; it must be {expected}")]
    Unfit {
        /// The parameter.
        name: String,
        /// What was given.
        value: String,
        /// What may be given.
        expected: String,
    },
}

impl Parameter {
    /// The value where none is given.
    pub fn default_value(&self) -> Value {
        match &self.kind {
            ParameterKind::Number { default, .. } => (*default).into(),
            ParameterKind::Integer { default, .. } => (*default).into(),
            ParameterKind::Flag { default } => (*default).into(),
            ParameterKind::Choice { default, .. } | ParameterKind::Text { default, .. } => default.clone().into(),
        }
    }

    /// What may be given, in words: `a number from 0.5 to 30 Hz`.
    pub fn expected(&self) -> String {
        let unit = self.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
        match &self.kind {
            ParameterKind::Number { min, max, .. } => format!("a number from {min} to {max}{unit}"),
            ParameterKind::Integer { min, max, .. } => format!("a whole number from {min} to {max}{unit}"),
            ParameterKind::Flag { .. } => "true or false".to_owned(),
            ParameterKind::Choice { values, .. } => format!("one of {}", values.join(", ")),
            ParameterKind::Text { longest, .. } => format!("a text of at most {longest} characters"),
        }
    }

    /// Whether a value may be given.
    pub fn admits(&self, value: &Value) -> bool {
        match &self.kind {
            ParameterKind::Number { min, max, .. } => value.as_f64().is_some_and(|x| (*min..=*max).contains(&x)),
            ParameterKind::Integer { min, max, .. } => value.as_i64().is_some_and(|x| (*min..=*max).contains(&x)),
            ParameterKind::Flag { .. } => value.is_boolean(),
            ParameterKind::Choice { values, formerly, .. } => {
                let is_word = |text: &str| values.iter().any(|known| known == text);
                value.as_str().is_some_and(is_word) || formerly.contains_key(&plain(value))
            }
            ParameterKind::Text { longest, .. } => value.as_str().is_some_and(|text| text.chars().count() <= *longest),
        }
    }

    /// A value that may be given, in the words of this version.
    pub fn current(&self, value: &Value) -> Value {
        match &self.kind {
            ParameterKind::Choice { formerly, .. } => formerly
                .get(&plain(value))
                .map_or_else(|| value.clone(), |word| word.clone().into()),
            _ => value.clone(),
        }
    }

    /// Reads a value that was written as text, as on a command line or in an object's metadata.
    pub fn parse(&self, text: &str) -> Value {
        match &self.kind {
            ParameterKind::Choice { .. } | ParameterKind::Text { .. } => text.into(),
            _ => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        }
    }

    /// Whether the definition makes sense.
    pub(crate) fn check_itself(&self) -> Result<(), String> {
        if let ParameterKind::Choice { values, formerly, .. } = &self.kind
            && let Some((was, is)) = formerly
                .iter()
                .find(|(was, is)| values.contains(was) || !values.contains(is))
        {
            return Err(format!("it says that {was} became {is}, which does not fit its values"));
        }
        if self.admits(&self.default_value()) {
            Ok(())
        } else {
            Err(format!(
                "its default is {}; it must be {}",
                self.default_value(),
                self.expected()
            ))
        }
    }
}

/// A value as text, without the quotes of a string.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A job's parameters: every wish checked, everything else at its default.
///
/// # Errors
/// The first wish that the workflow does not know or whose value does not fit.
pub fn settle(workflow: &Workflow, wishes: &BTreeMap<String, Value>) -> Result<BTreeMap<String, Value>, BadParameter> {
    for (name, value) in wishes {
        let Some(parameter) = workflow.parameters().get(name) else {
            let known: Vec<_> = workflow.parameters().keys().map(String::as_str).collect();
            return Err(BadParameter::Unknown {
                name: name.clone(),
                workflow: workflow.name().to_owned(),
                known: if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                },
            });
        };
        if !parameter.admits(value) {
            return Err(BadParameter::Unfit {
                name: name.clone(),
                value: value.to_string(),
                expected: parameter.expected(),
            });
        }
    }
    let settled = workflow.parameters().iter().map(|(name, parameter)| {
        let value = wishes
            .get(name)
            .map_or_else(|| parameter.default_value(), |value| parameter.current(value));
        (name.clone(), value)
    });
    Ok(settled.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow() -> Workflow {
        let text = r#"
schema_version = 1
name = "w"
title = "W"
description = "d"
[param.cutoff_hz]
title = "Cutoff frequency"
type = "number"
min = 0.5
max = 30
default = 6
unit = "Hz"
[param.side]
title = "Side"
type = "choice"
values = ["left", "right"]
formerly = { true = "right", sinister = "left" }
default = "left"
[[stage]]
name = "a"
title = "A"
needs = []
params = ["cutoff_hz", "side"]
weight = 1
timeout_s = 9
retry = { attempts = 1, first_delay_s = 1, longest_delay_s = 2 }
artifacts = ["x"]
"#;
        Workflow::from_toml("w.toml", text).unwrap()
    }

    #[test]
    fn a_text_is_read_by_what_the_parameter_is() {
        let workflow = workflow();
        let read = |name: &str, text: &str| workflow.parameters()[name].parse(text);
        assert_eq!(read("cutoff_hz", "4.5"), json!(4.5));
        assert_eq!(read("cutoff_hz", "fast"), json!("fast"), "what it is not is told later");
        assert_eq!(read("side", "right"), json!("right"));
        assert_eq!(
            read("side", "7"),
            json!("7"),
            "a choice is a word, also if it looks like a number"
        );
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let settled = settle(&workflow(), &BTreeMap::from([("side".to_owned(), json!("right"))])).unwrap();
        assert_eq!(settled["cutoff_hz"], json!(6.0));
        assert_eq!(settled["side"], json!("right"));
    }

    #[test]
    fn what_earlier_versions_said_is_understood() {
        for (was, is) in [
            (json!(true), "right"),
            (json!("true"), "right"),
            (json!("sinister"), "left"),
        ] {
            let settled = settle(&workflow(), &BTreeMap::from([("side".to_owned(), was)])).unwrap();
            assert_eq!(settled["side"], json!(is));
        }
        let mut side = workflow().parameters()["side"].clone();
        if let ParameterKind::Choice { formerly, .. } = &mut side.kind {
            formerly.insert("up".to_owned(), "down".to_owned());
        }
        assert!(side.check_itself().unwrap_err().contains("up became down"));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        let refused = |name: &str, value: Value| {
            let error = settle(&workflow(), &BTreeMap::from([(name.to_owned(), value)])).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            refused("cutoff_hz", json!(99)),
            "cutoff_hz is 99; it must be a number from 0.5 to 30 Hz"
        );
        assert_eq!(
            refused("side", json!("up")),
            "side is \"up\"; it must be one of left, right"
        );
        assert_eq!(
            refused("cutof_hz", json!(6)),
            "cutof_hz is not a parameter of the workflow w; it has cutoff_hz, side"
        );
    }

    #[test]
    fn text_is_read_as_the_parameters_type() {
        let workflow = workflow();
        assert_eq!(workflow.parameters()["cutoff_hz"].parse("6.5"), json!(6.5));
        assert_eq!(workflow.parameters()["side"].parse("left"), json!("left"));
        assert!(!workflow.parameters()["cutoff_hz"].admits(&workflow.parameters()["cutoff_hz"].parse("six")));
    }
}
