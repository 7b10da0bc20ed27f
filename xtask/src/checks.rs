//! Everything that must pass.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{
    build,
    cloud::{self, Cloud, Kind},
    home, root,
    setup::{self, Packages},
    shell::{Program, which},
    stack::Stack,
};

/// What to test.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Against which local cloud the end-to-end tests run
    #[arg(long, value_enum, default_value = "ministack")]
    cloud: Kind,
    /// Only these steps: format, lint, unit, exchange, template, end-to-end
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

const STEPS: [&str; 6] = ["format", "lint", "unit", "exchange", "template", "end-to-end"];

/// The steps that need more than Rust; what is wrong before them is told at once.
const NEED_SETUP: [&str; 4] = ["unit", "exchange", "template", "end-to-end"];

/// `cargo xtask test`.
pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(unknown) = options.only.iter().find(|name| !STEPS.contains(&name.as_str())) {
        bail!("there is no step {unknown}; the steps are {}", STEPS.join(", "));
    }
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let mut times = Vec::new();
    for name in STEPS.into_iter().filter(|name| wanted(name)) {
        println!("\n== {name}");
        let started = Instant::now();
        if NEED_SETUP.contains(&name) {
            setup::all(&setup::Wanted {
                cloud: options.cloud,
                lint: wanted("template"),
            })?;
        }
        match name {
            "format" => Program::cargo().args(["fmt", "--all", "--check"]).run()?,
            "lint" => lint()?,
            "unit" => unit()?,
            "exchange" => exchange()?,
            "template" => template(options.cloud)?,
            _ => end_to_end(options.cloud)?,
        }
        times.push((name, started.elapsed()));
    }
    println!();
    for (name, time) in times {
        println!("✓ {name:<12} {:>7.1} s", Duration::as_secs_f64(&time));
    }
    Ok(())
}

fn lint() -> Result<()> {
    Program::cargo()
        .args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ])
        .run()?;
    // Not on every machine, and not to be had without building it: run where it is.
    if which("cargo-deny").is_some() {
        Program::cargo()
            .args(["deny", "--workspace", "check", "bans", "licenses", "sources"])
            .run()?;
    } else {
        println!("skipped: cargo-deny is not installed");
    }
    Ok(())
}

fn unit() -> Result<()> {
    let mut arguments = vec!["--workspace", "--exclude", "marey-tests"];
    if which("cargo-nextest").is_some() {
        arguments.push("--no-fail-fast");
    }
    nextest(&arguments).run()
}

/// Tests with nextest where it is installed, else with cargo's own runner.
fn nextest(arguments: &[&str]) -> Program {
    let models = home().join("models");
    let library = home().join("lib/libonnxruntime.so");
    let program = if which("cargo-nextest").is_some() {
        Program::cargo().args(["nextest", "run", "--no-tests=fail"])
    } else {
        Program::cargo().arg("test")
    };
    program
        .args(arguments)
        .env("MAREY_MODELS", models)
        .env("MAREY_ONNXRUNTIME", library)
}

/// Files of Marey's in the programs for which they are written: `OpenSim` and the reader of C3D.
fn exchange() -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("skipped: OpenSim's package of that version is not made for every system");
        return Ok(());
    }
    let packages = [Packages::Whole("infra/local/requirements-exchange.txt")];
    let python = setup::venv("venv-exchange", "python3", &packages)?;
    let folder = home().join("exchange");
    Program::cargo()
        .args(["build", "--workspace", "--exclude", "xtask", "--example", "exchange"])
        .run()?;
    let mut write = Program::new(build::target().join("debug/examples/exchange")).arg(&folder);
    let real = root().join("../shared/golden/balancing_raw.trc");
    if real.is_file() {
        write = write.arg(real);
    } else {
        println!("skipped: a real capture, as there is no ../shared");
    }
    write.run()?;
    Program::new(python.join("bin/python"))
        .arg(root().join("shared/motion/tests/reference/check_exchange.py"))
        .arg(&folder)
        .run()
}

/// The template against what a local cloud does not check.
fn template(cloud: Kind) -> Result<()> {
    let python = home().join("venv/bin/python");
    let lint = home().join("venv/bin/cfn-lint");
    Program::new(lint)
        .args(["--config-file", "infra/.cfnlintrc.yaml", "--"])
        .args(["infra/template.yaml", "infra/gpu.yaml"])
        .run()?;
    Program::new(home().join("venv-lint/bin/sam"))
        .args([
            "validate",
            "--lint",
            "--template",
            "infra/template.yaml",
            "--region",
            "eu-central-1",
        ])
        .env("SAM_CLI_TELEMETRY", "0")
        // It keeps notes in the home folder otherwise.
        .env("HOME", home())
        .run()?;
    Program::new(&python)
        .args(["-m", "unittest", "discover", "-s", "infra/tests"])
        .run()?;
    if cloud == Kind::Localstack {
        Program::new(home().join("venv-localstack/bin/python"))
            .args(["-m", "unittest", "discover", "-s", "infra/localstack/tests"])
            .env("PYTHONPATH", "infra/localstack")
            .run()?;
    }
    Ok(())
}

/// The tests of `tests/` and the contract of the table, against a cloud of their own that is stopped afterwards.
fn end_to_end(kind: Kind) -> Result<()> {
    build::functions()?;
    let cloud = Cloud::start(kind, cloud::free_port()?)?;
    let result = Stack::deploy(cloud.clone()).and_then(|stack| {
        let mut environment = stack.environment()?;
        environment.push(("MAREY_TEST_CLOUD", kind.name().to_owned()));
        if which("cargo-nextest").is_some() {
            // Chosen by name from the whole workspace: a package alone would be built with features of its own, and with
            // it everything below it once more.
            let table = "package(marey-cloud) & test(dynamodb_keeps_the_contract)";
            nextest(&["--workspace", "-E", table]).envs(environment.clone()).run()?;
            let tests = [
                "--workspace",
                "-E",
                "package(marey-tests)",
                "--no-fail-fast",
                "--profile",
                "end-to-end",
            ];
            return nextest(&tests).envs(environment).run();
        }
        nextest(&["-p", "marey-cloud", "dynamodb_keeps_the_contract"])
            .envs(environment.clone())
            .run()?;
        nextest(&["-p", "marey-tests", "--no-fail-fast"])
            .envs(environment)
            .run()
    });
    cloud.stop();
    result
}
