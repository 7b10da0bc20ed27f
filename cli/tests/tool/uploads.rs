//! Uploads: the form, its length, memory, refusals, and a whole job from file to files.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use futures_util::StreamExt;
use marey_contract::{Results, UploadTicket};
use serde_json::{Value, json as value};

use crate::server::{Seen, Server, json, no_job, refuse, reply};
use crate::tool::{command, finish, run_in};
use crate::world::{ID, completed, file, running};

const MAX_BYTES: u64 = 2_000_000_000;

/// A ticket for the bucket of the server that was asked.
fn ticket(seen: &Seen) -> UploadTicket {
    let fields = [
        ("key", "uploads/demo/motion/squat.mp4"),
        ("policy", "cG9saWN5"),
        ("x-amz-signature", "abc"),
    ];
    UploadTicket {
        job_id: ID.to_owned(),
        url: format!("http://{}/bucket", seen.header("host").unwrap()),
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        max_bytes: MAX_BYTES,
        expires_at: "2026-11-21T10:15:00Z".to_owned(),
    }
}

async fn whole(body: Body) -> String {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_goes_from_file_to_results() {
    let bodies: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&bodies);
    let asked = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |seen, body| {
        let (kept, asked) = (Arc::clone(&kept), Arc::clone(&asked));
        async move {
            // The API lies under a path, as in a local cloud.
            match seen.line().replace("/_aws/execute-api/abc/$default", "").as_str() {
                "POST /videos" => {
                    let body = whole(body).await;
                    kept.lock().unwrap().push(body);
                    json(&ticket(&seen))
                }
                "POST /bucket" => {
                    let body = whole(body).await;
                    kept.lock().unwrap().push(body);
                    reply(204, Body::empty())
                }
                line if line == format!("GET /jobs/{ID}") => match asked.fetch_add(1, Ordering::SeqCst) {
                    0 | 1 => no_job(),
                    2 => json(&running()),
                    _ => json(&completed()),
                },
                line if line == format!("GET /jobs/{ID}/results") => {
                    let link =
                        |name: &str| format!("http://{}/link/{name}?X-Amz-Signature=1", seen.header("host").unwrap());
                    let files = vec![
                        file("visualize", "report.html", b"<html>", link("report.html")),
                        file("biomechanics", "angles.csv", b"time_s\n0\n", link("angles.csv")),
                    ];
                    json(&Results {
                        job_id: ID.to_owned(),
                        expires_at: "2026-11-21T11:00:00Z".to_owned(),
                        files,
                    })
                }
                "GET /link/report.html" => reply(200, "<html>"),
                "GET /link/angles.csv" => reply(200, "time_s\n0\n"),
                other => panic!("unexpected {other}"),
            }
        }
    })
    .await;
    let endpoint = format!("{}/_aws/execute-api/abc/$default/", server.url());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("squat.mp4"), "not really a video").unwrap();

    let run = run_in(
        folder.path(),
        &endpoint,
        &[
            "submit",
            "squat.mp4",
            "--workflow",
            "motion",
            "--priority",
            "7",
            "--watch",
        ],
    )
    .await;
    assert_eq!(run.code, 0, "{run:?}");
    insta::assert_snapshot!("submit_and_watch", run.stdout);
    assert!(
        run.stderr.contains("waiting for the job to begin"),
        "a 404 right after the upload is no error: {run:?}"
    );

    let bodies = bodies.lock().unwrap().clone();
    let request: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!(
        request,
        value!({"name": "squat.mp4", "workflow": "motion", "priority": 7})
    );
    check_form(
        &bodies[1],
        server.seen().iter().find(|seen| seen.path == "/bucket").unwrap(),
    );

    let run = run_in(folder.path(), &endpoint, &["results", ID, "--download", "out/squat"]).await;
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "out/squat/report.html\nout/squat/angles.csv\n"),
        "{run:?}"
    );
    assert_eq!(
        std::fs::read_to_string(folder.path().join("out/squat/angles.csv")).unwrap(),
        "time_s\n0\n"
    );
    assert_eq!(
        std::fs::read_dir(folder.path().join("out/squat")).unwrap().count(),
        2,
        "no temporary file may stay"
    );
}

/// The ticket's fields come first, then the file; the length is announced, not chunked.
fn check_form(form: &str, seen: &Seen) {
    let boundary = seen.header("content-type").unwrap().split_once("boundary=").unwrap().1;
    let parts: Vec<_> = form.split(&format!("--{boundary}")).collect();
    let names: Vec<_> = parts[1..parts.len() - 1]
        .iter()
        .map(|part| part.split('"').nth(1).unwrap())
        .collect();
    assert_eq!(names, ["key", "policy", "x-amz-signature", "file"]);
    assert!(parts[4].ends_with("\r\n\r\nnot really a video\r\n"), "{form}");
    assert_eq!(seen.header("content-length"), Some(form.len().to_string().as_str()));
    assert_eq!(seen.header("transfer-encoding"), None, "buckets take no chunked forms");
}

/// The most memory that a process ever had, in bytes.
#[cfg(target_os = "linux")]
fn peak_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_does_not_sit_in_memory() {
    const LARGE: u64 = 400_000_000;
    const PEAK: u64 = 100_000_000;
    let process: Arc<Mutex<Option<u32>>> = Arc::default();
    let peak: Arc<Mutex<(u64, u64)>> = Arc::default();
    let (known, measured) = (Arc::clone(&process), Arc::clone(&peak));
    let server = Server::start(move |seen, body| {
        let (known, measured) = (Arc::clone(&known), Arc::clone(&measured));
        async move {
            if seen.path == "/videos" {
                return json(&ticket(&seen));
            }
            let mut received = 0;
            let mut stream = body.into_data_stream();
            while let Some(chunk) = stream.next().await {
                received += chunk.unwrap().len() as u64;
                if received < 2_000_000 {
                    // A slow beginning: whoever reads ahead now fills its memory.
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }
            let process = known.lock().unwrap().unwrap();
            *measured.lock().unwrap() = (received, peak_bytes(process));
            reply(204, Body::empty())
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.mp4");
    std::fs::File::create(&path).unwrap().set_len(LARGE).unwrap();

    let child = command(&server.url(), &["submit", path.to_str().unwrap()])
        .spawn()
        .unwrap();
    *process.lock().unwrap() = child.id();
    let run = finish(child).await;
    assert_eq!((run.code, run.stdout.trim()), (0, ID), "{run:?}");
    let (received, peak) = *peak.lock().unwrap();
    let announced: u64 = server.seen()[1].header("content-length").unwrap().parse().unwrap();
    assert_eq!(received, announced);
    assert!(received > LARGE && received < LARGE + 4096, "{received}");
    eprintln!("peak memory of the tool: {peak} bytes for a file of {LARGE}");
    assert!(peak < PEAK, "{peak} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_bucket_and_of_marey_are_told() {
    let server = Server::start(|seen, body| async move {
        let request = whole(body).await;
        let xml =
            "<Error><Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired.</Message></Error>";
        match seen.line().as_str() {
            "POST /videos" if request.contains("dance") => refuse(
                400,
                "UNKNOWN_WORKFLOW",
                "There is no workflow `dance`.",
                "`motion` is one.",
            ),
            "POST /videos" => json(&ticket(&seen)),
            _ => reply(403, xml),
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.mp4"), "good").unwrap();
    let run = run_in(folder.path(), &server.url(), &["submit", "a.mp4"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    assert!(
        run.stderr.contains("error[UPLOAD_REFUSED]") && run.stderr.contains("Policy expired"),
        "{run:?}"
    );
    let run = run_in(folder.path(), &server.url(), &["submit", "a.mp4", "-w", "dance"]).await;
    assert!(
        run.stderr.contains("error[UNKNOWN_WORKFLOW]") && run.stderr.contains("hint: `motion` is one."),
        "{run:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_is_sent_once() {
    let server = Server::start(|seen, _| async move { json(&ticket(&seen)) }).await;
    let (endpoint, connections) = server.behind_a_bad_road(1).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.mp4"), "good").unwrap();
    let run = run_in(folder.path(), &endpoint, &["submit", "a.mp4", "--json"]).await;
    assert_eq!(
        (run.code, run.json()["error"]["code"].as_str()),
        (1, Some("UNREACHABLE")),
        "{run:?}"
    );
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
