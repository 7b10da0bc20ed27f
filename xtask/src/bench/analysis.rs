//! The analysis of a recording next to what Python's libraries take for the same work.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{pose::build_example, table::Table};
use crate::{
    root, setup,
    shell::{Program, step},
};

const REQUIREMENTS: &str = "xtask/bench/requirements-analysis.txt";

/// Each measures Marey's example of its name and the peers in turn, and checks that both find the same.
const SCRIPTS: [&str; 2] = ["pipeline_speed", "dtw_speed"];

/// One thing that both do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    what: String,
    /// Best time in seconds.
    marey_s: f64,
    /// Best time of the peer in seconds.
    peer_s: f64,
    peer: String,
}

/// Runs the scripts.
pub(crate) fn measure(rounds: usize) -> Result<Vec<Figures>> {
    let folder = setup::venv("venv-analysis", "python3", &[REQUIREMENTS], &[])?;
    let mut figures: Vec<Figures> = Vec::new();
    for script in SCRIPTS {
        let program = build_example(script)?;
        let said = step(&format!("run {script} and its peers"), || {
            Program::new(folder.join("bin/python"))
                .arg(
                    root()
                        .join("shared/motion/tests/reference")
                        .join(format!("{script}.py")),
                )
                .arg(&program)
                .args(["--json", "--rounds", &rounds.to_string()])
                .text()
        })?;
        let found: Vec<Figures> = serde_json::from_str(&said).with_context(|| format!("{script} said {said:?}"))?;
        figures.extend(found);
    }
    Ok(figures)
}

/// The ratios.
pub(crate) fn table(figures: &[Figures], rounds: usize) -> Table {
    let mut table = Table::new(
        format!("analysis, best of {rounds} rounds in turn"),
        &["what", "Marey ms", "peer ms", "ratio", "peer"],
    );
    for Figures {
        what,
        marey_s,
        peer_s,
        peer,
    } in figures
    {
        table.row([
            what.clone(),
            format!("{:.2}", 1000.0 * marey_s),
            format!("{:.2}", 1000.0 * peer_s),
            format!("{:.1}", peer_s / marey_s),
            peer.clone(),
        ]);
    }
    table.note("Both are checked to find the same.");
    table
}
