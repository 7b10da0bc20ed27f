//! What can go wrong with recordings and analyses, in words for people and codes for programs.

use thiserror::Error;

/// An error of this crate. None is worth a retry: the same values give the same error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MotionError {
    /// A recording contradicts itself.
    #[error("the recording is not consistent: {0}")]
    InvalidRecording(String),
    /// Recordings of a video's parts do not belong together.
    #[error("the parts of the recording do not fit together: {0}")]
    PartsDisagree(String),
    /// An analysis contradicts itself.
    #[error("the analysis is not consistent: {0}")]
    InvalidAnalysis(String),
    /// Settings ask for something impossible.
    #[error("the analysis settings make no sense: {0}")]
    InvalidSettings(String),
    /// Two movements cannot be compared.
    #[error("the movements cannot be compared: {0}")]
    NotComparable(String),
    /// Values that a comparison needs are unknown.
    #[error("a movement has unknown values: {0}")]
    MissingValues(String),
    /// Nobody in the recording is the person who was asked for.
    #[error("nobody in the recording is {0}")]
    NoSuchPerson(String),
    /// A number that should be stored is not finite.
    #[error("{0} is not a finite number and cannot be stored")]
    NotFinite(String),
    /// Bytes are not a Parquet file of the expected layout.
    #[error("the Parquet file cannot be read: {0}")]
    MalformedParquet(String),
    /// A text is not JSON of the expected layout.
    #[error("the JSON cannot be read: {0}")]
    MalformedJson(String),
    /// A file was written by a later version of Marey.
    #[error(
        "the file has layout version {found}, this program reads versions up to {supported}; update Marey to read it"
    )]
    NewerSchema {
        /// Version stated by the file.
        found: u32,
        /// Greatest version that this program reads.
        supported: u32,
    },
    /// Writing failed; the cause is in the encoder.
    #[error("the result cannot be written: {0}")]
    Encoding(String),
}

impl MotionError {
    /// Stable code of the error; codes never change their meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidRecording(_) => "MOTION_INVALID_RECORDING",
            Self::PartsDisagree(_) => "MOTION_PARTS_DISAGREE",
            Self::InvalidAnalysis(_) => "MOTION_INVALID_ANALYSIS",
            Self::InvalidSettings(_) => "MOTION_INVALID_SETTINGS",
            Self::NotComparable(_) => "MOTION_NOT_COMPARABLE",
            Self::MissingValues(_) => "MOTION_MISSING_VALUES",
            Self::NoSuchPerson(_) => "MOTION_NO_SUCH_PERSON",
            Self::NotFinite(_) => "MOTION_NOT_FINITE",
            Self::MalformedParquet(_) => "MOTION_MALFORMED_PARQUET",
            Self::MalformedJson(_) => "MOTION_MALFORMED_JSON",
            Self::NewerSchema { .. } => "MOTION_NEWER_SCHEMA",
            Self::Encoding(_) => "MOTION_ENCODING",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InvalidRecording(_) | Self::PartsDisagree(_) | Self::InvalidAnalysis(_) | Self::NotFinite(_) => {
                "Run the job again from the video; if the error returns, report it with the job's number."
            }
            Self::InvalidSettings(_) => "Correct the named setting, or leave it out to use its default.",
            Self::NotComparable(_) => "Compare two movements of a person of whom the same joints are seen in both.",
            Self::MissingValues(_) => "Let unknown values be interpolated, or frames that have any be dropped.",
            Self::NoSuchPerson(_) => {
                "Ask for all people first: the annotated video shows who is where and when. Then choose again."
            }
            Self::MalformedParquet(_) | Self::MalformedJson(_) => {
                "Check that the file is complete and was written by Marey."
            }
            Self::NewerSchema { .. } => "Update Marey, or write the file again with this version.",
            Self::Encoding(_) => "Report the error with the job's number.",
        }
    }
}
