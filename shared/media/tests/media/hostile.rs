//! Files that are empty, cut, disguised or made to hurt.

use marey_media::{FrameReader, Limits, MediaError, ReadOptions, probe};

use crate::footage::Footage;

fn code(result: Result<impl std::fmt::Debug, MediaError>) -> &'static str {
    let error = result.unwrap_err();
    assert!(!error.hint().is_empty());
    error.code()
}

#[test]
fn what_is_no_video_is_refused_with_its_reason() {
    let Some(footage) = Footage::new() else { return };
    let cases = [
        (footage.write("empty.mp4", ""), "MEDIA_EMPTY"),
        (
            footage.write("text.mp4", "This is only text.\n".repeat(50)),
            "MEDIA_NOT_A_VIDEO",
        ),
        (
            footage.write("box.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isommp42garbage behind it"),
            "MEDIA_TRUNCATED",
        ),
        (
            footage.write("zeros.mkv", [&[0x1a, 0x45, 0xdf, 0xa3][..], &[0; 5000]].concat()),
            "MEDIA_NOT_A_VIDEO",
        ),
        (
            footage.make("sound.m4a", "-f lavfi -i sine=duration=1 -c:a aac"),
            "MEDIA_NO_VIDEO_STREAM",
        ),
        (
            footage.make("sound.mp3", "-f lavfi -i sine=duration=1"),
            "MEDIA_NO_VIDEO_STREAM",
        ),
        (
            footage.make("sound.ogg", "-f lavfi -i sine=duration=1 -c:a flac"),
            "MEDIA_NO_VIDEO_STREAM",
        ),
        (
            footage.make("picture.png", "-f lavfi -i testsrc2 -frames:v 1"),
            "MEDIA_FORMAT_REFUSED",
        ),
        (
            footage.make("rare.avi", "-f lavfi -i testsrc2=size=64x48:duration=0.2 -c:v cinepak"),
            "MEDIA_FORMAT_REFUSED",
        ),
        (footage.path("not there.mp4"), "MEDIA_IO"),
        (footage.folder().to_path_buf(), "MEDIA_FORMAT_REFUSED"),
    ];
    for (path, wanted) in cases {
        let error = footage.try_probe(&path).unwrap_err();
        assert_eq!(
            error.code(),
            wanted,
            "{}: {error}: {:?}",
            path.display(),
            error.diagnostics()
        );
        assert!(!error.is_transient());
        assert!(
            !error.to_string().contains(footage.folder().to_str().unwrap()),
            "paths stay private: {error}"
        );
    }
}

#[test]
fn playlists_never_open_what_they_name() {
    let Some(footage) = Footage::new() else { return };
    let secret = footage.film("secret.ts", "64x48", 25, 0.4, "");
    let name = secret.to_str().unwrap();
    let playlist = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{name}\n#EXT-X-ENDLIST\n");
    // Behind a BOM, and behind bytes that look like the start of an MP4.
    let lists = [
        playlist.clone(),
        format!("\u{feff}{playlist}"),
        format!("ffconcat version 1.0\nfile '{name}'\n"),
        format!("file '{name}'\n"),
        format!("\0\0\0\x08ftyp{playlist}"),
        format!("\0\0\0\x08free{playlist}"),
    ];
    for list in lists {
        let path = footage.write("list.mp4", &list);
        // An access time can't be trusted to be kept, so the proof is that it fails although the film is good.
        let error = footage.try_probe(&path).unwrap_err();
        assert!(
            matches!(
                error.code(),
                "MEDIA_FORMAT_REFUSED" | "MEDIA_NOT_A_VIDEO" | "MEDIA_TRUNCATED"
            ),
            "{error}"
        );
    }
    assert_eq!(footage.probe(&secret).frame_count, 10);
}

#[test]
fn a_file_without_its_index_is_truncated() {
    let Some(footage) = Footage::new() else { return };
    let whole = std::fs::read(footage.film("whole.mp4", "320x240", 25, 2.0, "")).unwrap();
    let cut = footage.write("cut.mp4", &whole[..whole.len() * 2 / 3]);
    let error = footage.try_probe(&cut).unwrap_err();
    assert!(matches!(error, MediaError::Truncated { frames: 0, .. }), "{error:?}");
}

#[test]
fn a_file_cut_in_its_middle_is_refused_or_read_to_the_cut() {
    let Some(footage) = Footage::new() else { return };
    for (name, more) in [
        ("front.mp4", "-movflags +faststart"),
        ("fragments.mp4", "-g 10 -movflags frag_keyframe+empty_moov"),
        ("known.mkv", ""),
        ("known.avi", "-bf 0"),
    ] {
        let whole_path = footage.film(name, "320x240", 25, 4.0, more);
        let whole_frames = footage.read_all(&whole_path, ReadOptions::default());
        let whole = std::fs::read(whole_path).unwrap();
        let cut = footage.write(&format!("cut-{name}"), &whole[..whole.len() * 3 / 5]);
        let error = footage.try_probe(&cut).unwrap_err();
        let MediaError::Truncated { frames, at_s } = error else {
            panic!("{name}: {error}")
        };
        assert!(
            (20..90).contains(&frames) && at_s > 0.5 && at_s < 3.6,
            "{name}: {frames} frames, {at_s} s"
        );
        assert!(!error.is_transient());
        // Knowingly, what is there can be had.
        let limits = Limits {
            accept_truncated: true,
            ..Limits::default()
        };
        let info = probe(&footage.tools, &cut, &limits).unwrap();
        assert!(info.is_truncated);
        let options = ReadOptions {
            limits,
            ..ReadOptions::default()
        };
        let mut reader = FrameReader::open(&footage.tools, &cut, &info, options).unwrap();
        let mut count = 0;
        while let Some(frame) = reader.read().unwrap() {
            assert_eq!(frame.time_s.to_bits(), whole_frames[count].time_s.to_bits(), "{name}");
            count += 1;
        }
        assert!(
            count as u64 + 3 >= frames && count as u64 <= frames,
            "{name}: {count} of {frames}"
        );
    }
}

#[test]
fn a_video_that_ends_before_what_was_promised_does_not_look_whole() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("promised.mp4", "320x240", 25, 4.0, "-movflags +faststart");
    let info = footage.probe(&path);
    let whole = std::fs::read(&path).unwrap();
    // Cut between probing and reading.
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let mut reader = FrameReader::open(&footage.tools, &path, &info, ReadOptions::default()).unwrap();
    let mut count = 0_u64;
    let error = loop {
        match reader.read() {
            Ok(Some(_)) => count += 1,
            Ok(None) => panic!("looks whole after {count} frames"),
            Err(error) => break error,
        }
    };
    let MediaError::Truncated { frames, at_s } = error else {
        panic!("{error}")
    };
    assert!(
        frames == count && count > 10 && count < 90 && at_s > 0.3,
        "{frames} {count} {at_s}"
    );
    assert_eq!(reader.missing_frames(), 100 - count);
    assert!(reader.read().unwrap().is_none());
}

#[test]
fn damage_in_the_middle_leaves_the_rest_readable() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("damaged.ts", "320x240", 25, 4.0, "-g 25");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 2000].fill(0x55);
    std::fs::write(&path, bytes).unwrap();
    let info = footage.probe(&path);
    let mut reader = footage.open(&path, ReadOptions::default());
    let mut last_s = f64::NEG_INFINITY;
    while let Some(frame) = reader.read().unwrap() {
        assert!(frame.time_s > last_s);
        last_s = frame.time_s;
    }
    assert!((last_s - info.last_timestamp_s).abs() < 0.1 && reader.missing_frames() < 30);
}

#[test]
fn limits_are_kept() {
    let Some(footage) = Footage::new() else { return };
    let sources = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=4 -f lavfi -i sine=duration=4";
    let path = footage.make(
        "film.mp4",
        &format!("{sources} -c:v libx264 -preset ultrafast -c:a aac"),
    );
    let standard = Limits::default();
    let cases = [
        (
            Limits {
                duration_s: 3.0,
                ..standard.clone()
            },
            "MEDIA_TOO_LONG",
        ),
        (
            Limits {
                side_px: 300,
                ..standard.clone()
            },
            "MEDIA_TOO_LARGE",
        ),
        (
            Limits {
                pixels: 70_000,
                ..standard.clone()
            },
            "MEDIA_TOO_LARGE",
        ),
        (
            Limits {
                streams: 1,
                ..standard.clone()
            },
            "MEDIA_TOO_LARGE",
        ),
        (
            Limits {
                packets: 50,
                ..standard.clone()
            },
            "MEDIA_TOO_LARGE",
        ),
        (
            Limits {
                file_bytes: 1000,
                ..standard.clone()
            },
            "MEDIA_TOO_LARGE",
        ),
    ];
    for (limits, wanted) in cases {
        assert_eq!(code(probe(&footage.tools, &path, &limits)), wanted, "{limits:?}");
    }
}

#[test]
fn a_header_that_claims_a_huge_picture_is_refused_cheaply() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.make(
        "huge.avi",
        "-f lavfi -i testsrc2=size=64x48:rate=25:duration=0.2 -c:v mjpeg",
    );
    let mut bytes = std::fs::read(&path).unwrap();
    let format = bytes.windows(4).position(|window| window == b"strf").unwrap() + 8;
    bytes[format + 4..format + 8].copy_from_slice(&60_000_u32.to_le_bytes());
    bytes[format + 8..format + 12].copy_from_slice(&60_000_u32.to_le_bytes());
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(2).position(|window| window == [0xff, 0xc0]) {
        at += found + 5;
        bytes[at..at + 4].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    }
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(code(footage.try_probe(&path)), "MEDIA_TOO_LARGE");
}

#[test]
fn too_little_memory_is_an_error_and_not_half_a_video() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("memory.mp4", "1920x1080", 25, 1.0, "");
    let info = footage.probe(&path);
    let limits = Limits {
        memory_bytes: 200 << 20,
        ..Limits::default()
    };
    let options = ReadOptions {
        limits,
        ..ReadOptions::default()
    };
    let mut reader = FrameReader::open(&footage.tools, &path, &info, options).unwrap();
    let error = loop {
        match reader.read() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error"),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error.code(), "MEDIA_TOO_LARGE" | "MEDIA_TOOL_FAILED"),
        "{error}"
    );
}

#[test]
fn names_that_look_like_options_or_protocols_are_only_names() {
    let Some(footage) = Footage::new() else { return };
    let good = std::fs::read(footage.film("good.mp4", "64x48", 25, 0.2, "")).unwrap();
    for name in [
        "-i.mp4",
        "pipe:0",
        "concat:a|b.mp4",
        "a%03d.mp4",
        "spaces and 'quotes'.mp4",
        "http:x",
        "ümläut.mp4",
    ] {
        let path = footage.write(name, &good);
        assert_eq!(footage.probe(&path).frame_count, 5, "{name}");
        assert_eq!(footage.read_all(&path, ReadOptions::default()).len(), 5, "{name}");
    }
}
