//! What the tests need that is not in the repository: models, the library, pictures. Where one is missing, a test says
//! `skipped` and passes.

use std::{
    env,
    path::{Path, PathBuf},
};

use marey_vision::{Models, OnnxRuntime};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn place(variable: &str, default: PathBuf, test: &str) -> Option<PathBuf> {
    let path = env::var_os(variable).map_or(default, PathBuf::from);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {test} needs {} (or {variable})", path.display());
    None
}

/// The library and the models.
pub(crate) fn models(test: &str) -> Option<(OnnxRuntime, Models)> {
    let library = place(
        "MAREY_ONNXRUNTIME",
        repository().join(".marey/lib/libonnxruntime.so"),
        test,
    )?;
    let models = place("MAREY_MODELS", repository().join(".marey/models"), test)?;
    Some((OnnxRuntime::load(&library).unwrap(), Models::open(&models).unwrap()))
}

/// A file of the shared test material.
pub(crate) fn shared(name: &str, test: &str) -> Option<PathBuf> {
    let root = env::var_os("MAREY_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {test} needs {} (or MAREY_SHARED)", path.display());
    None
}
