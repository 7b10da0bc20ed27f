//! What is wrong with an analysis file, all of it at once.

use std::fmt;

use thiserror::Error;

use crate::MotionError;

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: the keys from the outside in, such as `segmentation.extractor.joint`; empty for the text as a whole.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl Problem {
    pub(super) fn of_text(line: usize, why: String) -> Self {
        Self {
            path: String::new(),
            line,
            why,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: ", self.line)?;
        if !self.path.is_empty() {
            write!(out, "`{}` ", self.path)?;
        }
        out.write_str(&self.why)
    }
}

/// Why an analysis file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// The text or what it asks for is wrong.
    #[error("the analysis file is wrong: {}", list(.0))]
    Invalid(Vec<Problem>),
    /// A later version of Marey is needed.
    #[error(
        "the analysis file has version {found}, this program reads versions up to {supported}; update Marey to use it"
    )]
    Newer {
        /// Version stated by the file.
        found: u32,
        /// Greatest version that this program reads.
        supported: u32,
    },
    /// The movements cannot be measured as the file asks.
    #[error(transparent)]
    Motion(#[from] MotionError),
    /// The recordings do not have what the file asks for.
    #[error("the recording does not fit the analysis file: {0}")]
    Unfit(String),
}

impl ProtocolError {
    /// Stable code of the error; codes never change their meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "PROTOCOL_INVALID",
            Self::Newer { .. } => "PROTOCOL_NEWER",
            Self::Motion(error) => error.code(),
            Self::Unfit(_) => "PROTOCOL_UNFIT",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "Correct the lines that are named; docs/ANALYSES.md describes every key.",
            Self::Newer { .. } => "Update Marey, or write the file for this version.",
            Self::Motion(error) => error.hint(),
            Self::Unfit(_) => "Name another recording or person, or change what the file asks for.",
        }
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}
