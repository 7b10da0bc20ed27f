//! The person's tool: sends videos to Marey, follows their jobs and fetches the results.
//!
//! [`Client`] speaks the contract of `marey_contract` with any deployment, on AWS or on this machine; [`upload`],
//! [`download`] and [`watch`] build on it and draw nothing, so that tests and other tools can use them. Everything that
//! a person sees (tables, bars, colours, exit codes) is private and entered through [`run`].
//!
//! The tool holds no SDK client and decides nothing about a job: it asks, shows and fetches.

pub mod client;
pub mod download;
pub mod endpoint;
pub mod error;
pub mod secret;
pub mod signing;
pub mod upload;
pub mod watch;

mod arguments;
mod bars;
mod commands;
mod facts;
mod parameters;
mod recordings;
mod screen;
mod shards;
mod table;
mod videos;
mod whole;
mod words;

pub use client::Client;
pub use commands::run;
pub use endpoint::Endpoint;
pub use error::Error;
pub use signing::Auth;
