//! The tool as people run it: its binary against a server in this process that speaks the contract.

mod downloads;
mod follow;
mod json;
mod server;
mod signed;
mod told;
mod tool;
mod uploads;
mod world;
