//! The directory of models: what is in it, and whether it is what it says.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::VisionError;

/// Name of the file that lists the models.
const LIST: &str = "models.json";
/// Version of that file's layout.
const SCHEMA_VERSION: u32 = 1;

/// Models whose bytes are known to be the ones that were made.
#[derive(Debug, Clone)]
pub struct Models {
    models: Vec<ModelFile>,
}

/// One model, in memory.
#[derive(Debug, Clone)]
pub(crate) struct ModelFile {
    pub(crate) name: String,
    pub(crate) sha256: String,
    pub(crate) bytes: Arc<[u8]>,
}

#[derive(Deserialize)]
struct List {
    models: Vec<Entry>,
}

/// Read by itself first, so that a newer layout is recognised whatever else it holds.
#[derive(Deserialize)]
struct Layout {
    schema_version: u32,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    file: String,
    sha256: String,
}

impl Models {
    /// Reads every model that `models.json` in a directory lists, and checks its SHA-256. What is checked is what is
    /// run: the bytes stay in memory, about 12 MB for the pose models.
    ///
    /// # Errors
    /// When the list or a model is missing, unreadable, damaged or of a newer layout.
    pub fn open(directory: &Path) -> Result<Self, VisionError> {
        let path = directory.join(LIST);
        let text = read(&path)?;
        let layout: Layout = parse(&path, &text)?;
        if layout.schema_version != SCHEMA_VERSION {
            return Err(VisionError::ModelList {
                path,
                found: layout.schema_version,
                known: SCHEMA_VERSION,
            });
        }
        let list: List = parse(&path, &text)?;
        let models = list
            .models
            .into_iter()
            .map(|entry| entry.load(directory))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { models })
    }

    /// The models' names and the SHA-256 of their files, in the order of the list.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.models
            .iter()
            .map(|model| (model.name.as_str(), model.sha256.as_str()))
    }

    pub(crate) fn get(&self, name: &str) -> Result<&ModelFile, VisionError> {
        self.models
            .iter()
            .find(|model| model.name == name)
            .ok_or_else(|| VisionError::ModelMissing { name: name.to_owned() })
    }
}

impl Entry {
    fn load(self, directory: &Path) -> Result<ModelFile, VisionError> {
        let path = self.path(directory)?;
        let bytes = read(&path)?;
        let found = hex::encode(Sha256::digest(&bytes));
        if found != self.sha256 {
            return Err(VisionError::ModelDamaged {
                path,
                expected: self.sha256,
                found,
            });
        }
        Ok(ModelFile {
            name: self.name,
            sha256: found,
            bytes: bytes.into(),
        })
    }

    /// The model's file lies in the directory itself, whatever the list says.
    fn path(&self, directory: &Path) -> Result<PathBuf, VisionError> {
        let path = directory.join(&self.file);
        if Path::new(&self.file).file_name() == Some(self.file.as_ref()) {
            Ok(path)
        } else {
            Err(VisionError::ModelFile {
                path,
                source: "the list of models names a file outside its directory".into(),
            })
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, VisionError> {
    fs::read(path).map_err(|source| VisionError::ModelFile {
        path: path.to_owned(),
        source: source.into(),
    })
}

fn parse<'a, T: Deserialize<'a>>(path: &Path, text: &'a [u8]) -> Result<T, VisionError> {
    serde_json::from_slice(text).map_err(|source| VisionError::ModelFile {
        path: path.to_owned(),
        source: source.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(list: &str, model: &[u8]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(LIST), list).unwrap();
        fs::write(directory.path().join("a.onnx"), model).unwrap();
        directory
    }

    fn list(file: &str, sha256: &str) -> String {
        format!(
            r#"{{"schema_version": 1, "models": [{{"name": "a", "file": "{file}", "sha256": "{sha256}", "more": 1}}]}}"#
        )
    }

    #[test]
    fn a_sound_directory_opens() {
        let directory = directory(&list("a.onnx", &hex::encode(Sha256::digest(b"weights"))), b"weights");
        let models = Models::open(directory.path()).unwrap();
        assert_eq!(&*models.get("a").unwrap().bytes, b"weights");
        assert_eq!(models.get("b").unwrap_err().code(), "VISION_MODEL_MISSING");
    }

    #[test]
    fn damage_is_noticed() {
        let directory = directory(&list("a.onnx", &hex::encode(Sha256::digest(b"weights"))), b"Weights");
        let error = Models::open(directory.path()).unwrap_err();
        assert_eq!(error.code(), "VISION_MODEL_DAMAGED");
    }

    #[test]
    fn a_newer_layout_is_refused_by_name() {
        let directory = directory(r#"{"schema_version": 2, "weights": {}}"#, b"");
        let error = Models::open(directory.path()).unwrap_err();
        assert_eq!(error.code(), "VISION_MODEL_LIST");
        assert!(error.hint().contains("cargo xtask models"));
    }

    #[test]
    fn nothing_outside_the_directory_is_read() {
        for file in ["../a.onnx", "/etc/passwd", "sub/a.onnx", ".."] {
            let directory = directory(&list(file, ""), b"");
            let error = Models::open(directory.path()).unwrap_err();
            assert_eq!(error.code(), "VISION_MODEL_FILE", "{file}");
        }
    }

    #[test]
    fn an_empty_directory_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let error = Models::open(directory.path()).unwrap_err();
        assert_eq!(error.code(), "VISION_MODEL_FILE");
        assert!(error.hint().contains("MAREY_MODELS"));
    }
}
