//! Pictures: overlays on video frames, plots, the chronophotograph and the report.
//!
//! Pure: values in, pixels, SVG or HTML out. Nothing here opens a file, reads a clock or reaches a network; fonts are
//! compiled in for pixels and left to the reader's system for SVG and HTML. Every text from outside is escaped, and
//! every drawing is clipped to its frame, whatever coordinates a model produced.

pub mod chronogram;
pub mod chronophotograph;
pub mod comparison;
mod geometry;
pub mod image;
mod label;
pub mod overlay;
mod palette;
pub mod plot;
mod raster;
pub mod report;
mod stick;
mod svg;
mod text;

pub use chronophotograph::{
    Arrangement, BackgroundModel, Chronophotograph, Figure, PhotoPlan, arrangement, select_instants,
};
pub use image::{PictureError, RgbFrame, RgbImage};
pub use overlay::{Annotator, AnnotatorOptions};
