//! What must hold when the world has come to rest.

#![expect(
    clippy::missing_errors_doc,
    reason = "what holds is said in each function's sentence, and the error is what was seen instead"
)]

use marey_engine::{JobState, ShardState};

use super::{Verdict, completed_jobs_are_whole, told};
use crate::{ledger::JobRows, world::State};

/// Everything that must hold when the world has come to rest.
pub fn at_the_end(state: &mut State, now_us: u64) {
    let mut verdicts: Vec<(&'static str, Verdict)> = Vec::new();
    for plan in 0..state.scenario.jobs.len() {
        let id = crate::functions::id_of(plan);
        let Some(job) = state.jobs.get(&id) else {
            verdicts.push(("every_job_ends", Err(format!("upload {plan} has no job"))));
            continue;
        };
        verdicts.push((
            "held_shards_are_sent_after_resume",
            held_shards_are_sent_after_resume(job),
        ));
        verdicts.push(("every_job_ends", every_job_ends(job)));
        let row = &job.rows.job.value;
        if matches!(row.state, JobState::Completed { .. }) {
            let verdict = completed_jobs_are_whole(&job.rows, row, |key| state.objects.get(key));
            verdicts.push(("completed_jobs_are_whole", verdict));
        }
        verdicts.push(("work_is_linear_in_shards", work_is_linear_in_shards(job, state)));
    }
    if let Some((queue, message)) = state.queues.dead().next() {
        let problem = format!("{:?} still lies in {}", message.about, queue.name);
        verdicts.push(("dead_letters_are_kept", Err(problem)));
    }
    for (name, verdict) in verdicts {
        state.hold(name, now_us, verdict);
    }
}

/// Once the trouble is over every job ends.
pub fn every_job_ends(job: &JobRows) -> Verdict {
    let row = &job.rows.job.value;
    if row.has_ended() {
        return Ok(());
    }
    let waits = job.rows.shards.values().find(|row| !row.value.has_ended());
    let waits = waits.map_or("no shard".to_owned(), |row| {
        format!("{} {}", row.value.key, told(&row.value))
    });
    Err(format!("{} runs on in round {}: {waits}", row.id, row.round))
}

/// No shard of a running job is held when the trouble is over and nothing is paused any more.
pub fn held_shards_are_sent_after_resume(job: &JobRows) -> Verdict {
    let held = job.rows.shards.values().find(|row| row.value.state == ShardState::Held);
    match held {
        Some(row) if !job.rows.job.value.has_ended() => Err(format!("{} is still held", row.value.key)),
        _ => Ok(()),
    }
}

/// Writes beside heartbeats, for each shard in each round.
pub const WRITES_PER_SHARD: u64 = 8;
/// Messages for each shard in each round.
pub const DISPATCHES_PER_SHARD: u64 = 4;
/// Writes or messages that one injected fault, pause or repair may cost, beside those of the shards.
pub const PER_FAULT: u64 = 8;

/// Writes and messages are at most linear in shards and rounds, and in injected faults.
pub fn work_is_linear_in_shards(job: &JobRows, state: &State) -> Verdict {
    let rounds = u64::from(job.rows.job.value.round) + 1 + job.resumes;
    let repairs: u64 = state.tally.repairs.values().sum();
    let faults = PER_FAULT * (state.tally.faults.total() + repairs + state.tally.redriven);
    let shards = job.shards().max(1) * rounds;
    let writes = WRITES_PER_SHARD * shards + faults;
    let dispatches = DISPATCHES_PER_SHARD * shards + faults;
    let bounds = [("writes", job.writes, writes), ("messages", job.dispatches, dispatches)];
    match bounds.iter().find(|(_, found, bound)| found > bound) {
        None => Ok(()),
        Some((what, found, bound)) => {
            let shards = job.shards();
            Err(format!(
                "{found} {what} for {shards} shards and {rounds} rounds and resumes: more than {bound}"
            ))
        }
    }
}
