//! `cargo xtask simulate`: builds and runs the deterministic simulation of the engine.
//!
//! The simulation links the cloud crate, which this tool does not: it stays a program of its own, built when it is asked for.

use anyhow::Result;
use clap::Args;

use crate::shell::Program;

/// Simulate the engine.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What the simulation takes, such as `--seeds 2000 --from 7 --fault skip-fence`, `--scale 10000` or `--list`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let program = Program::cargo().args(["run", "--quiet", "--package", "marey-simulate", "--"]);
    program.args(&options.arguments).run()
}
