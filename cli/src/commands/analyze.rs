//! `marey analyze`: a recording's angles, measures, events and repetitions, on this machine.

mod files;
mod view;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use marey_motion::outputs::{OutputFile, analysis_files, recording_file};
use marey_motion::protocol::{self, Input, Protocol, Report, Task};
use marey_motion::{Analysis, Event, Measure, MotionError, Repetition, Settings, Summary};
use serde::Serialize;

use self::files::{Target, write_all};
use super::{Verdict, show_json_or};
use crate::arguments::{Analyze, Reading};
use crate::bars::Working;
use crate::error::Error;
use crate::recordings::{Loaded, load};
use crate::screen::{Paint, Screen};

/// Analysis files are small; what is larger is something else.
const LARGEST_CONFIG: u64 = 10_000_000;

/// Version of what `--json` prints.
const SCHEMA_VERSION: u32 = 1;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Shown {
    schema_version: u32,
    recording: String,
    sha256: String,
    format: &'static str,
    settings: Settings,
    summary: Summary,
    people: Vec<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Report>,
    /// What was written.
    files: Vec<String>,
}

/// What was found in one person's movement; curves are in the files.
#[derive(Debug, Clone, Serialize)]
struct Found {
    id: u32,
    events: Vec<Event>,
    measures: Vec<Measure>,
    repetitions: Option<Repetitive>,
}

/// Repetitions without their curves.
#[derive(Debug, Clone, Serialize)]
struct Repetitive {
    signal: String,
    unit: String,
    segments: Vec<Repetition>,
    partial: usize,
    notes: Vec<String>,
    withheld: Option<String>,
}

/// A recording that was loaded and analysed.
struct Analysed {
    path: PathBuf,
    loaded: Loaded,
    analysis: Analysis,
}

/// Analyses a recording, prints what was found, and writes the files that were asked for.
pub(super) async fn analyze(screen: &Screen, options: Analyze) -> Result<Verdict, Error> {
    let plan = Plan::of(&options)?;
    let working = Working::begin(screen, &format!("reading {}", plan.recording.display()));
    // Away from the runtime's threads, so that Ctrl-C is heard meanwhile.
    let task = tokio::task::spawn_blocking(move || {
        let outcome = work(&plan, &options, &working);
        working.end();
        outcome
    });
    let shown = task.await.map_err(|error| Error::Start { why: error.to_string() })??;
    show_json_or(screen, &shown, || view::text(screen, &shown))?;
    if !screen.is_json() {
        for path in &shown.files {
            Screen::note(&format!("{} {path}", screen.paint_note(Paint::Good, "wrote")));
        }
    }
    Ok(Verdict::Well)
}

fn work(plan: &Plan, options: &Analyze, working: &Working) -> Result<Shown, Error> {
    let primary = analysed(working, &plan.recording, &options.reading, &plan.settings)?;
    let reference = match plan.reference() {
        Some(reference) => {
            working.say(&format!("reading {}", reference.display()));
            // What no file says is meant of both.
            let reading = Reading {
                unsaid: options.reading.unsaid.clone(),
                ..Reading::default()
            };
            Some(analysed(working, &reference, &reading, &plan.settings)?)
        }
        None => None,
    };
    let report = plan.report(&primary, reference.as_ref())?;
    let targets = plan.targets(options, &primary, report.as_ref())?;
    working.say("writing");
    let written = write_all(targets, options.force)?;
    Ok(shown(primary, report, &written))
}

/// What is to be done, before any recording is loaded.
struct Plan {
    recording: PathBuf,
    settings: Settings,
    /// The analysis file and what it says.
    config: Option<(PathBuf, Protocol)>,
}

impl Plan {
    fn of(options: &Analyze) -> Result<Self, Error> {
        let config = match &options.config {
            Some(path) => Some((path.clone(), read_config(path)?)),
            None => None,
        };
        let named = config
            .as_ref()
            .and_then(|(path, protocol)| Some(beside(path, protocol.primary.as_deref()?)));
        let recording = options.recording.clone().or(named).ok_or(Error::NoRecording)?;
        let settings = match &config {
            Some((_, protocol)) => protocol.cleaning.clone(),
            None => options.cleaning.settings().map_err(|source| bad(&recording, source))?,
        };
        settings.validate().map_err(|cause| bad(&recording, cause))?;
        Ok(Self {
            recording,
            settings,
            config,
        })
    }

    fn reference(&self) -> Option<PathBuf> {
        let (path, protocol) = self.config.as_ref()?;
        match &protocol.analysis {
            Task::Dtw { reference, .. } => Some(beside(path, reference)),
            _ => None,
        }
    }

    fn report(&self, primary: &Analysed, reference: Option<&Analysed>) -> Result<Option<Report>, Error> {
        let Some((path, protocol)) = &self.config else {
            return Ok(None);
        };
        let names = (
            primary.path.display().to_string(),
            reference.map(|reference| reference.path.display().to_string()),
        );
        let reference = reference
            .zip(names.1.as_deref())
            .map(|(reference, name)| reference.input(name));
        let created_at = Timestamp::now().to_string();
        let report = protocol::run(protocol, &primary.input(&names.0), reference.as_ref(), &created_at);
        report.map(Some).map_err(|cause| Error::BadAnalysis {
            path: path.clone(),
            cause,
        })
    }

    /// Every file that is to be written.
    fn targets(&self, options: &Analyze, primary: &Analysed, report: Option<&Report>) -> Result<Vec<Target>, Error> {
        let failed = |cause| bad(&primary.path, cause);
        let mut targets = Vec::new();
        if let Some(folder) = &options.out {
            let mut files = vec![recording_file(&primary.loaded.recording).map_err(failed)?];
            files.extend(analysis_files(primary.analysis.clone()).map_err(failed)?);
            targets.extend(files.into_iter().map(|OutputFile { name, bytes, .. }| Target {
                path: folder.join(name),
                bytes,
            }));
        }
        let (Some(report), Some((config, protocol))) = (report, &self.config) else {
            return Ok(targets);
        };
        let path = match (&options.out, &protocol.report) {
            (Some(folder), Some(name)) => {
                Some(folder.join(Path::new(name).file_name().unwrap_or("report.json".as_ref())))
            }
            (Some(folder), None) => Some(folder.join("report.json")),
            (None, Some(name)) => Some(beside(config, name)),
            (None, None) => None,
        };
        if let Some(path) = path {
            let bytes = report.to_json().map_err(failed)?.into_bytes();
            if targets.iter().any(|target| target.path == path) {
                return Err(Error::SameFile { path });
            }
            targets.push(Target::report(path, bytes));
        }
        Ok(targets)
    }
}

impl Analysed {
    fn input<'a>(&'a self, name: &'a str) -> Input<'a> {
        Input {
            name,
            sha256: &self.loaded.sha256,
            analysis: &self.analysis,
        }
    }
}

/// A path that an analysis file names, which is meant from where that file is.
fn beside(config: &Path, named: &str) -> PathBuf {
    config.parent().unwrap_or(Path::new("")).join(named)
}

fn bad(path: &Path, source: MotionError) -> Error {
    Error::Motion {
        path: Some(path.to_owned()),
        source,
    }
}

fn read_config(path: &Path) -> Result<Protocol, Error> {
    let unreadable = |why: String| Error::FileUnreadable {
        path: path.to_owned(),
        why,
    };
    let length = std::fs::metadata(path)
        .map_err(|error| unreadable(error.to_string()))?
        .len();
    if length > LARGEST_CONFIG {
        return Err(unreadable("it is too large for an analysis file".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    protocol::parse(&text).map_err(|cause| Error::BadAnalysis {
        path: path.to_owned(),
        cause,
    })
}

fn analysed(working: &Working, path: &Path, reading: &Reading, settings: &Settings) -> Result<Analysed, Error> {
    let loaded = load(path, reading.from, &reading.options())?;
    working.say(&format!("measuring {} frames", loaded.recording.time_s.len()));
    let mut analysis = marey_motion::analyze(&loaded.recording, settings).map_err(|source| bad(path, source))?;
    analysis.notes.splice(0..0, loaded.notes.iter().cloned());
    Ok(Analysed {
        path: path.to_owned(),
        loaded,
        analysis,
    })
}

fn shown(analysed: Analysed, report: Option<Report>, written: &[PathBuf]) -> Shown {
    let Analysed { path, loaded, analysis } = analysed;
    let summary = Summary::of(&analysis);
    let listed = |id: u32| summary.people.iter().any(|person| person.id == id);
    let people = analysis.people.iter().filter(|person| listed(person.id)).map(|person| {
        let findings = person.findings.clone();
        Found {
            id: person.id,
            events: findings.events,
            measures: findings.measures,
            repetitions: findings.repetitions.map(|found| Repetitive {
                signal: found.signal,
                unit: found.unit,
                segments: found.segments,
                partial: found.partial,
                notes: found.notes,
                withheld: found.withheld,
            }),
        }
    });
    Shown {
        schema_version: SCHEMA_VERSION,
        recording: path.display().to_string(),
        sha256: loaded.sha256,
        format: loaded.format.name(),
        settings: analysis.settings.clone(),
        people: people.collect(),
        summary,
        report,
        files: written.iter().map(|path| path.display().to_string()).collect(),
    }
}
