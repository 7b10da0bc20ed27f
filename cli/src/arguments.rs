//! What people type.

mod analyze;
#[cfg(feature = "benchmark")]
mod benchmark;
mod compare;
mod operate;
mod recordings;
mod send;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::analyze::Analyze;
#[cfg(feature = "benchmark")]
pub(crate) use self::benchmark::{Benchmark, Device};
pub(crate) use self::compare::Compare;
pub(crate) use self::operate::{CreateKey, Drain, Ended, KeyCommand, Purge, SystemCommand, SystemView};
pub(crate) use self::recordings::{Convert, Reading};
pub(crate) use self::send::{BatchCommand, Batches, Ingest, Manner, Redrive, Reprocess, Retry, Submit};
use crate::screen::Color;
use crate::secret::Secret;
use crate::signing::Auth;

/// Measures how people move: send videos, follow their jobs, fetch the results
#[derive(Debug, Parser)]
#[command(
    name = "marey",
    version,
    max_term_width = 100,
    after_help = "Example:\n  export MAREY_ENDPOINT='http://127.0.0.1:4566/_aws/execute-api/abc123/$default'\n  marey submit squat.mp4 --watch"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    #[arg(
        help = "Where Marey is: the stack's output ApiUrl or FunctionUrl, or what `cargo xtask demo` says",
        long,
        global = true,
        env = "MAREY_ENDPOINT",
        value_name = "URL",
        help_heading = "Options for every command"
    )]
    pub(crate) endpoint: Option<String>,
    #[arg(
        help = "Connect to this IP address and port instead of resolving the endpoint's host name, as for LocalStack's function URLs or through a tunnel",
        long,
        global = true,
        env = "MAREY_CONNECT_TO",
        value_name = "ADDRESS",
        help_heading = "Options for every command"
    )]
    pub(crate) connect_to: Option<String>,
    #[arg(
        help = "Key of the API; better set MAREY_API_KEY, as other programs see arguments; `-` reads it from standard input",
        long,
        global = true,
        env = "MAREY_API_KEY",
        hide_env_values = true,
        value_name = "KEY",
        help_heading = "Options for every command"
    )]
    pub(crate) api_key: Option<Secret>,
    /// Sign requests with AWS credentials; `auto` does so for hosts of AWS
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "HOW",
        help_heading = "Options for every command"
    )]
    pub(crate) auth: AuthChoice,
    /// Print results and errors as JSON on standard output; progress goes to standard error
    #[arg(long, global = true, help_heading = "Options for every command")]
    pub(crate) json: bool,
    #[arg(
        help = "Use colours; NO_COLOR is honoured",
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Options for every command"
    )]
    pub(crate) color: Color,
}

/// Whether requests are signed. The values explain themselves: a text for each would make every help page longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthChoice {
    Auto,
    Iam,
    None,
}

impl From<AuthChoice> for Auth {
    fn from(choice: AuthChoice) -> Self {
        match choice {
            AuthChoice::Auto => Self::Auto,
            AuthChoice::Iam => Self::Iam,
            AuthChoice::None => Self::None,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Remote(Remote),
    #[command(flatten)]
    Local(Local),
}

/// What is asked of Marey's API.
#[derive(Debug, Subcommand)]
pub(crate) enum Remote {
    /// Upload videos: one is a job, several or a folder are a batch; prints its id
    #[command(
        after_help = "Examples:\n  marey submit squat.mp4 --priority 7 --watch\n  marey submit squat.mp4 --param cutoff_hz=8 --reuse\n  marey submit videos/ --name monday"
    )]
    Submit(Submit),
    /// Show a job: its stages and shards, what failed, why, on which attempt, and what to do
    #[command(after_help = "Example:\n  marey status 7b4c3a52-8a0f-5d1e-9a55-0c5f7e0a9d11")]
    Status(OneJob),
    /// List jobs, the newest first
    #[command(after_help = "Example:\n  marey jobs --limit 5")]
    Jobs(Jobs),
    /// List or download what a completed job made
    #[command(after_help = "Example:\n  marey results 7b4c3a52-8a0f-5d1e-9a55-0c5f7e0a9d11 --download squat")]
    Results(ResultsOf),
    /// Follow a job to its end: exit code 0 completed, 1 failed or cancelled
    #[command(after_help = "Example:\n  marey watch 7b4c3a52-8a0f-5d1e-9a55-0c5f7e0a9d11")]
    Watch(OneJob),
    /// Cancel a job
    #[command(after_help = "Example:\n  marey cancel 7b4c3a52-8a0f-5d1e-9a55-0c5f7e0a9d11")]
    Cancel(OneJob),
    /// Try again what failed of a job; what is complete stays
    #[command(after_help = "Example:\n  marey retry 7b4c3a52-8a0f-5d1e-9a55-0c5f7e0a9d11 --watch")]
    Retry(Retry),
    /// Run a job's video again with other parameters; stages whose inputs stay the same take the results that are there
    #[command(after_help = "Example:\n  marey reprocess 7b4c3a52-8a0f-5d1e-9a55-0c5f7e0a9d11 --param cutoff_hz=8")]
    Reprocess(Reprocess),
    /// Submit, follow, cancel and retry many videos together
    #[command(
        subcommand,
        after_help = "Example:\n  marey batch submit videos/\n  marey batch status 2f1c6a0e-5b1d-4c39-8d53-0a9f4f6f2b11"
    )]
    Batch(BatchCommand),
    /// Watch queues, workers and throughput; pause, resume, drain, limit and purge (administrators)
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  marey system\n  marey system --once --json\n  marey system pause pose --reason 'the new model is wrong'"
    )]
    System(SystemView),
    /// Take a stage's parked messages up again (administrators)
    #[command(after_help = "Example:\n  marey redrive pose --limit 20")]
    Redrive(Redrive),
    /// Create, list and revoke keys of the API (administrators)
    #[command(
        subcommand,
        after_help = "Example:\n  marey keys create studio --scope read --scope write"
    )]
    Keys(KeyCommand),
    /// Ask whether Marey is there, and which workflows it has
    #[command(after_help = "Example:\n  marey health --endpoint http://127.0.0.1:4566")]
    Health,
}

/// What is done on this machine, with or without Marey's API.
#[derive(Debug, Subcommand)]
pub(crate) enum Local {
    /// Measure a recording on this machine: angles, measures, events and repetitions
    #[command(
        after_help = "Examples:\n  marey analyze recording.parquet --out analysis\n  marey analyze trial.trc --cutoff-hz 10\n  marey analyze --config squats.yaml --json"
    )]
    Analyze(Box<Analyze>),
    /// List the workflows, or draw one
    #[command(after_help = "Examples:\n  marey workflows\n  marey workflows motion --svg motion.svg")]
    Workflows(Workflows),
    /// Compare two movements: warp them onto each other, tell how their angles differ, and show both side by side
    #[command(
        after_help = "A and B are analyses (JSON), recordings (in any format that `marey convert` reads), or folders made by `marey results JOB --download FOLDER`.\n\nExamples:\n  marey compare monday/ tuesday/\n  marey compare mine.parquet coach.parquet --out squats --video-a mine.mp4 --video-b coach.mp4\n  marey compare a.json b.json --repetitions 0-45,45-92 --json"
    )]
    Compare(Box<Compare>),
    /// Convert a recording to another format: TRC, C3D, MOT, OpenPose's, NeuroPose's, COCO's, CSV, Parquet, JSON
    #[command(
        after_help = "Examples:\n  marey convert recording.parquet walk.trc --skeleton halpe_26\n  marey convert trial.c3d trial.parquet\n  marey convert openpose/ walk.parquet --rate 29.97\n  marey convert recording.parquet results.json --to neuropose-results"
    )]
    Convert(Box<Convert>),
    /// Send every video of a zip archive as one batch; nothing is sent if anything is wrong with its list of contents
    #[command(
        after_help = "A video's name is made of its path: patient_001/trial_01.mp4 is patient_001_trial_01.\n\nExamples:\n  marey ingest monday.zip --dry-run\n  marey ingest monday.zip --param cutoff_hz=8 --watch"
    )]
    Ingest(Ingest),
    /// Measure how fast this machine estimates poses: latency per frame, throughput, memory
    #[cfg(feature = "benchmark")]
    #[command(
        after_help = "Examples:\n  marey benchmark squat.mp4\n  marey benchmark squat.mp4 --compare threads=2\n  marey benchmark squat.mp4 --compare people=4\n  marey benchmark squat.mp4 --compare provider=cuda --json"
    )]
    Benchmark(Benchmark),
}

/// Arguments of `workflows`.
#[derive(Debug, Args)]
pub(crate) struct Workflows {
    /// The workflow to draw
    pub(crate) name: Option<String>,
    /// Write the drawing as SVG to this file; `-` is standard output
    #[arg(long, value_name = "FILE", requires = "name")]
    pub(crate) svg: Option<PathBuf>,
    /// Show those that this tool came with and ask nobody
    #[arg(long)]
    pub(crate) shipped: bool,
}

/// Arguments of the commands for one job.
#[derive(Debug, Args)]
pub(crate) struct OneJob {
    /// The job's id
    pub(crate) id: String,
}

/// Arguments of `jobs`.
#[derive(Debug, Args)]
pub(crate) struct Jobs {
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

/// Arguments of `results`.
#[derive(Debug, Args)]
pub(crate) struct ResultsOf {
    /// The job's id
    pub(crate) id: String,
    /// Download the files into this folder, which is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    pub(crate) download: Option<PathBuf>,
    /// Overwrite files that are there and differ
    #[arg(long, requires = "download")]
    pub(crate) force: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound_and_every_command_shows_an_example() {
        let mut command = Arguments::command();
        command.build();
        command.clone().debug_assert();
        check(&command, "marey");
    }

    /// Every command and every command of a command has an example that begins like it.
    fn check(command: &clap::Command, path: &str) {
        for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
            let path = format!("{path} {}", one.get_name());
            let help = one
                .get_after_help()
                .unwrap_or_else(|| panic!("{path} has no example"))
                .to_string();
            assert!(help.contains(&path), "{help}");
            check(one, &path);
        }
    }

    #[test]
    fn a_key_is_neither_in_the_help_nor_in_what_is_printed() {
        let mut command = Arguments::command();
        let help = command.render_long_help().to_string();
        assert!(
            help.contains("MAREY_API_KEY") && !help.contains("MAREY_API_KEY="),
            "{help}"
        );
        let arguments = Arguments::try_parse_from(["marey", "--api-key", "mk_secret", "health"]).unwrap();
        assert!(!format!("{arguments:?}").contains("mk_secret"));
    }

    #[test]
    fn ages_are_days_and_weeks() {
        let days = |text: &str| {
            let arguments = Arguments::try_parse_from(["marey", "system", "purge", "--older-than", text]).ok()?;
            match arguments.command {
                Command::Remote(Remote::System(SystemView {
                    command: Some(SystemCommand::Purge(purge)),
                    ..
                })) => Some(purge.older_than),
                _ => None,
            }
        };
        assert_eq!((days("30d"), days("2w"), days("1")), (Some(30), Some(14), Some(1)));
        for wrong in ["0d", "d", "-3d", "5h", "99999999999w", ""] {
            assert_eq!(days(wrong), None, "{wrong}");
        }
    }
}
