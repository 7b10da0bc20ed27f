//! What a stage is: files and values in, files and values out. The harness does everything else.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
};

use marey_engine::{FailureClass, Job, ShardKey};
use serde_json::Value;

/// One stage of a workflow. It knows neither queue nor table nor bucket, so it runs the same in a function, in a
/// container and in a test.
pub trait Stage: Send + Sync + 'static {
    /// Its name in the workflows.
    fn name(&self) -> &'static str;

    /// Runs one shard. Blocks; the harness calls it on a thread of its own.
    ///
    /// # Errors
    /// [`StageError`], with its retry intent.
    fn run(&self, work: &Work) -> Result<Output, StageError>;
}

/// One shard to run.
#[derive(Debug)]
pub struct Work {
    /// The job.
    pub job: Job,
    /// Which shard.
    pub shard: ShardKey,
    /// How many shards the stage has.
    pub shards: u32,
    /// An empty folder for what the stage writes; gone after the attempt.
    pub scratch: PathBuf,
    /// The upload's local copy, if the workflow lists it among the stage's inputs.
    pub upload: Option<PathBuf>,
    /// Local copies of the artifacts that the workflow lists, by stage and name, in the order of the shards that left them.
    pub artifacts: BTreeMap<(String, String), Vec<PathBuf>>,
    /// Progress to the outside, the order to stop to the inside.
    pub control: std::sync::Arc<Control>,
}

impl Work {
    /// The upload's local copy.
    ///
    /// # Errors
    /// The workflow does not list it among the stage's inputs.
    pub fn upload(&self) -> Result<&Path, StageError> {
        self.upload
            .as_deref()
            .ok_or_else(|| StageError::internal("the upload is not among the stage's inputs"))
    }

    /// The local copy of an artifact of a stage with one shard.
    ///
    /// # Errors
    /// The workflow does not list it among the stage's inputs, or several shards left one.
    pub fn artifact(&self, stage: &str, name: &str) -> Result<&Path, StageError> {
        match self.artifacts_of(stage, name) {
            [one] => Ok(one),
            found => Err(StageError::internal(format!(
                "{stage}/{name} is there {} times among the stage's inputs, not once",
                found.len()
            ))),
        }
    }

    /// The local copies of an artifact that every shard of a stage left, in their order; none if the stage was optional and
    /// failed.
    pub fn artifacts_of(&self, stage: &str, name: &str) -> &[PathBuf] {
        let found = self.artifacts.get(&(stage.to_owned(), name.to_owned()));
        found.map_or(&[], Vec::as_slice)
    }

    /// A parameter of the job that is a number.
    ///
    /// # Errors
    /// The workflow has no such parameter.
    pub fn number(&self, name: &str) -> Result<f64, StageError> {
        self.parameter(name, Value::as_f64)
    }

    /// A parameter of the job that is a text or one of a few words.
    ///
    /// # Errors
    /// The workflow has no such parameter.
    pub fn text(&self, name: &str) -> Result<&str, StageError> {
        self.parameter(name, Value::as_str)
    }

    /// A parameter of the job that is true or false.
    ///
    /// # Errors
    /// The workflow has no such parameter.
    pub fn flag(&self, name: &str) -> Result<bool, StageError> {
        self.parameter(name, Value::as_bool)
    }

    fn parameter<'a, T>(&'a self, name: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<T, StageError> {
        let value = self.job.wishes.params.get(name).and_then(read);
        value.ok_or_else(|| StageError::internal(format!("the job has no such parameter: {name}")))
    }
}

/// What a stage leaves.
#[derive(Debug, Default)]
pub struct Output {
    /// Files to be stored as artifacts.
    pub files: Vec<OutputFile>,
    /// What the stage found, a small JSON object.
    pub facts: Value,
}

/// A file to be stored as an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Name of the artifact.
    pub name: Cow<'static, str>,
    /// Media type.
    pub content_type: &'static str,
    /// Where it lies now.
    pub path: PathBuf,
}

/// Why a stage did not end well.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct StageError {
    /// Whether trying again can help.
    pub class: FailureClass,
    /// Stable code of docs/ERRORS.md.
    pub code: String,
    /// One sentence for users.
    pub message: String,
    /// What users can do.
    pub hint: String,
    /// The cause for developers; never shown to users.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StageError {
    /// The code of an attempt that was interrupted.
    pub(crate) const INTERRUPTED: &'static str = "INTERRUPTED";

    /// The input is at fault.
    pub fn permanent(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let (class, code) = (FailureClass::Permanent, code.to_owned());
        Self {
            class,
            code,
            message: message.into(),
            hint: hint.into(),
            cause: None,
        }
    }

    /// The world is in the way.
    pub fn transient(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            class: FailureClass::Transient,
            ..Self::permanent(code, message, hint)
        }
    }

    /// A fault of Marey's own.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::transient(
            "INTERNAL",
            "Something went wrong inside Marey.",
            "Try again; if it happens again, report it.",
        )
        .because(cause)
    }

    /// The stage was told to stop.
    pub fn stopped() -> Self {
        let text = "The work was stopped.";
        Self {
            class: FailureClass::Cancelled,
            ..Self::permanent("CANCELLED", text, "Submit the video again.")
        }
    }

    /// The machine is taken away under the stage.
    pub fn interrupted() -> Self {
        Self::transient(
            Self::INTERRUPTED,
            "The machine that ran the stage was taken away.",
            "Marey goes on with another machine by itself; the attempt does not count.",
        )
    }

    /// Adds the cause for developers.
    #[must_use]
    pub fn because(self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..self
        }
    }
}

impl From<std::io::Error> for StageError {
    fn from(error: std::io::Error) -> Self {
        Self::internal(error)
    }
}

/// Why a stage must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The job ended or was cancelled.
    Cancelled,
    /// Another attempt has the lease.
    LeaseLost,
    /// The attempt's time is up.
    TimeUp,
    /// The machine is taken away.
    Interrupted,
}

/// Between the harness and a running stage.
#[derive(Default)]
pub struct Control {
    progress: AtomicU32,
    frames: AtomicU64,
    stop: AtomicU8,
    on_stop: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control")
            .field("progress", &self.progress())
            .field("stop", &self.stop_reason())
            .finish()
    }
}

impl Control {
    /// The control of what follows when the work is done: as far as it came, and not told to stop.
    pub(crate) fn done(work: &Self) -> Self {
        let done = Self::default();
        done.set_progress(work.progress());
        done.add_frames(work.frames());
        done
    }

    /// Says which share of the work is done, in `0..=1`. Cheap: call it for every frame.
    pub fn set_progress(&self, share: f64) {
        self.progress
            .store((share.clamp(0.0, 1.0) as f32).to_bits(), Ordering::Relaxed);
    }

    /// The share of the work that is done.
    pub fn progress(&self) -> f64 {
        f64::from(f32::from_bits(self.progress.load(Ordering::Relaxed)))
    }

    /// Says that so many more frames are done. Cheap: call it for every frame.
    pub fn add_frames(&self, frames: u64) {
        self.frames.fetch_add(frames, Ordering::Relaxed);
    }

    /// The frames that are done.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Tells the stage to stop; the first reason counts.
    pub fn stop(&self, reason: Stop) {
        let code = match reason {
            Stop::Cancelled => 1,
            Stop::LeaseLost => 2,
            Stop::TimeUp => 3,
            Stop::Interrupted => 4,
        };
        if self
            .stop
            .compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
        {
            for act in self.on_stop.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                act();
            }
        }
    }

    /// Why the stage must stop, if it must.
    pub fn stop_reason(&self) -> Option<Stop> {
        match self.stop.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Stop::Cancelled),
            2 => Some(Stop::LeaseLost),
            3 => Some(Stop::TimeUp),
            _ => Some(Stop::Interrupted),
        }
    }

    /// Fails if the stage must stop: `control.check()?` in every loop.
    ///
    /// # Errors
    /// [`StageError::stopped`].
    pub fn check(&self) -> Result<(), StageError> {
        if self.stop_reason().is_some() {
            Err(StageError::stopped())
        } else {
            Ok(())
        }
    }

    /// Calls `act` when the stage must stop, at once if it already must: to kill a child process that a loop waits for.
    pub fn on_stop(&self, act: impl Fn() + Send + 'static) {
        let mut acts = self.on_stop.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stop_reason().is_some() {
            act();
        } else {
            acts.push(Box::new(act));
        }
    }
}
