//! The workflows that are simulated: the shipped one, and graphs of other shapes.

use std::sync::Once;

use marey_engine::Workflow;

/// The names of the workflows that jobs run.
pub const NAMES: &[&str] = &[
    "motion",
    "motion",
    "motion",
    "sim-diamond",
    "sim-advert",
    "sim-avatar",
    "sim-optional",
    "sim-wide",
    "sim-batch",
];

/// Those with stages of as many shards as a fact says.
pub const WIDE: &[&str] = &["motion", "sim-wide"];

const FILES: [(&str, &str); 6] = [
    ("diamond.toml", include_str!("../workflows/diamond.toml")),
    ("advert.toml", include_str!("../workflows/advert.toml")),
    ("avatar.toml", include_str!("../workflows/avatar.toml")),
    ("optional.toml", include_str!("../workflows/optional.toml")),
    ("wide.toml", include_str!("../workflows/wide.toml")),
    ("batch.toml", include_str!("../workflows/batch.toml")),
];

/// Makes the simulation's own workflows known to the engine, once in a process.
///
/// # Panics
/// A workflow of the simulation is malformed, or somebody asked for a workflow before.
pub fn make_known() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let all = FILES.iter().map(|(file, text)| match Workflow::from_toml(file, text) {
            Ok(workflow) => workflow,
            Err(error) => panic!("{error}"),
        });
        assert!(Workflow::ship_also(all.collect()), "a workflow was asked for too early");
    });
}
