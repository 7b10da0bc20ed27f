//! `cargo xtask fuzz`: builds and runs the fuzz targets of `fuzz/`.
//!
//! With the flags of cargo-fuzz, which therefore need not be there: coverage for libFuzzer and the address sanitizer. The stable compiler has
//! both and asks for `RUSTC_BOOTSTRAP` to use them.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell::Program;

const TARGET: &str = "x86_64-unknown-linux-gnu";

const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Zsanitizer=address",
    "--cfg=fuzzing",
];

/// Fuzz the readers of files.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Targets, such as `trc`; all of them if none is named
    targets: Vec<String>,
    /// How long each runs
    #[arg(long, default_value_t = 5, value_name = "N")]
    minutes: u64,
    /// Longest input in bytes
    #[arg(long, default_value_t = 16_384, value_name = "BYTES")]
    longest: u32,
}

/// Runs the targets one after the other. The first finding ends it; its input lies in `fuzz/artifacts`.
pub(crate) fn run(options: &Options) -> Result<()> {
    let all = targets()?;
    let wanted = if options.targets.is_empty() {
        &all
    } else {
        &options.targets
    };
    if let Some(unknown) = wanted.iter().find(|target| !all.contains(target)) {
        bail!("there is no target `{unknown}`, but {}", all.join(", "));
    }
    Program::cargo()
        .args([
            "build",
            "--release",
            "--manifest-path",
            "fuzz/Cargo.toml",
            "--target",
            TARGET,
        ])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", FLAGS.join(" "))
        .env("CARGO_TARGET_DIR", folder().join("target"))
        .run()?;
    for target in wanted {
        println!("fuzzing {target} for {} minutes", options.minutes);
        fuzz(target, options).with_context(|| format!("a finding of {target} lies in fuzz/artifacts/{target}"))?;
    }
    Ok(())
}

fn fuzz(target: &str, options: &Options) -> Result<()> {
    let found = folder().join("found").join(target);
    let artifacts = folder().join("artifacts").join(target);
    for folder in [&found, &artifacts] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    // libFuzzer adds what it finds to the first folder; the seeds stay as they are.
    Program::new(folder().join("target").join(TARGET).join("release").join(target))
        .arg(&found)
        .arg(folder().join("corpus").join(target))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={}", 60 * options.minutes))
        .arg(format!("-max_len={}", options.longest))
        .args([
            "-timeout=20",
            "-rss_limit_mb=2560",
            "-print_final_stats=1",
            "-verbosity=0",
        ])
        .run()
}

/// The targets, by the files that hold them.
fn targets() -> Result<Vec<String>> {
    let folder = folder().join("fuzz_targets");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

fn folder() -> PathBuf {
    crate::root().join("fuzz")
}
