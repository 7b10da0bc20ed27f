//! Makes the ONNX models that Marey runs from the TensorFlow Lite models that MediaPipe ships.
//!
//! [`convert`] turns one `.tflite` file into one ONNX file: the `FlatBuffers` are read and the protobuf is written by
//! hand, so the output depends on nothing but the input and the options, byte for byte. Only the operators of
//! MediaPipe's convolutional graphs are known; anything else is an error, never an approximation.
//!
//! [`prepare_models`] and [`extract_onnxruntime`] take what Marey needs out of pinned wheels. Downloading the wheels is
//! the caller's business: nothing here touches the network.

mod array;
mod convert;
mod error;
mod flatbuffer;
mod graph;
mod onnx;
mod operators;
mod packages;
mod prepare;
mod sparse;
mod tflite;

pub use convert::{CONVERTER_VERSION, ConvertOptions, convert};
pub use error::ConvertError;
pub use packages::{MEDIAPIPE_PACKAGE, ONNXRUNTIME_PACKAGE, ONNXRUNTIME_PACKAGE_AARCH64, PinnedPackage};
pub use prepare::{
    MODELS_FILE, PrepareError, PreparedModel, PreparedModels, Source, extract_onnxruntime, prepare_models,
};
