//! What is fuzzed: one function for each target, which a target and the test that replays the corpus both call.
//!
//! To add a target: a function here (or in a file of its own, as `archive.rs`), three lines in `fuzz_targets/`, a `[[bin]]` in
//! `Cargo.toml`, a few small seeds in `corpus/NAME/`, and a line in the test that replays them.

pub mod archive;
pub mod motion;
pub mod movement;
