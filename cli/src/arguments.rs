//! What people type.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::screen::Color;
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
    /// Upload videos; prints the id of each one's job
    #[command(after_help = "Example:\n  marey submit squat.mp4 lunge.mov --priority 7 --watch")]
    Submit(Submit),
    /// Show a job, stage by stage
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
    /// Ask whether Marey is there, and which workflows it has
    #[command(after_help = "Example:\n  marey health --endpoint http://127.0.0.1:4566")]
    Health,
}

/// Arguments of `submit`.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The videos
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The workflow to run; `marey health` lists them
    #[arg(short, long, value_name = "W")]
    pub(crate) workflow: Option<String>,
    /// 0 to 9; 7 and above is express [Marey's default: 5]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=9))]
    pub(crate) priority: Option<u8>,
    /// Follow the jobs to their end
    #[arg(long)]
    pub(crate) watch: bool,
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
        for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
            let help = one
                .get_after_help()
                .unwrap_or_else(|| panic!("{} has no example", one.get_name()))
                .to_string();
            assert!(help.contains(&format!("marey {}", one.get_name())), "{help}");
        }
    }
}
