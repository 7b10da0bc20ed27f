//! Builds the functions and lays them out as the template expects.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::{
    home, root,
    shell::{Program, step},
};

/// The functions, by the names of their folders.
pub(crate) const FUNCTIONS: [&str; 11] = [
    "intake",
    "probe",
    "pose",
    "biomechanics",
    "visualize",
    "report",
    "api",
    "deadletter",
    "sweep",
    "events",
    "webhook",
];

/// The layers that the template names.
pub(crate) const LAYERS: [&str; 3] = ["ffmpeg", "onnxruntime", "models"];

/// Where the template looks: `.marey/build`.
pub(crate) fn folder() -> PathBuf {
    home().join("build")
}

/// The build's target folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Builds every function for the local cloud, and the `marey` tool. The whole workspace is built with one set of features,
/// so that tests and functions share what they depend on.
pub(crate) fn functions() -> Result<()> {
    println!("build the functions (a first build takes some minutes)");
    Program::cargo()
        .args(["build", "--workspace", "--bins", "--exclude", "xtask"])
        .run()?;
    begin("local cloud")?;
    lay_out(&target().join("debug"))?;
    for layer in LAYERS {
        // The local cloud mounts no layers; packaging wants a file all the same.
        let folder = folder().join("layers").join(layer);
        std::fs::create_dir_all(&folder)?;
        let note = "Filled by `cargo xtask package`; the local cloud finds these tools under ToolsRoot.\n";
        std::fs::write(folder.join("README"), note)?;
    }
    Ok(())
}

/// Empties the build folder if what lies in it was built for something else: programs for another processor and layers
/// of 200 MB must not be mixed with those of the local cloud.
pub(crate) fn begin(purpose: &str) -> Result<()> {
    let stamp = folder().join("purpose");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == purpose) {
        return Ok(());
    }
    if folder().exists() {
        std::fs::remove_dir_all(folder())?;
    }
    std::fs::create_dir_all(folder())?;
    std::fs::write(stamp, purpose)?;
    Ok(())
}

/// Copies the functions' programs to where the template looks, without symbols.
pub(crate) fn lay_out(built: &Path) -> Result<()> {
    step("lay out the functions", || {
        for name in FUNCTIONS {
            let program = built.join(format!("marey-{name}"));
            let folder = folder().join("functions").join(name);
            std::fs::create_dir_all(&folder)?;
            let bootstrap = folder.join("bootstrap");
            if is_newer(&program, &bootstrap) {
                std::fs::copy(&program, &bootstrap).with_context(|| format!("cannot copy {}", program.display()))?;
                // Symbols double what has to be uploaded and tell a stack trace nothing that the log does not.
                let _ = Program::new("strip").arg(&bootstrap).quiet();
            }
        }
        Ok(())
    })
}

/// Fingerprint of what computes results: the functions' programs and the models. Results are reused between equal ones.
pub(crate) fn revision() -> Result<String> {
    let mut files: Vec<PathBuf> = FUNCTIONS
        .iter()
        .map(|name| folder().join("functions").join(name).join("bootstrap"))
        .collect();
    files.push(home().join("models").join(marey_convert::MODELS_FILE));
    hash(&files)
}

/// SHA-256 of files, one after the other, in hexadecimal digits.
pub(crate) fn hash(files: &[PathBuf]) -> Result<String> {
    let mut hasher = Sha256::new();
    for path in files {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        // Lengths keep two files from being read as one.
        hasher.update(bytes.len().to_le_bytes());
        hasher.update(bytes);
    }
    Ok(hex::encode(hasher.finalize()))
}

fn is_newer(source: &Path, copy: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    match (modified(source), modified(copy)) {
        (Some(source), Some(copy)) => source > copy,
        _ => true,
    }
}

/// The `marey` tool that was built with the functions.
pub(crate) fn marey() -> PathBuf {
    target().join("debug/marey")
}
