//! Archives, honest and hostile.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod bombs;
mod forge;
mod laws;
mod rules;
