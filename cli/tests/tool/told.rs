//! Errors as people are told them, and lists that have many pages.

use marey_contract::{JobList, JobStatus, JobSummary};

use crate::server::{Server, json, no_job, reply};
use crate::tool::{command, finish, run};
use crate::world::{ID, summary};

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_a_code_and_a_hint() {
    let server = Server::start(|_, _| async move { no_job() }).await;
    let ended = run(&server.url(), &["results", ID]).await;
    insta::assert_snapshot!("error_not_found", ended.text());
    insta::assert_snapshot!("error_no_endpoint", run("", &["jobs"]).await.text());
    insta::assert_snapshot!("error_bad_endpoint", run("127.0.0.1:4566", &["jobs"]).await.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_servers_are_recognised() {
    let server = Server::start(|seen, _| async move {
        match seen.path.as_str() {
            "/page/health" => reply(200, "<html>It works!</html>"),
            "/gateway/health" => reply(404, r#"{"message":"Not Found"}"#),
            "/closed/health" => reply(403, r#"{"message":"Forbidden"}"#),
            _ => axum::response::Response::builder()
                .status(302)
                .header("location", "/elsewhere")
                .body("".into())
                .unwrap(),
        }
    })
    .await;
    for (path, code) in [
        ("page", "NOT_MAREY"),
        ("gateway", "NOT_MAREY"),
        ("closed", "NOT_ALLOWED"),
        ("moved", "NOT_MAREY"),
    ] {
        let ended = run(&format!("{}/{path}", server.url()), &["health"]).await;
        assert!(
            ended.code == 1 && ended.stderr.contains(&format!("error[{code}]")),
            "{path}: {ended:?}"
        );
        assert!(ended.stderr.contains("hint: "), "{path}: {ended:?}");
    }
    assert!(
        !server.seen().iter().any(|seen| seen.path == "/elsewhere"),
        "redirects are not followed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_on_to_their_end() {
    // 250 jobs; the server gives at most 60 at once, whatever is asked for.
    let server = Server::start(|seen, _| async move {
        let parameter = |name: &str| {
            seen.query
                .split('&')
                .find_map(|pair| pair.strip_prefix(&format!("{name}=")).map(str::to_owned))
        };
        let from: u32 = parameter("cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let to = (from + parameter("limit").unwrap().parse::<u32>().unwrap().min(60)).min(250);
        let jobs = (from..to)
            .map(|number| JobSummary {
                id: format!("job-{number}"),
                ..summary(JobStatus::Queued)
            })
            .collect();
        json(&JobList {
            jobs,
            next_cursor: (to < 250).then(|| to.to_string()),
        })
    })
    .await;
    let count = |run: &crate::tool::Run| run.json()["jobs"].as_array().unwrap().len();
    assert_eq!(count(&run(&server.url(), &["jobs", "--json"]).await), 20);
    assert_eq!(
        count(&run(&server.url(), &["jobs", "--json", "--limit", "130"]).await),
        130
    );
    let all = run(&server.url(), &["jobs", "--json", "--all"]).await;
    assert_eq!(
        (count(&all), &all.json()["next_cursor"]),
        (250, &serde_json::Value::Null)
    );
    let text = run(&server.url(), &["jobs"]).await;
    assert!(
        text.stdout.lines().count() == 21 && text.stderr.contains("--all"),
        "{text:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_never_ends_is_left() {
    let server = Server::start(|_, _| async move {
        json(&JobList {
            jobs: vec![summary(JobStatus::Queued)],
            next_cursor: Some("again".to_owned()),
        })
    })
    .await;
    let ended = run(&server.url(), &["jobs", "--all", "--json"]).await;
    assert_eq!(ended.code, 0);
    assert!(server.count("GET /jobs") <= 2, "the same cursor twice leads nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_an_address_is_reached_where_it_is_said() {
    let server = Server::start(|seen, _| async move {
        match seen.header("host") {
            Some("abc.marey.invalid:4566" | "abc.marey.invalid") => no_job(),
            _ => reply(421, ""),
        }
    })
    .await;
    let address = server.url().trim_start_matches("http://").to_owned();
    let by_name = async |endpoint: &str, address: &str| {
        let mut command = command(endpoint, &["status", ID]);
        // The name is unknown to a proxy too.
        command
            .env("HTTP_PROXY", "http://127.0.0.1:9")
            .env("MAREY_CONNECT_TO", address);
        finish(command.spawn().unwrap()).await
    };
    for endpoint in ["http://abc.marey.invalid:4566", "http://abc.marey.invalid"] {
        let ended = by_name(endpoint, &address).await;
        assert!(ended.stderr.contains("error[JOB_NOT_FOUND]"), "{endpoint}: {ended:?}");
    }
    let ended = run("http://abc.marey.invalid", &["status", ID, "--connect-to", &address]).await;
    assert!(ended.stderr.contains("error[JOB_NOT_FOUND]"), "{ended:?}");
    assert!(server.seen().iter().all(|seen| seen.path == format!("/jobs/{ID}")));

    let ended = by_name("http://abc.marey.invalid", "127.0.0.1").await;
    insta::assert_snapshot!("error_bad_connect_to", ended.text());
    let ended = by_name(&server.url(), "").await;
    assert!(
        ended.stderr.contains("421"),
        "an empty variable says nothing: {ended:?}"
    );
}
