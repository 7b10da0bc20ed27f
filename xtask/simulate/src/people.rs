//! People and schedules: uploads, cancels, retries, pauses, what was parked sent back, and the sweeper every minute.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use marey_cloud::{
    CloudError, Time,
    store::{ReadControls, ReadJobs, WriteControls, WriteJobs},
    sweep,
};
use marey_engine::{Control, JobEvent, JobState, Pause, Scope, Task, Workflow, repair::Backlog};

use crate::{
    clock::moment,
    fault::Planted,
    functions::{SimConductor, announcement, conductor, id_of, intake, skew},
    queues::About,
    scenario::{MINUTE, PausePlan, SECOND},
    world::{Caller, World},
};

/// A sweep ends itself before its function is ended, and before the next begins.
const SWEEP_TIME: SignedDuration = SignedDuration::from_secs(45);

/// Begins everything that a scenario asks of people and schedules.
pub fn begin(world: &World) {
    let scenario = world.state().scenario.clone();
    for (plan, job) in scenario.jobs.iter().enumerate() {
        let at = world.clone();
        world.clock.at(job.at_us, move || announce(&at, plan));
        if let Some(at_us) = job.cancel_at_us {
            process_at(world, at_us, "person who cancels", move |conductor| async move {
                cancel(&conductor, plan).await
            });
        }
        if job.retries > 0 {
            person_who_retries(world, plan, job.retries);
        }
    }
    for pause in scenario.pauses {
        pause_and_resume(world, pause);
    }
    for at_us in (1..40).map(|minute| minute * 3 * MINUTE) {
        process_at(world, at_us, "person who redrives", |conductor| async move {
            redrive(&conductor);
            Ok(())
        });
    }
    sweeper(world);
    calm(world, scenario.chaos_end_us);
}

/// Begins a process of its own at a moment.
fn process_at<F, R>(world: &World, at_us: u64, name: &'static str, act: F)
where
    F: FnOnce(SimConductor) -> R + Send + 'static,
    R: Future<Output = Result<(), CloudError>> + Send + 'static,
{
    let world = world.clone();
    world.clock.clone().at(at_us, move || {
        let inner = world.clone();
        world.clock.spawn(async move {
            let skew_us = skew(&inner);
            let _living = inner.begin_process(name.to_owned(), skew_us);
            // Whoever gets no answer asks again some time later, or does not: the world goes on without it.
            let _ = act(conductor(&inner, "api", skew_us)).await;
        });
    });
}

fn announce(world: &World, plan: usize) {
    let caller = Caller {
        world: world.clone(),
        task: 0,
        now_us: world.clock.now_us(),
    };
    let mut state = world.state();
    let queue = state.queues.of_intake();
    state.send_message(queue, &announcement(plan), &About::Job(id_of(plan)), &caller);
}

async fn cancel(conductor: &SimConductor, plan: usize) -> Result<(), CloudError> {
    loop {
        let Some(row) = conductor.store.job(id_of(plan)).await? else {
            return Ok(());
        };
        let Ok(cancelled) = row.value.apply(JobEvent::Cancel, conductor.time.now()) else {
            return Ok(());
        };
        match conductor.store.put_job(&cancelled, row.version).await {
            Ok(_) => {
                conductor.store.state().tally.cancels += 1;
                return Ok(());
            }
            Err(CloudError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Looks every two minutes whether the job ended badly, and then asks for another round.
fn person_who_retries(world: &World, plan: usize, mut retries: u32) {
    world.state().wishes += 1;
    let world = world.clone();
    world.clock.clone().spawn(async move {
        while retries > 0 {
            world.clock.sleep_us(2 * MINUTE).await;
            let calm = world.state().is_calm;
            let state = world
                .state()
                .jobs
                .get(&id_of(plan))
                .map(|job| job.rows.job.value.state.clone());
            let ended_badly = matches!(state, Some(JobState::Failed { .. } | JobState::Cancelled { .. }));
            if ended_badly {
                retries -= 1;
                let now_us = world.clock.now_us();
                process_at(&world, now_us, "person who retries", move |conductor| async move {
                    retry(&conductor, plan).await
                });
            } else if calm || matches!(state, Some(JobState::Completed { .. })) {
                break;
            }
        }
        world.clock.sleep_us(30 * SECOND).await;
        world.state().wishes -= 1;
    });
}

async fn retry(conductor: &SimConductor, plan: usize) -> Result<(), CloudError> {
    let id = id_of(plan);
    let Some(row) = conductor.store.job(id).await? else {
        return Ok(());
    };
    let deadline = conductor.time.now() + SignedDuration::from_hours(24);
    let Ok(again) = row.value.apply(JobEvent::Retry { deadline }, conductor.time.now()) else {
        return Ok(());
    };
    conductor.store.put_job(&again, row.version).await?;
    conductor.store.state().tally.retries += 1;
    conductor.advance(id).await.map(drop)
}

fn pause_and_resume(world: &World, plan: PausePlan) {
    let asked = world.state().scenario.jobs[plan.job].workflow;
    let Some(workflow) = Workflow::shipped(asked) else {
        return;
    };
    let stages = workflow.stages();
    let stage = stages[plan.dice as usize % stages.len()].name.clone();
    let scope = match plan.dice % 10 {
        0 => Scope::System,
        1 | 2 => Scope::Workflow(asked.to_owned()),
        _ => Scope::Stage(stage),
    };
    let lifted = scope.clone();
    process_at(world, plan.at_us, "operator who pauses", move |conductor| async move {
        let pause = Pause {
            since: conductor.time.now(),
            by: "ann".to_owned(),
            reason: "maintenance".to_owned(),
        };
        set_pause(&conductor, &scope, Some(pause)).await
    });
    process_at(
        world,
        plan.at_us + plan.for_us,
        "operator who resumes",
        move |conductor| async move { resume(&conductor, &lifted).await },
    );
}

async fn set_pause(conductor: &SimConductor, scope: &Scope, pause: Option<Pause>) -> Result<(), CloudError> {
    loop {
        let rows = conductor.store.control_rows().await?;
        let row = rows.into_iter().find(|row| row.value.scope == *scope);
        let (mut control, version) = match row {
            Some(row) => (row.value, Some(row.version)),
            None => (Control::new(scope.clone()), None),
        };
        control.pause.clone_from(&pause);
        match conductor.store.put_control(&control, version).await {
            Ok(_) => return Ok(()),
            Err(CloudError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Lifts a pause, and lets every running job go on.
async fn resume(conductor: &SimConductor, scope: &Scope) -> Result<(), CloudError> {
    set_pause(conductor, scope, None).await?;
    for express in [true, false] {
        let page = conductor.store.running(express, 1000, None).await?;
        for job in page.jobs {
            conductor.advance(job).await?;
        }
    }
    Ok(())
}

/// Sends some of what was parked back to where it came from.
fn redrive(conductor: &SimConductor) {
    let world = &conductor.store;
    let caller = Caller {
        world: world.clone(),
        task: world.clock.current(),
        now_us: world.clock.now_us(),
    };
    let mut state = world.state();
    if state.is_calm || state.queues.parked.is_empty() || !world.clock.roll(|chance| chance.happens(0.5)) {
        return;
    }
    let (body, from) = state.queues.parked[0].clone();
    let (Some(queue), Ok(task)) = (
        from.strip_suffix("-dead").and_then(|name| state.queues.named(name)),
        serde_json::from_str::<Task>(&body),
    ) else {
        return;
    };
    state.tally.redriven += 1;
    state.send_message(queue, &body, &About::Shard(task.payload), &caller);
}

/// Every minute, sometimes twice at once, from some seconds old numbers of messages.
fn sweeper(world: &World) {
    if world.state().has(Planted::SweeperOff) {
        return;
    }
    let end_us = world.state().scenario.end_us;
    for minute in 1..=end_us / MINUTE {
        let twice = world.clock.roll(|chance| chance.happens(0.05));
        for _ in 0..=u32::from(twice) {
            let late_us = world.clock.roll(|chance| chance.below(5 * SECOND));
            process_at(world, minute * MINUTE + late_us, "sweeper", |conductor| async move {
                sweep_once(&conductor).await
            });
        }
    }
}

async fn sweep_once(conductor: &SimConductor) -> Result<(), CloudError> {
    let world = conductor.store.clone();
    let backlog = backlog(&world);
    let lag_us = world.clock.roll(|chance| chance.below(10 * SECOND));
    world.clock.sleep_us(lag_us).await;
    reconcile(conductor).await?;
    let resumed = sweep::cool_down(&world, &conductor.time).await?;
    let until = conductor.time.now() + SWEEP_TIME;
    let mut swept = sweep::Swept::default();
    let end = sweep::sweep(conductor, &backlog, until, &mut swept).await;
    let mut state = world.state();
    for repair in swept.repaired {
        *state.tally.repairs.entry(repair.reason.to_string()).or_default() += 1;
    }
    *state.tally.repairs.entry("breaker_cooled_down".to_owned()).or_default() += resumed.len() as u64;
    end
}

fn backlog(world: &World) -> Backlog {
    let state = world.state();
    let stages = Workflow::all_shipped().iter().flat_map(Workflow::stages);
    stages
        .map(|stage| (stage.name.clone(), state.queues.depth_of(stage.name.as_str())))
        .collect::<BTreeMap<_, _>>()
}

/// Makes the jobs of uploads that lie in the bucket for minutes without one.
async fn reconcile(conductor: &SimConductor) -> Result<(), CloudError> {
    let world = &conductor.store;
    let now_us = world.clock.now_us();
    let lost: Vec<_> = {
        let state = world.state();
        let plans = state.scenario.jobs.iter().enumerate();
        let is_lost = |plan: usize, at_us: u64| at_us + 5 * MINUTE < now_us && !state.jobs.contains_key(&id_of(plan));
        plans
            .filter(|(plan, job)| is_lost(*plan, job.at_us))
            .map(|(plan, _)| plan)
            .collect()
    };
    for plan in lost {
        intake(conductor, &announcement(plan)).await?;
        let mut state = world.state();
        *state.tally.repairs.entry("upload_unannounced".to_owned()).or_default() += 1;
    }
    Ok(())
}

/// The trouble ends: from now on every call does what it should, and operators lift what they paused.
fn calm(world: &World, at_us: u64) {
    let ends = world.clone();
    world.clock.at(at_us, move || {
        ends.state().is_calm = true;
        let now_us = ends.clock.now_us();
        ends.state()
            .trace
            .event(now_us, 0, 400, || format!("the trouble ends at {}", moment(now_us)));
    });
    // After the longest that somebody stands still.
    process_at(
        world,
        at_us + 5 * MINUTE,
        "operator who resumes",
        |conductor| async move {
            let rows = conductor.store.control_rows().await?;
            for row in rows {
                if row.value.pause.is_some() && !row.value.is_tripped() {
                    resume(&conductor, &row.value.scope).await?;
                }
            }
            Ok(())
        },
    );
}
