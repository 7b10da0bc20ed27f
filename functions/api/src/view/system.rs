//! The deployment as the API shows it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use marey_cloud::{queues::Depth, store::Pulse};
use marey_contract as say;
use marey_engine::{Control, Controls, Pause, Scope, StageName, Workflow};

use super::{is_alive, measured};

type Depths = BTreeMap<String, Depth>;

fn depth(depth: Depth) -> say::QueueDepth {
    say::QueueDepth {
        waiting: depth.waiting,
        in_flight: depth.in_flight,
        delayed: depth.delayed,
    }
}

fn pause(pause: &Pause) -> say::PauseDetail {
    say::PauseDetail {
        since: pause.since.to_string(),
        by: pause.by.clone(),
        reason: pause.reason.clone(),
    }
}

fn pause_of(controls: &Controls, scope: &Scope) -> Option<say::PauseDetail> {
    controls
        .get(scope)
        .and_then(|control| control.pause.as_ref())
        .map(pause)
}

/// What was decided.
pub(crate) fn control_detail(control: &Control) -> say::ControlDetail {
    say::ControlDetail {
        scope: control.scope.to_string(),
        pause: control.pause.as_ref().map(pause),
        concurrency: control.concurrency,
        jobs_resumed: 0,
        more: false,
    }
}

/// One stage's load; `waits_since` is since when its oldest task waits.
pub(crate) fn stage_load(
    stage: &StageName,
    pulses: &[Pulse],
    controls: &Controls,
    depths: &Depths,
    waits_since: Option<Timestamp>,
    now: Timestamp,
) -> say::StageLoad {
    let of = |name: String| depths.get(&name).copied().map(depth);
    let control = controls.get(&Scope::Stage(stage.clone()));
    let sum = |what: fn(&Pulse) -> u64| pulses.iter().map(what).sum::<u64>();
    let (completed, failed) = (sum(|pulse| pulse.completed), sum(|pulse| pulse.failed));
    let (frames, run_ms) = (sum(|pulse| pulse.frames), sum(|pulse| pulse.run_ms));
    let measured = measured(pulses, now);
    let busy = pulses
        .iter()
        .filter(|pulse| is_alive(pulse, now) && pulse.working_on.is_some());
    let ended = completed + failed;
    say::StageLoad {
        stage: stage.to_string(),
        standard: of(stage.to_string()),
        express: of(format!("{stage}-express")),
        dead_letter: of(format!("{stage}-dead")),
        oldest_ms: waits_since.map(|since| now.duration_since(since).as_millis().max(0) as i64),
        workers: measured.workers,
        busy: busy.count() as u32,
        last_heartbeat: pulses.iter().map(|pulse| pulse.at).max().map(|at| at.to_string()),
        completed,
        failed,
        error_rate: (ended > 0).then(|| failed as f64 / ended as f64),
        mean_run_ms: measured.mean_run_s.map(|seconds| seconds * 1000.0),
        frames_per_s: (frames > 0 && run_ms > 0).then(|| frames as f64 * 1000.0 / run_ms as f64),
        pause: control.and_then(|control| control.pause.as_ref()).map(pause),
        tripped: control.is_some_and(Control::is_tripped),
        failing_jobs: control.map_or(0, |control| control.failing.len() as u32),
        trips: control.map_or(0, |control| control.trips),
        concurrency: control.and_then(|control| control.concurrency),
    }
}

/// All of it.
pub(crate) fn system(
    stages: Vec<say::StageLoad>,
    controls: &Controls,
    depths: &Depths,
    running: say::RunningJobs,
    now: Timestamp,
) -> say::System {
    let workflows = Workflow::all_shipped().iter().map(|workflow| say::WorkflowLoad {
        workflow: workflow.name().to_owned(),
        pause: pause_of(controls, &Scope::Workflow(workflow.name().to_owned())),
    });
    say::System {
        at: now.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        drain: pause_of(controls, &Scope::System),
        stages,
        workflows: workflows.collect(),
        running,
        parked: depths.get("parked").copied().map(depth),
        queues: depths
            .iter()
            .map(|(name, found)| (name.clone(), depth(*found)))
            .collect(),
    }
}
