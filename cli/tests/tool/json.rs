//! What machines and people are shown of things that do not change.

use marey_contract::{Health, JobList, JobStatus, JobSummary, Results};

use crate::server::{Server, json, no_job, refuse};
use crate::tool::{Run, run};
use crate::world::{ID, completed, failed, file, running, sharded, summary};

/// A server on which nothing changes.
async fn still() -> Server {
    Server::start(|seen, _| async move {
        match seen.line().as_str() {
            "GET /health" => {
                let workflows = vec!["motion".to_owned()];
                json(&Health {
                    status: "ok".to_owned(),
                    version: "0.1.0".to_owned(),
                    workflows,
                })
            }
            "GET /jobs" => {
                let other = |number: u32, name: &str, status| JobSummary {
                    id: format!("00000000-0000-5000-8000-{number:012}"),
                    name: name.to_owned(),
                    ..summary(status)
                };
                let jobs = vec![
                    summary(JobStatus::Completed),
                    other(
                        1,
                        "a long name of a video from a phone, 2026-11-21.mov",
                        JobStatus::Running,
                    ),
                    other(2, "sneaky\u{1b}[2J.mp4", JobStatus::Failed),
                ];
                json(&JobList {
                    jobs,
                    next_cursor: Some("bmV4dA==".to_owned()),
                })
            }
            "GET /jobs/running" | "POST /jobs/running/cancel" => json(&running()),
            "GET /jobs/sharded" => json(&sharded()),
            "GET /jobs/failed" => json(&failed()),
            "POST /jobs/failed/cancel" => {
                refuse(409, "JOB_ENDED", "The job has already ended.", "Nothing is to be done.")
            }
            line if line == format!("GET /jobs/{ID}") => json(&completed()),
            line if line == format!("GET /jobs/{ID}/results") => {
                let link = |name: &str| format!("https://bucket.example/artifacts/{name}?X-Amz-Expires=900");
                let files = vec![
                    file("visualize", "report.html", b"<html>", link("report.html")),
                    file("biomechanics", "angles.csv", &[b'0'; 12_345], link("angles.csv")),
                ];
                json(&Results {
                    job_id: ID.to_owned(),
                    expires_at: "2026-11-21T11:00:00Z".to_owned(),
                    files,
                })
            }
            _ => no_job(),
        }
    })
    .await
}

const SHOWN: [(&str, &[&str]); 9] = [
    ("status_sharded", &["status", "sharded"]),
    ("health", &["health"]),
    ("jobs", &["jobs", "--limit", "3"]),
    ("status_running", &["status", "running"]),
    ("status_failed", &["status", "failed"]),
    ("status_completed", &["status", ID]),
    ("results", &["results", ID]),
    ("cancel", &["cancel", "running"]),
    ("cancel_refused", &["cancel", "failed"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn json_is_stable() {
    let server = still().await;
    for (name, arguments) in SHOWN {
        let run = run(&server.url(), &[arguments, &["--json"]].concat()).await;
        assert_eq!(
            (run.code == 0, run.stderr.as_str()),
            (name != "cancel_refused", ""),
            "{run:?}"
        );
        insta::assert_json_snapshot!(format!("json_{name}"), run.json());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_aligned_and_harmless() {
    let server = still().await;
    for (name, arguments) in SHOWN {
        let run = run(&server.url(), arguments).await;
        assert!(
            !run.text().contains('\u{1b}'),
            "neither colours nor a name's escapes: {run:?}"
        );
        insta::assert_snapshot!(format!("text_{name}"), run.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_come_when_they_are_asked_for() {
    let server = still().await;
    let always = run(&server.url(), &["status", "failed", "--color", "always"]).await;
    assert!(always.stdout.contains("\u{1b}[31m"), "{always:?}");
    let never = run(&server.url(), &["status", "failed", "--color", "never"]).await;
    assert_eq!(console::strip_ansi_codes(&always.stdout), never.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_json_too() {
    let server = still().await;
    let error = |run: &Run| run.json()["error"]["code"].as_str().map(str::to_owned);
    let missing = run(&server.url(), &["status", "nobody", "--json"]).await;
    assert_eq!((missing.code, error(&missing).as_deref()), (1, Some("JOB_NOT_FOUND")));
    let wrong = run(&server.url(), &["status", "../health", "--json"]).await;
    assert_eq!((wrong.code, error(&wrong).as_deref()), (1, Some("BAD_JOB_ID")));
    let usage = run(&server.url(), &["jobs", "--limit", "0", "--json"]).await;
    assert_eq!((usage.code, error(&usage).as_deref()), (2, Some("USAGE")));
    let nowhere = run("", &["health", "--json"]).await;
    assert_eq!((nowhere.code, error(&nowhere).as_deref()), (1, Some("NO_ENDPOINT")));
}
