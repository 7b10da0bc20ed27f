//! Measures; prints ratios against named peers of the same run and asserts nothing.

use anyhow::Result;

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(_options: &Options) -> Result<()> {
    anyhow::bail!("not yet")
}
