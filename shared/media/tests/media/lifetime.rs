//! No child outlives its owner, whatever way the owner ends; and misbehaving tools are understood.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use marey_media::{EncodeOptions, Encoder, FrameReader, Limits, ReadOptions, Tools, probe};

use crate::footage::Footage;

/// [`processes`], as soon as there are some: until a program is loaded, its process has the command line of whoever began it.
fn begun(text: &str) -> Vec<u32> {
    let tries = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(10));
        processes(text)
    });
    tries.take(500).find(|found| !found.is_empty()).unwrap_or_default()
}

/// Processes whose command line names this text.
fn processes(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if id != std::process::id() && String::from_utf8_lossy(&line).replace('\0', " ").contains(text) {
            found.push(id);
        }
    }
    found
}

fn assert_gone(ids: &[u32]) {
    assert!(!ids.is_empty(), "nothing was running");
    for id in ids {
        assert!(!Path::new(&format!("/proc/{id}")).exists(), "{id} is still there");
    }
}

/// A program that stands in for ffmpeg or ffprobe.
fn script(footage: &Footage, name: &str, body: &str) -> PathBuf {
    let path = footage.write(name, format!("#!/bin/bash\n{body}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_dropped_reader_leaves_no_process() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("drop.mp4", "640x480", 30, 20.0, "");
    let mut reader = footage.open(&path, ReadOptions::default());
    assert!(reader.read().unwrap().is_some());
    let ids = begun(path.to_str().unwrap());
    drop(reader);
    assert_gone(&ids);
    // Also when nothing was read, and the decoder waits with a full queue.
    let reader = footage.open(&path, ReadOptions::default());
    std::thread::sleep(Duration::from_millis(200));
    let ids = begun(path.to_str().unwrap());
    drop(reader);
    assert_gone(&ids);
}

#[test]
fn cancelling_from_another_thread_ends_the_reader_at_once() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("cancel.mp4", "640x480", 30, 20.0, "");
    let mut reader = footage.open(&path, ReadOptions::default());
    assert!(reader.read().unwrap().is_some());
    let ids = begun(path.to_str().unwrap());
    let handle = reader.cancel_handle();
    std::thread::spawn(move || handle.cancel()).join().unwrap();
    assert_eq!(reader.read().unwrap_err().code(), "MEDIA_CANCELLED");
    assert!(reader.read().unwrap().is_none());
    let handle = reader.cancel_handle();
    drop(reader);
    assert_gone(&ids);
    handle.cancel();
}

#[test]
fn a_dropped_or_cancelled_encoder_leaves_neither_process_nor_file() {
    let Some(footage) = Footage::new() else { return };
    let folder = footage.path("out");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("out.mp4");
    let frame = vec![90; 320 * 240 * 3];
    let mut encoder = Encoder::create(&footage.tools, &path, EncodeOptions::new(320, 240)).unwrap();
    encoder.write(&frame, 0.0).unwrap();
    let ids = begun(folder.to_str().unwrap());
    drop(encoder);
    assert_gone(&ids);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let mut encoder = Encoder::create(&footage.tools, &path, EncodeOptions::new(320, 240)).unwrap();
    encoder.write(&frame, 0.0).unwrap();
    let ids = begun(folder.to_str().unwrap());
    encoder.cancel_handle().cancel();
    assert_eq!(encoder.write(&frame, 0.1).unwrap_err().code(), "MEDIA_CANCELLED");
    assert_eq!(encoder.finish().unwrap_err().code(), "MEDIA_CANCELLED");
    assert_gone(&ids);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn a_tool_that_hangs_is_killed_with_its_children() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("film.mp4", "64x48", 25, 0.4, "");
    let hanging = script(&footage, "hang", "sleep 86.421 & sleep 86.421");
    let tools = Tools {
        ffprobe: hanging.clone(),
        ..footage.tools.clone()
    };
    let limits = Limits {
        probe_wall: Duration::from_millis(400),
        ..Limits::default()
    };
    let error = probe(&tools, &path, &limits).unwrap_err();
    assert_eq!((error.code(), error.is_transient()), ("MEDIA_TIMEOUT", true));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(processes("sleep 86.421"), Vec::<u32>::new());

    let info = footage.probe(&path);
    let tools = Tools {
        ffmpeg: hanging,
        ..footage.tools.clone()
    };
    let limits = Limits {
        stall: Duration::from_millis(400),
        ..Limits::default()
    };
    let options = ReadOptions {
        limits: limits.clone(),
        ..ReadOptions::default()
    };
    let mut reader = FrameReader::open(&tools, &path, &info, options).unwrap();
    assert_eq!(reader.read().unwrap_err().code(), "MEDIA_TIMEOUT");
    let options = EncodeOptions {
        limits,
        ..EncodeOptions::new(640, 480)
    };
    let mut encoder = Encoder::create(&tools, &footage.path("x.mp4"), options).unwrap();
    let frame = vec![0; 640 * 480 * 3];
    let error = (0..10)
        .find_map(|index| encoder.write(&frame, f64::from(index)).err())
        .unwrap();
    assert_eq!(error.code(), "MEDIA_TIMEOUT");
    drop((encoder, reader));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(processes("sleep 86.421"), Vec::<u32>::new());
}

#[test]
fn the_ways_a_tool_can_end_are_told_apart() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("film.mp4", "64x48", 25, 0.4, "");
    let info = footage.probe(&path);
    let cases = [
        ("kill -KILL $$", "MEDIA_TOOL_KILLED", true),
        ("kill -SEGV $$", "MEDIA_TOOL_FAILED", false),
        ("kill -XCPU $$", "MEDIA_TIMEOUT", false),
        (
            "echo 'av_write: No space left on device' >&2; exit 1",
            "MEDIA_NO_SPACE",
            true,
        ),
        ("echo 'x: Cannot allocate memory' >&2; exit 1", "MEDIA_TOO_LARGE", false),
        ("echo not a stream of frames", "MEDIA_TOOL_FAILED", false),
        ("exit 3", "MEDIA_TOOL_FAILED", false),
        ("exit 0", "MEDIA_TRUNCATED", false),
    ];
    for (index, (body, code, is_transient)) in cases.into_iter().enumerate() {
        let tools = Tools {
            ffmpeg: script(&footage, &format!("tool{index}"), body),
            ..footage.tools.clone()
        };
        let mut reader = FrameReader::open(&tools, &path, &info, ReadOptions::default()).unwrap();
        let error = reader.read().unwrap_err();
        assert_eq!(
            (error.code(), error.is_transient()),
            (code, is_transient),
            "{body}: {error:?}"
        );
    }
}

#[test]
fn processor_time_is_limited() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("film.mp4", "64x48", 25, 0.4, "");
    let info = footage.probe(&path);
    let limits = Limits {
        cpu: Duration::from_secs(1),
        ..Limits::default()
    };
    let spinning = Tools {
        ffmpeg: script(&footage, "spin", "while :; do :; done"),
        ..footage.tools.clone()
    };
    let options = ReadOptions {
        limits: limits.clone(),
        ..ReadOptions::default()
    };
    let mut reader = FrameReader::open(&spinning, &path, &info, options.clone()).unwrap();
    let error = reader.read().unwrap_err();
    assert_eq!((error.code(), error.is_transient()), ("MEDIA_TIMEOUT", false));
    // The real one catches the signal and ends as if all were well.
    let long = footage.film("long.mp4", "1280x720", 60, 20.0, "");
    let mut reader = FrameReader::open(&footage.tools, &long, &footage.probe(&long), options).unwrap();
    let error = loop {
        match reader.read() {
            Ok(Some(frame)) => reader.recycle(frame),
            Ok(None) => panic!("twenty seconds of HD in a second"),
            Err(error) => break error,
        }
    };
    assert_eq!(
        (error.code(), error.is_transient()),
        ("MEDIA_TIMEOUT", false),
        "{error:?}"
    );
}

#[test]
fn what_a_tool_prints_without_end_is_not_kept() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("film.mp4", "64x48", 25, 0.4, "");
    let talker = script(
        &footage,
        "talk",
        "head -c 30000000 /dev/zero | tr '\\0' 'x' >&2; for i in {1..500}; do echo line $i >&2; done; exit 1",
    );
    let tools = Tools {
        ffprobe: talker,
        ..footage.tools.clone()
    };
    let error = probe(&tools, &path, &Limits::default()).unwrap_err();
    let kept = error.diagnostics().unwrap();
    assert!(
        kept.len() < 10_000 && kept.ends_with("line 500"),
        "{} bytes",
        kept.len()
    );
    let talker = script(&footage, "shout", "head -c 30000000 /dev/zero");
    let tools = Tools {
        ffprobe: talker,
        ..footage.tools.clone()
    };
    assert_eq!(
        probe(&tools, &path, &Limits::default()).unwrap_err().code(),
        "MEDIA_TOO_LARGE"
    );
}

#[test]
fn tools_tell_their_versions_and_are_missed_by_name() {
    let Some(footage) = Footage::new() else { return };
    let versions = footage.tools.versions().unwrap();
    assert!(
        versions.ffmpeg.chars().any(|character| character.is_ascii_digit()),
        "{versions:?}"
    );
    let path = footage.film("film.mp4", "64x48", 25, 0.2, "");
    let tools = Tools {
        ffprobe: "/nowhere/ffprobe".into(),
        ..footage.tools.clone()
    };
    assert_eq!(
        probe(&tools, &path, &Limits::default()).unwrap_err().code(),
        "MEDIA_TOOL_MISSING"
    );
}
