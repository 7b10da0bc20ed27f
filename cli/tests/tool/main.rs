//! The tool as people run it: its binary against a server in this process that speaks the contract.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail as tests do")]

mod analyze;
mod archives;
mod codes;
mod compare;
mod convert;
mod downloads;
mod follow;
mod json;
mod many;
mod operators;
mod server;
mod signed;
mod told;
mod tool;
mod uploads;
mod world;
