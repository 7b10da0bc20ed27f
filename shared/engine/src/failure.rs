//! Why something did not work, for the person who must act on it.

use serde::{Deserialize, Serialize};

use crate::StageName;

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The world was in the way: the same attempt may succeed later.
    Transient,
    /// The input is at fault: no attempt can succeed.
    Permanent,
    /// Somebody asked for the end.
    Cancelled,
}

/// What reaches people: a stable code, a sentence and what to do about it. Private causes stay in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable, upper-case; listed in docs/ERRORS.md and never changes its meaning.
    pub code: String,
    /// One sentence that a user understands.
    pub message: String,
    /// What the user can do.
    pub hint: String,
    /// Where it happened, if in a stage.
    pub stage: Option<StageName>,
    /// On which attempt, from 1; 0 outside a stage.
    pub attempt: u32,
    /// Whether trying again can help.
    pub class: FailureClass,
}
