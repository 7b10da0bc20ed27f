//! `marey convert`: a recording in another format, and what that format does not keep.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use marey_motion::formats::{Content, Format, Units, WasWritten, WriteOptions, write};
use marey_motion::{Space, Spaces};
use serde::Serialize;

use super::{Verdict, show_json_or};
use crate::arguments::Convert;
use crate::bars::Working;
use crate::error::Error;
use crate::recordings::{Loaded, load};
use crate::screen::{Paint, Screen};
use crate::table::{Cell, Column, render};
use crate::whole::{folder_of, save};
use crate::words::{counted, size, tame};

const FILES: [Column<'static>; 7] = [
    Column::left(""),
    Column::left("FILE").shrinks_to(12),
    Column::left("FORMAT"),
    Column::left("SKELETON").drops_at(1),
    Column::right("FRAMES"),
    Column::left("PEOPLE").shrinks_to(6).drops_at(2),
    Column::right("SIZE").drops_at(3),
];

/// Version of what `--json` prints.
const SCHEMA_VERSION: u32 = 1;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    schema_version: u32,
    read: Side,
    written: Side,
    /// Landmarks of the written skeleton that the recording does not have.
    missing: Vec<&'static str>,
    /// What the recording has and the format does not keep.
    lost: Vec<String>,
    /// What was assumed or left out when it was read.
    notes: Vec<String>,
    /// Whether the same content was there already.
    unchanged: bool,
}

/// One end of the conversion.
#[derive(Debug, Serialize)]
struct Side {
    path: PathBuf,
    format: &'static str,
    skeleton: &'static str,
    spaces: &'static str,
    frames: usize,
    people: Vec<u32>,
    bytes: u64,
}

/// Converts a recording.
pub(super) async fn convert(screen: &Screen, options: Convert) -> Result<Verdict, Error> {
    let working = Working::begin(screen, &format!("reading {}", options.input.display()));
    // Away from the runtime's threads, so that Ctrl-C is heard meanwhile.
    let task = tokio::task::spawn_blocking(move || {
        let outcome = work(&options, &working);
        working.end();
        outcome
    });
    let report = task.await.map_err(|error| Error::Start { why: error.to_string() })??;
    show_json_or(screen, &report, || told(screen, &report))
}

fn work(options: &Convert, working: &Working) -> Result<Report, Error> {
    let format = target(options)?;
    let mut loaded = load(&options.input, options.reading.from, &options.reading.options())?;
    loaded.notes.extend(without_effect(options, format));
    working.say(&format!("converting to {}", format.name()));
    let written = write(
        &loaded.recording,
        format,
        &how(options, format, loaded.recording.spaces),
    )
    .map_err(|source| Error::Motion {
        path: Some(options.input.clone()),
        source,
    })?;
    working.say(&format!("writing {}", options.output.display()));
    let save = |bytes: &[u8]| {
        let is_same = save(&options.output, bytes, options.force)?;
        Ok::<_, Error>((bytes.len() as u64, is_same))
    };
    let (bytes, unchanged) = match &written.content {
        Content::One(bytes) => save(bytes)?,
        Content::Frames(documents) if is_jsonl(&options.output) => save((documents.join("\n") + "\n").as_bytes())?,
        Content::Frames(documents) => (save_folder(&options.output, documents, options.force)?, false),
    };
    Ok(report(options, loaded, format, written, (bytes, unchanged)))
}

fn report(
    options: &Convert,
    loaded: Loaded,
    format: Format,
    written: WasWritten,
    (bytes, unchanged): (u64, bool),
) -> Report {
    let recording = &loaded.recording;
    let read = Side {
        path: options.input.clone(),
        format: loaded.format.name(),
        skeleton: recording.skeleton.name(),
        spaces: recording.spaces.id(),
        frames: recording.time_s.len(),
        people: recording.people.iter().map(|person| person.id).collect(),
        bytes: fs::metadata(&options.input).map_or(0, |metadata| if metadata.is_file() { metadata.len() } else { 0 }),
    };
    let written_side = Side {
        path: options.output.clone(),
        format: format.name(),
        skeleton: written.skeleton.name(),
        spaces: written.spaces.id(),
        frames: written.frames,
        people: written.people,
        bytes,
    };
    Report {
        schema_version: SCHEMA_VERSION,
        read,
        written: written_side,
        missing: written.missing,
        lost: written.lost,
        notes: loaded.notes,
        unchanged,
    }
}

/// The format to write: the one that was asked for, or that of the ending.
fn target(options: &Convert) -> Result<Format, Error> {
    let ending = options.output.extension().and_then(OsStr::to_str);
    options
        .to
        .or_else(|| ending.and_then(Format::from_ending))
        .ok_or_else(|| Error::NoFormat {
            path: options.output.clone(),
        })
}

/// Where nobody says otherwise, lengths come from the world and angles from the picture, whose errors are the smaller ones, as far as
/// the recording has them.
fn how(options: &Convert, format: Format, spaces: Spaces) -> WriteOptions {
    let usual = match (format, spaces) {
        (_, Spaces::Image) => Units::Px,
        (Format::Mot, spaces) if spaces.has(Space::Image) => Units::Px,
        _ => Units::M,
    };
    WriteOptions {
        person: options.person,
        units: options.units.map_or(usual, Units::from),
        skeleton: options.skeleton,
        minimum_visibility: options
            .minimum_visibility
            .unwrap_or(WriteOptions::default().minimum_visibility),
    }
}

/// Sentences about what was asked for and means nothing for the format.
fn without_effect(options: &Convert, format: Format) -> Vec<String> {
    let has_one_person = matches!(format, Format::Trc | Format::C3d | Format::Mot);
    let mut unused = Vec::new();
    if options.person.is_some() && !has_one_person {
        unused.push("--person (the format holds everybody)");
    }
    if options.units.is_some() && !has_one_person {
        unused.push("--units (the format has its own)");
    }
    if options.minimum_visibility.is_some() && !matches!(format, Format::Trc | Format::C3d) {
        unused.push("--minimum-visibility (the format tells how visible a landmark is, or holds angles)");
    }
    let sentence = |what| format!("Without effect for {}: {what}.", format.name());
    unused.into_iter().map(sentence).collect()
}

fn is_jsonl(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("jsonl"))
}

/// A file for each frame under the names that `OpenPose` gives them, in a folder that is renamed when it is whole. A folder that is
/// there is replaced only if it holds nothing but such files.
fn save_folder(folder: &Path, documents: &[String], force: bool) -> Result<u64, Error> {
    let unwritable = |error: std::io::Error| Error::FileUnwritable {
        path: folder.to_owned(),
        why: error.to_string(),
    };
    let is_there = fs::symlink_metadata(folder).is_ok();
    if is_there && !(force && holds_only_frames(folder)) {
        return Err(Error::FileExists {
            path: folder.to_owned(),
        });
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut builder = tempfile::Builder::new();
    builder.prefix(".marey-");
    #[cfg(unix)]
    {
        // As any program's folder: open as the umask allows, not closed as temporary ones are.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    let made = builder.tempdir_in(folder_of(folder)).map_err(unwritable)?;
    let mut bytes = 0;
    for (frame, document) in documents.iter().enumerate() {
        let file = made.path().join(format!("{name}_{frame:012}_keypoints.json"));
        fs::write(file, document).map_err(unwritable)?;
        bytes += document.len() as u64;
    }
    if is_there {
        fs::remove_dir_all(folder).map_err(unwritable)?;
    }
    // From here on it is no longer removed by itself.
    let path = made.keep();
    fs::rename(path, folder).map_err(unwritable)?;
    Ok(bytes)
}

fn holds_only_frames(folder: &Path) -> bool {
    let is_frame = |entry: std::io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            is_file && entry.file_name().to_string_lossy().ends_with("_keypoints.json")
        })
    };
    // A link to a folder is not a folder that this may remove.
    let is_folder = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir());
    is_folder && fs::read_dir(folder).is_ok_and(|mut entries| entries.all(is_frame))
}

fn told(screen: &Screen, report: &Report) -> String {
    let paint = |paint: Paint, text: &str| screen.paint(paint, text);
    let row = |what: &str, side: &Side| {
        let bytes = if side.bytes == 0 {
            "-".to_owned()
        } else {
            size(side.bytes)
        };
        let people: Vec<String> = side.people.iter().map(u32::to_string).collect();
        vec![
            Cell::painted(what, Paint::Faint),
            Cell::painted(tame(&side.path.display().to_string()), Paint::Strong),
            Cell::new(side.format),
            Cell::new(side.skeleton),
            Cell::new(side.frames.to_string()),
            Cell::new(if people.is_empty() {
                "nobody".to_owned()
            } else {
                people.join(", ")
            }),
            Cell::new(bytes),
        ]
    };
    let what = if report.unchanged { "the same" } else { "written" };
    let rows = [row("read", &report.read), row(what, &report.written)];
    let mut blocks = vec![render(&FILES, &rows, screen.out_width(), &paint)];
    if !report.missing.is_empty() {
        blocks.push(format!(
            "\n{}\n  {}",
            paint(
                Paint::Faint,
                &format!("missing: {}", counted(report.missing.len(), "landmark"))
            ),
            report.missing.join(", ")
        ));
    }
    for (title, sentences) in [("not kept", &report.lost), ("notes", &report.notes)] {
        if !sentences.is_empty() {
            blocks.push(format!("\n{}", paint(Paint::Faint, title)));
            blocks.extend(sentences.iter().map(|sentence| format!("  {}", tame(sentence))));
        }
    }
    blocks.join("\n")
}
