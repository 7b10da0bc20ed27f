use std::sync::atomic::{AtomicI64, Ordering};

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use marey_cloud::{memory::Memory, store::ReadJobs, store::WriteJobs};
use marey_engine::{
    Failure, FailureClass, Job, JobEvent, JobId, JobState, LeaseToken, Shard, ShardEvent, ShardKey, StageRow, Upload,
    Wishes, Workflow, upload,
};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::*;

mod access;
mod again;
mod batches;
mod events;
mod operators;

/// The ports in memory, at noon.
struct World;

impl Ports for World {
    type Store = Memory;
    type Artifacts = Memory;
    type Queues = Memory;
    type Forms = Pen;
    type Time = Noon;
}

/// A clock that stands still, unless it is told how many seconds pass whenever somebody looks at it.
#[derive(Clone, Default)]
struct Noon {
    pace_s: i64,
    looks: Arc<AtomicI64>,
}

impl Time for Noon {
    fn now(&self) -> Timestamp {
        now() + SignedDuration::from_secs(self.pace_s * self.looks.fetch_add(1, Ordering::Relaxed))
    }

    async fn sleep(&self, _: Duration) {}

    fn random(&self) -> u128 {
        Uuid::new_v4().as_u128()
    }
}

struct Pen;

impl SignForms for Pen {
    async fn sign_form(
        &self,
        key: &str,
        metadata: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<PostForm, CloudError> {
        let mut fields = metadata.clone();
        fields.insert("key".into(), key.into());
        Ok(PostForm {
            url: "http://bucket".into(),
            fields,
            expires_at: now + UPLOAD_LIFETIME,
        })
    }
}

impl SignLinks for Memory {
    async fn sign_link(&self, artifact: &Artifact) -> Result<String, CloudError> {
        Ok(format!("http://bucket/{}?signed", artifact.key))
    }
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn open() -> Access {
    Access {
        mode: Mode::Open,
        admin_key: None,
        admin_principals: vec![],
    }
}

fn api(memory: &Memory, access: Access) -> Router {
    api_at(memory, access, Noon::default())
}

fn api_at(memory: &Memory, access: Access, time: Noon) -> Router {
    let api: Api<World> = Api {
        conductor: Conductor {
            store: memory.clone(),
            artifacts: memory.clone(),
            queues: memory.clone(),
            source: "api".into(),
            time,
        },
        forms: Pen,
        max_bytes: 1000,
        access,
    };
    router(Arc::new(api))
}

async fn ask(memory: &Memory, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    ask_as(memory, open(), None, method, path, body).await
}

async fn ask_as(
    memory: &Memory,
    access: Access,
    key: Option<&str>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let body = body.map_or_else(Body::empty, |value| Body::from(value.to_string()));
    answer(api(memory, access), request.body(body).unwrap()).await
}

/// Asks while so many seconds pass whenever the API looks at its clock.
async fn ask_slowly(memory: &Memory, pace_s: i64, path: &str, body: Value) -> (StatusCode, Value) {
    let looks = Arc::new(AtomicI64::new(0));
    let router = api_at(memory, open(), Noon { pace_s, looks });
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    answer(router, request.body(Body::from(body.to_string())).unwrap()).await
}

async fn answer(router: Router, request: Request<Body>) -> (StatusCode, Value) {
    let answer = router.oneshot(request).await.unwrap();
    let status = answer.status();
    let bytes = axum::body::to_bytes(answer.into_body(), 6 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn job(memory: &Memory, name: &str) -> Job {
    job_of(memory, name, upload::DEFAULT_OWNER).await
}

async fn job_of(memory: &Memory, name: &str, owner: &str) -> Job {
    let input = Upload {
        bucket: "up".into(),
        key: format!("uploads/{owner}/{name}"),
        version: None,
        etag: "e".into(),
        bytes: 5,
        name: name.to_owned(),
        member: None,
    };
    let workflow = Workflow::shipped("motion").unwrap();
    let job = Job {
        id: input.job_id(),
        owner: owner.into(),
        workflow: "motion".into(),
        input,
        priority: 5,
        created_at: now(),
        deadline: None,
        round: 0,
        forgotten: false,
        wishes: Wishes {
            params: marey_engine::parameter::settle(&workflow, &BTreeMap::new()).unwrap(),
            ..Wishes::default()
        },
        trace: "t".into(),
        state: JobState::Running,
    };
    store(memory, &job).await;
    job
}

async fn store(memory: &Memory, job: &Job) {
    let workflow = Workflow::shipped(&job.workflow).unwrap();
    let rows: Vec<_> = workflow.stages().iter().map(StageRow::of).collect();
    memory.create(job, &rows).await.unwrap();
}

fn failure(code: &str) -> Failure {
    Failure {
        code: code.into(),
        message: "It broke.".into(),
        hint: "Mend it.".into(),
        stage: Some("probe".parse().unwrap()),
        attempt: 1,
        class: FailureClass::Transient,
    }
}

/// Ends a job.
async fn end(memory: &Memory, job: &Job, event: JobEvent) -> Job {
    let row = memory.job(job.id).await.unwrap().unwrap();
    let ended = row.value.apply(event, now()).unwrap();
    memory.put_job(&ended, row.version).await.unwrap();
    ended
}

/// A job whose probe has failed, and with it the job.
async fn failed_job(memory: &Memory, name: &str) -> Job {
    let job = job(memory, name).await;
    shard(memory, job.id, "probe", |token| ShardEvent::Fail {
        token,
        failure: failure("PROBE_BROKE"),
        cost_usd: 0.001,
    })
    .await;
    end(
        memory,
        &job,
        JobEvent::Fail {
            failure: failure("PROBE_BROKE"),
        },
    )
    .await
}

/// A shard that went through its life up to an end.
async fn shard(memory: &Memory, id: JobId, stage: &str, end: impl FnOnce(LeaseToken) -> ShardEvent) {
    let token = LeaseToken(Uuid::nil());
    let key = ShardKey {
        job: id,
        stage: stage.parse().unwrap(),
        shard: 0,
    };
    let lease = ShardEvent::Lease {
        token,
        until: now() + SignedDuration::from_secs(60),
        max_attempts: 3,
    };
    let leased = Shard::queued(key, 0, now()).apply(lease, now()).unwrap();
    let ended = leased.apply(end(token), now() + SignedDuration::from_secs(2)).unwrap();
    memory.put_shard(&ended, None).await.unwrap();
}

fn complete(token: LeaseToken, names: &[&str], facts: Value) -> ShardEvent {
    ShardEvent::Complete {
        token,
        artifacts: names.iter().map(|name| artifact(name)).collect(),
        facts,
        frames: 60,
        reused: false,
        cost_usd: 0.002,
    }
}

fn artifact(name: &str) -> Artifact {
    let (name, key) = (name.to_owned(), format!("artifacts/x/{name}"));
    Artifact {
        name,
        key,
        content_type: "text/html".into(),
        bytes: 3,
        sha256: "00".into(),
    }
}

#[tokio::test]
async fn leave_to_upload_names_the_job_to_come() {
    let memory = Memory::default();
    let body = json!({"name": "läufer 1+1%.mp4", "priority": 8});
    let (status, ticket) = ask(&memory, "POST", "/videos", Some(body)).await;
    assert_eq!(status, StatusCode::CREATED);
    let id: JobId = ticket["job_id"].as_str().unwrap().parse().unwrap();
    let key = ticket["fields"]["key"].as_str().unwrap();
    assert_eq!(key, format!("uploads/default/motion/{id}/läufer 1+1%.mp4"));
    assert_eq!(
        upload::Request::read(key, &upload::Metadata::default()).reserved,
        Some(id)
    );
    assert_eq!(ticket["fields"]["priority"], "8");
    assert_eq!(ticket["max_bytes"], 1000);
    assert_eq!(ticket["expires_at"], "2026-11-21T13:00:00Z");
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_with_a_hint() {
    let memory = Memory::default();
    let wrong = [
        json!({}),
        json!({"name": ""}),
        json!({"name": "a/b.mp4"}),
        json!({"name": ".."}),
        json!({"name": "x".repeat(300)}),
        json!({"name": "a.mp4", "workflow": "dance"}),
        json!({"name": "a.mp4", "priority": 10}),
        json!({"name": "a.mp4", "colour": "red"}),
        json!([]),
        json!({"name": "a.mp4", "notify": "ftp://example.org"}),
        json!({"name": "a.mp4", "runs_on": "mars"}),
        json!({"name": "a.mp4", "notify": format!("https://example.org/{}", "x".repeat(1970)),
            "params": {"cutoff_hz": 4.123_456_789, "filter_order": 4, "longest_gap_s": 1.5}}),
    ];
    for body in wrong {
        let (status, answer) = ask(&memory, "POST", "/videos", Some(body.clone())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer["error"]["code"], "REQUEST_INVALID", "{body}");
        assert!(!answer["error"]["hint"].as_str().unwrap().is_empty());
    }
    assert_eq!(ask(&memory, "POST", "/videos", None).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        ask(&memory, "GET", "/jobs?limit=0", None).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        ask(&memory, "GET", "/jobs?limit=x", None).await.0,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn what_does_not_exist_is_a_404_in_json() {
    let memory = Memory::default();
    let unknown = JobId::of_object("b", "k", None, "e").to_string();
    for (path, code) in [
        (format!("/jobs/{unknown}"), "JOB_NOT_FOUND"),
        (format!("/jobs/{unknown}/results"), "JOB_NOT_FOUND"),
        ("/jobs/not-an-id".to_owned(), "JOB_NOT_FOUND"),
        ("/nowhere".to_owned(), "ROUTE_NOT_FOUND"),
    ] {
        let (status, answer) = ask(&memory, "GET", &path, None).await;
        assert_eq!(
            (status, answer["error"]["code"].as_str()),
            (StatusCode::NOT_FOUND, Some(code)),
            "{path}"
        );
    }
    let (status, answer) = ask(&memory, "DELETE", "/jobs", None).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::METHOD_NOT_ALLOWED, &json!("METHOD_NOT_ALLOWED"))
    );
}

#[tokio::test]
async fn a_job_is_shown_with_its_stages() {
    let memory = Memory::default();
    let job = job(&memory, "clip.mp4").await;
    let path = format!("/jobs/{}", job.id);
    assert_eq!(ask(&memory, "GET", &path, None).await.1["status"], "queued");
    let facts = json!({"duration_s": 2.5, "shards": 1});
    shard(&memory, job.id, "probe", |token| {
        complete(token, &["video.json"], facts)
    })
    .await;
    let (status, answer) = ask(&memory, "GET", &path, None).await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("running")));
    assert_eq!(answer["stages"][0]["status"], "completed");
    assert_eq!(answer["stages"][0]["run_ms"], 2000);
    assert_eq!(answer["stages"][0]["facts"]["duration_s"], 2.5);
    assert_eq!(answer["stages"][1]["status"], "waiting");
    assert_eq!(answer["progress"], 0.02);
    assert_eq!(answer["cost_usd"], 0.002);
    assert_eq!(
        (
            &answer["stages"][0]["frames_per_s"],
            &answer["stages"][0]["shards_done"]
        ),
        (&json!(30.0), &json!(1))
    );
    assert_eq!(answer["params"]["cutoff_hz"], 6.0);
    assert!(answer.get("time_left").is_none(), "nothing was measured");
    let (_, list) = ask(&memory, "GET", "/jobs", None).await;
    assert_eq!(list["jobs"][0]["name"], "clip.mp4");
    let (status, early) = ask(&memory, "GET", &format!("{path}/results"), None).await;
    assert_eq!(
        (status, &early["error"]["code"]),
        (StatusCode::CONFLICT, &json!("JOB_NOT_DONE"))
    );
}

#[tokio::test]
async fn results_are_links_to_what_people_get_to_see() {
    let memory = Memory::default();
    let job = job(&memory, "clip.mp4").await;
    let names = ["video.json", "shards.json"];
    shard(&memory, job.id, "probe", |token| complete(token, &names, json!({}))).await;
    let (manifest, degraded) = ("m".into(), vec![failure("DRAWING_FAILED")]);
    end(&memory, &job, JobEvent::Complete { manifest, degraded }).await;
    let (status, answer) = ask(&memory, "GET", &format!("/jobs/{}/results", job.id), None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        answer["files"],
        json!([{"stage": "probe", "name": "video.json", "content_type": "text/html", "bytes": 3, "sha256": "00",
            "url": "http://bucket/artifacts/x/video.json?signed"}])
    );
    let (_, detail) = ask(&memory, "GET", &format!("/jobs/{}", job.id), None).await;
    assert_eq!(detail["degraded"][0]["code"], "DRAWING_FAILED");
}

#[tokio::test]
async fn a_job_is_cancelled_once() {
    let memory = Memory::default();
    let job = job(&memory, "clip.mp4").await;
    let path = format!("/jobs/{}/cancel", job.id);
    let (status, answer) = ask(&memory, "POST", &path, None).await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("cancelled")));
    assert!(matches!(
        memory.job(job.id).await.unwrap().unwrap().value.state,
        JobState::Cancelled { .. }
    ));
    let (status, answer) = ask(&memory, "POST", &path, None).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::CONFLICT, &json!("JOB_ENDED"))
    );
}

#[tokio::test]
async fn a_store_that_fails_is_told_without_its_secrets() {
    let memory = Memory::default();
    memory.break_down("snapshot");
    let (status, answer) = ask(
        &memory,
        "GET",
        &format!("/jobs/{}", JobId::of_object("", "", None, "")),
        None,
    )
    .await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("SERVICE_BUSY"))
    );
    assert!(!answer.to_string().contains("purpose"), "causes stay in the log");
}

/// The description that clients generate code from changes on purpose or not at all: write it anew with
/// `MAREY_UPDATE=1 cargo nextest run -p marey-fn-api`.
#[test]
fn the_openapi_description_is_the_one_checked_in() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let now = document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("MAREY_UPDATE").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), now);
}

#[tokio::test]
async fn a_page_that_begins_nowhere_is_the_first() {
    let memory = Memory::default();
    job(&memory, "a.mp4").await;
    let (status, page) = ask(&memory, "GET", "/jobs?cursor=", None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page["jobs"].as_array().unwrap().len(), 1);
}
