//! The only crate that names AWS: the jobs table, artifacts, queues, settings, telemetry, and the harness that runs a
//! stage.
//!
//! Ports ([`store`], [`artifacts`], [`queues`]) are narrow traits whose documentation is their contract; the real
//! versions ([`aws`]) and those in memory ([`memory`]) pass the same tests. What happens next is never decided here: the
//! [`conductor`] carries out what `marey_engine::plan` says.

pub mod artifacts;
pub mod aws;
pub mod conductor;
pub mod dead_letter;
pub mod error;
pub mod harness;
pub mod lambda;
pub mod memory;
pub mod publish;
pub mod queues;
pub mod settings;
pub mod stage;
pub mod store;
pub mod sweep;
pub mod telemetry;
pub mod time;
pub mod uploads;

pub use conductor::Conductor;
pub use error::CloudError;
pub use settings::Settings;
pub use stage::{Control, Output, OutputFile, Stage, StageError, Work};
pub use time::{RealTime, Time};
