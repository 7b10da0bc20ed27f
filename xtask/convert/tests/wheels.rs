//! The pinned wheels, where they have been downloaded: `.marey/cache` in the repository, or the directory that
//! `MAREY_CACHE` names.

use std::path::PathBuf;

use marey_convert::{
    MEDIAPIPE_PACKAGE, MODELS_FILE, ONNXRUNTIME_PACKAGE, PinnedPackage, PreparedModels, extract_onnxruntime,
    prepare_models,
};

fn wheel(package: &PinnedPackage, test: &str) -> Option<PathBuf> {
    let default = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.marey/cache"));
    let path = std::env::var_os("MAREY_CACHE")
        .map_or(default, PathBuf::from)
        .join(package.file_name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {test} needs {} (or MAREY_CACHE)", path.display());
    None
}

#[test]
fn the_models_are_made_to_the_byte() {
    let Some(wheel) = wheel(&MEDIAPIPE_PACKAGE, "the_models_are_made_to_the_byte") else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    // That every file has its pinned SHA-256 is checked inside.
    let models = prepare_models(&wheel, out.path()).unwrap();
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["pose_detection", "pose_landmark_full"]);
    for model in &models {
        assert_eq!(
            std::fs::metadata(out.path().join(&model.file)).unwrap().len(),
            model.bytes
        );
    }
    let list: PreparedModels = serde_json::from_slice(&std::fs::read(out.path().join(MODELS_FILE)).unwrap()).unwrap();
    assert_eq!(list.models, models);
    assert_eq!(
        std::fs::read_dir(out.path()).unwrap().count(),
        3,
        "no partial file is left"
    );
}

#[test]
fn the_library_is_taken_out() {
    let Some(wheel) = wheel(&ONNXRUNTIME_PACKAGE, "the_library_is_taken_out") else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let library = extract_onnxruntime(&wheel, out.path()).unwrap();
    assert_eq!(library, out.path().join("libonnxruntime.so"));
    let bytes = std::fs::read(library).unwrap();
    assert!(bytes.starts_with(b"\x7fELF") && bytes.len() > 10 << 20);
}

#[test]
fn any_other_wheel_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(MEDIAPIPE_PACKAGE.file_name);
    let error = prepare_models(&path, directory.path()).unwrap_err();
    assert_eq!(error.code(), "PREPARE_IO");
    std::fs::write(&path, b"PK").unwrap();
    let error = prepare_models(&path, directory.path()).unwrap_err();
    assert_eq!(error.code(), "PREPARE_WRONG_WHEEL");
    assert!(error.hint().contains("download"));
    let error = extract_onnxruntime(&path, directory.path()).unwrap_err();
    assert_eq!(error.code(), "PREPARE_WRONG_WHEEL");
}

#[test]
fn pip_is_told_exactly_what_to_download() {
    let arguments = MEDIAPIPE_PACKAGE.pip_arguments("cache".as_ref());
    let text: Vec<String> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    assert!(text.contains(&"mediapipe==0.10.21".to_owned()) && text.contains(&"--no-deps".to_owned()));
    assert!(MEDIAPIPE_PACKAGE.file_name.contains(MEDIAPIPE_PACKAGE.platform));
}
