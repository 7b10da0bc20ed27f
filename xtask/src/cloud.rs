//! Starts and stops a local cloud, by process id.

use std::{
    net::TcpListener,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{
    agent, home,
    process::{Process, began},
    shell::{Program, step},
};

/// Which program plays AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The default.
    Ministack,
    /// The second opinion, in host mode.
    Localstack,
}

impl Kind {
    /// As it is written on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ministack => "ministack",
            Self::Localstack => "localstack",
        }
    }
}

/// The port of the demo's cloud.
pub(crate) const PORT: u16 = 4566;

/// A local cloud that was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cloud {
    /// Which program.
    pub(crate) kind: Kind,
    /// Its process, which leads its process group.
    pub(crate) pid: u32,
    /// When the process began, in clock ticks since boot: a process id alone may have been given to another.
    pub(crate) began: u64,
    /// The port on the loopback interface.
    pub(crate) port: u16,
    /// Where it keeps its state over a restart; a cloud without such a folder forgets everything.
    #[serde(default)]
    pub(crate) state: Option<PathBuf>,
}

impl Cloud {
    /// Starts a cloud and waits until it answers.
    pub(crate) fn start(kind: Kind, port: u16) -> Result<Self> {
        Self::start_with(kind, port, None)
    }

    /// Stops the cloud in good order and starts it again with the state that it kept.
    pub(crate) fn restart(&self) -> Result<Self> {
        // Whoever plays AWS Batch stays, as AWS Batch would.
        self.process().stop();
        Self::start_with(self.kind, self.port, self.state.clone())
    }

    /// Starts a cloud that keeps its state in a folder, if one is given.
    pub(crate) fn start_with(kind: Kind, port: u16, state: Option<PathBuf>) -> Result<Self> {
        if TcpListener::bind(("127.0.0.1", port)).is_err() {
            bail!(
                "port {port} is in use by a program that `cargo xtask` did not start; stop it, or give another port with --port"
            );
        }
        step(&format!("start the local cloud on port {port}"), || {
            let log = home().join(format!("cloud-{port}.log"));
            let mut program = program(kind, port);
            if let Some(folder) = &state {
                program = keeping_state(program, folder);
            }
            let pid = program.start(&log)?;
            let began = began(pid).with_context(|| format!("the cloud ended at once; see {}", log.display()))?;
            let cloud = Self {
                kind,
                pid,
                began,
                port,
                state,
            };
            let started = Instant::now();
            while !cloud.answers() {
                if !cloud.is_alive() || started.elapsed() > Duration::from_secs(90) {
                    cloud.stop();
                    bail!("the cloud does not answer; see {}", log.display());
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(cloud)
        })
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The environment of every program that talks to it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let credentials = "test".to_owned();
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", credentials.clone()),
            ("AWS_SECRET_ACCESS_KEY", credentials),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    fn answers(&self) -> bool {
        let url = format!("{}/_localstack/health", self.endpoint());
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(2)))
            .build()
            .into();
        agent.get(&url).call().is_ok()
    }

    /// The process that was started.
    fn process(&self) -> Process {
        Process {
            pid: self.pid,
            began: self.began,
        }
    }

    /// Whether the process that was started still runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.process().is_alive()
    }

    /// Ends the process, everything it started, and whoever plays AWS Batch for it.
    pub(crate) fn stop(&self) {
        agent::stop(self);
        self.process().stop();
    }
}

fn program(kind: Kind, port: u16) -> Program {
    let python = |venv: &str| home().join(venv).join("bin/python");
    match kind {
        Kind::Ministack => {
            let endpoint = format!("http://127.0.0.1:{port}");
            Program::new(python("venv"))
                .arg("infra/local/ministack_launcher.py")
                .env("BIND_HOST", "127.0.0.1")
                .env("GATEWAY_PORT", port.to_string())
                .env("AWS_ENDPOINT_URL", endpoint)
                .env("AWS_REGION", "us-east-1")
                .env("AWS_ACCESS_KEY_ID", "test")
                .env("AWS_SECRET_ACCESS_KEY", "test")
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .env("IOT_MTLS_ENABLED", "false")
                .env("TMPDIR", temporary())
        }
        Kind::Localstack => Program::new(python("venv-localstack"))
            .arg("infra/local/localstack_launcher.py")
            .args(["--port", &port.to_string()])
            .arg("--state")
            .arg(home().join(format!("localstack-{port}")))
            .arg("--ministack-python")
            .arg(python("venv")),
    }
}

/// MiniStack's own settings for what outlives it.
fn keeping_state(program: Program, folder: &std::path::Path) -> Program {
    program
        .env("PERSIST_STATE", "1")
        .env("STATE_DIR", folder.join("state"))
        .env("S3_PERSIST", "1")
        .env("S3_DATA_DIR", folder.join("s3"))
}

/// Where the cloud unpacks functions and functions keep their scratch files.
fn temporary() -> PathBuf {
    let folder = home().join("tmp");
    // Without the folder programs fall back to the system's, which is no reason to stop.
    let _ = std::fs::create_dir_all(&folder);
    folder
}

/// A free port on the loopback interface.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Where the demo's cloud is remembered.
pub(crate) fn state_file() -> PathBuf {
    home().join("stack.json")
}

/// Stops the demo's cloud.
pub(crate) fn down() -> Result<()> {
    match crate::stack::remembered() {
        Some(stack) if stack.cloud.is_alive() => {
            step("stop the local cloud", || {
                stack.cloud.stop();
                Ok(())
            })?;
        }
        _ => println!("nothing is running"),
    }
    if state_file().exists() {
        std::fs::remove_file(state_file())?;
    }
    Ok(())
}
