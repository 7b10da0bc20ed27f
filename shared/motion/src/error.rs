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
    #[error("the recording does not have that person: {0}")]
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
    /// A file of another program breaks that program's format.
    #[error("the {format} cannot be read at {place}: {reason}")]
    MalformedFile {
        /// The format, such as `TRC file`.
        format: &'static str,
        /// Where: a line and a column, or a byte.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// A file is sound but uses a part of its format that Marey does not read, or is of no known format.
    #[error("the file is not supported: {0}")]
    UnsupportedFile(String),
    /// A file holds more than a recording may.
    #[error("the file holds too much: {0}")]
    TooLarge(String),
    /// The markers of a file are of no skeleton that Marey knows.
    #[error("the markers are of no known skeleton: {0}")]
    UnknownMarkers(String),
    /// A file does not say when its frames were taken, and nobody else did.
    #[error("the file does not say how many frames it has per second")]
    RateMissing,
    /// A format needs positions in a space that the recording lacks.
    #[error("the recording has no positions in {0}")]
    SpaceMissing(&'static str),
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
            Self::MalformedFile { .. } => "MOTION_MALFORMED_FILE",
            Self::UnsupportedFile(_) => "MOTION_UNSUPPORTED_FILE",
            Self::TooLarge(_) => "MOTION_TOO_LARGE",
            Self::UnknownMarkers(_) => "MOTION_UNKNOWN_MARKERS",
            Self::RateMissing => "MOTION_RATE_MISSING",
            Self::SpaceMissing(_) => "MOTION_SPACE_MISSING",
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
            Self::NotComparable(_) => {
                "Compare two movements of which the same joints are seen in the same space, the image or the world."
            }
            Self::MissingValues(_) => "Let unknown values be interpolated, or frames that have any be dropped.",
            Self::NoSuchPerson(_) => {
                "Ask for all people first: the annotated video shows who is where and when. Then choose again."
            }
            Self::MalformedParquet(_) | Self::MalformedJson(_) => {
                "Check that the file is complete and of the format that its name says."
            }
            Self::MalformedFile { .. } => {
                "Check that the file is complete; if so, write it again with the program that made it."
            }
            Self::UnsupportedFile(_) => {
                "docs/FORMATS.md lists what is read; name the format if the file's name does not."
            }
            Self::TooLarge(_) => "Cut the recording into shorter ones.",
            Self::UnknownMarkers(_) => {
                "Name the skeleton of which the markers are; docs/FORMATS.md lists how markers may be called."
            }
            Self::RateMissing => "Give the frames per second of the video.",
            Self::SpaceMissing(_) => {
                "Ask for the other units (px from the picture, m from the world), or for another format."
            }
            Self::NewerSchema { .. } => "Update Marey, or write the file again with this version.",
            Self::Encoding(_) => "Report the error with the job's number.",
        }
    }
}
