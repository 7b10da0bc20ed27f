//! The developer's tool: set up, build, run the local cloud, deploy, show, test, measure.
//!
//! Everything it writes lies in `.marey/` and `target/` of the checkout.

#![expect(clippy::print_stdout, reason = "this is a program for people at a terminal")]

mod agent;
mod bench;
mod build;
mod checks;
mod cloud;
mod demo;
mod deploy;
mod fuzz;
mod layers;
mod package;
mod process;
mod proof;
mod sample;
mod scale;
mod setup;
mod shell;
mod simulate;
mod stack;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::cloud::Kind;

/// Marey's developer tool.
///
/// Example: `cargo xtask demo my_video.mp4`
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set up, start the local cloud, deploy, upload a video and show its results
    Demo(demo::Options),
    /// Everything that must pass: format, lints, unit tests, template, end-to-end tests
    Test(checks::Options),
    /// Install what is missing: system packages, Python packages, models
    Setup,
    /// Fetch and convert the pose models and ONNX Runtime into `.marey/`
    Models,
    /// Start the local cloud and deploy the template to it
    Up(stack::StackOptions),
    /// Stop what was started
    Down,
    /// Stop what was started and delete `.marey/`
    Clean,
    /// Render the sample: a person whose joint angles are known
    Sample(sample::Options),
    /// Run jobs while functions are killed, messages come twice and the cloud restarts
    Chaos(proof::ChaosOptions),
    /// Run thousands of small jobs, and count them
    Load(proof::LoadOptions),
    /// Work out what a long video takes, in seconds and dollars
    Scale(scale::Options),
    /// Simulate the engine in a world that breaks on purpose; `--help` after `--` tells what it takes
    Simulate(simulate::Options),
    /// Fuzz the readers of files from elsewhere
    Fuzz(fuzz::Options),
    /// Measure speed and size, against a named peer in the same run
    Bench(bench::Options),
    /// Build functions and layers for a real account
    Package(package::Options),
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Test(options) => checks::run(&options),
        Command::Setup => setup::all(&setup::Wanted::for_cloud(Kind::Ministack)),
        Command::Models => setup::models(),
        Command::Up(options) => stack::up(&options).map(|stack| stack.print()),
        Command::Down => cloud::down(),
        Command::Clean => clean(),
        Command::Sample(options) => sample::run(&options),
        Command::Chaos(options) => proof::chaos(&options),
        Command::Load(options) => proof::load(&options),
        Command::Scale(options) => scale::run(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Package(options) => package::run(&options),
    }
}

fn clean() -> Result<()> {
    cloud::down()?;
    let home = home();
    if home.exists() {
        std::fs::remove_dir_all(&home)?;
        println!("deleted {}", home.display());
    }
    Ok(())
}

/// The checkout.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}

/// Where everything lies that the tool installs, makes and remembers.
fn home() -> PathBuf {
    root().join(".marey")
}
