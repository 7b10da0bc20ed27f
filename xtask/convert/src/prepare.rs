//! Takes models and libraries out of pinned wheels.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::{
    CONVERTER_VERSION, ConvertError, ConvertOptions, MEDIAPIPE_PACKAGE, ONNXRUNTIME_PACKAGE,
    ONNXRUNTIME_PACKAGE_AARCH64, PinnedPackage, convert,
};

/// Name of the file beside the models that says what they are.
pub const MODELS_FILE: &str = "models.json";

/// Version of the layout of [`MODELS_FILE`].
const SCHEMA_VERSION: u32 = 1;

/// No file that is taken out of a wheel is larger, in bytes.
const MAX_MEMBER_BYTES: u64 = 256 << 20;

/// A model that is made from a file of MediaPipe's wheel.
struct Recipe {
    name: &'static str,
    file: &'static str,
    member: &'static str,
    /// The outputs to keep, each with what it is called from then on.
    outputs: &'static [(&'static str, &'static str)],
    /// What the conversion must give, whoever runs it wherever.
    sha256: &'static str,
}

/// What the models call their one input, and what it is called from then on.
const INPUT: (&str, &str) = ("input_1", "image");

const RECIPES: [Recipe; 2] = [
    Recipe {
        name: "pose_detection",
        file: "pose_detection.onnx",
        member: "mediapipe/modules/pose_detection/pose_detection.tflite",
        outputs: &[("Identity", "boxes"), ("Identity_1", "scores")],
        sha256: "c52d556e19faea355db90b0bd64f1a1473e4db7e8b2712b32c435254753489af",
    },
    Recipe {
        name: "pose_landmark_full",
        file: "pose_landmark_full.onnx",
        member: "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        // Without `Identity_2`, the segmentation, which takes half of the model's time.
        outputs: &[
            ("Identity", "landmarks"),
            ("Identity_1", "presence"),
            ("Identity_3", "heatmap"),
            ("Identity_4", "world"),
        ],
        sha256: "0af2f944d11bfc505e39269beec4869780a80de59d864bd61809a3cfb2b7562e",
    },
];

/// What [`MODELS_FILE`] holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedModels {
    /// Version of this layout.
    pub schema_version: u32,
    /// Name and version of the program that made the models.
    pub converter: String,
    /// The models, in the order in which they were made.
    pub models: Vec<PreparedModel>,
}

/// One model that is ready to be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedModel {
    /// What the model is called.
    pub name: String,
    /// File name, in the directory of [`MODELS_FILE`].
    pub file: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Where the weights come from.
    pub source: Source,
    /// SPDX identifier of the weights' licence.
    pub licence: String,
}

/// Where a model's weights come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Name of the package.
    pub package: String,
    /// Version of the package.
    pub version: String,
    /// Path of the file inside the package.
    pub member: String,
    /// SHA-256 of that file, lower-case hexadecimal.
    pub sha256: String,
}

/// Why a wheel gave no models or no library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The wheel is not the pinned one.
    #[error("{} is not {expected}: its SHA-256 is {found}", path.display())]
    WrongWheel {
        /// The wheel that was given.
        path: PathBuf,
        /// File name of the wheel that was expected.
        expected: String,
        /// SHA-256 of the wheel that was given.
        found: String,
    },
    /// The wheel lacks a file, or is no sound archive.
    #[error("cannot take {member} out of {}", path.display())]
    Archive {
        /// The wheel.
        path: PathBuf,
        /// The file in question.
        member: String,
        /// Why it failed.
        #[source]
        source: zip::result::ZipError,
    },
    /// A model could not be converted.
    #[error("cannot convert {model}")]
    Convert {
        /// Name of the model.
        model: &'static str,
        /// Why it failed.
        #[source]
        source: ConvertError,
    },
    /// A conversion gave other bytes than those that were tested.
    #[error("the conversion of {model} gave SHA-256 {found}, not {expected}")]
    WrongModel {
        /// Name of the model.
        model: &'static str,
        /// SHA-256 that was expected.
        expected: &'static str,
        /// SHA-256 of what the conversion gave.
        found: String,
    },
}

impl PrepareError {
    /// A stable name for the kind of error, for logs and for people.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "PREPARE_IO",
            Self::WrongWheel { .. } => "PREPARE_WRONG_WHEEL",
            Self::Archive { .. } => "PREPARE_ARCHIVE",
            Self::Convert { .. } => "PREPARE_CONVERT",
            Self::WrongModel { .. } => "PREPARE_WRONG_MODEL",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check that the file exists and that the disk has room",
            Self::WrongWheel { .. } | Self::Archive { .. } => "delete the wheel and download it again",
            Self::Convert { .. } | Self::WrongModel { .. } => {
                "the converter has changed: check its results and renew the pinned hash"
            }
        }
    }
}

/// Makes the pose models from MediaPipe's wheel ([`MEDIAPIPE_PACKAGE`]) and writes them to `out`, with
/// [`MODELS_FILE`] beside them. The same wheel gives the same bytes everywhere, and that is checked.
///
/// # Errors
/// When the wheel is not the pinned one, or a file cannot be written.
pub fn prepare_models(wheel: &Path, out: &Path) -> Result<Vec<PreparedModel>, PrepareError> {
    let mut archive = open_wheel(wheel, &[MEDIAPIPE_PACKAGE])?;
    create_directory(out)?;
    let mut models = Vec::new();
    for recipe in &RECIPES {
        let tflite = read_member(&mut archive, wheel, recipe.member)?;
        let onnx = recipe.convert(&tflite)?;
        write_whole(&out.join(recipe.file), &onnx)?;
        models.push(PreparedModel {
            name: recipe.name.to_owned(),
            file: recipe.file.to_owned(),
            sha256: recipe.sha256.to_owned(),
            bytes: onnx.len() as u64,
            source: Source {
                package: MEDIAPIPE_PACKAGE.name.to_owned(),
                version: MEDIAPIPE_PACKAGE.version.to_owned(),
                member: recipe.member.to_owned(),
                sha256: hex::encode(Sha256::digest(&tflite)),
            },
            licence: MEDIAPIPE_PACKAGE.licence.to_owned(),
        });
    }
    let manifest = PreparedModels {
        schema_version: SCHEMA_VERSION,
        converter: format!("{} {CONVERTER_VERSION}", env!("CARGO_PKG_NAME")),
        models,
    };
    let path = out.join(MODELS_FILE);
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(|error| PrepareError::Io {
        action: "write",
        path: path.clone(),
        source: error.into(),
    })?;
    text.push(b'\n');
    write_whole(&path, &text)?;
    Ok(manifest.models)
}

/// Takes ONNX Runtime's library out of a wheel ([`ONNXRUNTIME_PACKAGE`] or [`ONNXRUNTIME_PACKAGE_AARCH64`]), writes it
/// to `out/libonnxruntime.so` and returns that path.
///
/// # Errors
/// When the wheel is neither of the pinned ones, or the file cannot be written.
pub fn extract_onnxruntime(wheel: &Path, out: &Path) -> Result<PathBuf, PrepareError> {
    let mut archive = open_wheel(wheel, &[ONNXRUNTIME_PACKAGE, ONNXRUNTIME_PACKAGE_AARCH64])?;
    let member = format!("onnxruntime/capi/libonnxruntime.so.{}", ONNXRUNTIME_PACKAGE.version);
    let library = read_member(&mut archive, wheel, &member)?;
    create_directory(out)?;
    let path = out.join("libonnxruntime.so");
    write_whole(&path, &library)?;
    Ok(path)
}

impl Recipe {
    fn convert(&self, tflite: &[u8]) -> Result<Vec<u8>, PrepareError> {
        let owned = |(old, new): (&str, &str)| (old.to_owned(), new.to_owned());
        let mut rename: BTreeMap<String, String> = self.outputs.iter().copied().map(owned).collect();
        let keep: BTreeSet<String> = rename.keys().cloned().collect();
        rename.extend([owned(INPUT)]);
        let options = ConvertOptions {
            half_weights: true,
            keep: Some(keep),
            rename,
        };
        let onnx = convert(tflite, &options).map_err(|source| PrepareError::Convert {
            model: self.name,
            source,
        })?;
        let found = hex::encode(Sha256::digest(&onnx));
        if found == self.sha256 {
            Ok(onnx)
        } else {
            Err(PrepareError::WrongModel {
                model: self.name,
                expected: self.sha256,
                found,
            })
        }
    }
}

/// Opens a wheel once it is known to be one of the pinned ones.
fn open_wheel(path: &Path, expected: &[PinnedPackage]) -> Result<ZipArchive<File>, PrepareError> {
    let unreadable = |source| PrepareError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut hash).map_err(unreadable)?;
    let found = hex::encode(hash.finalize());
    if !expected.iter().any(|package| package.sha256 == found) {
        let names: Vec<&str> = expected.iter().map(|package| package.file_name).collect();
        return Err(PrepareError::WrongWheel {
            path: path.to_owned(),
            expected: names.join(" or "),
            found,
        });
    }
    ZipArchive::new(file).map_err(|source| PrepareError::Archive {
        path: path.to_owned(),
        member: "anything".to_owned(),
        source,
    })
}

fn read_member(archive: &mut ZipArchive<File>, wheel: &Path, name: &str) -> Result<Vec<u8>, PrepareError> {
    let failed = |source| PrepareError::Archive {
        path: wheel.to_owned(),
        member: name.to_owned(),
        source,
    };
    let member = archive.by_name(name).map_err(failed)?;
    let mut bytes = Vec::new();
    member
        .take(MAX_MEMBER_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(error.into()))?;
    Ok(bytes)
}

fn create_directory(path: &Path) -> Result<(), PrepareError> {
    fs::create_dir_all(path).map_err(|source| PrepareError::Io {
        action: "create",
        path: path.to_owned(),
        source,
    })
}

/// Writes a file so that a reader sees the old one or the new one, never a part.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), PrepareError> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    fs::write(&partial, bytes)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(|source| PrepareError::Io {
            action: "write",
            path: path.to_owned(),
            source,
        })
}
