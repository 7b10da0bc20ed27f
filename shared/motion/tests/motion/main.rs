//! Tests of the crate through its public interface.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod angles;
mod choosing;
mod cleaning;
mod comparing;
mod corpus;
mod exchange;
mod figures;
mod filter;
mod formats;
mod gait;
mod joining;
mod jumps;
mod kinematics;
mod measured;
mod postures;
mod protocol;
mod ranges;
mod repetitions;
mod scale;
mod selection;
mod skeletons;
mod smoothing;
mod sports2d;
mod stored;
#[path = "../support/mod.rs"]
mod support;
mod walker;
