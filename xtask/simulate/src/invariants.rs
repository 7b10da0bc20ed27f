//! What must always hold. Each invariant is a function that tells what is wrong, if something is.
//!
//! They read the world as it is, not as a process sees it, and share no code with what they judge but the rows themselves,
//! the workflow, and (where the question is "is anything left to do?") the planner.

#![expect(
    clippy::missing_errors_doc,
    reason = "what holds is said in each function's sentence, and the error is what was seen instead"
)]

use jiff::{SignedDuration, Timestamp};
use marey_cloud::artifacts::Manifest;
use marey_engine::{
    Controls, Job, JobState, Scope, Shard, ShardCount, ShardState, Snapshot, StageName, Workflow, plan,
};

use crate::{
    clock::{TaskId, moment},
    ledger::JobRows,
    queues::{About, Message},
    scenario::SECOND,
    world::{Caller, Object, Process, State},
};

mod rest;

pub use rest::*;

/// Whether an invariant holds, or what was seen instead.
pub type Verdict = Result<(), String>;

/// The invariants and what they say, for people.
pub const ALL: &[(&str, &str)] = &[
    (
        "every_job_ends",
        "Once the trouble is over every job ends within 90 minutes.",
    ),
    (
        "ended_jobs_stay_ended",
        "A job that ended changes only when somebody asks for another round.",
    ),
    (
        "ended_shards_stay_ended",
        "A completed shard never changes; a failed or cancelled one only in a later round.",
    ),
    (
        "completed_jobs_are_whole",
        "A completed job has every promised artifact, once, in the manifest and in the bucket.",
    ),
    ("artifacts_are_immutable", "No artifact is replaced by another content."),
    (
        "no_stage_begins_before_its_needs",
        "An attempt begins when every stage that it needs has ended, and reads what is stored.",
    ),
    (
        "nothing_runs_after_its_job_ended",
        "When a job has ended (a cancel is an end), its shards only end.",
    ),
    (
        "nothing_begins_while_paused",
        "No attempt begins at a stage that is paused.",
    ),
    (
        "attempts_stay_within_policy",
        "No shard begins more attempts in a round than its stage allows.",
    ),
    (
        "only_the_holder_writes",
        "Whoever does not hold the lease changes a running shard only when the lease is over.",
    ),
    (
        "no_row_is_orphaned",
        "Every shard's row belongs to a stage of its job and to a shard that the stage has.",
    ),
    (
        "acknowledged_only_when_durable",
        "A message is deleted when what it asked for is durable, or on its way in another.",
    ),
    (
        "dead_letters_are_kept",
        "A dead letter is parked, unless what it asks for is done, cancelled, or sent again.",
    ),
    (
        "held_shards_are_sent_after_resume",
        "No shard is held when nothing is paused any more.",
    ),
    (
        "work_is_linear_in_shards",
        "Writes, messages and heartbeats are at most linear in shards, time and injected faults.",
    ),
];

/// A shard's state in a few words.
pub fn told(shard: &Shard) -> String {
    let state = match &shard.state {
        ShardState::Queued => "queued".to_owned(),
        ShardState::Held => "held".to_owned(),
        ShardState::Running { lease, .. } => format!("running until {} ({} beats)", lease.until, shard.beats),
        ShardState::Completed { reused, .. } => format!("completed{}", if *reused { ", reused" } else { "" }),
        ShardState::Failed { failure, .. } => format!("failed {}", failure.code),
        ShardState::Cancelled { .. } => "cancelled".to_owned(),
    };
    format!("{state}, attempt {}, round {}", shard.attempt, shard.round)
}

/// Everything that must hold of a write of a shard, judged before it happens.
pub fn on_shard_write(state: &mut State, old: Option<&Shard>, new: &Shard, caller: &Caller) {
    let now_us = caller.now_us;
    let Some(job) = state.jobs.get(&new.key.job) else {
        return;
    };
    let Some(workflow) = Workflow::shipped(&job.rows.job.value.workflow) else {
        return;
    };
    let process = state.processes.get(&caller.task).cloned().unwrap_or_default();
    let token = |shard: &Shard| match &shard.state {
        ShardState::Running { lease, .. } => Some(lease.token.0),
        _ => None,
    };
    let new_lease = token(new).filter(|token_of_new| old.and_then(token) != Some(*token_of_new));
    let holder = old.and_then(token).and_then(|token| state.holders.get(&token).copied());
    let mut verdicts: Vec<(&'static str, Verdict)> = vec![
        ("ended_shards_stay_ended", ended_shards_stay_ended(old, new)),
        (
            "only_the_holder_writes",
            only_the_holder_writes(job, old, new, holder, caller.task, local(now_us, &process)),
        ),
        ("no_row_is_orphaned", no_row_is_orphaned(&workflow, &job.rows, new)),
        (
            "nothing_runs_after_its_job_ended",
            nothing_runs_after_its_job_ended(job, new, &process, now_us),
        ),
    ];
    let is_beat = new_lease.is_none() && token(new).is_some();
    if is_beat {
        verdicts.push((
            "work_is_linear_in_shards",
            heartbeats_keep_their_pace(new, local(now_us, &process), process.troubles),
        ));
    }
    let mut leases = 0;
    if new_lease.is_some() {
        leases = 1 + job.leases.get(&place(new)).copied().unwrap_or(0);
        let attempts = workflow.stage(&new.key.stage).map_or(0, |stage| stage.retry.attempts);
        verdicts.push((
            "attempts_stay_within_policy",
            attempts_stay_within_policy(new, leases, attempts),
        ));
        verdicts.push((
            "no_stage_begins_before_its_needs",
            no_stage_begins_before_its_needs(&workflow, &job.rows, new),
        ));
        let since = state.paused_since(&workflow, &new.key.stage);
        verdicts.push((
            "nothing_begins_while_paused",
            nothing_begins_while_paused(since, new, &process, now_us),
        ));
    }
    for (name, verdict) in verdicts {
        state.hold(name, now_us, verdict);
    }
    if let Some(token) = new_lease {
        state.holders.insert(token, caller.task);
        state.tally.leases += 1;
    }
    let reused = matches!(new.state, ShardState::Completed { reused: true, .. });
    state.tally.reused += u64::from(reused);
    if let Some(job) = state.jobs.get_mut(&new.key.job) {
        if new_lease.is_some() {
            job.leases.insert(place(new), leases);
        }
        if matches!(new.state, ShardState::Failed { .. }) {
            job.failed
                .insert((new.key.stage.clone(), new.key.shard), (now_us, caller.task));
        }
        job.beats += u64::from(is_beat);
        job.writes += u64::from(!is_beat);
    }
}

/// Everything that must hold of a write of a job, judged before it happens.
pub fn on_job_write(state: &mut State, old: &Job, new: &Job, caller: &Caller) {
    let verdict = ended_jobs_stay_ended(old, new);
    state.hold("ended_jobs_stay_ended", caller.now_us, verdict);
    if matches!(new.state, JobState::Completed { .. })
        && let Some(job) = state.jobs.get(&new.id)
    {
        let verdict = completed_jobs_are_whole(&job.rows, new, |key| state.objects.get(key));
        state.hold("completed_jobs_are_whole", caller.now_us, verdict);
    }
}

fn place(shard: &Shard) -> (StageName, u32, u32) {
    (shard.key.stage.clone(), shard.key.shard, shard.round)
}

/// The time on a process's clock.
fn local(now_us: u64, process: &Process) -> Timestamp {
    moment(now_us) + SignedDuration::from_micros(process.skew_us)
}

/// So much later a process may still do what it decided: what its calls took, and a heartbeat for each that failed. Twenty
/// seconds are the longest pause between heartbeats; a stage that is told to stop takes two more.
fn patience_us(process: &Process) -> u64 {
    30 * SECOND + process.stalled_us + u64::from(process.troubles) * 25 * SECOND
}

/// A completed shard never changes; a failed or cancelled one only in a later round.
pub fn ended_shards_stay_ended(old: Option<&Shard>, new: &Shard) -> Verdict {
    let Some(old) = old.filter(|old| old.has_ended()) else {
        return Ok(());
    };
    if old == new || (!old.is_complete() && new.round > old.round) {
        return Ok(());
    }
    Err(format!("{}: {} became {}", new.key, told(old), told(new)))
}

/// Whoever does not hold the lease changes a running shard only when the lease is over by its own clock, or in a later
/// round, or to mark it cancelled when its job has ended. Only the holder completes.
pub fn only_the_holder_writes(
    job: &JobRows,
    old: Option<&Shard>,
    new: &Shard,
    holder: Option<TaskId>,
    writer: TaskId,
    now: Timestamp,
) -> Verdict {
    let wrong = |what: &str| {
        let before = old.map_or("nothing".to_owned(), told);
        Err(format!(
            "{}: process {writer} wrote {} over {before}: {what}",
            new.key,
            told(new)
        ))
    };
    let Some(ShardState::Running { lease, .. }) = old.map(|old| &old.state) else {
        return if new.is_complete() {
            wrong("nobody held a lease")
        } else {
            Ok(())
        };
    };
    if holder == Some(writer) || old.is_some_and(|old| new.round > old.round) {
        return Ok(());
    }
    let holder = format!("process {holder:?} holds the lease");
    match &new.state {
        ShardState::Completed { .. } => wrong(&holder),
        ShardState::Running { lease: theirs, .. } if theirs.token == lease.token => wrong(&holder),
        ShardState::Cancelled { .. } if job.rows.job.value.has_ended() => Ok(()),
        _ if lease.until <= now => Ok(()),
        _ => wrong(&holder),
    }
}

/// Every shard's row belongs to a stage of its job's workflow and to a shard that the stage has.
pub fn no_row_is_orphaned(workflow: &Workflow, rows: &Snapshot, new: &Shard) -> Verdict {
    let count = count_of(workflow, rows, &new.key.stage);
    match count {
        Some(count) if new.key.shard < count => Ok(()),
        Some(count) => Err(format!("{} is written, but its stage has {count} shards", new.key)),
        None => Err(format!("{} is written, but its stage has no number of shards", new.key)),
    }
}

/// When a job has ended, its shards only end: after the time that a heartbeat takes, nothing is written to them but an end.
pub fn nothing_runs_after_its_job_ended(job: &JobRows, new: &Shard, process: &Process, now_us: u64) -> Verdict {
    let Some(ended_us) = job.ended_us else { return Ok(()) };
    let is_end = matches!(new.state, ShardState::Cancelled { .. } | ShardState::Failed { .. });
    let late_us = now_us.saturating_sub(ended_us);
    if is_end || late_us <= patience_us(process) {
        return Ok(());
    }
    let seconds = late_us / SECOND;
    Err(format!(
        "{} became {} {seconds} s after its job ended ({})",
        new.key,
        told(new),
        process.name
    ))
}

/// No attempt begins at a stage that has been paused for longer than a process needs to notice.
pub fn nothing_begins_while_paused(since_us: Option<u64>, new: &Shard, process: &Process, now_us: u64) -> Verdict {
    match since_us {
        Some(since_us) if now_us.saturating_sub(since_us) > patience_us(process) => {
            let seconds = (now_us - since_us) / SECOND;
            Err(format!("{} began {seconds} s after its stage was paused", new.key))
        }
        _ => Ok(()),
    }
}

/// No shard begins more attempts in a round than its stage allows.
pub fn attempts_stay_within_policy(new: &Shard, leases: u32, attempts: u32) -> Verdict {
    if leases <= attempts {
        return Ok(());
    }
    Err(format!(
        "{} begins its attempt {leases} of round {}; {attempts} are allowed",
        new.key, new.round
    ))
}

/// An attempt begins when every stage that it needs has ended.
pub fn no_stage_begins_before_its_needs(workflow: &Workflow, rows: &Snapshot, new: &Shard) -> Verdict {
    // Whoever decided on rows of an earlier round works for that one, and is told so by its heartbeats.
    if new.round != rows.job.value.round {
        return Ok(());
    }
    let needs = workflow
        .stage(&new.key.stage)
        .map(|stage| stage.needs.clone())
        .unwrap_or_default();
    match needs.iter().find(|need| end_of(workflow, rows, need) == End::NotYet) {
        Some(need) => Err(format!("{} begins, and {need} has not ended", new.key)),
        None => Ok(()),
    }
}

/// A job that ended changes only when somebody asks for another round, and a completed one never.
pub fn ended_jobs_stay_ended(old: &Job, new: &Job) -> Verdict {
    let is_retry = new.state == JobState::Running && new.round == old.round + 1;
    let was_bad = matches!(old.state, JobState::Failed { .. } | JobState::Cancelled { .. });
    if !old.has_ended() || old == new || (was_bad && is_retry) {
        return Ok(());
    }
    Err(format!("{}: {:?} became {:?}", old.id, old.state, new.state))
}

/// A completed job has every promised artifact, once, in its manifest, and every artifact of its rows in the bucket.
pub fn completed_jobs_are_whole<'a>(
    rows: &Snapshot,
    job: &Job,
    object: impl Fn(&str) -> Option<&'a Object>,
) -> Verdict {
    let (Some(workflow), JobState::Completed { manifest: key, .. }) = (Workflow::shipped(&job.workflow), &job.state)
    else {
        return Err(format!("{} is not a completed job of a known workflow", job.id));
    };
    let stored = object(key).ok_or_else(|| format!("{key} is not stored"))?;
    let manifest: Manifest = serde_json::from_slice(&stored.bytes).map_err(|e| format!("{key}: {e}"))?;
    for stage in workflow.stages() {
        match end_of(&workflow, rows, &stage.name) {
            End::Complete => {}
            End::Bad => continue,
            End::NotYet => {
                return Err(format!(
                    "{} is complete, and its stage {} has not ended",
                    job.id, stage.name
                ));
            }
        }
        for shard in rows.shards_of(&stage.name) {
            let ShardState::Completed { artifacts, .. } = &shard.state else {
                return Err(format!("{} is complete, and {} is {}", job.id, shard.key, told(shard)));
            };
            for artifact in artifacts {
                let found = object(&artifact.key).map(|object| object.sha256.as_str());
                if found != Some(artifact.sha256.as_str()) {
                    return Err(format!(
                        "{} is not what {} left there, but {found:?}",
                        artifact.key, shard.key
                    ));
                }
            }
            for name in stage.artifacts.iter().filter(|name| stage.results.contains(name)) {
                let is_it = |shard_of: &u32, found: &str| *shard_of == shard.key.shard && found == name;
                let of_stage = manifest.artifacts.iter().filter(|entry| entry.stage == stage.name);
                let times = of_stage
                    .filter(|entry| is_it(&entry.shard, &entry.artifact.name))
                    .count();
                if times != 1 {
                    return Err(format!("{name} of {} is {times} times in the manifest", shard.key));
                }
            }
        }
    }
    Ok(())
}

/// No artifact is replaced by another content, unless by the very process that stored it.
pub fn artifacts_are_immutable(key: &str, old: Option<&Object>, new: &Object) -> Verdict {
    match old {
        Some(old) if old.sha256 != new.sha256 && old.by != new.by => {
            Err(format!("{key} was {} and becomes {}", old.sha256, new.sha256))
        }
        _ => Ok(()),
    }
}

/// A message is deleted when what it asked for is durable: its job has ended, its shard waits for a pause to be lifted, or
/// its shard has ended and what follows from that is done or on its way. What somebody else changed since this process looked
/// is that one's to follow up, and what the world itself lost is the sweeper's.
pub fn acknowledged_only_when_durable(state: &State, about: &About, task: TaskId) -> Verdict {
    let id = match about {
        About::Shard(key) => key.job,
        About::Job(id) => *id,
    };
    let job = state
        .jobs
        .get(&id)
        .ok_or_else(|| format!("{about} is acknowledged, and there is no such job"))?;
    let rows = &job.rows;
    if rows.job.value.has_ended() || state.robbed.iter().any(|key| key.job == id) {
        return Ok(());
    }
    if let About::Shard(key) = about {
        if state.queues.asking_for(key) > 0 {
            return Ok(());
        }
        let row = rows.shards.get(&(key.stage.clone(), key.shard));
        let row = row.ok_or_else(|| format!("{key} is acknowledged, and has no row"))?;
        match &row.value.state {
            ShardState::Held => return Ok(()),
            // It was told that a container failed while another attempt is alive; if that one dies, its lease ends.
            ShardState::Running { .. } if state.tally.faults.batch_failures > 0 => return Ok(()),
            ShardState::Queued | ShardState::Running { .. } if !row.value.is_left_over(rows.job.value.round) => {
                return Err(format!(
                    "{key} is acknowledged as {}, and nothing else asks for it",
                    told(&row.value)
                ));
            }
            _ => {}
        }
    }
    if state.queues.asking_for_job(id) > 0 {
        return Ok(());
    }
    let process = state.processes.get(&task);
    let looked = process.and_then(|process| process.looked.filter(|(of, _)| *of == id).map(|(_, at)| at));
    let looked = looked.or(process.map(|process| process.born_us)).unwrap_or(u64::MAX);
    let by_another = |(at_us, by): (u64, TaskId)| by != task && at_us >= looked;
    // A breaker that a success closes lets held shards go on; the sweeper sends them, as after every cool-down.
    if by_another(job.change) || state.control_change.0 >= looked {
        return Ok(());
    }
    let Some(workflow) = Workflow::shipped(&rows.job.value.workflow) else {
        return Ok(());
    };
    let controls: Controls = state.controls.values().map(|row| row.value.clone()).collect();
    match plan(&workflow, rows, &controls).first() {
        None => Ok(()),
        Some(next) => Err(format!("{about} is acknowledged, and nobody will do {next:?}")),
    }
}

/// A dead letter is parked, unless what it asks for is done, cancelled, or sent again in a later round.
pub fn dead_letters_are_kept(state: &State, message: &Message, task: TaskId) -> Verdict {
    if state.queues.parked.iter().any(|(body, _)| *body == message.body) {
        return Ok(());
    }
    if let About::Shard(key) = &message.about
        && let Some(job) = state.jobs.get(&key.job)
        && let Some(row) = job.rows.shards.get(&(key.stage.clone(), key.shard))
    {
        // Nobody waits for a shard of a job that is complete or cancelled; a retry sends it anew.
        let ended = &job.rows.job.value.state;
        let is_over = matches!(ended, JobState::Completed { .. } | JobState::Cancelled { .. });
        let is_done = is_over || row.value.is_complete() || matches!(row.value.state, ShardState::Cancelled { .. });
        // What is held is sent when its stage goes on.
        let is_sent = row.value.state == ShardState::Held || state.queues.asking_for(key) > 0;
        let is_sent = is_sent || state.robbed.contains(key);
        // It was sent again, and that one has come to its own end since.
        let born_us = state.processes.get(&task).map_or(u64::MAX, |process| process.born_us);
        let failed = job.failed.get(&(key.stage.clone(), key.shard));
        let is_ended_since = failed.is_some_and(|(at_us, by)| *by != task && *at_us >= born_us);
        if is_done || is_sent || is_ended_since || job.rows.job.value.round > 0 {
            return Ok(());
        }
    }
    Err(format!("{} left its dead-letter queue and is nowhere", message.about))
}

/// An attempt says that it is alive every two seconds at the most, and again if it was not told that it had.
pub fn heartbeats_keep_their_pace(new: &Shard, now: Timestamp, troubles: u32) -> Verdict {
    let ShardState::Running { since, .. } = &new.state else {
        return Ok(());
    };
    let most = now.duration_since(*since).as_secs() / 2 + 1 + i64::from(troubles);
    if i64::from(new.beats) <= most {
        return Ok(());
    }
    Err(format!(
        "{} says that it is alive for the {}th time after {since}; {most} are due",
        new.key, new.beats
    ))
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Bad,
    NotYet,
}

fn count_of(workflow: &Workflow, rows: &Snapshot, stage: &StageName) -> Option<u32> {
    match &workflow.stage(stage)?.shards {
        ShardCount::Fixed(count) => Some(*count),
        ShardCount::From(source) => {
            let row = rows.shards.get(&(source.from.clone(), 0))?;
            let count = row
                .value
                .is_complete()
                .then(|| row.value.facts.get(&source.fact)?.as_u64());
            count.flatten().map(|count| count as u32)
        }
    }
}

fn end_of(workflow: &Workflow, rows: &Snapshot, name: &StageName) -> End {
    let Some(stage) = workflow.stage(name) else {
        return End::NotYet;
    };
    let count = count_of(workflow, rows, name);
    let all = |count: u32| {
        (0..count).all(|n| {
            rows.shards
                .get(&(name.clone(), n))
                .is_some_and(|row| row.value.is_complete())
        })
    };
    if count.is_some_and(all) {
        return End::Complete;
    }
    let round = rows.job.value.round;
    let failed = |shard: &Shard| matches!(shard.state, ShardState::Failed { .. }) && shard.round >= round;
    if stage.optional && rows.shards_of(name).any(failed) {
        return End::Bad;
    }
    // What leaves no number of shards leaves an optional stage without any.
    let lies = match &stage.shards {
        ShardCount::Fixed(_) => false,
        ShardCount::From(source) => count.is_none() && end_of(workflow, rows, &source.from) == End::Complete,
    };
    if stage.optional && lies {
        return End::Bad;
    }
    let lacks = |need: &StageName| stage.depends_on(need) && end_of(workflow, rows, need) == End::Bad;
    if stage.needs.iter().any(lacks) {
        End::Bad
    } else {
        End::NotYet
    }
}

impl State {
    /// Since when no attempt of a stage may begin.
    fn paused_since(&self, workflow: &Workflow, stage: &StageName) -> Option<u64> {
        let scopes = [Scope::Stage(stage.clone()), Scope::Workflow(workflow.name().to_owned())];
        scopes
            .iter()
            .filter_map(|scope| self.paused_us.get(scope).copied())
            .min()
    }
}
