//! Downloads: nothing wrong is kept, nothing is written elsewhere, nothing is fetched twice.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use futures_util::stream;
use marey_contract::{ResultFile, Results};

use crate::server::{Seen, Server, json, reply};
use crate::tool::{command, finish, run_in};
use crate::world::{ID, file};

const CONTENT: &[u8] = b"time_s,knee_flexion_deg\n0,12\n";

/// Results with these files, whose links begin with the server's address.
fn results(seen: &Seen, files: Vec<ResultFile>) -> axum::response::Response {
    let link = |file: ResultFile| ResultFile {
        url: format!("http://{}{}", seen.header("host").unwrap(), file.url),
        ..file
    };
    let files = files.into_iter().map(link).collect();
    json(&Results {
        job_id: ID.to_owned(),
        expires_at: "2026-11-21T11:00:00Z".to_owned(),
        files,
    })
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// A server with one file, `angles.csv`.
async fn one_file() -> Server {
    Server::start(|seen, _| async move {
        if seen.path == "/link" {
            reply(200, CONTENT)
        } else {
            results(&seen, vec![file("pose", "angles.csv", CONTENT, "/link".to_owned())])
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_content_is_not_kept() {
    let server = Server::start(|seen, _| async move {
        match seen.path.as_str() {
            "/other" => reply(200, &b"time_s,knee_flexion_deg\n0,13\n"[..]),
            "/longer" => reply(200, vec![b'x'; 100_000]),
            "/shorter" => reply(200, "time_s"),
            "/expired" => reply(403, "<Error><Code>AccessDenied</Code></Error>"),
            _ => {
                let one = |name: &str| file("pose", &format!("{name}.csv"), CONTENT, format!("/{name}"));
                results(&seen, ["other", "longer", "shorter", "expired"].map(one).to_vec())
            }
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(
        folder.path(),
        &server.url(),
        &["results", ID, "--download", "out", "--json"],
    )
    .await;
    assert_eq!(run.code, 1);
    insta::assert_json_snapshot!("damaged_json", run.json());
    assert!(names_in(&folder.path().join("out")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_outside_the_folder() {
    let server = Server::start(|seen, _| async move {
        if seen.path == "/link" {
            return reply(200, CONTENT);
        }
        let outside = std::env::temp_dir().join("marey-outside.csv");
        let names = [
            "../evil.csv",
            "/tmp/evil.csv",
            outside.to_str().unwrap(),
            "a/b.csv",
            "..",
            r"..\evil.csv",
            ".bashrc",
            "fine.csv",
        ];
        results(
            &seen,
            names
                .map(|name| file("pose", name, CONTENT, "/link".to_owned()))
                .to_vec(),
        )
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &server.url(), &["results", ID, "--download", "out"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (1, "out/fine.csv\n"), "{run:?}");
    assert_eq!(run.stderr.matches("error[UNSAFE_NAME]").count(), 7, "{run:?}");
    assert_eq!(names_in(folder.path()), BTreeSet::from(["out".to_owned()]));
    assert_eq!(
        names_in(&folder.path().join("out")),
        BTreeSet::from(["fine.csv".to_owned()])
    );
    assert!(!std::env::temp_dir().join("marey-outside.csv").exists());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_the_folder_is_not_followed() {
    let server = one_file().await;
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("precious.txt");
    std::fs::write(&precious, "precious").unwrap();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    std::os::unix::fs::symlink(&precious, folder.path().join("out/angles.csv")).unwrap();
    let run = run_in(folder.path(), &server.url(), &["results", ID, "--download", "out"]).await;
    assert!(run.code == 1 && run.stderr.contains("error[FILE_EXISTS]"), "{run:?}");
    let run = run_in(
        folder.path(),
        &server.url(),
        &["results", ID, "--download", "out", "--force"],
    )
    .await;
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(std::fs::read(&precious).unwrap(), b"precious");
    assert_eq!(std::fs::read(folder.path().join("out/angles.csv")).unwrap(), CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_kept_and_what_differs_needs_force() {
    let server = one_file().await;
    let folder = tempfile::tempdir().unwrap();
    let download = ["results", ID, "--download", "."];
    let target = folder.path().join("angles.csv");

    assert_eq!(run_in(folder.path(), &server.url(), &download).await.code, 0);
    let again = run_in(folder.path(), &server.url(), &download).await;
    assert!(
        again.code == 0 && again.stderr.contains("is there already"),
        "{again:?}"
    );
    assert_eq!(server.count("GET /link"), 1, "nothing is fetched twice");

    std::fs::write(&target, "mine").unwrap();
    let run = run_in(folder.path(), &server.url(), &download).await;
    assert!(
        run.code == 1 && run.stderr.contains("error[FILE_EXISTS]") && run.stderr.contains("--force"),
        "{run:?}"
    );
    assert_eq!(std::fs::read(&target).unwrap(), b"mine");

    let run = run_in(folder.path(), &server.url(), &[&download[..], &["--force"]].concat()).await;
    assert_eq!(
        (run.code, std::fs::read(&target).unwrap().as_slice()),
        (0, CONTENT),
        "{run:?}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&target).unwrap().permissions().mode();
        assert_ne!(mode & 0o777, 0o600, "not the closed mode of temporary files");
    }
}

/// A body that promises everything and breaks off in the middle.
fn half() -> Body {
    let (beginning, _) = CONTENT.split_at(10);
    let parts = [
        Ok(Bytes::from_static(beginning)),
        Err(std::io::Error::other("broken off by the test")),
    ];
    Body::from_stream(stream::iter(parts))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_breaks_off_is_begun_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |seen, _| {
        let asked = Arc::clone(&asked);
        async move {
            match (seen.path.as_str(), asked.load(Ordering::SeqCst)) {
                ("/link", 0) => {
                    asked.fetch_add(1, Ordering::SeqCst);
                    reply(200, half())
                }
                ("/link", 1) => {
                    asked.fetch_add(1, Ordering::SeqCst);
                    reply(503, "<Error><Code>SlowDown</Code></Error>")
                }
                ("/link", _) => reply(200, CONTENT),
                _ => results(&seen, vec![file("pose", "angles.csv", CONTENT, "/link".to_owned())]),
            }
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &server.url(), &["results", ID, "--download", "."]).await;
    assert_eq!((run.code, server.count("GET /link")), (0, 3), "{run:?}");
    assert_eq!(names_in(folder.path()), BTreeSet::from(["angles.csv".to_owned()]));
    assert_eq!(std::fs::read(folder.path().join("angles.csv")).unwrap(), CONTENT);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_download_leaves_nothing() {
    let server = Server::start(|seen, _| async move {
        if seen.path != "/link" {
            return results(&seen, vec![file("pose", "angles.csv", CONTENT, "/link".to_owned())]);
        }
        let beginning = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(&CONTENT[..10]))]);
        reply(
            200,
            Body::from_stream(futures_util::StreamExt::chain(beginning, stream::pending())),
        )
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let child = command(&server.url(), &["results", ID, "--download", "."])
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    while !names_in(folder.path())
        .iter()
        .any(|name| Path::new(name).extension().is_some_and(|end| end == "part"))
    {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let process = child.id().unwrap().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &process])
            .status()
            .unwrap()
            .success()
    );
    let run = finish(child).await;
    assert_eq!(run.code, 130, "{run:?}");
    assert!(names_in(folder.path()).is_empty());
}
