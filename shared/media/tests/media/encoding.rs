//! Writing, and reading back what was written.

use marey_media::{EncodeOptions, Encoder, Limits, Preset, Rational, ReadOptions, encode_frames};

use crate::footage::{Footage, assert_colour, pixel, program};

fn quick(width: u32, height: u32) -> EncodeOptions {
    EncodeOptions {
        preset: Preset::Ultrafast,
        quality: 12,
        ..EncodeOptions::new(width, height)
    }
}

fn plain(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    colour.repeat((width * height) as usize)
}

#[test]
fn uneven_times_come_back_tick_for_tick() {
    let Some(footage) = Footage::new() else { return };
    for preset in [Preset::Ultrafast, Preset::Fast] {
        let path = footage.path("uneven.mp4");
        // The slower one reorders frames.
        let times: Vec<f64> = (0..50_i64).map(|n| (n * 1501 + n * n * 77) as f64 / 90_000.0).collect();
        let frames: Vec<Vec<u8>> = (0..50_u8).map(|n| plain(96, 64, [n * 5, 100, 255 - n * 5])).collect();
        let options = EncodeOptions {
            preset,
            quality: 12,
            ..EncodeOptions::new(96, 64)
        };
        let pairs = frames.iter().map(Vec::as_slice).zip(times.iter().copied());
        let video = encode_frames(&footage.tools, &path, options, pairs).unwrap();
        assert_eq!((video.frames, video.path.as_path()), (50, path.as_path()));
        assert_eq!(video.bytes, path.metadata().unwrap().len());
        let info = footage.probe(&path);
        assert_eq!(
            (info.frame_count, info.variable_frame_rate, info.codec.as_str()),
            (50, true, "h264")
        );
        assert_eq!(info.colour.space.as_deref(), Some("bt709"));
        let back = footage.read_all(&path, ReadOptions::default());
        assert_eq!(back.iter().map(|frame| frame.time_s).collect::<Vec<_>>(), times);
        for (frame, wanted) in back.iter().zip(&frames) {
            assert_colour(pixel(frame, 48, 32), [wanted[0], wanted[1], wanted[2]], 10);
        }
        assert!(
            (info.duration_s - video.duration_s).abs() < 0.04,
            "{} {}",
            info.duration_s,
            video.duration_s
        );
    }
}

#[test]
fn a_copy_keeps_the_times_and_the_rate_of_its_source() {
    let Some(footage) = Footage::new() else { return };
    let ntsc =
        "-f lavfi -i testsrc2=size=96x64:rate=30000/1001:duration=2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    for (name, more) in [
        ("source.mp4", ""),
        ("source.mkv", ""),
        ("late.ts", "-output_ts_offset 7"),
    ] {
        let source = footage.make(name, &format!("{ntsc} {more}"));
        let info = footage.probe(&source);
        let frames = footage.read_all(&source, ReadOptions::default());
        let path = footage.path(&format!("copy-of-{name}.mp4"));
        let options = EncodeOptions {
            preset: Preset::Ultrafast,
            ..EncodeOptions::like(&info, 96, 64)
        };
        let origin_s = options.origin_s;
        encode_frames(
            &footage.tools,
            &path,
            options,
            frames.iter().map(|frame| (frame.rgb.as_slice(), frame.time_s)),
        )
        .unwrap();
        let copy = footage.probe(&path);
        assert_eq!(
            (copy.frame_count, copy.variable_frame_rate),
            (info.frame_count, false),
            "{name}"
        );
        assert_eq!(copy.frame_rate, Rational { num: 30000, den: 1001 }, "{name}");
        for (frame, source) in footage.read_all(&path, ReadOptions::default()).iter().zip(&frames) {
            assert!((frame.time_s - (source.time_s - origin_s)).abs() < 1e-9, "{name}");
        }
    }
}

#[test]
fn an_odd_picture_gets_an_even_file_and_keeps_its_edge() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.path("odd.mp4");
    let mut frame = plain(33, 17, [40, 40, 40]);
    for row in frame.chunks_exact_mut(33 * 3) {
        row[31 * 3..].copy_from_slice(&[220, 220, 220, 220, 220, 220]);
    }
    encode_frames(&footage.tools, &path, quick(33, 17), [(frame.as_slice(), 0.0)]).unwrap();
    let back = footage.read_all(&path, ReadOptions::default());
    assert_eq!((back[0].width, back[0].height), (34, 18));
    assert_colour(pixel(&back[0], 33, 17), [220; 3], 30);
    assert_colour(pixel(&back[0], 10, 17), [40; 3], 12);
}

#[test]
fn a_late_first_frame_stays_late() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.path("late.mp4");
    let frame = plain(64, 48, [9, 9, 9]);
    let times = [0.5, 0.6, 0.9];
    encode_frames(
        &footage.tools,
        &path,
        quick(64, 48),
        times.map(|time_s| (frame.as_slice(), time_s)),
    )
    .unwrap();
    let back: Vec<f64> = footage
        .read_all(&path, ReadOptions::default())
        .iter()
        .map(|frame| frame.time_s)
        .collect();
    assert!(back.iter().zip(times).all(|(a, b)| (a - b).abs() < 1e-9), "{back:?}");
}

#[test]
fn bad_frames_are_refused_and_good_ones_still_taken() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.path("refused.mp4");
    let frame = plain(64, 48, [9, 9, 9]);
    let mut encoder = Encoder::create(&footage.tools, &path, quick(64, 48)).unwrap();
    encoder.write(&frame, 1.0).unwrap();
    for (bytes, time_s) in [
        (&frame[1..], 2.0),
        (&frame[..], 1.0),
        (&frame[..], 0.5),
        (&frame[..], -1.0),
        (&frame[..], f64::NAN),
    ] {
        assert_eq!(
            encoder.write(bytes, time_s).unwrap_err().code(),
            "MEDIA_REQUEST_INVALID",
            "{time_s}"
        );
    }
    encoder.write(&frame, 1.5).unwrap();
    assert!(!path.exists(), "the name appears only at the end");
    assert_eq!(encoder.finish().unwrap().frames, 2);
    assert!(path.exists());
    let encoder = Encoder::create(&footage.tools, &footage.path("none.mp4"), quick(64, 48)).unwrap();
    assert_eq!(encoder.finish().unwrap_err().code(), "MEDIA_REQUEST_INVALID");
}

#[test]
fn a_failing_encoder_is_an_error_and_leaves_no_file() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.path("full.mp4");
    let limits = Limits {
        output_bytes: 20_000,
        ..Limits::default()
    };
    let mut encoder = Encoder::create(
        &footage.tools,
        &path,
        EncodeOptions {
            limits,
            ..quick(320, 240)
        },
    )
    .unwrap();
    let mut seed = 1_u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    let frame: Vec<u8> = (0..320 * 240 * 3).map(|_| noise()).collect();
    let failed = (0..60).find_map(|index| encoder.write(&frame, f64::from(index) * 0.04).err());
    let error = match failed {
        Some(error) => error,
        None => encoder.finish().unwrap_err(),
    };
    assert!(
        matches!(error.code(), "MEDIA_TOO_LARGE" | "MEDIA_TOOL_FAILED"),
        "{error:?}"
    );
    assert!(!path.exists());
    let nowhere = footage.path("no/such/folder/x.mp4");
    assert_eq!(
        Encoder::create(&footage.tools, &nowhere, quick(64, 48))
            .unwrap_err()
            .code(),
        "MEDIA_IO"
    );
}

/// When the beeps of a file begin, s, from its decoded samples.
pub(crate) fn beeps(footage: &Footage, path: &std::path::Path) -> Vec<f64> {
    let output = program(&footage.tools.ffmpeg)
        .args(["-v", "error", "-i"])
        .arg(path)
        .args([
            "-map",
            "0:a",
            "-af",
            "aresample=async=1:first_pts=0",
            "-ac",
            "1",
            "-ar",
            "8000",
            "-f",
            "s16le",
            "-",
        ])
        .output()
        .unwrap();
    let samples: Vec<i16> = output
        .stdout
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let loud: Vec<bool> = samples
        .chunks(40)
        .map(|part| part.iter().any(|sample| sample.unsigned_abs() > 1500))
        .collect();
    let starts = (1..loud.len()).filter(|&at| loud[at] && !loud[at.saturating_sub(8)..at].contains(&true));
    starts.map(|at| at as f64 * 0.005).collect()
}

#[test]
fn sound_stays_where_the_picture_is() {
    let Some(footage) = Footage::new() else { return };
    let sources = "-f lavfi -i testsrc2=size=96x64:rate=25:duration=4 -f lavfi -i aevalsrc=0.5*sin(2000*t)*lt(mod(t+0.3\\,1)\\,0.1):d=4:s=44100";
    let video = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    for (name, sound) in [
        ("s.mp4", "-c:a aac"),
        ("s.mkv", "-c:a flac"),
        ("s.ts", "-c:a mp2 -output_ts_offset 5"),
    ] {
        let source = footage.make(name, &format!("{sources} {video} {sound}"));
        let info = footage.probe(&source);
        let frames = footage.read_all(&source, ReadOptions::default());
        let path = footage.path("with-sound.mp4");
        let options = EncodeOptions {
            audio_from: Some(source.clone()),
            preset: Preset::Ultrafast,
            ..EncodeOptions::like(&info, 96, 64)
        };
        let origin_s = options.origin_s;
        encode_frames(
            &footage.tools,
            &path,
            options,
            frames.iter().map(|frame| (frame.rgb.as_slice(), frame.time_s)),
        )
        .unwrap();
        let copy = footage.probe(&path);
        assert_eq!(
            (copy.frame_count, copy.audio.as_ref().unwrap().codec.as_str()),
            (100, "aac"),
            "{name}"
        );
        // Beeps begin at 0.7, 1.7, 2.7, 3.7 s after the first frame.
        let lead_s = info.first_timestamp_s - origin_s;
        let found = beeps(&footage, &path);
        assert_eq!(found.len(), 4, "{name}: {found:?}");
        for (index, at_s) in found.iter().enumerate() {
            assert!((at_s - lead_s - 0.7 - index as f64).abs() < 0.03, "{name}: {found:?}");
        }
    }
}

#[test]
fn a_part_of_a_video_gets_its_part_of_the_sound() {
    let Some(footage) = Footage::new() else { return };
    let sources = "-f lavfi -i testsrc2=size=96x64:rate=25:duration=4 -f lavfi -i aevalsrc=0.5*sin(2000*t)*lt(mod(t+0.3\\,1)\\,0.1):d=4:s=44100";
    let source = footage.make(
        "s.mp4",
        &format!("{sources} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac"),
    );
    let frames = footage.read_all(
        &source,
        ReadOptions {
            range_s: Some((1.4, 2.4)),
            ..ReadOptions::default()
        },
    );
    assert_eq!(frames.len(), 25);
    let path = footage.path("part.mp4");
    let options = EncodeOptions {
        audio_from: Some(source),
        origin_s: 1.4,
        audio_end_s: Some(2.4),
        ..quick(96, 64)
    };
    encode_frames(
        &footage.tools,
        &path,
        options,
        frames.iter().map(|frame| (frame.rgb.as_slice(), frame.time_s)),
    )
    .unwrap();
    let info = footage.probe(&path);
    assert!(
        (info.audio.as_ref().unwrap().duration_s - 1.0).abs() < 0.1,
        "{:?}",
        info.audio
    );
    let found = beeps(&footage, &path);
    assert!(found.len() == 1 && (found[0] - 0.3).abs() < 0.03, "{found:?}");
}

#[test]
fn a_source_without_sound_adds_none() {
    let Some(footage) = Footage::new() else { return };
    let silent = footage.film("silent.mp4", "64x48", 25, 0.4, "");
    let path = footage.path("still-silent.mp4");
    let frame = plain(64, 48, [80, 10, 10]);
    let options = EncodeOptions {
        audio_from: Some(silent),
        ..quick(64, 48)
    };
    encode_frames(&footage.tools, &path, options, [(frame.as_slice(), 0.0)]).unwrap();
    assert!(footage.probe(&path).audio.is_none());
}
