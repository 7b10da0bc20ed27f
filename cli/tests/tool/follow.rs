//! Following a job: through troubles, to each of its ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use marey::watch::{Patience, Sight, follow};
use marey::{Auth, Client, Endpoint};
use marey_contract::{JobDetail, JobStatus, StageStatus};

use crate::server::{Server, json, no_job, reply};
use crate::tool::run;
use crate::world::{ID, completed, failed, job, running};

/// A server on which a job moves on with each question.
async fn moving(states: Vec<JobDetail>) -> Server {
    let asked = Arc::new(AtomicUsize::new(0));
    let states = Arc::new(states);
    Server::start(move |_, _| {
        let at = asked.fetch_add(1, Ordering::SeqCst).min(states.len() - 1);
        let states = Arc::clone(&states);
        async move { json(&states[at]) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_each_change_is_one_plain_line() {
    use StageStatus::{Completed, Queued, Running, Waiting};
    let queued = job(
        JobStatus::Queued,
        [(Queued, 0.0), (Waiting, 0.0), (Waiting, 0.0), (Waiting, 0.0)],
    );
    let mut again = running();
    again.stages[1].attempts = 2;
    again.stages[1].error = failed().summary.error;
    let nearly = job(
        JobStatus::Running,
        [(Completed, 1.0), (Completed, 1.0), (Completed, 1.0), (Running, 0.97)],
    );
    let server = moving(vec![queued, running(), running(), again, nearly, completed()]).await;
    let run = run(&server.url(), &["watch", ID]).await;
    insta::assert_snapshot!("watch_lines", run.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_is_an_exit_code_and_a_hint() {
    let server = moving(vec![running(), failed()]).await;
    let run = run(&server.url(), &["watch", ID]).await;
    insta::assert_snapshot!("watch_failed", run.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_is_an_exit_code() {
    use StageStatus::{Cancelled, Completed};
    let cancelled = job(
        JobStatus::Cancelled,
        [(Completed, 1.0), (Cancelled, 0.4), (Cancelled, 0.0), (Cancelled, 0.0)],
    );
    let server = moving(vec![running(), cancelled]).await;
    let ended = run(&server.url(), &["watch", ID]).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (1, "✗ squat.mp4 cancelled after 34.2 s\n"),
        "{ended:?}"
    );
    let ended = run(&server.url(), &["watch", ID, "--json"]).await;
    assert_eq!((ended.code, ended.json()["status"].as_str()), (1, Some("cancelled")));
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_are_survived() {
    let server = moving(vec![running(), completed()]).await;
    let (endpoint, connections) = server.behind_a_bad_road(3).await;
    let ended = run(&endpoint, &["watch", ID]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(
        ended.stderr.matches("no answer, trying again").count(),
        1,
        "the same trouble is told once: {ended:?}"
    );
    assert!(connections.load(Ordering::SeqCst) >= 4);

    let (endpoint, _) = server.behind_a_bad_road(2).await;
    assert_eq!(run(&endpoint, &["status", ID]).await.code, 0, "reads are tried again");
    let (endpoint, connections) = server.behind_a_bad_road(usize::MAX).await;
    let ended = run(&endpoint, &["status", ID]).await;
    assert!(
        ended.code == 1 && ended.stderr.contains("error[UNREACHABLE]"),
        "{ended:?}"
    );
    assert_eq!(connections.load(Ordering::SeqCst), 4, "but not for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_ends() {
    let patience = Patience {
        shortest: Duration::from_millis(1),
        longest: Duration::from_millis(5),
        unknown_for: Duration::from_millis(50),
        silent_for: Duration::from_millis(50),
    };
    let server = Server::start(|seen, _| async move {
        if seen.path.contains("busy") {
            reply(503, "")
        } else {
            no_job()
        }
    })
    .await;
    let client = Client::new(Endpoint::parse(&server.url()).unwrap(), Auth::Auto)
        .await
        .unwrap();

    let mut not_yet = 0;
    let error = follow(&client, "unknown", patience, &mut |sight| {
        not_yet += usize::from(matches!(sight, Sight::NotYet));
    })
    .await;
    assert_eq!(error.unwrap_err().code(), "JOB_NOT_FOUND");
    let mut troubles = 0;
    let error = follow(&client, "busy", patience, &mut |sight| {
        troubles += usize::from(matches!(sight, Sight::Trouble(_)));
    })
    .await;
    assert_eq!(error.unwrap_err().code(), "SERVER_ERROR");
    assert!(not_yet > 1 && troubles > 1, "{not_yet} {troubles}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_known_and_is_gone_is_told_at_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let server = Server::start(move |_, _| {
        let at = counted.fetch_add(1, Ordering::SeqCst);
        async move { if at == 0 { json(&running()) } else { no_job() } }
    })
    .await;
    let ended = run(&server.url(), &["watch", ID]).await;
    assert!(
        ended.code == 1 && ended.stderr.contains("error[JOB_NOT_FOUND]"),
        "{ended:?}"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}
