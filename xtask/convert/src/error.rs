//! What can be wrong with a model that is to be converted.

/// Why a TensorFlow Lite model could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The bytes are not a `FlatBuffers` file with the identifier `TFL3`.
    #[error("not a TensorFlow Lite model: the identifier TFL3 is missing")]
    NotTfLite,
    /// An offset, length or value inside the file contradicts the rest of it.
    #[error("malformed TensorFlow Lite model: {what}")]
    Malformed {
        /// What was found wrong.
        what: String,
    },
    /// The model is valid but uses something that the converter does not know.
    #[error("unsupported TensorFlow Lite model: {what}")]
    Unsupported {
        /// What is not known.
        what: String,
    },
    /// The model would expand beyond what a converted model may hold.
    #[error("the model's constants exceed {limit} values")]
    TooLarge {
        /// Greatest number of values that all constants together may have.
        limit: usize,
    },
    /// [`crate::ConvertOptions`] names an output or input that the model lacks.
    #[error("the model has no input or output named `{name}`")]
    UnknownName {
        /// The name that was asked for.
        name: String,
    },
    /// Two values of the converted graph would have the same name.
    #[error("two values of the graph are named `{name}`")]
    DuplicateName {
        /// The name in question.
        name: String,
    },
}

impl ConvertError {
    /// A stable name for the kind of error, for logs and for people.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotTfLite => "CONVERT_NOT_TFLITE",
            Self::Malformed { .. } => "CONVERT_MALFORMED",
            Self::Unsupported { .. } => "CONVERT_UNSUPPORTED",
            Self::TooLarge { .. } => "CONVERT_TOO_LARGE",
            Self::UnknownName { .. } => "CONVERT_UNKNOWN_NAME",
            Self::DuplicateName { .. } => "CONVERT_DUPLICATE_NAME",
        }
    }

    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }
}
