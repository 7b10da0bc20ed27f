//! Tests of the pictures through the public interface.

mod chronophotographs;
mod comparisons;
mod documents;
mod findings;
mod found;
mod overlays;
mod support;

use marey_motion::{Analysis, Settings, analyze};

/// The analysis of a synthetic recording.
fn analysis(movement: support::Movement, frames: usize) -> Analysis {
    analyze(&support::recording(movement, frames), &Settings::default()).expect("the synthetic recording is sound")
}
