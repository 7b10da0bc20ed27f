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
    // Its left and right limbs lie on each other in the picture, so nothing tells whether they were exchanged.
    let settings = Settings {
        repair_swaps: false,
        view: None,
        ..Settings::default()
    };
    analyze(&support::recording(movement, frames), &settings).expect("the synthetic recording is sound")
}
