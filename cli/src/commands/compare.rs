//! `marey compare`: what two recordings of a movement differ in, as a table and as files.

mod film;
mod input;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use marey_motion::compare::{Band, Comparison, ComparisonSettings, Method};
use marey_motion::formats::comparison_to_json;
use marey_motion::{Analysis, MotionError, Space};
use marey_picture::comparison::difference_svg;
use serde::Serialize;

use self::film::Stop;
use super::{Verdict, show_json_or};
use crate::arguments::Compare;
use crate::error::Error;
use crate::screen::{Paint, Screen};
use crate::whole::{save, unwritable};

const JSON: &str = "comparison.json";
const CURVES: &str = "differences.svg";
const VIDEO: &str = "comparison.mp4";

/// Width of the drawing of the curves in pixels.
const CURVES_PX: u32 = 980;

/// How long the end of the work is waited for after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(5);

/// What `--json` prints: the comparison less what only its file holds.
#[derive(Debug, Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    table: table::Summary<'a>,
    files: Vec<String>,
}

/// Compares two movements.
pub(super) async fn compare(screen: &Screen, options: &Compare) -> Result<Verdict, Error> {
    let stop = Arc::new(Stop::default());
    let (done, waiting) = mpsc::channel();
    let guard = Guard {
        stop: Arc::clone(&stop),
        done: waiting,
    };
    let work = {
        let (screen, options) = (screen.clone(), options.clone());
        // Dropped when the work ends, however it does.
        move || {
            let _done = done;
            carry_out(&screen, &options, &stop)
        }
    };
    let outcome = tokio::task::spawn_blocking(work).await;
    drop(guard);
    outcome.unwrap_or_else(|error| Err(Error::Start { why: error.to_string() }))
}

/// Ends the work when nobody waits for it any more, and sees to it that it has cleaned up.
struct Guard {
    stop: Arc<Stop>,
    done: mpsc::Receiver<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop.now();
        // An error is what is hoped for: the other end is gone.
        let _gone = self.done.recv_timeout(PATIENCE);
    }
}

fn carry_out(screen: &Screen, options: &Compare, stop: &Stop) -> Result<Verdict, Error> {
    let output = options
        .out
        .as_deref()
        .map(|folder| Output::new(folder, options))
        .transpose()?;
    let reading = options.unsaid.options();
    let (a, b) = (input::read(&options.a, &reading)?, input::read(&options.b, &reading)?);
    let settings = settings(options, space(options, [&a.analysis, &b.analysis]));
    let mut comparison = marey_motion::compare::compare(&a.analysis, &b.analysis, &settings)
        .map_err(|source| Error::Motion { path: None, source })?;
    let notes = [&a, &b].map(|given| {
        let name = &given.analysis.source.name;
        given.notes.iter().map(move |note| format!("{name}: {note}"))
    });
    comparison.notes.extend(notes.into_iter().flatten());
    let (a, b) = (a.analysis, b.analysis);
    let files = match &output {
        Some(output) => output.write(screen, &comparison, (&a, &b), options, stop)?,
        None => Vec::new(),
    };
    let told = Told {
        table: table::Summary::of(&comparison),
        files: files.iter().map(|file| file.display().to_string()).collect(),
    };
    let verdict = show_json_or(screen, &told, || table::text(screen, &comparison))?;
    if !screen.is_json() {
        for file in &told.files {
            Screen::note(&screen.paint_note(Paint::Faint, &format!("wrote {file}")));
        }
    }
    Ok(verdict)
}

/// What the person said, or the picture, which is measured best, or the world where there is no picture.
fn space(options: &Compare, movements: [&Analysis; 2]) -> Space {
    let has_images = movements.iter().all(|movement| movement.spaces.has(Space::Image));
    let usual = if has_images { Space::Image } else { Space::World };
    options.space.map_or(usual, Space::from)
}

fn settings(options: &Compare, space: Space) -> ComparisonSettings {
    ComparisonSettings {
        space,
        basis: options.on.into(),
        method: match options.fast {
            Some(radius) => Method::Fast { radius },
            None => Method::Exact {
                band: options.band.map(|radius| Band { radius }),
            },
        },
        missing: options.missing.into(),
        align: options.align.into(),
        scale: options.scale,
        person_a: options.person_a,
        person_b: options.person_b,
        repetitions: (!options.repetitions.is_empty()).then(|| options.repetitions.clone()),
    }
}

/// The folder and what goes into it.
struct Output {
    folder: PathBuf,
    draws_video: bool,
}

impl Output {
    /// Looks whether anything is in the way before anything is done.
    fn new(folder: &Path, options: &Compare) -> Result<Self, Error> {
        let draws_video = !options.no_video;
        let names = [JSON, CURVES].into_iter().chain(draws_video.then_some(VIDEO));
        let in_the_way = names.map(|name| folder.join(name)).find(|path| path.exists());
        if let Some(path) = in_the_way.filter(|_| !options.force) {
            return Err(Error::FileInTheWay { path });
        }
        Ok(Self {
            folder: folder.to_owned(),
            draws_video,
        })
    }

    fn write(
        &self,
        screen: &Screen,
        comparison: &Comparison,
        (a, b): (&Analysis, &Analysis),
        options: &Compare,
        stop: &Stop,
    ) -> Result<Vec<PathBuf>, Error> {
        within(&self.folder, || {
            let json = comparison_to_json(comparison).map_err(|source| Error::Motion { path: None, source })?;
            let curves = difference_svg(comparison, CURVES_PX);
            let path = |name: &str| self.folder.join(name);
            // The video first, which can fail: what is there then is what was there before.
            let obstacle = no_video(comparison, [a, b]);
            let draws = self.draws_video && obstacle.is_none();
            if draws {
                film::write(screen, comparison, (a, b), options, &path(VIDEO), stop)?;
            } else if let Some(reason) = obstacle.filter(|_| self.draws_video) {
                Screen::note(&screen.paint_note(Paint::Odd, reason));
            }
            save(&path(JSON), json.as_bytes(), options.force)?;
            save(&path(CURVES), curves.as_bytes(), options.force)?;
            let names = [JSON, CURVES].into_iter().chain(draws.then_some(VIDEO));
            Ok(names.map(path).collect())
        })
    }
}

/// Writes into a folder, which is made for that and goes again if nothing came into it.
fn within<T>(folder: &Path, write: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let is_new = !folder.exists();
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let written = write();
    if is_new && written.is_err() {
        // Only if nothing is in it.
        let _ = std::fs::remove_dir(folder);
    }
    written
}

/// Why there can be no video.
fn no_video(comparison: &Comparison, movements: [&Analysis; 2]) -> Option<&'static str> {
    if comparison.joints.is_empty() {
        return Some("no video was made, as their poses are not at hand");
    }
    let has_images = movements.iter().all(|movement| movement.spaces.has(Space::Image));
    (!has_images).then_some("no video was made, as one of them has no positions in the picture")
}

/// An error of one file.
fn of_file(path: &Path) -> impl Fn(MotionError) -> Error + '_ {
    |source| Error::Motion {
        path: Some(path.to_owned()),
        source,
    }
}
