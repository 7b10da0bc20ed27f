//! Batches: from a folder or a manifest to the summary table, with files that fail on the way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use marey_contract::{BatchDetail, BatchSummary, BatchTicket, BatchTickets, NewBatch, UploadTicket, WorkflowDetail};
use serde_json::{Value, from_value, json as value};

use crate::server::{Seen, Server, json, no_job, refuse, reply};
use crate::tool::{run, run_in};

const BATCH: &str = "2f1c6a0e-5b1d-4c39-8d53-0a9f4f6f2b11";

fn summary() -> BatchSummary {
    from_value(
        value!({"id": BATCH, "name": "videos", "workflow": "motion", "priority": 5,
        "created_at": "2026-11-21T10:00:00Z", "videos": 3, "owner": "default"}),
    )
    .unwrap()
}

fn ticket(seen: &Seen, item: u32, name: &str) -> BatchTicket {
    let ticket = UploadTicket {
        job_id: format!("job-{item}"),
        url: format!("http://{}/bucket/{item}", seen.header("host").unwrap()),
        fields: [("key".to_owned(), name.to_owned())].into(),
        max_bytes: 100,
        expires_at: "2026-11-21T11:00:00Z".to_owned(),
    };
    BatchTicket {
        item,
        name: name.to_owned(),
        ticket,
    }
}

/// The batch at its end: a page of its table, and another.
fn ended(is_first: bool) -> BatchDetail {
    let error = value!({"code": "NO_PERSON_FOUND", "message": "Nobody was found in any frame of the video.",
        "hint": "Film the whole body.", "stage": "pose", "attempt": 1});
    let first = value!([
        {"item": 0, "name": "a.mp4", "job_id": "job-0", "status": "completed", "progress": 1.0, "took_ms": 34_250,
         "duration_s": 12.3, "frames": 370, "people": 1, "figures": {"biomechanics.repetitions": 8.0}, "cost_usd": 0.0123},
        {"item": 1, "name": "b.mp4", "job_id": "job-1", "status": "failed", "progress": 0.3, "took_ms": 4_250,
         "duration_s": 2.0, "error": error, "cost_usd": 0.001},
    ]);
    let second =
        value!([{"item": 2, "name": "c.mp4", "job_id": "job-2", "status": "awaiting_upload", "progress": 0.0}]);
    let mut batch = value!({"status": "partly_completed", "progress": 0.66,
        "counts": {"awaiting_upload": 1, "queued": 0, "running": 0, "completed": 1, "failed": 1, "cancelled": 0},
        "table": if is_first { first } else { second }});
    if is_first {
        batch["next_cursor"] = value!("2");
    }
    let mut whole = serde_json::to_value(summary()).unwrap();
    whole
        .as_object_mut()
        .unwrap()
        .extend(batch.as_object().unwrap().clone());
    from_value(whole).unwrap()
}

fn motion() -> WorkflowDetail {
    from_value(
        value!({"name": "motion", "title": "Motion", "description": "d", "deadline_s": 3600, "stages": [],
        "params": {"cutoff_hz": {"title": "Cut-off", "type": "number", "unit": "Hz", "min": 0.1, "max": 100.0,
                                 "default": 6.0, "expected": "a number from 0.1 to 100 Hz"}}}),
    )
    .unwrap()
}

/// A deployment that takes a batch of three, gives leave in two pages, and refuses the second upload.
async fn deployment(requests: Arc<Mutex<Vec<Value>>>, running: Arc<AtomicUsize>) -> Server {
    Server::start(move |seen, body| {
        let (requests, running) = (Arc::clone(&requests), Arc::clone(&running));
        async move {
            let bytes = to_bytes(body, 1_000_000).await.unwrap();
            match seen.line().as_str() {
                "GET /workflows/motion" => json(&motion()),
                "POST /batches" => {
                    requests.lock().unwrap().push(serde_json::from_slice(&bytes).unwrap());
                    json(&NewBatch {
                        batch: summary(),
                        tickets: BatchTickets {
                            tickets: vec![ticket(&seen, 0, "a.mp4"), ticket(&seen, 1, "b.mp4")],
                            next_cursor: Some("2".to_owned()),
                        },
                    })
                }
                line if line == format!("GET /batches/{BATCH}/tickets") => json(&BatchTickets {
                    tickets: vec![ticket(&seen, 2, "c.mp4")],
                    next_cursor: None,
                }),
                "POST /bucket/0" | "POST /bucket/2" => reply(204, Body::empty()),
                "POST /bucket/1" => reply(403, "<Error><Code>AccessDenied</Code></Error>"),
                line if line == format!("GET /batches/{BATCH}") => {
                    if seen.query.contains("cursor") {
                        return json(&ended(false));
                    }
                    let mut batch = ended(true);
                    if running.fetch_add(1, Ordering::SeqCst) < 1 {
                        batch.status = marey_contract::BatchStatus::Running;
                    }
                    json(&batch)
                }
                "GET /batches" => json(&value!({"batches": [summary()]})),
                line if line == format!("POST /batches/{BATCH}/retry") => {
                    let more = running.fetch_add(1, Ordering::SeqCst) < 1;
                    json(&value!({"jobs": ["job-1"], "more": more}))
                }
                line if line == format!("POST /batches/{BATCH}/cancel") => json(&value!({"jobs": [], "more": false})),
                _ => no_job(),
            }
        }
    })
    .await
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let videos = folder.path().join("videos");
    std::fs::create_dir(&videos).unwrap();
    for name in ["a.mp4", "b.mp4", "c.mp4"] {
        std::fs::write(videos.join(name), "good").unwrap();
    }
    std::fs::write(videos.join("empty.mp4"), "").unwrap();
    std::fs::write(videos.join("notes.txt"), "no video").unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_one_batch_and_its_failures_are_listed_at_the_end() {
    let requests: Arc<Mutex<Vec<Value>>> = Arc::default();
    let server = deployment(Arc::clone(&requests), Arc::default()).await;
    let folder = folder();
    let arguments = [
        "submit",
        "videos",
        "--param",
        "cutoff_hz=8",
        "--runs-on",
        "batch",
        "--reuse",
        "--parallel",
        "1",
        "--notify",
        "https://example.com/ended",
    ];
    let ended = run_in(folder.path(), &server.url(), &arguments).await;
    insta::assert_snapshot!("batch_submit", ended.text());
    let mut request = requests.lock().unwrap()[0].clone();
    assert!(request["token"].as_str().is_some_and(|token| token.len() == 32));
    request["token"] = value!("…");
    let expected = value!({"name": "videos", "params": {"cutoff_hz": 8}, "runs_on": "batch", "reuse": true,
        "notify": "https://example.com/ended", "token": "…",
        "items": [{"name": "a.mp4"}, {"name": "b.mp4"}, {"name": "c.mp4"}]});
    assert_eq!(request, expected);
    assert_eq!(
        server.count("POST /bucket/1"),
        1,
        "what failed is not sent again by itself"
    );

    let mut arguments = arguments.to_vec();
    arguments.push("--json");
    let ended = run_in(folder.path(), &server.url(), &arguments).await;
    assert_eq!(ended.code, 1);
    insta::assert_json_snapshot!("batch_submit_json", ended.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_followed_to_its_table() {
    let server = deployment(Arc::default(), Arc::default()).await;
    let ended = run(&server.url(), &["batch", "watch", BATCH]).await;
    insta::assert_snapshot!("batch_watch", ended.text());
    let again = run(&server.url(), &["batch", "status", BATCH, "--json"]).await;
    assert_eq!(
        again.json()["table"].as_array().unwrap().len(),
        3,
        "every page is asked for"
    );
    let retried = run(&server.url(), &["batch", "retry", BATCH, "--json"]).await;
    assert_eq!(
        (retried.code, server.count(&format!("POST /batches/{BATCH}/retry"))),
        (0, 1)
    );
    let listed = run(&server.url(), &["batch", "list"]).await;
    assert!(listed.stdout.contains(BATCH) && listed.code == 0, "{listed:?}");
    let cancelled = run(&server.url(), &["batch", "cancel", BATCH]).await;
    assert_eq!(cancelled.stdout, "0 jobs cancelled\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_parameters_is_told_before_anything_is_sent() {
    let server = deployment(Arc::default(), Arc::default()).await;
    let folder = folder();
    let wrong = run_in(
        folder.path(),
        &server.url(),
        &["submit", "videos", "--param", "cutoff_hz=900"],
    )
    .await;
    assert!(
        wrong
            .stderr
            .contains("error[BAD_PARAMETER]: cutoff_hz is 900; it must be"),
        "{wrong:?}"
    );
    let manifest = "\"videos/a.mp4\"\n{\"file\": \"videos/b.mp4\", \"params\": {\"cutoff_hz\": \"8\"}}\n";
    std::fs::write(folder.path().join("m.jsonl"), manifest).unwrap();
    let wrong = run_in(folder.path(), &server.url(), &["batch", "submit", "m.jsonl"]).await;
    assert!(
        wrong
            .stderr
            .contains("error[BAD_MANIFEST]: `m.jsonl`, line 2: cutoff_hz is"),
        "{wrong:?}"
    );
    assert_eq!(server.count("POST /batches"), 0);
    let nothing = run_in(
        folder.path(),
        &server.url(),
        &["submit", "videos/empty.mp4", "none.mp4"],
    )
    .await;
    assert!(
        nothing.stderr.contains("FILE_EMPTY") && nothing.stderr.contains("FILE_UNREADABLE"),
        "{nothing:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_is_sent_again_because_its_token_makes_that_harmless() {
    let asked = Arc::new(AtomicUsize::new(0));
    let tokens: Arc<Mutex<Vec<Value>>> = Arc::default();
    let (counted, kept) = (Arc::clone(&asked), Arc::clone(&tokens));
    let server = Server::start(move |seen, body| {
        let (counted, kept) = (Arc::clone(&counted), Arc::clone(&kept));
        async move {
            let bytes = to_bytes(body, 1_000_000).await.unwrap();
            if seen.line() != "POST /batches" {
                return reply(204, Body::empty());
            }
            kept.lock()
                .unwrap()
                .push(serde_json::from_slice::<Value>(&bytes).unwrap()["token"].clone());
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                return refuse(503, "SERVICE_BUSY", "The table is busy.", "Try again.");
            }
            let tickets = BatchTickets {
                tickets: (0..3).map(|item| ticket(&seen, item, "x.mp4")).collect(),
                next_cursor: None,
            };
            json(&NewBatch {
                batch: summary(),
                tickets,
            })
        }
    })
    .await;
    let folder = folder();
    std::fs::remove_file(folder.path().join("videos/empty.mp4")).unwrap();
    let ended = run_in(folder.path(), &server.url(), &["submit", "videos"]).await;
    assert_eq!((ended.code, asked.load(Ordering::SeqCst)), (0, 2), "{ended:?}");
    let tokens = tokens.lock().unwrap();
    assert_eq!(tokens[0], tokens[1]);
}
