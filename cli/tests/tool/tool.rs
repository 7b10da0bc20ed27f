//! The binary, run as people run it.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Both outputs and the exit code, for snapshots.
    pub(crate) fn text(&self) -> String {
        format!(
            "exit code {}\n--- stdout\n{}--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

/// The binary with nothing of this machine's settings.
pub(crate) fn command(endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marey"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["AWS_", "MAREY_", "NO_COLOR", "CLICOLOR", "HTTP", "http"]
            .iter()
            .any(|beginning| name.starts_with(beginning))
        {
            command.env_remove(name);
        }
    }
    if !endpoint.is_empty() {
        command.env("MAREY_ENDPOINT", endpoint);
    }
    command
}

/// Runs the tool in a folder.
pub(crate) async fn run_in(folder: &Path, endpoint: &str, arguments: &[&str]) -> Run {
    finish(command(endpoint, arguments).current_dir(folder).spawn().unwrap()).await
}

/// Runs the tool.
pub(crate) async fn run(endpoint: &str, arguments: &[&str]) -> Run {
    finish(command(endpoint, arguments).spawn().unwrap()).await
}

/// Waits for the end.
pub(crate) async fn finish(child: Child) -> Run {
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}
