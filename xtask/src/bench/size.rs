//! How large the functions are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use super::{
    peer::{self, Peer, folder_bytes},
    table::{Table, megabytes},
};
use crate::{
    build, home,
    shell::{Program, step},
};

/// Functions that move messages and rows and compute nothing, and the most that they should weigh in a release.
const GLUE: [&str; 3] = ["intake", "api", "deadletter"];
const GLUE_AIM_BYTES: u64 = 9_000_000;

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    functions: Vec<Function>,
    /// What estimating poses needs: the function, ONNX Runtime and the models.
    pose_bytes: u64,
    /// What the peer needs for the same.
    peer_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Function {
    name: &'static str,
    /// As laid out for the local cloud: the dev profile, without symbols.
    laid_out_bytes: u64,
    release: Option<Release>,
}

#[derive(Debug, Clone, Serialize)]
struct Release {
    bytes: u64,
    zip_bytes: u64,
}

/// Builds the functions as they go to AWS.
pub(crate) fn build_release() -> Result<()> {
    println!("build the functions for release (this takes a while)");
    let mut cargo = Program::cargo().args(["build", "--release"]);
    for name in build::FUNCTIONS {
        cargo = cargo.args(["-p", &format!("marey-fn-{name}")]);
    }
    cargo.run()
}

/// A function's program of the release profile.
pub(crate) fn release_program(name: &str) -> PathBuf {
    build::target().join("release").join(format!("marey-{name}"))
}

/// A function's program as it is laid out for the local cloud.
pub(crate) fn laid_out_program(name: &str) -> PathBuf {
    build::folder().join("functions").join(name).join("bootstrap")
}

/// Weighs every function.
pub(crate) fn measure(with_release: bool, peer: Option<&Peer>) -> Result<Figures> {
    let weigh = |name: &'static str| {
        let release = with_release.then(|| release(&release_program(name))).transpose()?;
        Ok(Function {
            name,
            laid_out_bytes: bytes(&laid_out_program(name))?,
            release,
        })
    };
    let functions = step("weigh the functions", || {
        build::FUNCTIONS.into_iter().map(weigh).collect::<Result<Vec<_>>>()
    })?;
    let pose = functions.iter().find(|function| function.name == "pose");
    let pose = pose.map_or(0, |function| {
        function
            .release
            .as_ref()
            .map_or(function.laid_out_bytes, |release| release.bytes)
    });
    let peer_bytes = match peer {
        Some(peer) => Some(folder_bytes(&peer.packages()?)?),
        None => None,
    };
    Ok(Figures {
        functions,
        pose_bytes: pose + folder_bytes(&home().join("lib"))? + folder_bytes(&home().join("models"))?,
        peer_bytes,
    })
}

fn release(program: &Path) -> Result<Release> {
    let folder = tempfile::tempdir()?;
    let zip = folder.path().join("bootstrap.zip");
    let python = Program::new("python3").args(["-m", "zipfile", "-c"]);
    python.arg(&zip).arg(program).quiet()?;
    Ok(Release {
        bytes: bytes(program)?,
        zip_bytes: bytes(&zip)?,
    })
}

fn bytes(file: &Path) -> Result<u64> {
    let meta = file
        .metadata()
        .with_context(|| format!("cannot read {}", file.display()))?;
    Ok(meta.len())
}

/// Sizes by function.
pub(crate) fn tables(figures: &Figures) -> Vec<Table> {
    let head = ["function", "local MB", "release MB", "zip MB", "of the aim"];
    let mut table = Table::new("size: programs without symbols, in millions of bytes", &head);
    for function in &figures.functions {
        let release = function.release.as_ref();
        let of =
            |bytes: fn(&Release) -> u64| release.map_or_else(|| "–".to_owned(), |release| megabytes(bytes(release)));
        let share = release
            .filter(|_| GLUE.contains(&function.name))
            .map(|release| 100.0 * release.bytes as f64 / GLUE_AIM_BYTES as f64);
        table.row([
            function.name.to_owned(),
            megabytes(function.laid_out_bytes),
            of(|release| release.bytes),
            of(|release| release.zip_bytes),
            share.map_or_else(|| "–".to_owned(), |share| format!("{share:.0} %")),
        ]);
    }
    table.note(format!(
        "The aim for a function that computes nothing is {} MB in a release{}.",
        megabytes(GLUE_AIM_BYTES),
        if figures.functions.iter().all(|function| function.release.is_none()) {
            "; give --release to build one"
        } else {
            ""
        }
    ));
    let mut tables = vec![table];
    if let Some(peer_bytes) = figures.peer_bytes {
        let mut table = Table::new(
            "size: everything that estimating poses needs on disk",
            &["program", "MB", "ratio"],
        );
        let ratio = peer_bytes as f64 / figures.pose_bytes as f64;
        table.row(["pose, ONNX Runtime, models", &megabytes(figures.pose_bytes), "1.00 ×"]);
        table.row([
            &format!("{} with its packages, without Python", peer::NAME),
            megabytes(peer_bytes).as_str(),
            &super::table::times(Some(ratio)),
        ]);
        tables.push(table);
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(release: Option<Release>) -> Figures {
        Figures {
            functions: vec![Function {
                name: "intake",
                laid_out_bytes: 25_000_000,
                release,
            }],
            pose_bytes: 50_000_000,
            peer_bytes: Some(400_000_000),
        }
    }

    #[test]
    fn a_release_is_held_against_the_aim() {
        let release = Release {
            bytes: 8_100_000,
            zip_bytes: 3_500_000,
        };
        let [sizes, disk] = tables(&figures(Some(release))).try_into().unwrap();
        let text = sizes.to_string();
        let row: Vec<_> = text
            .lines()
            .find(|line| line.contains("intake"))
            .unwrap()
            .split_whitespace()
            .collect();
        assert_eq!(row, ["intake", "25.0", "8.1", "3.5", "90", "%"]);
        assert!(!text.contains("--release"));
        assert!(disk.to_string().contains("8.00 ×"));
    }

    #[test]
    fn without_a_release_the_table_says_how_to_get_one() {
        let text = tables(&figures(None))[0].to_string();
        assert!(text.contains("give --release"));
        assert!(text.contains('–'));
    }
}
