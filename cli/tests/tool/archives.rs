//! Zip archives: what would be sent, what is sent, and what is refused.

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use marey_contract::{BatchTicket, BatchTickets, JobList, JobStatus, NewBatch, UploadTicket};
use serde_json::{Value, from_value, json as value};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::server::{Server, json, no_job, reply};
use crate::tool::run_in;
use crate::world::summary;

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*path, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn folder(archive: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("monday.zip"), archive).unwrap();
    folder
}

fn two_videos() -> Vec<u8> {
    zipped(&[
        ("patient_001/trial_01.mp4", b"the first video"),
        ("notes.txt", b"no video"),
        ("__MACOSX/._trial_01.mp4", b"fork"),
        ("patient_002/trial_01.mov", b"the second video"),
    ])
}

/// What a deployment saw: announcements and the bodies of uploads.
#[derive(Default)]
struct Deployment {
    announced: Vec<Value>,
    uploads: Vec<String>,
}

/// A deployment that has a job of this name and takes batches of two.
async fn deployment(known: &'static str, seen_there: Arc<Mutex<Deployment>>) -> Server {
    Server::start(move |seen, body| {
        let there = Arc::clone(&seen_there);
        async move {
            let bytes = to_bytes(body, 1_000_000).await.unwrap();
            let host = seen.header("host").unwrap().to_owned();
            match seen.line().as_str() {
                "GET /jobs" => {
                    let mut job = summary(JobStatus::Completed);
                    known.clone_into(&mut job.name);
                    json(&JobList {
                        jobs: vec![job],
                        next_cursor: None,
                    })
                }
                "POST /batches" => {
                    there
                        .lock()
                        .unwrap()
                        .announced
                        .push(serde_json::from_slice(&bytes).unwrap());
                    let ticket = |item: u32| BatchTicket {
                        item,
                        name: "x".to_owned(),
                        ticket: UploadTicket {
                            job_id: format!("job-{item}"),
                            url: format!("http://{host}/bucket/{item}"),
                            fields: [("key".to_owned(), "k".to_owned())].into(),
                            max_bytes: 1000,
                            expires_at: "2026-11-21T11:00:00Z".to_owned(),
                        },
                    };
                    json(&NewBatch {
                        batch: from_value(value!({"id": "2f1c6a0e-5b1d-4c39-8d53-0a9f4f6f2b11", "name": "monday",
                            "workflow": "motion", "priority": 5, "created_at": "2026-11-21T10:00:00Z", "videos": 2,
                            "owner": "default"}))
                        .unwrap(),
                        tickets: BatchTickets {
                            tickets: vec![ticket(0), ticket(1)],
                            next_cursor: None,
                        },
                    })
                }
                line if line.starts_with("POST /bucket/") => {
                    there
                        .lock()
                        .unwrap()
                        .uploads
                        .push(String::from_utf8_lossy(&bytes).into_owned());
                    reply(204, Body::empty())
                }
                _ => no_job(),
            }
        }
    })
    .await
}

async fn ingest(folder: &Path, endpoint: &str, more: &[&str]) -> crate::tool::Run {
    let arguments: Vec<&str> = ["ingest", "monday.zip"]
        .into_iter()
        .chain(more.iter().copied())
        .collect();
    run_in(folder, endpoint, &arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_plan_and_asks_nobody() {
    let folder = folder(&two_videos());
    let ended = ingest(folder.path(), "", &["--dry-run"]).await;
    insta::assert_snapshot!("ingest_dry_run", ended.text());
    let ended = ingest(folder.path(), "", &["--dry-run", "--json"]).await;
    insta::assert_json_snapshot!("ingest_dry_run_json", ended.json());
    let ended = ingest(folder.path(), "", &[]).await;
    assert!(ended.stderr.contains("NO_ENDPOINT"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_video_is_unpacked_and_sent_under_its_name() {
    let there: Arc<Mutex<Deployment>> = Arc::default();
    let server = deployment("squat.mp4", Arc::clone(&there)).await;
    let folder = folder(&two_videos());
    let ended = ingest(folder.path(), &server.url(), &["--parallel", "1", "--priority", "7"]).await;
    insta::assert_snapshot!("ingest", ended.text());
    {
        let there = there.lock().unwrap();
        let request = &there.announced[0];
        assert_eq!(
            request["items"],
            value!([{"name": "patient_001_trial_01"}, {"name": "patient_002_trial_01"}])
        );
        assert_eq!(
            (&request["name"], &request["priority"]),
            (&value!("monday"), &value!(7))
        );
        assert!(there.uploads[0].contains("the first video") && there.uploads[1].contains("the second video"));
    }
    let ended = ingest(folder.path(), &server.url(), &["--json", "--name", "Tuesday"]).await;
    let report = ended.json();
    assert_eq!(report["submitted"].as_array().unwrap().len(), 2);
    assert_eq!(
        report["skipped"],
        value!([{"path": "notes.txt", "reason": "not_a_video"}])
    );
    assert_eq!(there.lock().unwrap().announced[1]["name"], "Tuesday");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_told_and_nothing_is_asked() {
    let server = deployment("", Arc::default()).await;
    let folder = folder(&zipped(&[
        ("../out.mp4", b"out"),
        ("a/b.mp4", b"one"),
        ("a_b.mov", b"two"),
        ("inner.zip", b"inner"),
    ]));
    let ended = ingest(folder.path(), &server.url(), &[]).await;
    insta::assert_snapshot!("ingest_refused", ended.text());
    let ended = ingest(folder.path(), &server.url(), &["--json"]).await;
    assert_eq!(ended.code, 1);
    let answer = ended.json();
    assert_eq!(answer["error"]["code"], "ARCHIVE_REFUSED");
    let codes: Vec<_> = answer["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].clone())
        .collect();
    assert_eq!(codes, ["ARCHIVE_UNSAFE_PATH", "ARCHIVE_COLLISION", "ARCHIVE_NESTED"]);
    assert_eq!(server.count("GET /jobs") + server.count("POST /batches"), 0);
    std::fs::write(folder.path().join("monday.zip"), "no archive").unwrap();
    let ended = ingest(folder.path(), &server.url(), &["--dry-run"]).await;
    assert!(
        ended.stderr.contains("error[ARCHIVE_UNREADABLE]") && ended.code == 1,
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_earlier_jobs_are_refused_unless_it_is_forced() {
    let there: Arc<Mutex<Deployment>> = Arc::default();
    let server = deployment("patient_002_trial_01", Arc::clone(&there)).await;
    let folder = folder(&two_videos());
    let ended = ingest(folder.path(), &server.url(), &[]).await;
    assert_eq!(ended.code, 1);
    let expected =
        "error[NAMES_TAKEN]: 1 of the names are those of earlier jobs, and nothing was sent: patient_002_trial_01";
    assert!(ended.stderr.contains(expected), "{ended:?}");
    let planned = ingest(folder.path(), &server.url(), &["--dry-run", "--json"]).await;
    assert_eq!(
        (planned.code, &planned.json()["taken"]),
        (1, &value!(["patient_002_trial_01"]))
    );
    assert_eq!(server.count("POST /batches"), 0);
    let ended = ingest(folder.path(), &server.url(), &["--force"]).await;
    assert_eq!((ended.code, there.lock().unwrap().uploads.len()), (0, 2), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_is_damaged_in_the_archive_is_not_sent_and_the_others_are() {
    let there: Arc<Mutex<Deployment>> = Arc::default();
    let server = deployment("", Arc::clone(&there)).await;
    let mut archive = Vec::new();
    {
        let mut writer = ZipWriter::new(Cursor::new(&mut archive));
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (path, content) in [("a.mp4", "0123456789"), ("b.mp4", "sound")] {
            writer.start_file(path, stored).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
    }
    archive[30 + "a.mp4".len()] ^= 1;
    let folder = folder(&archive);
    let ended = ingest(folder.path(), &server.url(), &[]).await;
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("monday.zip: a.mp4") && ended.stderr.contains("ARCHIVE_DAMAGED"),
        "{ended:?}"
    );
    let uploads = there.lock().unwrap().uploads.clone();
    assert!(uploads.len() == 1 && uploads[0].contains("sound"), "{uploads:?}");
}
