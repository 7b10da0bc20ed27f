//! How long a function takes to start and how much memory it has by then.
//!
//! Each is started as Lambda starts it, against a runtime API that is served here: when it asks for its first event, its
//! initialisation is done.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::{
    statistics::Series,
    table::{Table, times},
};
use crate::{build, home, root, shell::step};

/// A function that has not asked for an event by then never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// Clients that the peer makes before it asks for its first event: those that a stage function makes.
const PEER_CLIENTS: &str = "s3 sqs dynamodb";

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    functions: Vec<Function>,
    peer: Function,
}

#[derive(Debug, Serialize)]
struct Function {
    name: String,
    /// From starting the process to its first question for an event.
    init_ms: Series,
    /// The most memory that was resident until then.
    peak_resident_bytes: u64,
}

/// Starts every program of `folder` and the peer, in turn.
pub(crate) fn measure(profile: &str, folder: impl Fn(&str) -> PathBuf, rounds: usize) -> Result<Figures> {
    let template = std::fs::read_to_string(root().join("infra/template.yaml"))?;
    let environment = environment(&template, &home());
    step(&format!("start each function {rounds} times ({profile})"), || {
        let mut functions = Vec::new();
        for name in build::FUNCTIONS {
            let program = folder(name);
            functions.push(function(name, rounds, || {
                with_environment(&program, name, &environment)
            })?);
        }
        let peer = function("Python with boto3", rounds, || {
            let mut command = with_environment(&home().join("venv/bin/python"), "peer", &[]);
            command.arg(root().join("xtask/bench/python_function.py"));
            command.env("CLIENTS", PEER_CLIENTS);
            command
        })?;
        Ok(Figures { functions, peer })
    })
}

fn function(name: &str, rounds: usize, command: impl Fn() -> Command) -> Result<Function> {
    let (mut init_ms, mut peak) = (Vec::new(), 0);
    // The first start reads the program from the disk.
    for round in 0..=rounds {
        let (elapsed, bytes) = start(command()).with_context(|| format!("{name} does not start"))?;
        if round > 0 {
            init_ms.push(elapsed.as_secs_f64() * 1e3);
            peak = peak.max(bytes);
        }
    }
    Ok(Function {
        name: name.to_owned(),
        init_ms: Series::of_costs(init_ms).context("no rounds")?,
        peak_resident_bytes: peak,
    })
}

/// The command, with nothing of this process's environment but what every program needs.
fn with_environment(program: &Path, name: &str, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("AWS_LAMBDA_FUNCTION_NAME", format!("marey-{name}"))
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/marey-{name}"))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        // Whatever a function might want to say to AWS at its start goes nowhere.
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

/// A process that does not outlive its measurement.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a function; gives the time until it asked for an event, and its peak of resident bytes.
fn start(mut command: Command) -> Result<(Duration, u64)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let log = tempfile::NamedTempFile::new()?;
    command
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
        .stdin(Stdio::null())
        .stdout(log.reopen()?)
        .stderr(log.reopen()?);
    let began = Instant::now();
    let mut function = Started(command.spawn().with_context(|| format!("cannot run {command:?}"))?);
    // Held until the function is ended, or it would see its question fail.
    let (_question, elapsed) = first_question(&listener, &mut function.0, began).with_context(|| tail(log.path()))?;
    Ok((elapsed, peak_resident_bytes(function.0.id())?))
}

fn first_question(listener: &TcpListener, function: &mut Child, began: Instant) -> Result<(TcpStream, Duration)> {
    loop {
        if let Ok((question, _)) = listener.accept() {
            question.set_nonblocking(false)?;
            question.set_read_timeout(Some(PATIENCE))?;
            let mut line = String::new();
            BufReader::new(&question).read_line(&mut line)?;
            if asks_for_event(&line) {
                return Ok((question, began.elapsed()));
            }
            bail!("it asked the runtime API for {line:?} instead of an event");
        }
        if let Some(status) = function.try_wait()? {
            bail!("it ended with {status}");
        }
        if began.elapsed() > PATIENCE {
            bail!("it did not ask for an event within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Whether the first line of an HTTP request asks the Lambda runtime API for an event.
fn asks_for_event(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some("GET") && words.next() == Some("/2018-06-01/runtime/invocation/next")
}

fn peak_resident_bytes(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("memory is read from /proc")?;
    peak_of_status(&status).context("the process's status does not tell VmHWM")
}

/// `VmHWM` of `proc_pid_status(5)`, which counts in kibibytes.
fn peak_of_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The last lines of what a function said.
fn tail(log: &Path) -> String {
    let mut said = String::new();
    let _ = File::open(log).and_then(|mut file| file.read_to_string(&mut said));
    let lines: Vec<_> = said.lines().collect();
    let last = lines[lines.len().saturating_sub(5)..].join("\n");
    format!("it said: {last}")
}

/// The variables that the template gives to every function, with names made up for what only a deployment knows.
fn environment(template: &str, tools_root: &Path) -> Vec<(String, String)> {
    let globals = template.lines().skip_while(|line| *line != "Globals:");
    let variables = globals.skip_while(|line| line.trim() != "Variables:").skip(1);
    variables
        .map_while(|line| line.trim().split_once(": "))
        // What a deployment may leave out is left out.
        .filter(|(_, value)| !value.contains("AWS::NoValue"))
        .map(|(name, value)| (name.to_owned(), made_up(name, value, tools_root)))
        .collect()
}

fn made_up(name: &str, value: &str, tools_root: &Path) -> String {
    if let Some(path) = value.strip_prefix("!Sub ${ToolsRoot}") {
        return format!("{}{path}", tools_root.display());
    }
    match value.strip_prefix("!Ref ") {
        Some(queue) if queue.ends_with("Queue") => format!("http://127.0.0.1:9/000000000000/{queue}"),
        Some(_) if name.ends_with("_BYTES") => "1000000".to_owned(),
        Some("RustLog") => "info".to_owned(),
        Some(resource) => format!("bench-{}", resource.to_lowercase()),
        None => value.trim_matches('"').to_owned(),
    }
}

/// Starts and memory by function.
pub(crate) fn table(figures: &Figures, profile: &str, rounds: usize) -> Table {
    let title =
        format!("start: from starting the process to asking for its first event ({profile}), median of {rounds}");
    let mut table = Table::new(title, &["function", "ms", "best", "peak MB", "Python with boto3 takes"]);
    let mut row = |function: &Function, ratio: Option<f64>| {
        table.row([
            function.name.clone(),
            format!("{:.1}", function.init_ms.median),
            format!("{:.1}", function.init_ms.best),
            super::table::megabytes(function.peak_resident_bytes),
            times(ratio),
        ]);
    };
    let peer = &figures.peer;
    for function in &figures.functions {
        row(function, Some(peer.init_ms.median / function.init_ms.median));
    }
    row(peer, None);
    table.note(format!(
        "The peer makes boto3 clients of {PEER_CLIENTS}. The program's file was read before; on Lambda it comes with the \
         first start, and a small memory setting has less processor."
    ));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_gives_every_variable_a_value() {
        let template = std::fs::read_to_string(root().join("infra/template.yaml")).unwrap();
        let environment = environment(&template, Path::new("/tools"));
        let value = |name: &str| {
            let found = environment.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(value("MAREY_FFMPEG"), Some("/tools/bin/ffmpeg"));
        assert_eq!(value("MAREY_JOBS_TABLE"), Some("bench-jobstable"));
        assert_eq!(
            value("MAREY_QUEUE_POSE"),
            Some("http://127.0.0.1:9/000000000000/PoseQueue")
        );
        assert!(value("MAREY_UPLOAD_MAX_BYTES").unwrap().parse::<u64>().is_ok());
        assert_eq!(value("RUST_LOG"), Some("info"));
        assert!(
            environment.iter().all(|(_, value)| !value.contains('!')),
            "{environment:?}"
        );
    }

    #[test]
    fn the_variables_end_where_the_indented_block_ends() {
        let template = "Globals:\n  Function:\n    Environment:\n      Variables:\n        A: !Ref B\n        C: \"d\"\n\nResources:\n  E: f\n";
        let expected = [("A", "bench-b"), ("C", "d")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(environment(template, Path::new("/")), expected);
    }

    #[test]
    fn only_the_question_for_an_event_ends_the_start() {
        assert!(asks_for_event("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"));
        assert!(!asks_for_event("POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"));
        assert!(!asks_for_event(""));
    }

    #[test]
    fn the_peak_of_memory_is_in_bytes() {
        assert_eq!(
            peak_of_status("Name:\tpose\nVmHWM:\t   20488 kB\nVmRSS:\t 1 kB\n"),
            Some(20488 * 1024)
        );
        assert_eq!(peak_of_status("Name:\tpose\n"), None);
    }

    #[test]
    fn a_process_that_ends_or_refuses_is_an_error_that_quotes_it() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no table >&2; exit 3"]);
        let error = format!("{:#}", start(command).unwrap_err());
        assert!(
            error.contains("no table") && error.contains("exit status: 3"),
            "{error}"
        );
    }

    #[test]
    fn a_process_that_asks_for_an_event_has_started() {
        let mut command = Command::new("bash");
        let ask = "exec 3<>/dev/tcp/${AWS_LAMBDA_RUNTIME_API/://}; \
                   printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n' >&3; read -u 3 line; sleep 60";
        command.args(["-c", ask]);
        let (elapsed, bytes) = start(command).unwrap();
        assert!(elapsed > Duration::ZERO);
        assert!(bytes > 100_000, "a shell needs that much");
    }
}
