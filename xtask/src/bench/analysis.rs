//! The analysis of a recording next to what Python's libraries take for the same work.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{pose::build_example, table::Table};
use crate::{
    root,
    setup::{self, Packages},
    shell::{Program, step},
};

/// The last is what `Sports2D` is built on, without what it needs for cameras and windows, which is most of it.
const PACKAGES: [Packages; 2] = [
    Packages::Whole("xtask/bench/requirements-analysis.txt"),
    Packages::Alone("xtask/bench/requirements-pose2sim.txt"),
];

/// Each measures an example of Marey's and the peers in turn.
const SCRIPTS: [Script; 3] = [
    ("pipeline_speed", "pipeline_speed"),
    ("pose2sim_speed", "pipeline_speed"),
    ("dtw_speed", "dtw_speed"),
];

/// A script and the example of Marey's that it measures.
type Script = (&'static str, &'static str);

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
    let folder = setup::venv("venv-analysis", "python3", &PACKAGES)?;
    let mut figures: Vec<Figures> = Vec::new();
    for (script, example) in SCRIPTS {
        let program = build_example(example)?;
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
    table.note("SciPy, dtaidistance and fastdtw are checked to find the same as Marey; Pose2Sim does less (the script says what).");
    table
}
