//! Vision: where a person's landmarks are in the frames of a video.
//!
//! BlazePose (Bazarevsky et al. 2020, arXiv:2006.10204) as MediaPipe 0.10.21 runs it, on ONNX Runtime: a detector finds
//! a person, a landmark model looks at the region around them, and the region follows the landmarks from frame to frame,
//! so that the detector runs again only when the person is lost, or at intervals if several may be followed. Single frames agree with MediaPipe to a fraction of a
//! pixel, because pictures are cropped with the same rounding.
//!
//! The library of ONNX Runtime and the models are files that the caller names; this crate downloads nothing, decodes no
//! video and draws nothing.
//!
//! ```no_run
//! use std::path::Path;
//! use marey_vision::{ImageView, Models, OnnxRuntime, PoseEstimator, PoseOptions};
//!
//! # fn main() -> Result<(), marey_vision::VisionError> {
//! let runtime = OnnxRuntime::load(Path::new("lib/libonnxruntime.so"))?;
//! let models = Models::open(Path::new("models"))?;
//! let mut estimator = PoseEstimator::new(&runtime, &models, PoseOptions::default())?;
//! let frame = vec![0; 640 * 480 * 3];
//! let pose = estimator.process(ImageView::rgb(&frame, 640, 480)?, 0.0)?;
//! assert!(pose.is_none(), "nobody is in a black picture");
//! # Ok(())
//! # }
//! ```

pub mod anchors;
mod clothes;
pub mod detector;
mod error;
mod estimator;
pub mod filter;
mod image;
pub mod landmarks;
mod models;
pub mod nms;
mod people;
pub mod refine;
mod region;
mod runtime;
mod tracker;
pub mod warp;

pub use detector::{Detection, PoseDetector};
pub use error::VisionError;
pub use estimator::{MOST_PEOPLE, PoseEstimator, PoseOptions, SOONEST_S, Timings};
pub use image::ImageView;
pub use landmarks::{CropLandmarks, LandmarkModel};
pub use models::Models;
pub use region::Region;
pub use runtime::{OnnxRuntime, Provider};
