//! `marey batch`: many videos as one thing, from upload to summary table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use futures_util::StreamExt;
use marey_archive::Skipped;
use marey_contract::{
    BatchDetail, BatchItem, BatchList, BatchRequest, BatchStatus, BatchSummary, BatchTicket, BatchVideo, Changed,
    ErrorBody,
};
use serde::Serialize;

use super::{Verdict, fresh_token, show_json_or};
use crate::arguments::{BatchCommand, Batches, Manner};
use crate::bars::Fleet;
use crate::client::Client;
use crate::error::Error;
use crate::parameters::{DEFAULT_WORKFLOW, check, values};
use crate::screen::{Paint, Screen, batch_status, error_text, video_status};
use crate::table::{Cell, Column, render};
use crate::upload::upload;
use crate::videos::{Chosen, choose, name_of};
use crate::watch::{Patience, follow_batch};
use crate::words::{counted, dollars, duration, moment, number, percent, tame};

const LIST: [Column<'static>; 6] = [
    Column::left("ID"),
    Column::left("NAME").shrinks_to(8),
    Column::left("WORKFLOW").drops_at(2),
    Column::right("VIDEOS"),
    Column::right("PRIORITY").drops_at(3),
    Column::left("CREATED (UTC)").drops_at(1),
];

/// What a submitted batch's `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    batch: BatchSummary,
    submitted: Vec<Submitted>,
    failed: Vec<Failed>,
    /// What an archive holds beside its videos.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<Skipped>,
    /// The batch at its end, if it was followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<BatchDetail>,
    /// The first failure, where every other command has its error.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
}

#[derive(Debug, Serialize)]
struct Submitted {
    file: String,
    job_id: String,
}

#[derive(Debug, Serialize)]
struct Failed {
    file: String,
    error: ErrorBody,
}

pub(super) async fn batch(client: &Client, screen: &Screen, command: &BatchCommand) -> Result<Verdict, Error> {
    match command {
        BatchCommand::Submit(options) => {
            submit(
                client,
                screen,
                &options.places,
                options.name.as_deref(),
                &options.manner,
            )
            .await
        }
        BatchCommand::Status(options) => {
            let batch = whole(client, &options.id).await?;
            show_json_or(screen, &batch, || detail(screen, &batch))
        }
        BatchCommand::List(options) => list(client, screen, options).await,
        BatchCommand::Watch(options) => {
            let batch = followed(client, screen, &options.id).await?;
            let verdict = verdict(&batch);
            show_json_or(screen, &batch, || detail(screen, &batch))?;
            Ok(verdict)
        }
        BatchCommand::Cancel(options) => {
            let jobs = all_of(|| client.cancel_batch(&options.id)).await?;
            changed(screen, &jobs, "cancelled")
        }
        BatchCommand::Retry(options) => {
            let jobs = all_of(|| client.retry_batch(&options.id)).await?;
            changed(screen, &jobs, "tried again")
        }
    }
}

/// Announces the videos of all places as one batch and uploads them.
pub(super) async fn submit(
    client: &Client,
    screen: &Screen,
    places: &[PathBuf],
    name: Option<&str>,
    manner: &Manner,
) -> Result<Verdict, Error> {
    let mut failed: Vec<(String, Error)> = Vec::new();
    let mut videos: Vec<(Chosen, u64)> = Vec::new();
    for place in places {
        let chosen = match choose(std::slice::from_ref(place)) {
            Ok(chosen) => chosen,
            // A manifest is meant as a whole: half of it would be a surprise.
            Err(error @ Error::BadManifest { .. }) => return Err(error),
            Err(error) => {
                failed.push((place.display().to_string(), error));
                continue;
            }
        };
        for video in chosen {
            match video.bytes().await {
                Ok(bytes) => videos.push((video, bytes)),
                Err(error) => failed.push((video.place(), error)),
            }
        }
    }
    if videos.is_empty() {
        let last = failed.pop().map(|(_, error)| error);
        for (_, error) in &failed {
            screen.tell(&error.to_body());
        }
        return Err(last.unwrap_or_else(|| Error::NoVideos {
            place: "nothing".to_owned(),
        }));
    }
    let name = name.map_or_else(|| name_of(places), str::to_owned);
    let found = Found {
        videos,
        failed,
        skipped: Vec::new(),
    };
    send_all(client, screen, name, manner, found).await
}

/// What a batch is to be made of.
pub(super) struct Found {
    /// With their sizes in bytes; at least one.
    pub(super) videos: Vec<(Chosen, u64)>,
    /// What was named and cannot be sent.
    pub(super) failed: Vec<(String, Error)>,
    /// What an archive holds beside its videos.
    pub(super) skipped: Vec<Skipped>,
}

/// Announces videos as one batch, uploads them and follows it if that is wanted.
pub(super) async fn send_all(
    client: &Client,
    screen: &Screen,
    name: String,
    manner: &Manner,
    found: Found,
) -> Result<Verdict, Error> {
    let Found {
        videos,
        mut failed,
        skipped,
    } = found;
    let request = request(client, name, manner, &videos).await?;
    let new = client.announce(&request).await?;
    let mut report = Report {
        batch: new.batch,
        submitted: Vec::new(),
        failed: Vec::new(),
        skipped,
        detail: None,
        error: None,
    };
    if !screen.is_json() {
        Screen::print(&tame(&report.batch.id))?;
    }
    let fleet = Fleet::begin(screen, videos.len(), videos.iter().map(|(_, bytes)| bytes).sum());
    let mut tickets = new.tickets;
    let mut seen = BTreeSet::new();
    let mut broken = None;
    loop {
        let wanted: Vec<_> = tickets
            .tickets
            .into_iter()
            .filter(|ticket| seen.insert(ticket.item))
            .collect();
        let is_empty = wanted.is_empty();
        let sending = wanted.into_iter().map(|ticket| send(client, &fleet, &videos, ticket));
        let mut sending = futures_util::stream::iter(sending).buffer_unordered(usize::from(manner.parallel));
        while let Some((file, outcome)) = sending.next().await {
            match outcome {
                Ok(job_id) => report.submitted.push(Submitted { file, job_id }),
                Err(error) => failed.push((file, error)),
            }
        }
        let Some(cursor) = tickets.next_cursor.filter(|_| !is_empty) else {
            break;
        };
        match client.tickets(&report.batch.id, Some(&cursor)).await {
            Ok(page) => tickets = page,
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
    }
    fleet.end(report.submitted.len());
    for (at, (video, _)) in videos.iter().enumerate() {
        // Without leave to upload: a later page could not be had.
        if !seen.contains(&(at as u32)) {
            let why = Error::NoTicket {
                name: tame(&video.shown_name()),
            };
            failed.push((video.place(), why));
        }
    }
    tell_failures(screen, &mut report, failed);
    if let Some(error) = broken {
        screen.tell(&error.to_body());
    }
    finish(client, screen, report, manner.watch).await
}

/// What is asked of the API, every parameter checked against the workflow before.
async fn request(
    client: &Client,
    name: String,
    manner: &Manner,
    videos: &[(Chosen, u64)],
) -> Result<BatchRequest, Error> {
    let has_params = !manner.params.is_empty() || videos.iter().any(|(video, _)| !video.params.is_empty());
    let mut params = BTreeMap::new();
    if has_params {
        let workflow = client
            .workflow(manner.workflow.as_deref().unwrap_or(DEFAULT_WORKFLOW))
            .await?;
        params = values(&workflow, &manner.params)?;
        for (video, _) in videos {
            check(&workflow, &video.params).map_err(|error| match &video.line {
                Some((path, line)) => Error::BadManifest {
                    path: path.clone(),
                    line: *line,
                    why: error.to_string(),
                },
                None => error,
            })?;
        }
    }
    let items = videos.iter().map(|(video, _)| BatchItem {
        name: video.shown_name(),
        params: video.params.clone(),
    });
    Ok(BatchRequest {
        name,
        workflow: manner.workflow.clone(),
        priority: manner.priority,
        params,
        runs_on: manner.runs_on.map(Into::into),
        reuse: manner.reuse,
        notify: manner.notify.clone(),
        token: Some(fresh_token()),
        items: items.collect(),
    })
}

/// Uploads one video; says which file it was.
async fn send(
    client: &Client,
    fleet: &Fleet,
    videos: &[(Chosen, u64)],
    ticket: BatchTicket,
) -> (String, Result<String, Error>) {
    let Some((video, _)) = videos.get(ticket.item as usize) else {
        let name = tame(&ticket.name);
        return (name.clone(), Err(Error::NoTicket { name }));
    };
    let file = video.place();
    let outcome = async {
        let opened = video.open().await?;
        upload(client, &ticket.ticket, opened, fleet.progress()).await
    };
    let outcome = outcome.await;
    fleet.sent(&video.shown_name(), outcome.as_ref().err());
    (file, outcome.map(|()| ticket.ticket.job_id))
}

/// Lists the failures at the end, where they are seen.
fn tell_failures(screen: &Screen, report: &mut Report, failed: Vec<(String, Error)>) {
    if !failed.is_empty() {
        let head = format!("{} of the videos could not be sent:", failed.len());
        Screen::note(&screen.paint_note(Paint::Bad, &head));
    }
    for (file, error) in failed {
        let error = error.to_body();
        Screen::note(&screen.paint_note(Paint::Strong, &tame(&file)));
        screen.tell(&error);
        report.error.get_or_insert_with(|| error.clone());
        report.failed.push(Failed { file, error });
    }
}

/// Follows the batch if that was wanted, and prints what became of it.
async fn finish(client: &Client, screen: &Screen, mut report: Report, watch: bool) -> Result<Verdict, Error> {
    let mut is_well = report.failed.is_empty();
    if watch && !report.submitted.is_empty() {
        let batch = followed(client, screen, &report.batch.id).await?;
        is_well &= verdict(&batch) == Verdict::Well;
        if !screen.is_json() {
            Screen::print(&detail(screen, &batch))?;
        }
        report.detail = Some(batch);
    } else if !screen.is_json() {
        let next = format!("follow it: marey batch watch {}", tame(&report.batch.id));
        Screen::note(&screen.paint_note(Paint::Faint, &next));
    }
    if screen.is_json() {
        Screen::print_json(&report)?;
    }
    Ok(if is_well { Verdict::Well } else { Verdict::NotWell })
}

async fn followed(client: &Client, screen: &Screen, id: &str) -> Result<BatchDetail, Error> {
    let mut live = crate::bars::BatchLive::begin(screen);
    follow_batch(client, id, Patience::default(), &mut |batch| live.see(batch)).await?;
    drop(live);
    whole(client, id).await
}

fn verdict(batch: &BatchDetail) -> Verdict {
    if batch.status == BatchStatus::Completed {
        Verdict::Well
    } else {
        Verdict::NotWell
    }
}

/// A batch with its whole table.
async fn whole(client: &Client, id: &str) -> Result<BatchDetail, Error> {
    let mut batch = client.batch(id, None).await?;
    while let Some(cursor) = batch.next_cursor.take() {
        let page = client.batch(id, Some(&cursor)).await?;
        // An empty page or the same cursor again would go on for ever.
        if page.table.is_empty() || page.next_cursor.as_ref() == Some(&cursor) {
            break;
        }
        batch.table.extend(page.table);
        batch.next_cursor = page.next_cursor;
    }
    Ok(batch)
}

async fn list(client: &Client, screen: &Screen, options: &Batches) -> Result<Verdict, Error> {
    let mut list = BatchList {
        batches: Vec::new(),
        next_cursor: None,
    };
    let wanted = options.limit as usize;
    while list.batches.len() < wanted {
        let limit = (wanted - list.batches.len()).min(100) as u32;
        let page = client.batches(limit, list.next_cursor.as_deref()).await?;
        let goes_on = page.next_cursor.is_some() && page.next_cursor != list.next_cursor && !page.batches.is_empty();
        list.batches.extend(page.batches);
        list.next_cursor = page.next_cursor;
        if !goes_on {
            break;
        }
    }
    show_json_or(screen, &list, || {
        if list.batches.is_empty() {
            return "no batches yet".to_owned();
        }
        let rows: Vec<_> = list.batches.iter().map(summary_row).collect();
        render(&LIST, &rows, screen.out_width(), &|paint, text| {
            screen.paint(paint, text)
        })
    })
}

fn summary_row(batch: &BatchSummary) -> Vec<Cell> {
    vec![
        Cell::new(tame(&batch.id)),
        Cell::new(tame(&batch.name)),
        Cell::new(tame(&batch.workflow)),
        Cell::new(batch.videos.to_string()),
        Cell::new(batch.priority.to_string()),
        Cell::new(moment(&batch.created_at)),
    ]
}

/// A batch: what it is, its summary table, and what went wrong in it.
fn detail(screen: &Screen, batch: &BatchDetail) -> String {
    let paint = |paint: Paint, text: &str| screen.paint(paint, text);
    let summary = &batch.summary;
    let (word, word_paint) = batch_status(batch.status);
    let cost: f64 = batch.table.iter().map(|video| video.cost_usd).sum();
    let mut fields = vec![
        ("batch", tame(&summary.id)),
        ("name", tame(&summary.name)),
        (
            "workflow",
            format!("{}, priority {}", tame(&summary.workflow), summary.priority),
        ),
        ("created", format!("{} UTC", moment(&summary.created_at))),
        (
            "status",
            format!("{}, {}", paint(word_paint, word), percent(batch.progress)),
        ),
        ("videos", told(batch)),
    ];
    if cost > 0.0 {
        fields.push(("cost", format!("{}, estimated", dollars(cost))));
    }
    let mut lines: Vec<String> = fields
        .into_iter()
        .map(|(label, value)| format!("{}{value}", paint(Paint::Faint, &format!("{label:<10}"))))
        .collect();
    lines.push(format!("\n{}", table(screen, &batch.table)));
    let mut codes = BTreeSet::new();
    for video in &batch.table {
        let Some(error) = &video.error else { continue };
        // The same reason is told once, for the first video that has it.
        if codes.insert(&error.code) {
            lines.push(format!(
                "\n{}\n{}",
                paint(Paint::Strong, &tame(&video.name)),
                error_text(error, &paint)
            ));
        }
    }
    if !codes.is_empty() && batch.status.has_ended() {
        let next = format!("next: marey batch retry {}", tame(&summary.id));
        lines.push(format!("\n{}", paint(Paint::Faint, &next)));
    }
    lines.join("\n")
}

/// `12: 9 completed, 2 failed, 1 running`.
pub(crate) fn told(batch: &BatchDetail) -> String {
    let counts = &batch.counts;
    let parts = [
        (counts.completed, "completed"),
        (counts.running, "running"),
        (counts.queued, "queued"),
        (counts.awaiting_upload, "not uploaded"),
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, word)| format!("{count} {word}")).collect();
    format!("{}: {}", batch.summary.videos, parts.join(", "))
}

/// The summary table. What every stage found stands in columns of its own, as far as there is room.
fn table(screen: &Screen, videos: &[BatchVideo]) -> String {
    let figures: BTreeSet<&String> = videos.iter().flat_map(|video| video.figures.keys()).collect();
    let titles: Vec<String> = figures
        .iter()
        .map(|name| tame(name).to_uppercase().replace('.', "\n"))
        .collect();
    let mut columns = vec![
        Column::left("VIDEO").shrinks_to(12),
        Column::left("STATUS"),
        Column::right("DONE"),
        Column::right("TOOK").drops_at(1),
        Column::right("LENGTH").drops_at(2),
        Column::right("FRAMES").drops_at(3),
        Column::right("PEOPLE").drops_at(4),
        Column::right("COST").drops_at(6),
        Column::left("WHY").drops_at(5),
        Column::left("JOB").drops_at(7),
    ];
    columns.extend(titles.iter().map(|title| Column::right(title).drops_at(8)));
    let rows: Vec<_> = videos.iter().map(|video| video_row(video, &figures)).collect();
    render(&columns, &rows, screen.out_width(), &|paint, text| {
        screen.paint(paint, text)
    })
}

fn video_row(video: &BatchVideo, figures: &BTreeSet<&String>) -> Vec<Cell> {
    let (word, paint) = video_status(video.status);
    let or_nothing = |text: Option<String>| Cell::new(text.unwrap_or_else(|| "-".to_owned()));
    let mut row = vec![
        Cell::new(tame(&video.name)),
        Cell::painted(word, paint),
        Cell::new(percent(video.progress)),
        or_nothing(video.took_ms.map(duration)),
        or_nothing(video.duration_s.map(|s| duration((s * 1000.0) as i64))),
        or_nothing(video.frames.map(|frames| frames.to_string())),
        or_nothing(video.people.map(|people| people.to_string())),
        or_nothing((video.cost_usd > 0.0).then(|| dollars(video.cost_usd))),
        or_nothing(video.error.as_ref().map(|error| tame(&error.code))),
        Cell::new(tame(&video.job_id)),
    ];
    row.extend(
        figures
            .iter()
            .map(|name| or_nothing(video.figures.get(*name).copied().map(number))),
    );
    row
}

/// Sends a request until nothing more is to be done.
async fn all_of<F: Future<Output = Result<Changed, Error>>>(ask: impl Fn() -> F) -> Result<Changed, Error> {
    let mut all = ask().await?;
    while all.more {
        let next = ask().await?;
        // An answer without any job would go on for ever.
        all.more = next.more && !next.jobs.is_empty();
        all.jobs.extend(next.jobs);
    }
    Ok(all)
}

fn changed(screen: &Screen, changed: &Changed, what: &str) -> Result<Verdict, Error> {
    show_json_or(screen, changed, || {
        let mut lines = vec![format!("{} {what}", counted(changed.jobs.len(), "job"))];
        lines.extend(changed.jobs.iter().map(|job| format!("  {}", tame(job))));
        lines.join("\n")
    })
}
