//! `marey results`: what a job made, as a table or as files.

use std::path::Path;

use marey_contract::{ErrorBody, ResultFile, Results};
use serde::Serialize;

use super::{Verdict, show_json_or};
use crate::arguments::ResultsOf;
use crate::bars::Transfer;
use crate::client::Client;
use crate::download::{Outcome, download, local_names};
use crate::error::Error;
use crate::screen::{Paint, Screen};
use crate::table::{Cell, Column, render};
use crate::words::{moment, size, tame};

const FILES: [Column<'static>; 5] = [
    Column::left("NAME").shrinks_to(12),
    Column::right("SIZE"),
    Column::left("TYPE").shrinks_to(8).drops_at(2),
    Column::left("STAGE").drops_at(1),
    Column::left("SHA-256").drops_at(3),
];

/// What `--download --json` prints.
#[derive(Debug, Serialize)]
struct Report {
    job_id: String,
    files: Vec<Stored>,
    failed: Vec<Failed>,
    /// The first failure, where every other command has its error.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
}

/// A result that lies in the folder.
#[derive(Debug, Serialize)]
struct Stored {
    name: String,
    path: String,
    bytes: u64,
    sha256: String,
    /// `downloaded`, or `kept` if it was there already.
    outcome: &'static str,
}

/// A result that does not.
#[derive(Debug, Serialize)]
struct Failed {
    name: String,
    error: ErrorBody,
}

/// Lists or downloads the results of a job.
pub(super) async fn results(client: &Client, screen: &Screen, options: &ResultsOf) -> Result<Verdict, Error> {
    let results = client.results(&options.id).await?;
    if let Some(folder) = &options.download {
        return fetch_all(client, screen, &results, folder, options.force).await;
    }
    let verdict = show_json_or(screen, &results, || table(screen, &results))?;
    if !screen.is_json() {
        let until = format!(
            "links until {} UTC; --download DIR fetches the files",
            moment(&results.expires_at)
        );
        Screen::note(&screen.paint_note(Paint::Faint, &until));
    }
    Ok(verdict)
}

fn table(screen: &Screen, results: &Results) -> String {
    if results.files.is_empty() {
        return "no files".to_owned();
    }
    let row = |file: &ResultFile| {
        vec![
            Cell::new(tame(&file.name)),
            Cell::new(size(file.bytes)),
            Cell::new(tame(&file.content_type)),
            Cell::new(tame(&file.stage)),
            Cell::painted(tame(&file.sha256), Paint::Faint),
        ]
    };
    let rows: Vec<_> = results.files.iter().map(row).collect();
    render(&FILES, &rows, screen.out_width(), &|paint, text| {
        screen.paint(paint, text)
    })
}

/// Fetches every file, one after the other; those that fail do not stop the rest.
async fn fetch_all(
    client: &Client,
    screen: &Screen,
    results: &Results,
    folder: &Path,
    force: bool,
) -> Result<Verdict, Error> {
    tokio::fs::create_dir_all(folder)
        .await
        .map_err(|error| Error::FileUnwritable {
            path: folder.to_owned(),
            why: error.to_string(),
        })?;
    let mut report = Report {
        job_id: results.job_id.clone(),
        files: Vec::new(),
        failed: Vec::new(),
        error: None,
    };
    for (file, name) in results.files.iter().zip(local_names(&results.files)) {
        let outcome = match name {
            Ok(name) => fetch(client, screen, file, folder, &name, force).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(stored) => {
                // On a terminal the transfer has already been told.
                if !screen.is_json() && screen.out_width().is_none() {
                    Screen::print(&stored.path)?;
                }
                report.files.push(stored);
            }
            Err(error) => {
                let body = error.to_body();
                screen.tell(&body);
                report.error.get_or_insert_with(|| body.clone());
                report.failed.push(Failed {
                    name: file.name.clone(),
                    error: body,
                });
            }
        }
    }
    if screen.is_json() {
        Screen::print_json(&report)?;
    }
    Ok(if report.failed.is_empty() {
        Verdict::Well
    } else {
        Verdict::NotWell
    })
}

async fn fetch(
    client: &Client,
    screen: &Screen,
    file: &ResultFile,
    folder: &Path,
    name: &str,
    force: bool,
) -> Result<Stored, Error> {
    let shown = Transfer::begin(screen, "downloading", name, file.bytes);
    let outcome = match download(client, file, folder, name, force, shown.position()).await {
        Ok(Outcome::Downloaded) => {
            shown.end("downloaded");
            "downloaded"
        }
        Ok(Outcome::Kept) => {
            shown.give_up();
            Screen::note(&format!(
                "{} {name} is there already",
                screen.paint_note(Paint::Good, "✓")
            ));
            "kept"
        }
        Err(error) => {
            shown.give_up();
            return Err(error);
        }
    };
    let path = folder.join(name).display().to_string();
    Ok(Stored {
        name: name.to_owned(),
        path,
        bytes: file.bytes,
        sha256: file.sha256.clone(),
        outcome,
    })
}
