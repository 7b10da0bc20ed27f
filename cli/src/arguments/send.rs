//! Arguments of what sends work: one video, many, and both again.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use marey_contract::RunsOn;

use crate::parameters::{Typed, typed};

/// How videos are to be worked on.
#[derive(Debug, Args)]
pub(crate) struct Manner {
    /// The workflow to run; `marey workflows` lists them
    #[arg(short, long, value_name = "W")]
    pub(crate) workflow: Option<String>,
    /// A parameter of the workflow; may be given several times
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = typed)]
    pub(crate) params: Vec<Typed>,
    /// 0 to 9; 7 and above is express [Marey's default: 5]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=9))]
    pub(crate) priority: Option<u8>,
    /// Where heavy stages run [default: where the workflow says]
    #[arg(long, value_enum, value_name = "WHERE")]
    pub(crate) runs_on: Option<Where>,
    /// Take the results of earlier jobs for stages whose inputs are the same
    #[arg(long)]
    pub(crate) reuse: bool,
    /// Post each job's end to this https address
    #[arg(long, value_name = "URL")]
    pub(crate) notify: Option<String>,
    /// Follow to the end: exit code 0 only if everything is complete
    #[arg(long)]
    pub(crate) watch: bool,
    /// Upload so many videos of a batch at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) parallel: u8,
}

/// Where heavy stages run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Where {
    Lambda,
    Batch,
    Auto,
}

impl From<Where> for RunsOn {
    fn from(place: Where) -> Self {
        match place {
            Where::Lambda => Self::Lambda,
            Where::Batch => Self::Batch,
            Where::Auto => Self::Auto,
        }
    }
}

/// Arguments of `submit`.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The videos; several of them, a folder, or a manifest (.jsonl) make a batch
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub(crate) files: Vec<PathBuf>,
    /// What people call the batch [default: the folder's name]
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// Arguments of `retry`.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The job's id
    pub(crate) id: String,
    /// Follow the job to its end
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Arguments of `reprocess`.
#[derive(Debug, Args)]
pub(crate) struct Reprocess {
    /// The id of the job whose video is run again
    pub(crate) id: String,
    /// Another workflow [default: the job's]
    #[arg(short, long, value_name = "W")]
    pub(crate) workflow: Option<String>,
    /// A parameter of the workflow; may be given several times; the others stay as they were
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = typed)]
    pub(crate) params: Vec<Typed>,
    /// 0 to 9; 7 and above is express [default: the job's]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=9))]
    pub(crate) priority: Option<u8>,
    /// Run every stage anew, even if its inputs are the same
    #[arg(long)]
    pub(crate) no_reuse: bool,
    /// Make another job though the same was asked for before
    #[arg(long)]
    pub(crate) again: bool,
    /// Follow the new job to its end
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Arguments of `redrive`.
#[derive(Debug, Args)]
pub(crate) struct Redrive {
    /// The stage whose messages are taken up again, or `intake`
    #[arg(value_name = "QUEUE")]
    pub(crate) queue: String,
    /// At most so many messages
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) limit: Option<u32>,
}

/// What to do with batches.
#[derive(Debug, Subcommand)]
pub(crate) enum BatchCommand {
    /// Upload a folder's videos or those of a manifest as one batch; prints its id
    #[command(
        after_help = "A manifest has one line for each video: a path in quotes, or an object. Paths are seen from the manifest's folder.\n  {\"file\": \"squat.mp4\", \"params\": {\"cutoff_hz\": 8}}\n\nExamples:\n  marey batch submit videos/ --watch\n  marey batch submit monday.jsonl"
    )]
    Submit(BatchSubmit),
    /// Show a batch: the summary table, one line for each video
    #[command(after_help = "Example:\n  marey batch status 2f1c6a0e-5b1d-4c39-8d53-0a9f4f6f2b11")]
    Status(OneBatch),
    /// List batches, the newest first
    #[command(after_help = "Example:\n  marey batch list --limit 5")]
    List(Batches),
    /// Follow a batch to its end: exit code 0 only if every video is complete
    #[command(after_help = "Example:\n  marey batch watch 2f1c6a0e-5b1d-4c39-8d53-0a9f4f6f2b11")]
    Watch(OneBatch),
    /// Cancel a batch: all its jobs, and the videos that have not arrived
    #[command(after_help = "Example:\n  marey batch cancel 2f1c6a0e-5b1d-4c39-8d53-0a9f4f6f2b11")]
    Cancel(OneBatch),
    /// Try again what failed in a batch
    #[command(after_help = "Example:\n  marey batch retry 2f1c6a0e-5b1d-4c39-8d53-0a9f4f6f2b11")]
    Retry(OneBatch),
}

/// Arguments of `batch submit`.
#[derive(Debug, Args)]
pub(crate) struct BatchSubmit {
    /// Folders, manifests and videos
    #[arg(required = true, value_name = "FOLDER|MANIFEST")]
    pub(crate) places: Vec<PathBuf>,
    /// What people call it [default: the folder's or manifest's name]
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// Arguments of `ingest`.
#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// The zip archive
    pub(crate) archive: PathBuf,
    /// Show what would be sent and what would be left out, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Send videos also if earlier jobs have their names; those jobs stay as they are
    #[arg(long)]
    pub(crate) force: bool,
    /// What people call the batch [default: the archive's name]
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// Arguments of the commands for one batch.
#[derive(Debug, Args)]
pub(crate) struct OneBatch {
    /// The batch's id
    pub(crate) id: String,
}

/// Arguments of `batch list`.
#[derive(Debug, Args)]
pub(crate) struct Batches {
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}
