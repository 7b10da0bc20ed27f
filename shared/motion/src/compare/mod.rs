//! Comparison of movements: dynamic time warping, alignment in space, and what two recordings of a movement differ in.
//!
//! docs/COMPARE.md has the definitions with their sources. Everything is exact and deterministic unless its name says
//! otherwise, and nothing guesses: unknown values are an error, interpolated or left out as [`Missing`] tells.

mod comparison;
mod contrast;
mod dtw;
mod fast;
mod joints;
mod movement;
mod procrustes;
mod series;

pub use comparison::{
    AngleDifference, Basis, COMPARISON_SCHEMA_VERSION, Compared, Comparison, ComparisonSettings, JointDifference,
    LEAST_LIT_M, LEAST_LIT_TRUNKS, Moment, RepetitionDifference, Stretch, TOLERANCE_DEG, UNLIKE_DEG, WarpSummary,
    score,
};
pub use contrast::compare;
pub use dtw::{Band, Cost, Method, Warp, warp, warp_distance};
pub use joints::{Representation, WarpSettings, aligned, warp_all, warp_features, warp_per_joint, warp_relation};
pub use movement::{Align, Movement};
pub use procrustes::{Alignment, AlignmentSummary, Best, Rotation, Transform, align};
pub use series::{Features, Missing, Series};
