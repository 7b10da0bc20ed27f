//! The commands: what is asked, what is shown, and the exit code.

mod again;
mod analyze;
pub(crate) mod batch;
#[cfg(feature = "benchmark")]
mod benchmark;
mod compare;
mod convert;
mod findings;
mod ingest;
mod jobs;
mod keys;
mod results;
mod status;
mod submit;
mod system;
mod watch;
mod workflows;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use marey_contract::{ErrorAnswer, ErrorBody, JobDetail};

use crate::arguments::{Arguments, Command, Global, Local, Remote};
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::screen::{Paint, Screen, job_status};
use crate::secret::Secret;
use crate::words::tame;

/// Wrong arguments, as is usual.
const USAGE: u8 = 2;
/// Ended by Ctrl-C, as shells say it.
const INTERRUPTED: u8 = 130;

/// How a command ended that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// All is well.
    Well,
    /// A job failed or was cancelled, or a part could not be done; it has been told.
    NotWell,
}

/// Runs the tool with the arguments of a command line, the program's name first.
///
/// The exit code is 0 if all went well, 1 if something failed or a watched job did not complete, 2 for wrong arguments
/// and 130 after Ctrl-C.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = match Arguments::try_parse_from(&arguments) {
        Ok(parsed) => parsed,
        Err(error) => return misused(&error, arguments.iter().any(|argument| argument == "--json")),
    };
    let screen = Screen::new(parsed.global.json, parsed.global.color);
    quiet_decoders();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(interruptible(&parsed, &screen));
            // A read of a file that hangs must not hold the end up.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Some(Err(Error::Start { why: error.to_string() })),
    };
    match outcome {
        Some(Ok(Verdict::Well)) => ExitCode::SUCCESS,
        Some(Ok(Verdict::NotWell)) => ExitCode::FAILURE,
        Some(Err(error)) => {
            report(&screen, &error);
            ExitCode::FAILURE
        }
        None => {
            Screen::note(match parsed.command {
                Command::Remote(_) => "interrupted; jobs that have begun go on",
                Command::Local(_) => "interrupted",
            });
            ExitCode::from(INTERRUPTED)
        }
    }
}

/// A decoder that panics on a damaged file is told of by the error that this becomes, and not by a trace of the stack too.
fn quiet_decoders() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !marey_motion::formats::panics_are_errors() {
            others(panic);
        }
    }));
}

/// Carries the command out; `None` after Ctrl-C, with everything that was begun dropped and so cleaned up.
async fn interruptible(arguments: &Arguments, screen: &Screen) -> Option<Result<Verdict, Error>> {
    tokio::select! {
        outcome = dispatch(arguments, screen) => Some(outcome),
        Ok(()) = tokio::signal::ctrl_c() => None,
    }
}

async fn dispatch(arguments: &Arguments, screen: &Screen) -> Result<Verdict, Error> {
    match &arguments.command {
        Command::Local(command) => local(&arguments.global, screen, command).await,
        Command::Remote(command) => remote(&connect(&arguments.global).await?, screen, command).await,
    }
}

/// Carries out a command that works without Marey's API, or connects itself where it has to.
async fn local(global: &Global, screen: &Screen, command: &Local) -> Result<Verdict, Error> {
    match command {
        Local::Analyze(options) => analyze::analyze(screen, options.as_ref().clone()).await,
        Local::Workflows(options) => workflows::workflows(global, screen, options).await,
        Local::Compare(options) => compare::compare(screen, options).await,
        Local::Convert(options) => convert::convert(screen, options.as_ref().clone()).await,
        Local::Ingest(options) => ingest::ingest(global, screen, options).await,
        #[cfg(feature = "benchmark")]
        Local::Benchmark(options) => benchmark::benchmark(screen, options).await,
    }
}

async fn remote(client: &Client, screen: &Screen, command: &Remote) -> Result<Verdict, Error> {
    match command {
        Remote::Retry(options) => again::retry(client, screen, options).await,
        Remote::Reprocess(options) => again::reprocess(client, screen, options).await,
        Remote::Redrive(options) => again::redrive(client, screen, options).await,
        Remote::Batch(command) => batch::batch(client, screen, command).await,
        Remote::System(options) => system::system(client, screen, options).await,
        Remote::Keys(command) => keys::keys(client, screen, command).await,
        Remote::Submit(submit) => submit::submit(client, screen, submit).await,
        Remote::Status(job) => {
            let job = client.job(&job.id).await?;
            show_json_or(screen, &job, || status::detail(screen, &job))
        }
        Remote::Jobs(jobs) => jobs::list(client, screen, jobs).await,
        Remote::Results(results) => results::results(client, screen, results).await,
        Remote::Watch(job) => watch::watch(client, screen, &job.id).await,
        Remote::Cancel(job) => {
            let job = client.cancel(&job.id).await?;
            show_json_or(screen, &job, || cancelled(screen, &job))
        }
        Remote::Health => {
            let health = client.health().await?;
            show_json_or(screen, &health, || {
                let workflows = health
                    .workflows
                    .iter()
                    .map(|workflow| tame(workflow))
                    .collect::<Vec<_>>()
                    .join(", ");
                let status = screen.paint(Paint::Good, &tame(&health.status));
                format!("{status}  Marey {}  workflows: {workflows}", tame(&health.version))
            })
        }
    }
}

/// What was given; shells make it easier to set a variable to nothing than to remove it.
fn given(value: Option<&String>) -> Option<&str> {
    value.map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn is_endpoint_given(global: &Global) -> bool {
    given(global.endpoint.as_ref()).is_some()
}

async fn connect(global: &Global) -> Result<Client, Error> {
    let mut endpoint = Endpoint::parse(given(global.endpoint.as_ref()).ok_or(Error::NoEndpoint)?)?;
    if let Some(address) = given(global.connect_to.as_ref()) {
        endpoint = endpoint.connecting_to(address)?;
    }
    let client = Client::new(endpoint, global.auth.into()).await?;
    match &global.api_key {
        Some(key) if key.reveal() == "-" => {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map_err(|_| Error::BadApiKey)?;
            client.with_key(&Secret::new(line.trim()))
        }
        Some(key) if !key.reveal().is_empty() => client.with_key(key),
        _ => Ok(client),
    }
}

/// A text that nobody gave before, for requests that may be sent twice.
fn fresh_token() -> String {
    use std::hash::{BuildHasher, RandomState};
    // Each of these states is seeded by the system.
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", random(), random())
}

/// A job that was asked to end may still be at work for a moment.
fn cancelled(screen: &Screen, job: &JobDetail) -> String {
    let (status, paint) = job_status(job.summary.status);
    let name = tame(&job.summary.name);
    if job.summary.status.has_ended() {
        return format!("{name}: {}", screen.paint(paint, status));
    }
    format!("{name}: will be cancelled, still {}", screen.paint(paint, status))
}

/// Prints a result in the way that was asked for.
fn show_json_or(
    screen: &Screen,
    value: &impl serde::Serialize,
    text: impl FnOnce() -> String,
) -> Result<Verdict, Error> {
    if screen.is_json() {
        Screen::print_json(value)?;
    } else {
        Screen::print(&text())?;
    }
    Ok(Verdict::Well)
}

/// Tells the error that ended a command.
fn report(screen: &Screen, error: &Error) {
    let body = error.to_body();
    let is_told = screen.is_json() && Screen::print_json(&ErrorAnswer { error: body.clone() }).is_ok();
    if !is_told {
        screen.tell(&body);
    }
}

/// Tells what is wrong with the arguments, or shows the help that was asked for.
fn misused(error: &clap::Error, is_json: bool) -> ExitCode {
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if is_json && !is_help {
        let message = error.to_string();
        let message = message
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        let body = ErrorBody {
            code: "USAGE".to_owned(),
            message,
            hint: "See `marey --help`.".to_owned(),
            stage: None,
            attempt: None,
        };
        // Nothing is left to tell it to if this fails.
        let _ = Screen::print_json(&ErrorAnswer { error: body });
        return ExitCode::from(USAGE);
    }
    let _ = error.print();
    if is_help {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(USAGE)
    }
}
