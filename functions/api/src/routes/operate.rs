//! Pausing, resuming, draining and limiting.

use axum::{Json, body::Bytes, extract::State};
use marey_cloud::{
    CloudError,
    conductor::Advance,
    queues::LimitStages,
    store::{ReadControls, ReadJobs, WriteControls},
};
use marey_contract::{ConcurrencyRequest, ControlDetail, DrainRequest, ErrorAnswer, PauseRequest, ResumeRequest};
use marey_engine::{Control, JobId, Pause, Scope, StageName, Workflow};

use super::{Answer, Shared, is_late, system::stages, together, workflows::no_workflow};
use crate::{
    Api, Ports,
    access::{Admin, Caller},
    answer::{Refusal, parse},
    view::system::control_detail,
};

/// Longest reason in bytes.
const LONGEST_REASON: usize = 500;

/// So many running jobs are told at once that they may go on; the sweeper tells the rest within a minute.
const MOST_ADVANCED: usize = 200;

/// Pauses a stage or a workflow: nothing of it begins until it is resumed; for administrators
#[utoipa::path(post, path = "/system/pause", request_body = PauseRequest, responses((status = 200, body = ControlDetail),
    (status = 400, body = ErrorAnswer), (status = 403, body = ErrorAnswer), (status = 404, body = ErrorAnswer)))]
pub(crate) async fn pause<P: Ports>(State(api): Shared<P>, Admin(caller): Admin, body: Bytes) -> Answer<ControlDetail> {
    let request: PauseRequest = parse(&body, "{\"stage\": \"pose\", \"reason\": \"new models\"}")?;
    let scope = scope(request.stage.as_deref(), request.workflow.as_deref())?;
    hold(&api, &caller, scope, &request.reason).await
}

/// Lets the running jobs end and begins no other; for administrators
#[utoipa::path(post, path = "/system/drain", request_body = DrainRequest, responses((status = 200, body = ControlDetail),
    (status = 400, body = ErrorAnswer), (status = 403, body = ErrorAnswer)))]
pub(crate) async fn drain<P: Ports>(State(api): Shared<P>, Admin(caller): Admin, body: Bytes) -> Answer<ControlDetail> {
    let request: DrainRequest = parse(&body, "{\"reason\": \"new models\"}")?;
    hold(&api, &caller, Scope::System, &request.reason).await
}

/// Takes a pause back, also one that a circuit breaker made; for administrators
#[utoipa::path(post, path = "/system/resume", request_body = ResumeRequest, responses((status = 200, body = ControlDetail),
    (status = 400, body = ErrorAnswer), (status = 403, body = ErrorAnswer), (status = 404, body = ErrorAnswer)))]
pub(crate) async fn resume<P: Ports>(State(api): Shared<P>, Admin(_): Admin, body: Bytes) -> Answer<ControlDetail> {
    let request: ResumeRequest = parse(&body, "{\"stage\": \"pose\"}")?;
    let scope = scope(request.stage.as_deref(), request.workflow.as_deref())?;
    release(&api, scope).await
}

/// Takes a drain back; for administrators
#[utoipa::path(delete, path = "/system/drain", responses((status = 200, body = ControlDetail),
    (status = 403, body = ErrorAnswer)))]
pub(crate) async fn end_drain<P: Ports>(State(api): Shared<P>, Admin(_): Admin) -> Answer<ControlDetail> {
    release(&api, Scope::System).await
}

/// Sets how many tasks of a stage's standard queue run at once; for administrators
///
/// It holds until the next deployment, which sets what the template says.
#[utoipa::path(post, path = "/system/concurrency", request_body = ConcurrencyRequest,
    responses((status = 200, body = ControlDetail), (status = 400, body = ErrorAnswer), (status = 403, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer), (status = 409, body = ErrorAnswer, description = "nothing reads its queue")))]
pub(crate) async fn limit<P: Ports>(State(api): Shared<P>, Admin(_): Admin, body: Bytes) -> Answer<ControlDetail> {
    let request: ConcurrencyRequest = parse(&body, "{\"stage\": \"pose\", \"tasks\": 10}")?;
    let stage = stage(&request.stage)?;
    // What Lambda takes as an event source's maximum concurrency.
    if request.tasks.is_some_and(|tasks| !(2..=1000).contains(&tasks)) {
        let hint = "Give 2 to 1,000, or nothing to take the limit away; to stop a stage, pause it.";
        return Err(Refusal::bad_request("The number of tasks is out of range.", hint));
    }
    // First what takes effect, then the row that tells of it: if this ends in between, sending it again sets both.
    match api.conductor.queues.limit(&stage, request.tasks).await {
        Err(CloudError::Missing { what }) => {
            tracing::warn!(%stage, what, "stage not limited");
            let message = format!("Nothing reads the queue of {stage} whose concurrency could be set.");
            let hint = "The stage is not deployed as a function, or its event source mapping is gone.";
            return Err(Refusal::conflict("STAGE_NOT_LIMITED", message, hint));
        }
        other => other?,
    }
    let control = decide(&api, Scope::Stage(stage), |control| control.concurrency = request.tasks).await?;
    Ok(Json(control_detail(&control)))
}

fn stage(name: &str) -> Result<StageName, Refusal> {
    let known = stages();
    let found = known.iter().find(|stage| stage.as_str() == name).cloned();
    found.ok_or_else(|| {
        let known: Vec<_> = known.iter().map(StageName::as_str).collect();
        let hint = format!("There are {}.", known.join(", "));
        Refusal::not_found("STAGE_NOT_FOUND", format!("There is no stage called {name:?}."), hint)
    })
}

fn scope(stage_name: Option<&str>, workflow: Option<&str>) -> Result<Scope, Refusal> {
    match (stage_name, workflow) {
        (Some(name), None) => Ok(Scope::Stage(stage(name)?)),
        (None, Some(name)) => match Workflow::shipped(name) {
            Some(_) => Ok(Scope::Workflow(name.to_owned())),
            None => Err(no_workflow(name)),
        },
        _ => Err(Refusal::bad_request(
            "It is not clear what is meant.",
            "Name either a stage or a workflow.",
        )),
    }
}

/// Changes a control row, on whatever version is there.
async fn decide<P: Ports>(api: &Api<P>, scope: Scope, change: impl Fn(&mut Control)) -> Result<Control, Refusal> {
    let store = &api.conductor.store;
    loop {
        let row = store
            .control_rows()
            .await?
            .into_iter()
            .find(|row| row.value.scope == scope);
        let version = row.as_ref().map(|row| row.version);
        let mut control = row.map_or_else(|| Control::new(scope.clone()), |row| row.value);
        change(&mut control);
        match store.put_control(&control, version).await {
            Ok(row) => return Ok(row.value),
            Err(CloudError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn hold<P: Ports>(api: &Api<P>, caller: &Caller, scope: Scope, reason: &str) -> Answer<ControlDetail> {
    let reason = reason.trim();
    if reason.is_empty() || reason.len() > LONGEST_REASON {
        let hint = format!("Say in 1 to {LONGEST_REASON} bytes why, for whoever wonders.");
        return Err(Refusal::bad_request("The reason is empty or too long.", hint));
    }
    let pause = Pause {
        since: api.now(),
        by: caller.name.clone(),
        reason: reason.to_owned(),
    };
    let control = decide(api, scope, |control| control.pause = Some(pause.clone())).await?;
    tracing::warn!(scope = %control.scope, by = caller.name, reason, "paused");
    Ok(Json(control_detail(&control)))
}

/// Takes a pause back, then lets jobs go on. If this ends in between, the sweeper lets them go on within a minute.
async fn release<P: Ports>(api: &Api<P>, scope: Scope) -> Answer<ControlDetail> {
    let began = api.now();
    let control = decide(api, scope, |control| {
        control.pause = None;
        // Who resumes a tripped stage says that it is mended: the count begins anew.
        control.failing.clear();
    })
    .await?;
    tracing::warn!(scope = %control.scope, "resumed");
    let mut detail = control_detail(&control);
    let (jobs, mut more) = oldest_running(api).await?;
    for some in jobs.chunks(super::AT_ONCE) {
        if is_late(began, api.now()) {
            more = true;
            break;
        }
        for advanced in together(some.iter().map(|id| api.conductor.advance(*id))).await {
            match advanced {
                Ok(Advance::Dispatched(tasks)) if tasks > 0 => detail.jobs_resumed += 1,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = error.chain(), "job left to the sweeper");
                    more = true;
                }
            }
        }
    }
    detail.more = more;
    Ok(Json(detail))
}

/// The oldest running jobs, express first, and whether there are more.
async fn oldest_running<P: Ports>(api: &Api<P>) -> Result<(Vec<JobId>, bool), Refusal> {
    let (mut jobs, mut more) = (Vec::new(), false);
    for express in [true, false] {
        let left = MOST_ADVANCED - jobs.len().min(MOST_ADVANCED);
        if left == 0 {
            more = true;
            continue;
        }
        let page = api.conductor.store.running(express, left as u32, None).await?;
        more |= page.next.is_some();
        jobs.extend(page.jobs);
    }
    Ok((jobs, more))
}
