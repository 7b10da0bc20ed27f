//! Warping and alignment against other programs (`tests/reference/make_comparison_goldens.py`), and their laws.

mod aligning;
mod joints;
mod movements;
mod warping;

use serde::Deserialize;

/// What the other programs made.
#[derive(Deserialize)]
struct Goldens {
    exact: Vec<warping::ExactCase>,
    fast: Vec<warping::FastCase>,
    align: Vec<aligning::Case>,
    neuropose: Vec<joints::Case>,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../reference/comparison.json")).unwrap()
}

/// Equal to twelve digits, whichever the order of sums.
fn assert_close(ours: f64, theirs: f64, what: &str) {
    let error = (ours - theirs).abs() / theirs.abs().max(1.0);
    assert!(error < 1e-12, "{what}: {ours} and {theirs} differ by {error:e}");
}
