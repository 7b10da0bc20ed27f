//! A video cut into ranges, encoded in pieces and joined, against the same video encoded in one go.

use std::path::{Path, PathBuf};

use marey_media::{
    CancelHandle, CutOptions, EncodeOptions, EncodedVideo, Encoder, Frame, MediaError, Piece, Preset, ReadOptions,
    VideoInfo, cut, join,
};

use crate::encoding::beeps;
use crate::footage::{Footage, program, turn};

/// Ranges of about three seconds.
const CUT: CutOptions = CutOptions {
    longest_s: 4.0,
    overlap_s: 1.0,
    most: 200,
};

/// Eleven seconds of test pictures, with a beep each second.
fn clip(footage: &Footage, name: &str, more: &str) -> PathBuf {
    let sources = "-f lavfi -i testsrc2=size=96x64:rate=25:duration=11 -f lavfi -i aevalsrc=0.5*sin(2000*t)*lt(mod(t+0.3\\,1)\\,0.1):d=11:s=44100";
    let video = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 20";
    footage.make(name, &format!("{sources} {video} {more}"))
}

/// Clips that differ in what a cut might get wrong.
fn clips(footage: &Footage) -> Vec<(&'static str, PathBuf)> {
    let uneven = "-vf settb=1/90000,setpts=N*3000+mod(N*N*37\\,2900) -fps_mode passthrough -enc_time_base 1:90000 -video_track_timescale 90000";
    let turned = clip(footage, "turned.mp4", "-c:a aac");
    turn(&turned, 1);
    vec![
        (
            "with B-frames",
            clip(footage, "plain.mp4", "-bf 3 -b_strategy 0 -c:a aac"),
        ),
        (
            "of a variable rate",
            clip(footage, "uneven.mp4", &format!("{uneven} -bf 2 -c:a aac")),
        ),
        (
            "of 30000/1001 in Matroska",
            clip(footage, "ntsc.mkv", "-r 30000/1001 -c:a flac"),
        ),
        (
            "that starts late",
            clip(footage, "late.ts", "-output_ts_offset 7 -bf 2 -c:a mp2"),
        ),
        (
            "that starts before zero",
            clip(
                footage,
                "early.mp4",
                "-output_ts_offset -0.4 -avoid_negative_ts disabled -an",
            ),
        ),
        ("that is turned", turned),
    ]
}

fn between(range_s: (f64, f64)) -> ReadOptions {
    ReadOptions {
        range_s: Some(range_s),
        ..ReadOptions::default()
    }
}

/// As the annotated video is encoded: with frames that refer forward.
fn options(info: &VideoInfo, frame: &Frame) -> EncodeOptions {
    EncodeOptions {
        preset: Preset::Veryfast,
        ..EncodeOptions::like(info, frame.width, frame.height)
    }
}

fn encode(footage: &Footage, path: &Path, frames: &[Frame], options: EncodeOptions) -> EncodedVideo {
    let mut encoder = Encoder::create(&footage.tools, path, options).unwrap();
    for frame in frames {
        encoder.write(&frame.rgb, frame.time_s).unwrap();
    }
    encoder.finish().unwrap()
}

/// Each range of a video as a piece of its own.
fn pieces(footage: &Footage, path: &Path) -> (Vec<Piece>, EncodeOptions) {
    let info = footage.probe(path);
    let ranges = cut(&info, &CUT).unwrap();
    assert!(ranges.len() >= 3, "{ranges:?}");
    let mut pieces = Vec::new();
    let mut found = None;
    for (index, range) in ranges.iter().enumerate() {
        let frames = footage.read_all(path, between(range.own_s()));
        let options = found.get_or_insert_with(|| options(&info, &frames[0])).clone();
        let piece = footage.path(&format!("piece{index}.mp4"));
        let is_piece = EncodeOptions {
            is_piece: true,
            ..options
        };
        encode(footage, &piece, &frames, is_piece);
        pieces.push(Piece {
            path: piece,
            start_s: frames[0].time_s,
        });
    }
    (pieces, found.unwrap())
}

#[test]
fn ranges_have_the_frames_of_the_whole_to_the_bit() {
    let Some(footage) = Footage::new() else { return };
    for (kind, path) in clips(&footage) {
        let info = footage.probe(&path);
        let ranges = cut(&info, &CUT).unwrap();
        assert!(ranges.len() >= 3, "a clip {kind}: {ranges:?}");
        let whole = footage.read_all(&path, ReadOptions::default());
        assert_eq!(whole.len() as u64, info.frame_count, "a clip {kind}");
        let same = |found: &[Frame], wanted: &[&Frame]| {
            assert_eq!(found.len(), wanted.len(), "a clip {kind}");
            for (index, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                assert_eq!(found.index, index as u64);
                assert_eq!(found.time_s.to_bits(), wanted.time_s.to_bits(), "a clip {kind}");
                assert!(
                    found.rgb == wanted.rgb,
                    "a clip {kind}: another picture at {}",
                    found.time_s
                );
            }
        };
        let mut together = 0;
        for range in &ranges {
            let own: Vec<&Frame> = whole.iter().filter(|frame| range.contains(frame.time_s)).collect();
            let found = footage.read_all(&path, between(range.own_s()));
            same(&found, &own);
            together += found.len();
            let early = |frame: &&Frame| frame.time_s >= range.read_from_s && frame.time_s < range.end_s;
            let wanted: Vec<&Frame> = whole.iter().filter(early).collect();
            same(&footage.read_all(&path, between(range.with_overlap_s())), &wanted);
        }
        assert_eq!(together, whole.len(), "a clip {kind}");
    }
}

#[test]
fn joined_pieces_are_the_video_that_one_encoder_writes() {
    let Some(footage) = Footage::new() else { return };
    for (kind, source) in clips(&footage) {
        let info = footage.probe(&source);
        let whole = footage.read_all(&source, ReadOptions::default());
        let (pieces, options) = pieces(&footage, &source);
        let options = EncodeOptions {
            audio_from: info.audio.as_ref().map(|_| source.clone()),
            ..options
        };
        let (one, joined) = (footage.path("one.mp4"), footage.path("joined.mp4"));
        let of_one = encode(&footage, &one, &whole, options.clone());
        let of_pieces = join(&footage.tools, &pieces, &options, &joined, &CancelHandle::default()).unwrap();
        assert_eq!(
            (of_pieces.frames, of_pieces.path.as_path()),
            (of_one.frames, joined.as_path())
        );
        assert_eq!(of_pieces.bytes, joined.metadata().unwrap().len());
        assert!((of_pieces.duration_s - of_one.duration_s).abs() < 1e-9, "a clip {kind}");

        // Frame count, rate, duration, first and last time, sound: all that is known without decoding.
        let (mut wanted, found) = (footage.probe(&one), footage.probe(&joined));
        assert_eq!(found.frame_count, whole.len() as u64, "a clip {kind}");
        for range in cut(&info, &CUT).unwrap() {
            let start = whole.iter().find(|frame| range.contains(frame.time_s)).unwrap().time_s - options.origin_s;
            assert!(
                found.key_frames_s.iter().any(|key_s| (key_s - start).abs() < 1e-5),
                "a clip {kind}: {start} {:?}",
                found.key_frames_s
            );
        }
        let sound_s = |info: &VideoInfo| info.audio.as_ref().map(|audio| audio.duration_s);
        let frame_s = 1.0 / info.frame_rate.as_f64();
        if let (Some(a), Some(b)) = (sound_s(&wanted), sound_s(&found)) {
            assert!((a - b).abs() < frame_s, "a clip {kind}: {a} s and {b} s of sound");
        }
        // Of a variable rate the container claims a mean over the times of decoding, which are another choice.
        assert!(
            (wanted.frame_rate.as_f64() / found.frame_rate.as_f64() - 1.0).abs() < 1e-3,
            "a clip {kind}"
        );
        assert!(
            info.variable_frame_rate || wanted.frame_rate == found.frame_rate,
            "a clip {kind}"
        );
        wanted.frame_rate = found.frame_rate;
        wanted.key_frames_s.clone_from(&found.key_frames_s);
        wanted.file_bytes = found.file_bytes;
        wanted.audio.clone_from(&found.audio);
        assert_eq!(wanted, found, "a clip {kind}");

        check_decoded(&footage, kind, &whole, &one, &joined);
        if info.audio.is_some() {
            let (wanted, found) = (beeps(&footage, &one), beeps(&footage, &joined));
            assert_eq!((wanted.len(), found.len()), (11, 11), "a clip {kind}: {found:?}");
            for (wanted, found) in wanted.iter().zip(&found) {
                assert!((wanted - found).abs() < frame_s, "a clip {kind}: {wanted} {found}");
            }
        }
    }
}

/// Every picture at its time and as true to the source, and nothing for a decoder to complain of.
fn check_decoded(footage: &Footage, kind: &str, source: &[Frame], one: &Path, joined: &Path) {
    let error = |a: &Frame, b: &Frame| {
        let sum: u64 = (a.rgb.iter().zip(&b.rgb)).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / a.rgb.len() as f64
    };
    let (wanted, found) = (
        footage.read_all(one, ReadOptions::default()),
        footage.read_all(joined, ReadOptions::default()),
    );
    for ((source, wanted), found) in source.iter().zip(&wanted).zip(&found) {
        assert_eq!(wanted.time_s.to_bits(), found.time_s.to_bits(), "a clip {kind}");
        let (of_one, of_pieces) = (error(source, wanted), error(source, found));
        assert!(
            of_pieces < 1.5 * of_one + 1.0,
            "a clip {kind}: another picture at {} s, off by {of_pieces:.2}, encoded at once by {of_one:.2}",
            found.time_s
        );
    }
    let decoded = program(&footage.tools.ffmpeg)
        .args(["-v", "warning", "-xerror", "-i"])
        .arg(joined)
        .args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"])
        .output()
        .unwrap();
    assert!(decoded.status.success());
    assert_eq!(String::from_utf8_lossy(&decoded.stderr), "", "a clip {kind}");
}

#[test]
fn packets_are_decoded_in_strict_order_across_the_seams() {
    let Some(footage) = Footage::new() else { return };
    for (kind, source) in clips(&footage).into_iter().take(2) {
        let (pieces, options) = pieces(&footage, &source);
        let joined = footage.path("joined.mp4");
        join(&footage.tools, &pieces, &options, &joined, &CancelHandle::default()).unwrap();
        let output = program(&footage.tools.ffprobe)
            .args([
                "-v",
                "error",
                "-select_streams",
                "v:0",
                "-show_entries",
                "packet=pts,dts",
                "-of",
                "csv=p=0",
            ])
            .arg(&joined)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let packets: Vec<(i64, i64)> = text
            .lines()
            .filter_map(|line| line.trim_end_matches(',').split_once(','))
            .map(|(pts, dts)| (pts.parse().unwrap(), dts.parse().unwrap()))
            .collect();
        assert_eq!(packets.len() as u64, footage.probe(&source).frame_count);
        assert!(packets.windows(2).all(|pair| pair[0].1 < pair[1].1), "a clip {kind}");
        assert!(packets.iter().all(|(pts, dts)| dts <= pts), "a clip {kind}");
        assert!(
            packets.iter().any(|(pts, dts)| dts < pts),
            "nothing is reordered, so this proves little"
        );
    }
}

#[test]
fn one_piece_becomes_the_whole() {
    let Some(footage) = Footage::new() else { return };
    let source = footage.film("one.mp4", "96x64", 25, 0.2, "");
    let frames = footage.read_all(&source, ReadOptions::default());
    let options = options(&footage.probe(&source), &frames[0]);
    for count in [1, 5] {
        let path = footage.path("piece.mp4");
        let is_piece = EncodeOptions {
            is_piece: true,
            ..options.clone()
        };
        encode(&footage, &path, &frames[..count], is_piece);
        let piece = Piece { path, start_s: 0.0 };
        let to = footage.path("whole.mp4");
        let video = join(&footage.tools, &[piece], &options, &to, &CancelHandle::default()).unwrap();
        assert_eq!(video.frames, count as u64);
        assert_eq!(footage.read_all(&to, ReadOptions::default()).len(), count);
    }
}

#[test]
fn pieces_that_do_not_fit_are_refused_and_leave_no_file() {
    let Some(footage) = Footage::new() else { return };
    let source = clip(&footage, "source.mp4", "-an");
    let (pieces, options) = pieces(&footage, &source);
    let to = footage.path("joined.mp4");
    let code = |pieces: &[Piece]| {
        let outcome = join(&footage.tools, pieces, &options, &to, &CancelHandle::default());
        assert!(!to.exists());
        outcome.unwrap_err().code()
    };
    assert_eq!(code(&[]), "MEDIA_REQUEST_INVALID");
    let mut swapped = pieces.clone();
    swapped.swap(0, 1);
    assert_eq!(code(&swapped), "MEDIA_REQUEST_INVALID");
    let mut early = pieces.clone();
    early[1].start_s -= 0.2;
    assert_eq!(
        code(&early),
        "MEDIA_REQUEST_INVALID",
        "frames of two pieces at one time"
    );
    let mut other = pieces.clone();
    let frames = footage.read_all(&source, between((9.0, 10.0)));
    let another_way = EncodeOptions {
        preset: Preset::Ultrafast,
        is_piece: true,
        ..options.clone()
    };
    other[2].path = footage.path("other.mp4");
    encode(&footage, &other[2].path, &frames, another_way);
    assert_eq!(code(&other), "MEDIA_REQUEST_INVALID");
    for (name, content) in [
        ("text.mp4", "ffconcat version 1.0\nfile '/etc/passwd'\n"),
        ("empty.mp4", ""),
    ] {
        let mut text = pieces.clone();
        text[1].path = footage.write(name, content);
        assert_eq!(code(&text), "MEDIA_REQUEST_INVALID");
    }
    let mut missing = pieces.clone();
    missing[1].path = footage.path("nowhere.mp4");
    assert_eq!(code(&missing), "MEDIA_IO");
}

#[test]
fn a_cancelled_join_leaves_no_file() {
    let Some(footage) = Footage::new() else { return };
    let source = clip(&footage, "source.mp4", "-an");
    let (pieces, options) = pieces(&footage, &source);
    let to = footage.path("joined.mp4");
    let cancel = CancelHandle::default();
    cancel.cancel();
    let error = join(&footage.tools, &pieces, &options, &to, &cancel).unwrap_err();
    assert!(matches!(error, MediaError::Cancelled), "{error}");
    assert!(!to.exists());
}
