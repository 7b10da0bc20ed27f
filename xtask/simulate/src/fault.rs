//! Faults that are planted on purpose, to show that the invariants notice them.
//!
//! Each changes a port, the driver of the functions, or what a row says on its way; the engine's own code stays as it is.

use std::str::FromStr;

macro_rules! planted {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal caught by $($by:literal)|+;)*) => {
        /// A fault of the simulated world that no real one may have.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Planted { $($(#[doc = $doc])* $name,)* }

        impl Planted {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it does, in a sentence.
            pub fn told(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*),)* }
            }

            /// The invariants that must notice it, any one of them.
            pub fn caught_by(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($by),+],)* }
            }
        }
    };
}

planted! {
    /// The table writes shards whatever version the writer had read.
    SkipFence = "skip-fence" caught by "only_the_holder_writes" | "ended_shards_stay_ended" | "attempts_stay_within_policy";
    /// The table writes jobs late, and whatever version the writer had read.
    SkipJobFence = "skip-job-fence" caught by "ended_jobs_stay_ended";
    /// The queue forgets a message when it hands it out.
    AcknowledgeEarly = "acknowledge-early" caught by "acknowledged_only_when_durable";
    /// The table says that a completed shard is written, and now and then forgets it.
    ForgetCompletion = "forget-completion" caught by "acknowledged_only_when_durable";
    /// Nobody plans after a shard is complete.
    SkipPlan = "skip-plan" caught by "acknowledged_only_when_durable";
    /// Reads of all rows show them as they were seconds ago.
    StaleSnapshot = "stale-snapshot" caught by "acknowledged_only_when_durable" | "no_stage_begins_before_its_needs";
    /// A completed shard is written seconds after the table said so: the plan comes before the commit.
    PlanBeforeCommit = "plan-before-commit" caught by "acknowledged_only_when_durable" | "only_the_holder_writes";
    /// Reads of all rows show running shards as complete.
    DirtyReads = "dirty-reads" caught by "no_stage_begins_before_its_needs" | "completed_jobs_are_whole" | "no_row_is_orphaned" | "acknowledged_only_when_durable";
    /// Dead letters are not kept.
    DropDeadLetters = "drop-dead-letters" caught by "dead_letters_are_kept";
    /// Messages are lost and no sweeper comes.
    SweeperOff = "sweeper-off" caught by "every_job_ends" | "held_shards_are_sent_after_resume";
    /// A lease lasts for ever.
    EternalLease = "eternal-lease" caught by "every_job_ends" | "dead_letters_are_kept";
    /// A message that is hidden stays hidden for half a day.
    HiddenForever = "hidden-forever" caught by "every_job_ends" | "dead_letters_are_kept";
    /// The keys of artifacts do not name their attempt.
    KeysWithoutAttempt = "keys-without-attempt" caught by "artifacts_are_immutable" | "completed_jobs_are_whole";
    /// The bucket says that an artifact is stored, and now and then forgets it.
    ForgetArtifact = "forget-artifact" caught by "completed_jobs_are_whole" | "no_stage_begins_before_its_needs";
    /// The bucket says that a manifest is stored, and forgets it.
    ForgetManifest = "forget-manifest" caught by "completed_jobs_are_whole";
    /// Attempts are forgotten, so that no policy ends them.
    ForgetAttempts = "forget-attempts" caught by "attempts_stay_within_policy";
    /// Heartbeats do not see that their job has ended.
    CancelUnseen = "cancel-unseen" caught by "nothing_runs_after_its_job_ended";
    /// Every task is sent twenty times.
    DispatchStorm = "dispatch-storm" caught by "work_is_linear_in_shards";
    /// Heartbeats come twenty times as often.
    HeartbeatStorm = "heartbeat-storm" caught by "work_is_linear_in_shards";
    /// A pause that was lifted stays in the table.
    PauseForever = "pause-forever" caught by "held_shards_are_sent_after_resume" | "every_job_ends";
    /// The harness does not see that a stage is paused.
    PauseUnseen = "pause-unseen" caught by "nothing_begins_while_paused";
    /// Rows are written under the number of a shard that the stage does not have.
    OrphanRows = "orphan-rows" caught by "no_row_is_orphaned";
}

impl FromStr for Planted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || {
            Self::ALL
                .iter()
                .map(|fault| fault.name())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let found = Self::ALL.iter().copied().find(|fault| fault.name() == text);
        found.ok_or_else(|| format!("no fault is called {text}; there are {}", known()))
    }
}
