//! Which videos are meant: files, folders, and manifests that name files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use marey_archive::{VIDEO_ENDINGS, Video};
use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;
use crate::upload::VideoFile;

/// A video that is meant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    /// Where it lies, or the archive does.
    pub(crate) path: PathBuf,
    /// Which video of the archive it is.
    pub(crate) member: Option<Video>,
    /// What people call it, if that is not the file's name.
    pub(crate) name: Option<String>,
    /// Its own parameters.
    pub(crate) params: BTreeMap<String, Value>,
    /// The manifest and line that name it.
    pub(crate) line: Option<(PathBuf, usize)>,
}

impl Chosen {
    fn file(path: PathBuf) -> Self {
        Self {
            path,
            member: None,
            name: None,
            params: BTreeMap::new(),
            line: None,
        }
    }

    /// A video of an archive.
    pub(crate) fn packed(archive: &Path, video: Video) -> Self {
        Self {
            name: Some(video.name().to_owned()),
            member: Some(video),
            ..Self::file(archive.to_owned())
        }
    }

    /// Where it lies, for people.
    pub(crate) fn place(&self) -> String {
        let path = self.path.display();
        match &self.member {
            Some(video) => format!("{path}: {}", video.path()),
            None => path.to_string(),
        }
    }

    /// Its size in bytes.
    ///
    /// # Errors
    /// Those of [`VideoFile::open`].
    pub(crate) async fn bytes(&self) -> Result<u64, Error> {
        match &self.member {
            Some(video) => Ok(video.packed().bytes()),
            None => Ok(VideoFile::open(&self.path).await?.bytes()),
        }
    }

    /// Opens it. A video of an archive is unpacked into a file without a name, which is gone when it is closed, however this program
    /// ends; what is sent is known to be what was packed.
    ///
    /// # Errors
    /// Those of [`VideoFile::open`], [`Error::NotExtracted`].
    pub(crate) async fn open(&self) -> Result<VideoFile, Error> {
        let Some(video) = self.member.clone() else {
            return VideoFile::open(&self.path).await;
        };
        let (archive, name) = (self.path.clone(), self.shown_name());
        let unpack = move || unpacked(&archive, &video).map(|file| (file, video.packed().bytes()));
        let (file, bytes) = tokio::task::spawn_blocking(unpack)
            .await
            .map_err(|error| Error::Start { why: error.to_string() })??;
        Ok(VideoFile::temporary(PathBuf::from(self.place()), name, bytes, file))
    }

    /// What people call it.
    pub(crate) fn shown_name(&self) -> String {
        let of_file = || {
            self.path
                .file_name()
                .unwrap_or(self.path.as_os_str())
                .to_string_lossy()
                .into_owned()
        };
        self.name.clone().unwrap_or_else(of_file)
    }
}

/// A video of an archive in a temporary file, which stands at its beginning.
fn unpacked(archive: &Path, video: &Video) -> Result<std::fs::File, Error> {
    use std::io::Seek;
    let unreadable = |error: std::io::Error| Error::FileUnreadable {
        path: archive.to_owned(),
        why: error.to_string(),
    };
    let not_written = |error: std::io::Error| Error::FileUnwritable {
        path: std::env::temp_dir(),
        why: error.to_string(),
    };
    let mut from = std::fs::File::open(archive).map_err(unreadable)?;
    let to = tempfile::tempfile().map_err(not_written)?;
    let mut file = video.extract(&mut from, to).map_err(|source| Error::NotExtracted {
        video: video.path().to_owned(),
        source,
    })?;
    file.rewind().map_err(not_written)?;
    Ok(file)
}

/// One line of a manifest.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Path(PathBuf),
    Entry(Entry),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    file: PathBuf,
    name: Option<String>,
    #[serde(default)]
    params: BTreeMap<String, Value>,
}

/// Whether a place stands for several videos.
pub(crate) fn is_many(place: &Path) -> bool {
    place.is_dir() || is_manifest(place)
}

fn is_manifest(place: &Path) -> bool {
    let ending = place.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("jsonl") || ending.eq_ignore_ascii_case("ndjson"))
}

/// The videos of all places, in their order.
///
/// # Errors
/// [`Error::FileUnreadable`] for a folder or manifest that cannot be read, [`Error::BadManifest`], and [`Error::NoVideos`]
/// for a folder or manifest without one.
pub(crate) fn choose(places: &[PathBuf]) -> Result<Vec<Chosen>, Error> {
    let mut chosen = Vec::new();
    for place in places {
        let before = chosen.len();
        if place.is_dir() {
            chosen.extend(of_folder(place)?.into_iter().map(Chosen::file));
        } else if is_manifest(place) {
            chosen.extend(of_manifest(place)?);
        } else {
            chosen.push(Chosen::file(place.clone()));
        }
        if chosen.len() == before {
            return Err(Error::NoVideos {
                place: format!("`{}`", place.display()),
            });
        }
    }
    Ok(chosen)
}

/// What a batch of these places is called.
pub(crate) fn name_of(places: &[PathBuf]) -> String {
    let name = |place: &PathBuf| {
        let whole = place.canonicalize().unwrap_or_else(|_| place.clone());
        let name = if whole.is_dir() {
            whole.file_name()
        } else {
            whole.file_stem()
        };
        name.map(|name| name.to_string_lossy().into_owned())
    };
    match places {
        [place] => name(place).unwrap_or_else(|| "videos".to_owned()),
        [first, rest @ ..] => name(first).map_or_else(
            || format!("{} videos", rest.len() + 1),
            |first| format!("{first} and {} more", rest.len()),
        ),
        [] => "videos".to_owned(),
    }
}

/// The videos that lie directly in a folder, by name. Hidden files are none.
fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |error: std::io::Error| Error::FileUnreadable {
        path: folder.to_owned(),
        why: error.to_string(),
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        // Files that end otherwise are left alone.
        let is_video = VIDEO_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
        if !is_hidden && is_video && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn of_manifest(manifest: &Path) -> Result<Vec<Chosen>, Error> {
    let text = std::fs::read_to_string(manifest).map_err(|error| Error::FileUnreadable {
        path: manifest.to_owned(),
        why: error.to_string(),
    })?;
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let mut chosen = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let refuse = |why: String| Error::BadManifest {
            path: manifest.to_owned(),
            line: index + 1,
            why,
        };
        let value: Value = serde_json::from_str(line).map_err(|error| refuse(error.to_string()))?;
        let is_object = value.is_object();
        // An enum's error would say nothing of what is wrong inside.
        let read = if is_object {
            serde_json::from_value(value)
                .map(Line::Entry)
                .map_err(|error| error.to_string())
        } else {
            serde_json::from_value(value)
                .map(Line::Path)
                .map_err(|_| "it is neither a path nor an object".to_owned())
        };
        let entry = match read.map_err(refuse)? {
            Line::Path(file) => Entry {
                file,
                name: None,
                params: BTreeMap::new(),
            },
            Line::Entry(entry) => entry,
        };
        chosen.push(Chosen {
            path: folder.join(entry.file),
            member: None,
            name: entry.name,
            params: entry.params,
            line: Some((manifest.to_owned(), index + 1)),
        });
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_videos_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.MP4", "a.mov", ".hidden.mp4", "notes.txt", "c"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(folder.path().join("inner.mp4")).unwrap();
        let names: Vec<_> = choose(&[folder.path().to_owned()])
            .unwrap()
            .iter()
            .map(Chosen::shown_name)
            .collect();
        assert_eq!(names, ["a.mov", "b.MP4"]);
        let none = choose(&[folder.path().join("inner.mp4")]).unwrap_err();
        assert_eq!(none.code(), "NO_VIDEOS");
    }

    #[test]
    fn a_manifest_names_files_beside_it_and_says_where_it_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("monday.jsonl");
        let line = r#"{"file": "b.mp4", "name": "B", "params": {"cutoff_hz": 8}}"#;
        std::fs::write(&manifest, format!("\"a.mp4\"\n\n{line}\n")).unwrap();
        let chosen = choose(std::slice::from_ref(&manifest)).unwrap();
        assert_eq!(chosen[0].path, folder.path().join("a.mp4"));
        assert_eq!((chosen[1].shown_name().as_str(), chosen[1].params.len()), ("B", 1));
        assert_eq!(chosen[1].line, Some((manifest.clone(), 3)));
        assert_eq!(name_of(std::slice::from_ref(&manifest)), "monday");
        for (wrong, why) in [
            ("{\"file\": \"a\", \"param\": {}}", "unknown field `param`"),
            ("{", "EOF"),
            ("3", "neither a path nor an object"),
            ("{\"params\": {}}", "missing field `file`"),
        ] {
            std::fs::write(&manifest, format!("\"a.mp4\"\n{wrong}\n")).unwrap();
            let error = choose(std::slice::from_ref(&manifest)).unwrap_err();
            assert_eq!(error.code(), "BAD_MANIFEST");
            assert!(
                error.to_string().contains("line 2") && error.to_string().contains(why),
                "{error}"
            );
        }
    }
}
