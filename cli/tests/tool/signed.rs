//! Signed requests: only to Marey's own routes, never to the links that it gives.

use axum::body::Body;
use marey_contract::UploadTicket;

use crate::server::{Server, json, reply};
use crate::tool::{command, finish};
use crate::world::ID;

const KEY: &str = "AKIDEXAMPLE";
const TOKEN: &str = "a-token";

#[tokio::test(flavor = "multi_thread")]
async fn only_the_routes_of_the_api_are_signed() {
    let server = Server::start(|seen, _| async move {
        if seen.path == "/bucket" {
            return reply(204, Body::empty());
        }
        json(&UploadTicket {
            job_id: ID.to_owned(),
            url: format!("http://{}/bucket", seen.header("host").unwrap()),
            fields: [("key".to_owned(), "uploads/a.mp4".to_owned())].into(),
            max_bytes: 100,
            expires_at: "2026-11-21T10:15:00Z".to_owned(),
        })
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.mp4"), "good").unwrap();
    let mut command = command(&server.url(), &["submit", "a.mp4", "--auth", "iam"]);
    command
        .current_dir(folder.path())
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", KEY);
    command
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_SESSION_TOKEN", TOKEN);
    let run = finish(command.spawn().unwrap()).await;
    assert_eq!(run.code, 0, "{run:?}");

    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    let authorization = seen[0].header("authorization").unwrap();
    let day = &seen[0].header("x-amz-date").unwrap()[..8];
    let scope = format!("AWS4-HMAC-SHA256 Credential={KEY}/{day}/eu-west-1/execute-api/aws4_request, ");
    assert!(authorization.starts_with(&scope), "{authorization}");
    assert!(
        authorization.contains("SignedHeaders=host;x-amz-date;x-amz-security-token, "),
        "{authorization}"
    );
    assert_eq!(seen[0].header("x-amz-security-token"), Some(TOKEN));
    assert_eq!(
        (seen[1].header("authorization"), seen[1].header("x-amz-security-token")),
        (None, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_credentials_and_regions_are_told() {
    let server = Server::start(|_, _| async move { reply(200, "{}") }).await;
    let folder = tempfile::tempdir().unwrap();
    let nothing = |arguments: &[&str]| {
        let mut command = command(&server.url(), arguments);
        let none = folder.path().join("none");
        command
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", &none)
            .env("AWS_SHARED_CREDENTIALS_FILE", &none);
        command
    };
    let run = finish(nothing(&["health", "--auth", "iam"]).spawn().unwrap()).await;
    assert!(run.code == 1 && run.stderr.contains("error[NO_REGION]"), "{run:?}");
    let run = finish(
        nothing(&["health", "--auth", "iam"])
            .env("AWS_REGION", "eu-west-1")
            .spawn()
            .unwrap(),
    )
    .await;
    assert!(run.code == 1 && run.stderr.contains("error[NO_CREDENTIALS]"), "{run:?}");
    assert!(server.seen().is_empty(), "nothing is sent unsigned instead");
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_requests_stay_on_this_machine_only_if_they_are_sent_there() {
    let server =
        Server::start(|_, _| async move { reply(200, r#"{"status":"ok","version":"1","workflows":[]}"#) }).await;
    let address = server.url().trim_start_matches("http://").to_owned();
    let signed = async |endpoint: &str, address: &str| {
        let mut command = command(endpoint, &["health", "--auth", "iam", "--connect-to", address]);
        command.env("AWS_REGION", "eu-west-1").env("AWS_ACCESS_KEY_ID", KEY);
        command.env("AWS_SECRET_ACCESS_KEY", "secret");
        finish(command.spawn().unwrap()).await
    };
    let run = signed("http://abc.localhost:4566", "192.0.2.1:80").await;
    assert!(run.code == 1 && run.stderr.contains("error[UNENCRYPTED]"), "{run:?}");
    let run = signed("http://abc.localhost:4566", &address).await;
    assert_eq!(run.code, 0, "{run:?}");
    let seen = server.seen();
    assert_eq!(seen[0].header("host"), Some("abc.localhost:4566"));
    assert!(seen[0].header("authorization").is_some());
}
