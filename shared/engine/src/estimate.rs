//! How long a running job still takes, from what was measured.
//!
//! Method. Every unfinished shard takes a time that lies between two bounds:
//!
//! - a running one with some progress `p` after `t` goes on as it did: `t (1 − p) / p`, from [`STEADY_LEAST`] to
//!   [`STEADY_MOST`] times that, since progress is not even;
//! - any other takes the mean time `m` that workers of its stage measured of late, from [`MEAN_LEAST`] to [`MEAN_MOST`] times
//!   that, since videos differ; a running one less what it has run already, but not less than none;
//! - where the stage has no measured time, that of shards of the same stage of the same job counts as `m`.
//!
//! A stage ends when its slowest shard does at best, and when its shards have run one after the other on the workers that
//! there are at worst. The job takes the longest chain of stages that need each other (the critical path). Where one
//! unfinished stage on the way has no measurement at all, or is paused, or its number of shards is not known yet, nothing is
//! said.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{Controls, Shard, ShardState, Snapshot, StageName, StageSpec, Workflow, plan::ends, shard::elapsed_ms};

/// Factors of a time that follows from a shard's own progress.
pub const STEADY_LEAST: f64 = 0.8;
/// See [`STEADY_LEAST`].
pub const STEADY_MOST: f64 = 1.5;
/// Factors of a mean time of other shards.
pub const MEAN_LEAST: f64 = 0.5;
/// See [`MEAN_LEAST`].
pub const MEAN_MOST: f64 = 2.0;
/// Progress below this share says nothing yet.
const TELLING_SHARE: f64 = 0.02;
/// Nothing longer is said: what would take more than so many seconds has no estimate.
const LONGEST_S: f64 = 30.0 * 24.0 * 3600.0;

/// What workers measured of a stage of late.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measured {
    /// Mean time of an attempt that ended well, in seconds.
    pub mean_run_s: Option<f64>,
    /// How many workers are alive.
    pub workers: u32,
}

/// Between these two the truth is meant to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLeft {
    /// At best.
    pub least: Duration,
    /// At worst.
    pub most: Duration,
}

/// Bounds in seconds.
#[derive(Debug, Clone, Copy, Default)]
struct Range {
    least: f64,
    most: f64,
}

/// How long a job still takes; `None` if it has ended or nothing measured says so.
pub fn time_left(
    workflow: &Workflow,
    snapshot: &Snapshot,
    controls: &Controls,
    measured: &BTreeMap<StageName, Measured>,
    now: Timestamp,
) -> Option<TimeLeft> {
    if snapshot.job.value.has_ended() {
        return None;
    }
    let ends = ends(workflow, snapshot);
    let mut until: BTreeMap<&StageName, Range> = BTreeMap::new();
    let mut total = Range::default();
    for stage in workflow.stages() {
        let before = stage.needs.iter().filter_map(|need| until.get(need));
        let begin = before.fold(Range::default(), |a, b| Range {
            least: a.least.max(b.least),
            most: a.most.max(b.most),
        });
        let own = if ends.contains_key(&stage.name) {
            Range::default()
        } else if controls.hold(snapshot.job.value.workflow.as_str(), stage).is_some() {
            return None;
        } else {
            stage_left(
                stage,
                snapshot,
                measured.get(&stage.name).copied().unwrap_or_default(),
                now,
            )?
        };
        let end = Range {
            least: begin.least + own.least,
            most: begin.most + own.most,
        };
        total = Range {
            least: total.least.max(end.least),
            most: total.most.max(end.most),
        };
        until.insert(&stage.name, end);
    }
    let sound = |seconds: f64| (seconds.is_finite() && (0.0..=LONGEST_S).contains(&seconds)).then_some(seconds);
    Some(TimeLeft {
        least: Duration::from_secs_f64(sound(total.least)?),
        most: Duration::from_secs_f64(sound(total.most)?),
    })
}

fn stage_left(stage: &StageSpec, snapshot: &Snapshot, measured: Measured, now: Timestamp) -> Option<Range> {
    let count = snapshot.shard_count(&stage.name).ok().flatten()?;
    let mean_s = measured
        .mean_run_s
        .filter(|mean| mean.is_finite() && *mean > 0.0)
        .or_else(|| own_mean_s(stage, snapshot));
    let mut slowest = Range::default();
    let mut sum_most = 0.0;
    for number in 0..count {
        let row = snapshot.shards.get(&(stage.name.clone(), number)).map(|row| &row.value);
        if row.is_some_and(Shard::is_complete) {
            continue;
        }
        let left = shard_left(row, mean_s, now)?;
        slowest = Range {
            least: slowest.least.max(left.least),
            most: slowest.most.max(left.most),
        };
        sum_most += left.most;
    }
    // One after the other on the workers there are; a queue that is empty now may be full of others' tasks then.
    let most = slowest.most.max(sum_most / f64::from(measured.workers.max(1)));
    Some(Range {
        least: slowest.least,
        most,
    })
}

/// Mean time of the stage's shards of this job that are complete.
fn own_mean_s(stage: &StageSpec, snapshot: &Snapshot) -> Option<f64> {
    let (mut sum_ms, mut count) = (0.0, 0_u32);
    for shard in snapshot.shards_of(&stage.name) {
        if let ShardState::Completed {
            run_ms, reused: false, ..
        } = &shard.state
        {
            sum_ms += *run_ms as f64;
            count += 1;
        }
    }
    (count > 0).then(|| sum_ms / 1000.0 / f64::from(count))
}

fn shard_left(shard: Option<&Shard>, mean_s: Option<f64>, now: Timestamp) -> Option<Range> {
    let mut ran_s = 0.0;
    if let Some(shard) = shard
        && let ShardState::Running { since, .. } = &shard.state
    {
        ran_s = elapsed_ms(*since, now) as f64 / 1000.0;
        let share = shard.progress.clamp(0.0, 1.0);
        if share >= TELLING_SHARE && ran_s > 0.0 {
            let left = ran_s * (1.0 - share) / share;
            return Some(Range {
                least: left * STEADY_LEAST,
                most: left * STEADY_MOST,
            });
        }
    }
    let mean = mean_s?;
    Some(Range {
        least: (mean * MEAN_LEAST - ran_s).max(0.0),
        most: (mean * MEAN_MOST - ran_s).max(0.0),
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{Control, LeaseToken, Pause, Scope, ShardEvent, ShardKey, StageRow, Versioned, plan::tests::job};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn workflow(shards: u32) -> Workflow {
        let text = format!(
            r#"
schema_version = 1
name = "w"
title = "W"
description = "d"
[[stage]]
name = "a"
title = "A"
needs = []
shards = {shards}
weight = 1
timeout_s = 9
retry = {{ attempts = 1, first_delay_s = 1, longest_delay_s = 2 }}
artifacts = ["x"]
[[stage]]
name = "b"
title = "B"
needs = ["a"]
inputs = ["a/x"]
weight = 1
timeout_s = 9
retry = {{ attempts = 1, first_delay_s = 1, longest_delay_s = 2 }}
artifacts = ["y"]
"#
        );
        Workflow::from_toml("w.toml", &text).unwrap()
    }

    fn name(text: &str) -> StageName {
        text.parse().unwrap()
    }

    fn snapshot(workflow: &Workflow) -> Snapshot {
        let stages = workflow.stages().iter().map(StageRow::of);
        Snapshot {
            job: Versioned {
                value: job(),
                version: 1,
            },
            stages: stages.map(|row| (row.stage.clone(), row)).collect(),
            shards: BTreeMap::new(),
        }
    }

    /// A shard that began at 0 and stands at a share of its work.
    fn running(snapshot: &mut Snapshot, shard: u32, progress: f64) {
        let key = ShardKey {
            job: snapshot.job.value.id,
            stage: name("a"),
            shard,
        };
        let (token, until) = (LeaseToken(Uuid::nil()), at(1_000_000));
        let lease = ShardEvent::Lease {
            token,
            until,
            max_attempts: 3,
        };
        let beat = ShardEvent::Heartbeat {
            token,
            until,
            progress,
            frames: 0,
        };
        let value = Shard::queued(key, 0, at(0)).apply(lease, at(0)).unwrap();
        let value = value.apply(beat, at(1)).unwrap();
        let row = Versioned { value, version: 3 };
        snapshot.shards.insert((name("a"), shard), row);
    }

    fn measured(a: f64, b: f64, workers: u32) -> BTreeMap<StageName, Measured> {
        let of = |mean| Measured {
            mean_run_s: Some(mean),
            workers,
        };
        BTreeMap::from([(name("a"), of(a)), (name("b"), of(b))])
    }

    #[test]
    fn a_shard_goes_on_as_it_did_and_later_stages_take_their_mean() {
        let workflow = workflow(1);
        let mut rows = snapshot(&workflow);
        running(&mut rows, 0, 0.25);
        let left = time_left(
            &workflow,
            &rows,
            &Controls::default(),
            &measured(99.0, 10.0, 4),
            at(100),
        )
        .unwrap();
        // 300 s are left of a, and b takes 10 s.
        assert_eq!(left.least, Duration::from_secs(300 * 4 / 5 + 5));
        assert_eq!(left.most, Duration::from_secs(450 + 20));
    }

    /// A shard that is complete after so many seconds, or was taken over from an earlier job.
    fn complete(snapshot: &mut Snapshot, shard: u32, seconds: i64, reused: bool) {
        running(snapshot, shard, 0.5);
        let row = snapshot.shards.get_mut(&(name("a"), shard)).unwrap();
        row.value.state = ShardState::Completed {
            at: at(seconds),
            run_ms: 1000 * seconds,
            artifacts: Vec::new(),
            reused,
        };
    }

    #[test]
    fn where_nobody_measured_a_stage_the_jobs_own_shards_are_the_measure() {
        let workflow = workflow(4);
        let mut rows = snapshot(&workflow);
        complete(&mut rows, 0, 10, false);
        complete(&mut rows, 1, 20, false);
        complete(&mut rows, 2, 900, true);
        for (mean, a_s) in [(f64::NAN, 15.0), (0.0, 15.0), (-1.0, 15.0), (40.0, 40.0)] {
            let left = time_left(&workflow, &rows, &Controls::default(), &measured(mean, 10.0, 4), at(99)).unwrap();
            // One shard of a is left, and b takes 10 s.
            assert_eq!(left.least, Duration::from_secs_f64(a_s / 2.0 + 5.0), "{mean}");
            assert_eq!(left.most, Duration::from_secs_f64(a_s * 2.0 + 20.0), "{mean}");
        }
    }

    #[test]
    fn who_has_told_too_little_takes_the_mean_less_what_has_passed() {
        let workflow = workflow(1);
        let left = |progress: f64, now: i64| {
            let mut rows = snapshot(&workflow);
            running(&mut rows, 0, progress);
            let left = time_left(
                &workflow,
                &rows,
                &Controls::default(),
                &measured(1000.0, 10.0, 4),
                at(now),
            );
            left.map(|left| (left.least.as_secs(), left.most.as_secs())).unwrap()
        };
        // 500 to 2000 s for a, 5 to 20 s for b.
        assert_eq!(left(0.0, 100), (400 + 5, 1900 + 20));
        assert_eq!(
            left(0.5, 0),
            (500 + 5, 2000 + 20),
            "half of it in no time tells nothing"
        );
    }

    #[test]
    fn shards_wait_for_the_workers_there_are() {
        let workflow = workflow(6);
        let rows = snapshot(&workflow);
        let left = |workers| {
            let measured = measured(10.0, 10.0, workers);
            time_left(&workflow, &rows, &Controls::default(), &measured, at(9)).unwrap()
        };
        // Six of a at 20 s at the most, and b takes 20 s.
        assert_eq!([1, 3, 100].map(|workers| left(workers).most.as_secs()), [140, 60, 40]);
        assert_eq!([1, 3, 100].map(|workers| left(workers).least.as_secs()), [10, 10, 10]);
    }

    #[test]
    fn where_nothing_was_measured_nothing_is_said() {
        let workflow = workflow(1);
        let mut rows = snapshot(&workflow);
        let nothing = BTreeMap::new();
        assert_eq!(time_left(&workflow, &rows, &Controls::default(), &nothing, at(9)), None);
        running(&mut rows, 0, 0.5);
        assert_eq!(time_left(&workflow, &rows, &Controls::default(), &nothing, at(9)), None);
    }

    #[test]
    fn a_paused_stage_ends_at_no_time_that_anybody_knows() {
        let workflow = workflow(1);
        let rows = snapshot(&workflow);
        let mut control = Control::new(Scope::Stage(name("b")));
        control.pause = Some(Pause {
            since: at(0),
            by: "ann".into(),
            reason: "r".into(),
        });
        let controls: Controls = [control].into_iter().collect();
        assert_eq!(
            time_left(&workflow, &rows, &controls, &measured(1.0, 1.0, 1), at(9)),
            None
        );
    }

    proptest! {
        #[test]
        fn the_bounds_are_in_order_and_more_work_takes_no_less(
            mean in 0.01_f64..5000.0, shards in 1_u32..40, workers in 0_u32..50, progress in 0.0_f64..1.0, ran in 0_i64..5000,
        ) {
            let workflow = workflow(shards);
            let mut rows = snapshot(&workflow);
            let measured = measured(mean, mean, workers);
            let fresh = time_left(&workflow, &rows, &Controls::default(), &measured, at(ran)).unwrap();
            prop_assert!(fresh.least <= fresh.most);
            running(&mut rows, 0, progress);
            let begun = time_left(&workflow, &rows, &Controls::default(), &measured, at(ran)).unwrap();
            prop_assert!(begun.least <= begun.most);
            let twice = BTreeMap::from([
                (name("a"), Measured { mean_run_s: Some(mean * 2.0), workers }),
                (name("b"), Measured { mean_run_s: Some(mean * 2.0), workers }),
            ]);
            let slower = time_left(&workflow, &rows, &Controls::default(), &twice, at(ran)).unwrap();
            prop_assert!(slower.least >= begun.least && slower.most >= begun.most);
        }

        #[test]
        fn a_shard_that_is_further_takes_no_longer(a in 0.02_f64..1.0, b in 0.02_f64..1.0, ran in 1_i64..5000) {
            let workflow = workflow(1);
            let left = |progress: f64| {
                let mut rows = snapshot(&workflow);
                running(&mut rows, 0, progress);
                time_left(&workflow, &rows, &Controls::default(), &measured(1.0, 1.0, 1), at(ran)).unwrap()
            };
            let (behind, ahead) = (left(a.min(b)), left(a.max(b)));
            prop_assert!(ahead.least <= behind.least && ahead.most <= behind.most);
        }

        #[test]
        fn odd_measurements_break_nothing(mean in proptest::num::f64::ANY, ran in -100_i64..i64::from(u32::MAX)) {
            let workflow = workflow(3);
            let mut rows = snapshot(&workflow);
            running(&mut rows, 1, 0.3);
            if let Some(left) = time_left(&workflow, &rows, &Controls::default(), &measured(mean, mean, 0), at(ran)) {
                prop_assert!(left.least <= left.most);
            }
        }
    }
}
