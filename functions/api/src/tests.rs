use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use marey_cloud::{memory::Memory, store::ReadJobs};
use marey_engine::{Job, JobId, JobState, LeaseToken, Shard, ShardEvent, ShardKey, StageRow, Upload, Workflow, upload};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::*;

mod events;

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

impl SignLinks for Pen {
    async fn sign_link(&self, artifact: &Artifact) -> Result<String, CloudError> {
        Ok(format!("http://bucket/{}?signed", artifact.key))
    }
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn api(memory: &Memory) -> Router {
    let store = memory.clone();
    router(Arc::new(Api {
        store,
        links: Pen,
        forms: Pen,
        max_bytes: 1000,
        now,
    }))
}

async fn ask(memory: &Memory, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json");
    let body = body.map_or_else(Body::empty, |value| Body::from(value.to_string()));
    let answer = api(memory).oneshot(request.body(body).unwrap()).await.unwrap();
    let status = answer.status();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn job(memory: &Memory, name: &str) -> Job {
    let key = format!("uploads/{name}");
    let input = Upload {
        bucket: "up".into(),
        key,
        version: None,
        etag: "e".into(),
        bytes: 5,
        name: name.to_owned(),
    };
    let job = Job {
        id: input.job_id(),
        owner: upload::DEFAULT_OWNER.into(),
        workflow: "motion".into(),
        input,
        priority: 5,
        created_at: now(),
        trace: "t".into(),
        state: JobState::Running,
    };
    let workflow = Workflow::shipped("motion").unwrap();
    let rows: Vec<_> = workflow
        .stages()
        .iter()
        .map(|s| StageRow {
            stage: s.name.clone(),
            shards: 1,
        })
        .collect();
    memory.create(&job, &rows).await.unwrap();
    job
}

/// A shard that went through its life up to an end.
async fn shard(memory: &Memory, id: JobId, stage: &str, end: impl FnOnce(LeaseToken) -> ShardEvent) {
    let token = LeaseToken(Uuid::nil());
    let queued = Shard::queued(
        ShardKey {
            job: id,
            stage: stage.parse().unwrap(),
            shard: 0,
        },
        now(),
    );
    let until = now() + SignedDuration::from_secs(60);
    let leased = queued
        .apply(
            ShardEvent::Lease {
                token,
                until,
                max_attempts: 3,
            },
            now(),
        )
        .unwrap();
    let ended = leased.apply(end(token), now() + SignedDuration::from_secs(2)).unwrap();
    memory.put_shard(&ended, None).await.unwrap();
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
    let facts = json!({"duration_s": 2.5});
    shard(&memory, job.id, "probe", |token| ShardEvent::Complete {
        token,
        artifacts: vec![artifact("v")],
        facts,
    })
    .await;
    let (status, answer) = ask(&memory, "GET", &path, None).await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("running")));
    assert_eq!(answer["stages"][0]["status"], "completed");
    assert_eq!(answer["stages"][0]["run_ms"], 2000);
    assert_eq!(answer["stages"][0]["facts"]["duration_s"], 2.5);
    assert_eq!(answer["stages"][1]["status"], "waiting");
    assert_eq!(answer["progress"], 0.02);
    let (_, list) = ask(&memory, "GET", "/jobs", None).await;
    assert_eq!(list["jobs"][0]["name"], "clip.mp4");
    let (status, early) = ask(&memory, "GET", &format!("{path}/results"), None).await;
    assert_eq!(
        (status, &early["error"]["code"]),
        (StatusCode::CONFLICT, &json!("JOB_NOT_DONE"))
    );
}

#[tokio::test]
async fn results_are_links_with_names_types_and_sizes() {
    let memory = Memory::default();
    let job = job(&memory, "clip.mp4").await;
    let artifacts = vec![artifact("report.html")];
    shard(&memory, job.id, "probe", |token| ShardEvent::Complete {
        token,
        artifacts,
        facts: json!({}),
    })
    .await;
    let done = job
        .apply(marey_engine::JobEvent::Complete { manifest: "m".into() }, now())
        .unwrap();
    memory.put_job(&done, 1).await.unwrap();
    let (status, answer) = ask(&memory, "GET", &format!("/jobs/{}/results", job.id), None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        answer["files"],
        json!([{"stage": "probe", "name": "report.html", "content_type": "text/html", "bytes": 3, "sha256": "00",
            "url": "http://bucket/artifacts/x/report.html?signed"}])
    );
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
