//! What operators do: keys, pauses, purges, retries; and workflows with and without a deployment.

use std::sync::{Arc, Mutex};

use axum::body::to_bytes;
use serde_json::{Value, json as value};

use crate::server::{Server, json, refuse};
use crate::tool::{command, finish, run, run_in};
use crate::world::{ID, running};

const KEY: &str = "mk_0123456789abcdef";

/// A deployment that says yes to everything and keeps what it was asked.
async fn deployment(asked: Arc<Mutex<Vec<(String, Value)>>>) -> Server {
    Server::start(move |seen, body| {
        let asked = Arc::clone(&asked);
        async move {
            let bytes = to_bytes(body, 100_000).await.unwrap();
            let request: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            asked.lock().unwrap().push((seen.line(), request.clone()));
            let key = value!({"id": "3f9a1c2b", "owner": "studio", "scopes": ["read", "admin"],
                "created_at": "2026-11-21T10:00:00Z", "note": "render farm"});
            match seen.line().as_str() {
                "POST /system/pause" => json(&value!({"scope": "stage/pose",
                    "pause": {"since": "2026-11-21T10:00:00Z", "by": "studio", "reason": request["reason"]}})),
                "POST /system/resume" => json(&value!({"scope": "stage/pose", "jobs_resumed": 4, "more": true})),
                "POST /system/concurrency" => json(&value!({"scope": "stage/pose", "concurrency": request["tasks"]})),
                "DELETE /system/drain" => json(&value!({"scope": "system"})),
                "POST /system/purge" if request["cursor"].is_null() => json(&value!({"jobs": ["one", "two"],
                    "artifacts": 7, "dry_run": request["dry_run"] == true, "next_cursor": "2"})),
                "POST /system/purge" => {
                    json(&value!({"jobs": ["three"], "artifacts": 1, "dry_run": request["dry_run"] == true}))
                }
                "POST /queues/pose/redrive" => json(&value!({"queue": "pose", "jobs": [ID], "sent_back": 1,
                    "forgotten": 2, "kept": 3, "more": true})),
                "GET /keys" => json(&value!({"keys": [key]})),
                "POST /keys" => {
                    let mut new = key;
                    new["key"] = value!(KEY);
                    json(&new)
                }
                "DELETE /keys/3f9a1c2b" => json(&key),
                "GET /system" => json(&value!({"at": "2026-11-21T10:00:34Z", "version": "0.1.0", "stages": [],
                    "workflows": [], "running": {"standard": 0, "express": 0}})),
                line if line.ends_with("/retry") || line.ends_with("/reprocess") || line.starts_with("GET /jobs/") => {
                    json(&running())
                }
                "GET /workflows/motion" => json(&value!({"name": "motion", "title": "Motion", "description": "d",
                    "deadline_s": 3600, "stages": [], "params": {"cutoff_hz": {"title": "Cut-off", "type": "number",
                    "default": 6.0, "expected": "a number"}}})),
                _ => refuse(404, "ROUTE_NOT_FOUND", "Nothing is there.", "See GET /openapi.json."),
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_decide_is_sent_and_told() {
    let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
    let server = deployment(Arc::clone(&asked)).await;
    let commands: [(&[&str], &str, Value); 9] = [
        (
            &["system", "pause", "pose", "--reason", "new model"],
            "POST /system/pause",
            value!({"stage": "pose", "reason": "new model"}),
        ),
        (
            &["system", "resume", "--workflow", "motion"],
            "POST /system/resume",
            value!({"workflow": "motion"}),
        ),
        (&["system", "drain", "--end"], "DELETE /system/drain", Value::Null),
        (
            &["system", "concurrency", "pose", "20"],
            "POST /system/concurrency",
            value!({"stage": "pose", "tasks": 20}),
        ),
        (
            &["system", "concurrency", "pose", "--unlimited"],
            "POST /system/concurrency",
            value!({"stage": "pose"}),
        ),
        (
            &["redrive", "pose", "--limit", "20"],
            "POST /queues/pose/redrive",
            value!({"limit": 20}),
        ),
        (
            &["retry", ID],
            "POST /jobs/7b4c3a52-8a0f-5d1e-9a55-0c5f7e0a9d11/retry",
            Value::Null,
        ),
        (
            &["reprocess", ID, "--param", "cutoff_hz=8", "--no-reuse"],
            "POST /jobs/7b4c3a52-8a0f-5d1e-9a55-0c5f7e0a9d11/reprocess",
            value!({"params": {"cutoff_hz": 8}, "reuse": false}),
        ),
        (&["keys", "revoke", "3f9a1c2b"], "DELETE /keys/3f9a1c2b", Value::Null),
    ];
    let mut told = String::new();
    for (arguments, line, request) in commands {
        let ended = run(&server.url(), arguments).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let last = asked.lock().unwrap().last().cloned().unwrap();
        assert_eq!(last, (line.to_owned(), request));
        told = format!(
            "{told}{}",
            format_args!("$ marey {}\n{}{}\n", arguments.join(" "), ended.stdout, ended.stderr)
        );
    }
    insta::assert_snapshot!("operators", told);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_purged_that_nobody_agreed_to() {
    let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
    let server = deployment(Arc::clone(&asked)).await;
    let wet = || {
        asked
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, request)| request["dry_run"] != true)
            .count()
    };
    let refused = run(&server.url(), &["system", "purge", "--older-than", "30d"]).await;
    assert!(
        refused.code == 1 && refused.stderr.contains("error[NOT_CONFIRMED]"),
        "{refused:?}"
    );
    let dry = run(&server.url(), &["system", "purge", "--older-than", "4w", "--dry-run"]).await;
    assert_eq!(dry.stdout, "3 jobs would be forgotten\n  one\n  two\n  three\n");
    assert_eq!(wet(), 0);
    let done = run(
        &server.url(),
        &["system", "purge", "--older-than", "30d", "--status", "failed", "--yes"],
    )
    .await;
    assert!(
        done.stdout.starts_with("3 jobs forgotten, 8 artifacts deleted"),
        "{done:?}"
    );
    assert_eq!(wet(), 2, "both pages");
    let last = asked.lock().unwrap().last().cloned().unwrap().1;
    assert_eq!(last, value!({"older_than_days": 30, "status": "failed", "cursor": "2"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_sent_as_bearer_and_never_shown() {
    let server = deployment(Arc::default()).await;
    let with_key = |arguments: &[&str]| {
        let mut command = command(&server.url(), arguments);
        command.env("MAREY_API_KEY", KEY);
        command
    };
    let ended = finish(with_key(&["keys", "list"]).spawn().unwrap()).await;
    insta::assert_snapshot!("keys", ended.text());
    let bearer = format!("Bearer {KEY}");
    assert_eq!(
        server.seen().last().unwrap().header("authorization"),
        Some(bearer.as_str())
    );
    for arguments in [&["--help"][..], &["keys", "--help"], &["nothing"], &["status", "../x"]] {
        let ended = finish(with_key(arguments).spawn().unwrap()).await;
        assert!(!ended.text().contains(KEY), "{ended:?}");
    }
    let mut signed = with_key(&["keys", "list", "--auth", "iam"]);
    signed
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret");
    finish(signed.spawn().unwrap()).await;
    let last = server.seen().last().cloned().unwrap();
    assert_eq!(last.header("x-marey-key"), Some(KEY));
    assert!(
        last.header("authorization")
            .is_some_and(|value| value.starts_with("AWS4"))
    );

    let clear = finish(
        command("http://marey.example.com", &["keys", "list", "--api-key", KEY])
            .spawn()
            .unwrap(),
    )
    .await;
    assert!(
        clear.stderr.contains("error[UNENCRYPTED]") && !clear.stderr.contains(KEY),
        "{clear:?}"
    );
    let made = run(
        &server.url(),
        &["keys", "create", "studio", "--scope", "read", "--scope", "admin"],
    )
    .await;
    assert_eq!(made.stdout.trim(), KEY, "the key alone, to be piped");
}

#[tokio::test(flavor = "multi_thread")]
async fn workflows_need_no_network_unless_a_deployment_is_named() {
    insta::assert_snapshot!("workflows", run("", &["workflows"]).await.text());
    insta::assert_snapshot!("workflow_motion", run("", &["workflows", "motion"]).await.text());
    let folder = tempfile::tempdir().unwrap();
    let drawn = run_in(folder.path(), "", &["workflows", "motion", "--svg", "motion.svg"]).await;
    let svg = std::fs::read_to_string(folder.path().join("motion.svg")).unwrap();
    assert!(
        drawn.stdout.trim() == "motion.svg" && svg.starts_with("<svg "),
        "{drawn:?}"
    );
    let none = run("", &["workflows", "dance"]).await;
    assert!(
        none.stderr.contains("error[NO_WORKFLOW]") && none.stderr.contains("motion, pose, probe"),
        "{none:?}"
    );
    let server = deployment(Arc::default()).await;
    let asked = run(&server.url(), &["workflows", "motion", "--json"]).await;
    assert_eq!(asked.json()["deadline_s"], 3600);
    assert!(
        server.url().ends_with(asked.json()["source"].as_str().unwrap()),
        "{asked:?}"
    );
    assert_eq!(
        run(&server.url(), &["workflows", "motion", "--shipped", "--json"])
            .await
            .json()["source"],
        "shipped"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_is_shown_once_where_there_is_no_terminal() {
    let server = deployment(Arc::default()).await;
    let ended = run(&server.url(), &["system"]).await;
    assert!(
        ended.code == 0 && ended.stdout.contains("0 jobs running") && !ended.stdout.contains('\u{1b}'),
        "{ended:?}"
    );
    assert_eq!(
        run(&server.url(), &["system", "--json"]).await.json()["version"],
        "0.1.0"
    );
    assert_eq!(server.count("GET /system"), 2);
}
