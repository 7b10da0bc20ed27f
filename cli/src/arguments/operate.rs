//! Arguments of what operators do.

use clap::{Args, Subcommand, ValueEnum};
use marey_contract::KeyScope;

/// Arguments of `system`.
#[derive(Debug, Args)]
pub(crate) struct SystemView {
    #[command(subcommand)]
    pub(crate) command: Option<SystemCommand>,
    /// Show it once instead of going on; so it is where there is no terminal
    #[arg(long)]
    pub(crate) once: bool,
    /// Look again after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub(crate) every: u16,
}

/// What to do with the system.
#[derive(Debug, Subcommand)]
pub(crate) enum SystemCommand {
    /// Begin nothing more of a stage or a workflow; what runs goes on, and what waits is kept
    #[command(
        after_help = "Examples:\n  marey system pause pose --reason 'the new model is wrong'\n  marey system pause --workflow motion --reason maintenance"
    )]
    Pause(Pause),
    /// Go on with a stage or a workflow, also after its circuit breaker tripped
    #[command(after_help = "Examples:\n  marey system resume pose\n  marey system resume --workflow motion")]
    Resume(Resume),
    /// Let the running jobs end and begin no other; --end takes it back
    #[command(
        after_help = "Examples:\n  marey system drain --reason 'moving to another region'\n  marey system drain --end"
    )]
    Drain(Drain),
    /// Limit how many tasks of a stage run at once
    #[command(
        after_help = "Examples:\n  marey system concurrency pose 20\n  marey system concurrency pose --unlimited"
    )]
    Concurrency(Concurrency),
    /// Forget jobs that ended long ago, with what they made; the videos stay
    #[command(
        after_help = "Examples:\n  marey system purge --older-than 30d --dry-run\n  marey system purge --older-than 30d --yes"
    )]
    Purge(Purge),
}

/// Arguments of `system pause`.
#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// The stage, in every workflow
    #[arg(required_unless_present = "workflow", conflicts_with = "workflow")]
    pub(crate) stage: Option<String>,
    /// A whole workflow
    #[arg(short, long, value_name = "W")]
    pub(crate) workflow: Option<String>,
    /// Why; people read it on their waiting jobs
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// Arguments of `system resume`.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The stage, in every workflow
    #[arg(required_unless_present = "workflow", conflicts_with = "workflow")]
    pub(crate) stage: Option<String>,
    /// A whole workflow
    #[arg(short, long, value_name = "W")]
    pub(crate) workflow: Option<String>,
}

/// Arguments of `system drain`.
#[derive(Debug, Args)]
pub(crate) struct Drain {
    /// Why; people read it on their waiting jobs
    #[arg(short, long, value_name = "TEXT", required_unless_present = "end")]
    pub(crate) reason: Option<String>,
    /// Take the drain back
    #[arg(long, conflicts_with = "reason")]
    pub(crate) end: bool,
}

/// Arguments of `system concurrency`.
#[derive(Debug, Args)]
pub(crate) struct Concurrency {
    /// The stage
    pub(crate) stage: String,
    /// 2 to 1000 tasks of its standard queue
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1000), required_unless_present = "unlimited")]
    pub(crate) tasks: Option<u32>,
    /// As many as there can be
    #[arg(long, conflicts_with = "tasks")]
    pub(crate) unlimited: bool,
}

/// Arguments of `system purge`.
#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// Jobs that ended longer ago: days or weeks, such as 30d or 8w
    #[arg(long, value_name = "AGE", value_parser = days)]
    pub(crate) older_than: u32,
    /// Only jobs that ended like this
    #[arg(long, value_enum, value_name = "STATUS")]
    pub(crate) status: Option<Ended>,
    /// Only show which jobs it would be
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ended {
    Completed,
    Failed,
    Cancelled,
}

/// Reads an age in whole days.
fn days(text: &str) -> Result<u32, String> {
    let (number, factor) = match (text.strip_suffix('d'), text.strip_suffix('w')) {
        (Some(number), _) => (number, 1),
        (_, Some(number)) => (number, 7),
        _ => (text, 1),
    };
    let days = number.parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
    days.filter(|days| *days > 0)
        .ok_or_else(|| "it must be days or weeks, such as 30d or 8w".to_owned())
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key; it is shown once and never again
    #[command(after_help = "Example:\n  marey keys create studio --scope read --scope write --note 'render farm'")]
    Create(CreateKey),
    /// List the keys, without their secrets
    #[command(after_help = "Example:\n  marey keys list")]
    List,
    /// End a key
    #[command(after_help = "Example:\n  marey keys revoke 3f9a1c2b")]
    Revoke(Keys),
}

/// Arguments of `keys create`.
#[derive(Debug, Args)]
pub(crate) struct CreateKey {
    /// Whose jobs it is for: lower-case letters, digits and hyphens
    pub(crate) owner: String,
    /// What it allows; may be given several times [default: read and write]
    #[arg(long = "scope", value_enum, value_name = "SCOPE")]
    pub(crate) scopes: Vec<Scope>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}

/// Arguments of `keys revoke`.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// The key's id
    pub(crate) id: String,
}

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    Read,
    Write,
    Admin,
}

impl From<Scope> for KeyScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Write => Self::Write,
            Scope::Admin => Self::Admin,
        }
    }
}
