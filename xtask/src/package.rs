//! Builds functions and layers for a real account.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{
    build, home, layers, setup,
    shell::{Program, step, which},
};

/// Processor of the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(non_camel_case_types, reason = "the names are AWS's")]
#[value(rename_all = "snake_case")]
pub(crate) enum Architecture {
    /// Graviton: cheaper per second
    arm64,
    /// Intel and AMD
    x86_64,
}

/// What to build.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Processor of the functions
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Architecture,
    /// Only the layers: the functions are built already
    #[arg(long)]
    layers_only: bool,
}

/// `cargo xtask package`.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::models()?;
    build::begin(&format!("{:?}", options.arch))?;
    if options.layers_only {
        return step("fill the layers", || fill_layers(options));
    }
    if which("cargo-lambda").is_none() {
        bail!("cargo-lambda is missing; install it with `pip install cargo-lambda==1.9.2 ziglang` and try again");
    }
    setup::models()?;
    println!(
        "build the functions for {:?} (release; this takes a while)",
        options.arch
    );
    let mut cargo = Program::cargo().args(["lambda", "build", "--release"]);
    if options.arch == Architecture::arm64 {
        cargo = cargo.arg("--arm64");
    }
    for name in build::FUNCTIONS {
        cargo = cargo.args(["-p", &format!("marey-fn-{name}")]);
    }
    cargo.run()?;
    for name in build::FUNCTIONS {
        let folder = build::folder().join("functions").join(name);
        std::fs::create_dir_all(&folder)?;
        let built = build::target()
            .join("lambda")
            .join(format!("marey-{name}"))
            .join("bootstrap");
        std::fs::copy(&built, folder.join("bootstrap"))
            .with_context(|| format!("cargo-lambda did not leave {}", built.display()))?;
    }
    step("fill the layers", || fill_layers(options))?;
    let revision = build::revision()?;
    std::fs::write(build::folder().join("revision"), &revision)?;
    println!("deploy with the parameter Revision={revision}");
    Ok(())
}

/// Fills the layers: what lies in a layer's folder appears under /opt.
fn fill_layers(options: &Options) -> Result<()> {
    let layer = |name: &str| build::folder().join("layers").join(name);
    for name in build::LAYERS {
        let _ = std::fs::remove_dir_all(layer(name));
        std::fs::create_dir_all(layer(name))?;
    }
    let models = layer("models").join("models");
    std::fs::create_dir_all(&models)?;
    copy_all(&home().join("models"), &models)?;
    let package = match options.arch {
        Architecture::x86_64 => &marey_convert::ONNXRUNTIME_PACKAGE,
        Architecture::arm64 => &marey_convert::ONNXRUNTIME_PACKAGE_AARCH64,
    };
    let wheel = setup::download(package, &home().join("cache"))?;
    marey_convert::extract_onnxruntime(&wheel, &layer("onnxruntime").join("lib"))?;
    layers::ffmpeg(options.arch, &layer("ffmpeg").join("bin"))
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
