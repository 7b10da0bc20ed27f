//! What can go wrong between a picture and its landmarks.

use std::{error::Error, path::PathBuf};

type Cause = Box<dyn Error + Send + Sync>;

/// Why there is no answer. A picture without a person is not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VisionError {
    /// ONNX Runtime's library could not be loaded.
    #[error("cannot load ONNX Runtime from {}", path.display())]
    Runtime {
        /// The library that was named.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: Cause,
    },
    /// What shall run the models is not there. Nothing else runs them instead.
    #[error("the models cannot be run by {provider}")]
    Provider {
        /// Its name.
        provider: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A model file, or the list of models, could not be read.
    #[error("cannot read {}", path.display())]
    ModelFile {
        /// The file in question.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: Cause,
    },
    /// The list of models is of a layout that this version does not know.
    #[error("{} has layout version {found}, this version of Marey knows {known}", path.display())]
    ModelList {
        /// The list in question.
        path: PathBuf,
        /// Version of its layout.
        found: u32,
        /// Version that is known.
        known: u32,
    },
    /// A model file is not the one that the list of models describes.
    #[error("{} is damaged: its SHA-256 is {found}, not {expected}", path.display())]
    ModelDamaged {
        /// The file in question.
        path: PathBuf,
        /// SHA-256 that the list gives.
        expected: String,
        /// SHA-256 of the file.
        found: String,
    },
    /// The list of models lacks a model.
    #[error("the model {name} is not among the models")]
    ModelMissing {
        /// Name of the model.
        name: String,
    },
    /// A model is loaded but is not shaped like the one that was expected.
    #[error("the model {name} has no {port} of {expected} numbers")]
    ModelShape {
        /// Name of the model.
        name: String,
        /// Which input or output.
        port: String,
        /// How many numbers it should have.
        expected: usize,
    },
    /// ONNX Runtime refused to load or to run a model.
    #[error("ONNX Runtime failed on the model {name}")]
    Inference {
        /// Name of the model.
        name: String,
        /// Why it failed.
        #[source]
        source: Cause,
    },
    /// The picture's size and data do not fit together.
    #[error("a picture of {width} x {height} pixels with rows of {stride} bytes cannot be read from {bytes} bytes")]
    Image {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Distance between rows in bytes.
        stride: usize,
        /// Length of the data in bytes.
        bytes: usize,
    },
    /// A frame is not later than the one before.
    #[error("a frame at {time_s} s follows one at {previous_s} s")]
    Time {
        /// Time of the frame in seconds.
        time_s: f64,
        /// Time of the frame before in seconds.
        previous_s: f64,
    },
    /// An option is outside its range.
    #[error("the option {name} is {value}, which is outside {range}")]
    Option {
        /// Name of the option.
        name: &'static str,
        /// The value that was given.
        value: f64,
        /// The values that it may have.
        range: &'static str,
    },
}

impl VisionError {
    /// A stable name for the kind of error, for logs and for people.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Runtime { .. } => "VISION_RUNTIME",
            Self::Provider { .. } => "VISION_PROVIDER",
            Self::ModelFile { .. } => "VISION_MODEL_FILE",
            Self::ModelList { .. } => "VISION_MODEL_LIST",
            Self::ModelDamaged { .. } => "VISION_MODEL_DAMAGED",
            Self::ModelMissing { .. } => "VISION_MODEL_MISSING",
            Self::ModelShape { .. } => "VISION_MODEL_SHAPE",
            Self::Inference { .. } => "VISION_INFERENCE",
            Self::Image { .. } => "VISION_IMAGE",
            Self::Time { .. } => "VISION_TIME",
            Self::Option { .. } => "VISION_OPTION",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Runtime { .. } => {
                "name the file libonnxruntime.so, version 1.17 or later, with MAREY_ONNXRUNTIME, or get it with `cargo xtask models`"
            }
            Self::Provider { .. } => {
                "name a build of ONNX Runtime that has it with MAREY_ONNXRUNTIME, and install what it needs, or use cpu"
            }
            Self::ModelFile { .. } => {
                "name the directory that holds models.json with MAREY_MODELS, or make it with `cargo xtask models`"
            }
            Self::ModelDamaged { .. } | Self::ModelMissing { .. } | Self::ModelShape { .. } => {
                "make the models again with `cargo xtask models`"
            }
            Self::ModelList { .. } => {
                "the models were made by another version of Marey: make them again with `cargo xtask models`"
            }
            Self::Inference { .. } => "make the models again; if that does not help, use ONNX Runtime 1.31.1",
            Self::Image { .. } => {
                "give three bytes per pixel, and rows at least three times as long as the picture is wide"
            }
            Self::Time { .. } => {
                "give frames in the order of their presentation times, and reset the estimator before another video"
            }
            Self::Option { .. } => "correct the option",
        }
    }
}
