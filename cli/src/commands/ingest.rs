//! `marey ingest`: the videos of a zip archive as one batch.
//!
//! The archive is judged as a whole before Marey is asked for anything. Then each video is unpacked into a temporary file
//! without a name, checked, sent and forgotten, as many at a time as are sent at once: that is all the disk it takes.

use std::collections::BTreeSet;
use std::path::Path;

use marey_archive::{ArchiveError, Limits, Plan, Refusal, Violation};
use marey_contract::ErrorBody;
use serde::Serialize;

use super::batch::{Found, send_all};
use super::{Verdict, connect, is_endpoint_given, show_json_or};
use crate::arguments::{Global, Ingest};
use crate::client::Client;
use crate::error::Error;
use crate::screen::{Paint, Screen};
use crate::table::{Cell, Column, render};
use crate::videos::{Chosen, name_of};
use crate::words::{counted, size, tame};

/// Names are compared with those of so many jobs, the newest.
const JOBS_COMPARED: usize = 1000;
/// So many jobs come in one answer.
const PAGE: u32 = 100;

const PLAN: [Column<'static>; 4] = [
    Column::left("NAME").shrinks_to(16),
    Column::left("IN THE ARCHIVE").shrinks_to(16).drops_at(1),
    Column::right("SIZE"),
    Column::right("PACKED").drops_at(2),
];

/// Version of what `--dry-run --json` prints.
const SCHEMA_VERSION: u32 = 1;

/// What `--dry-run --json` prints.
#[derive(Debug, Serialize)]
struct Planned<'a> {
    schema_version: u32,
    archive: String,
    bytes: u64,
    #[serde(flatten)]
    plan: &'a Plan,
    /// Names that earlier jobs have: without `--force` nothing would be sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    taken: Vec<String>,
}

/// What `--json` prints of an archive that is refused.
#[derive(Debug, Serialize)]
struct Refused<'a> {
    error: ErrorBody,
    violations: &'a [Violation],
}

pub(super) async fn ingest(global: &Global, screen: &Screen, options: &Ingest) -> Result<Verdict, Error> {
    let archive = options.archive.clone();
    let judged = tokio::task::spawn_blocking(move || judge(&archive)).await;
    let plan = match judged.map_err(|error| Error::Start { why: error.to_string() })? {
        Err(Error::ArchiveRefused { path, refusal }) => return refuse(screen, &path, &refusal),
        judged => judged?,
    };
    if options.dry_run {
        let taken = if is_endpoint_given(global) && !options.force {
            taken_names(&connect(global).await?, &plan).await?
        } else {
            Vec::new()
        };
        return show(screen, &options.archive, &plan, taken);
    }
    let client = connect(global).await?;
    if !options.force {
        let names = taken_names(&client, &plan).await?;
        if !names.is_empty() {
            return Err(Error::NamesTaken { names });
        }
    }
    if !screen.is_json() {
        for line in left_out(&plan) {
            Screen::note(&screen.paint_note(Paint::Faint, &line));
        }
    }
    let name = options.name.clone();
    let name = name.unwrap_or_else(|| name_of(std::slice::from_ref(&options.archive)));
    let videos = plan.videos().iter().map(|video| {
        let bytes = video.packed().bytes();
        (Chosen::packed(&options.archive, video.clone()), bytes)
    });
    let found = Found {
        videos: videos.collect(),
        failed: Vec::new(),
        skipped: plan.skipped().to_vec(),
    };
    send_all(&client, screen, name, &options.manner, found).await
}

/// Judges an archive on disk.
fn judge(path: &Path) -> Result<Plan, Error> {
    let unreadable = |why: String| Error::FileUnreadable {
        path: path.to_owned(),
        why,
    };
    // Opening a pipe would wait for its writer.
    let seen = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if !seen.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    let mut file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    marey_archive::plan(&mut file, &Limits::default()).map_err(|error| match error {
        ArchiveError::Read(error) => unreadable(error.to_string()),
        ArchiveError::Refused(refusal) => Error::ArchiveRefused {
            path: path.to_owned(),
            refusal,
        },
    })
}

/// Says everything that is wrong with an archive.
fn refuse(screen: &Screen, path: &Path, refusal: &Refusal) -> Result<Verdict, Error> {
    let error = Error::ArchiveRefused {
        path: path.to_owned(),
        refusal: refusal.clone(),
    };
    if screen.is_json() {
        Screen::print_json(&Refused {
            error: error.to_body(),
            violations: refusal.violations(),
        })?;
        return Ok(Verdict::NotWell);
    }
    let [only] = refusal.violations() else {
        let count = counted(refusal.violations().len(), "problem");
        let mut body = error.to_body();
        body.message = format!(
            "the archive `{}` is refused, and nothing was sent: {count}",
            path.display()
        );
        let hint = std::mem::take(&mut body.hint);
        screen.tell(&body);
        for violation in refusal.violations() {
            let code = screen.paint_note(Paint::Faint, &format!("{:<22}", violation.kind.code()));
            Screen::note(&format!("  {code} {}", tame(&violation.to_string())));
        }
        Screen::note(&format!(
            "  {} {}",
            screen.paint_note(Paint::Faint, "hint:"),
            tame(&hint)
        ));
        return Ok(Verdict::NotWell);
    };
    let mut body = error.to_body();
    only.kind.code().clone_into(&mut body.code);
    screen.tell(&body);
    Ok(Verdict::NotWell)
}

/// Shows what would be sent; all is well if it would.
fn show(screen: &Screen, archive: &Path, plan: &Plan, taken: Vec<String>) -> Result<Verdict, Error> {
    let planned = Planned {
        schema_version: SCHEMA_VERSION,
        archive: archive.display().to_string(),
        bytes: plan.bytes(),
        plan,
        taken,
    };
    show_json_or(screen, &planned, || table(screen, plan, &planned.taken))?;
    Ok(if planned.taken.is_empty() {
        Verdict::Well
    } else {
        Verdict::NotWell
    })
}

fn table(screen: &Screen, plan: &Plan, taken: &[String]) -> String {
    let rows = plan.videos().iter().map(|video| {
        let packed = video.packed();
        vec![
            Cell::painted(tame(video.name()), Paint::Strong),
            Cell::painted(tame(video.path()), Paint::Faint),
            Cell::new(size(packed.bytes())),
            Cell::new(size(packed.packed_bytes())),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let paint = |paint: Paint, text: &str| screen.paint(paint, text);
    let mut lines = vec![render(&PLAN, &rows, screen.out_width(), &paint)];
    let total = format!(
        "{}, {}; nothing was sent",
        counted(plan.videos().len(), "video"),
        size(plan.bytes())
    );
    lines.push(format!("\n{total}"));
    lines.extend(left_out(plan).iter().map(|line| paint(Paint::Faint, line)));
    if !taken.is_empty() {
        let names = taken.iter().map(|name| tame(name)).collect::<Vec<_>>().join(", ");
        let problem = format!("earlier jobs have these names, only --force would send them: {names}");
        lines.push(paint(Paint::Bad, &problem));
    }
    lines.join("\n")
}

/// What an archive holds beside its videos, a line for each; what systems leave behind is counted.
fn left_out(plan: &Plan) -> Vec<String> {
    let skipped = plan.skipped().iter();
    let mut lines: Vec<_> = skipped
        .map(|one| format!("left out: {} ({})", tame(&one.path), one.reason.text()))
        .collect();
    if plan.housekeeping() > 0 {
        let files = counted(plan.housekeeping() as usize, "file");
        lines.push(format!("left out: {files} of macOS or Windows itself"));
    }
    lines
}

/// The names that earlier jobs have: an archive that is sent twice is mostly a mistake.
async fn taken_names(client: &Client, plan: &Plan) -> Result<Vec<String>, Error> {
    let mut known = BTreeSet::new();
    let (mut seen, mut cursor) = (0, None);
    while seen < JOBS_COMPARED {
        let page = client.jobs(PAGE, cursor.as_deref()).await?;
        seen += page.jobs.len();
        let is_empty = page.jobs.is_empty();
        known.extend(page.jobs.into_iter().map(|job| job.name));
        cursor = page.next_cursor;
        if is_empty || cursor.is_none() {
            break;
        }
    }
    let names = plan.videos().iter().map(|video| video.name().to_owned());
    Ok(names.filter(|name| known.contains(name)).collect())
}
