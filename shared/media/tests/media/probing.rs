//! What probing says about good files.

use marey_media::{Container, Rational};

use crate::footage::{Footage, turn};

#[test]
fn an_ordinary_film_is_described() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("film.mp4", "320x240", 30, 2.0, "-g 15 -profile:v high");
    let info = footage.probe(&path);
    assert_eq!(
        (info.container, info.codec.as_str(), info.bit_depth),
        (Container::Mp4, "h264", 8)
    );
    assert_eq!(
        (info.width_px, info.height_px, info.coded_width_px, info.coded_height_px),
        (320, 240, 320, 240)
    );
    assert_eq!((info.frame_count, info.frame_rate), (60, Rational { num: 30, den: 1 }));
    assert!(!info.variable_frame_rate && !info.is_truncated && info.audio.is_none());
    assert!((info.duration_s - 2.0).abs() < 1e-9 && info.first_timestamp_s == 0.0);
    assert!((info.last_timestamp_s - 59.0 / 30.0).abs() < 1e-9);
    assert_eq!(info.key_frames_s.len(), 4);
    assert!((info.key_frames_s[1] - 0.5).abs() < 1e-9);
    assert_eq!(info.pixel_format.as_deref(), Some("yuv420p"));
    let back: marey_media::VideoInfo = serde_json::from_str(&serde_json::to_string(&info).unwrap()).unwrap();
    assert_eq!(back, info);
}

#[test]
fn ntsc_rates_stay_fractions_also_where_times_are_rounded_to_milliseconds() {
    let Some(footage) = Footage::new() else { return };
    for name in ["ntsc.mp4", "ntsc.mkv"] {
        let source = "-f lavfi -i testsrc2=size=64x48:rate=30000/1001:duration=3";
        let path = footage.make(
            name,
            &format!("{source} -c:v libx264 -preset ultrafast -pix_fmt yuv420p"),
        );
        let info = footage.probe(&path);
        assert_eq!(info.frame_rate, Rational { num: 30000, den: 1001 }, "{name}");
        assert!(!info.variable_frame_rate, "{name}");
    }
}

#[test]
fn every_kind_of_container_is_probed_and_counted() {
    let Some(footage) = Footage::new() else { return };
    let kinds = [
        ("a.mov", Container::Mp4),
        ("a.mkv", Container::Matroska),
        ("a.avi", Container::Avi),
        ("a.ts", Container::MpegTs),
        ("a.flv", Container::Flv),
    ];
    for (name, container) in kinds {
        let path = footage.film(name, "128x96", 25, 1.0, "-bf 0");
        // The name means nothing.
        let renamed = footage.path(&format!("{name}.bin"));
        std::fs::rename(&path, &renamed).unwrap();
        let info = footage.probe(&renamed);
        assert_eq!((info.container, info.frame_count), (container, 25), "{name}");
        assert_eq!((info.width_px, info.height_px), (128, 96), "{name}");
    }
    let path = footage.make(
        "a.mpg",
        "-f lavfi -i testsrc2=size=128x96:rate=25:duration=1 -c:v mpeg2video",
    );
    assert_eq!(footage.probe(&path).container, Container::MpegPs);
}

#[test]
fn a_phone_held_upright_gives_an_upright_picture() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("phone.mp4", "128x96", 30, 0.2, "");
    for (quarters, size, degrees) in [
        (1, (96, 128), 90.0),
        (2, (128, 96), 180.0),
        (3, (96, 128), 270.0),
        (0, (128, 96), 0.0),
    ] {
        turn(&path, quarters);
        let info = footage.probe(&path);
        assert_eq!(((info.width_px, info.height_px), info.rotation_deg), (size, degrees));
        assert_eq!((info.coded_width_px, info.coded_height_px), (128, 96));
    }
}

#[test]
fn wide_pixels_make_a_wide_picture() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("wide.mp4", "72x48", 25, 0.2, "-vf setsar=16/11");
    let info = footage.probe(&path);
    assert_eq!((info.width_px, info.height_px, info.coded_width_px), (105, 48, 72));
    assert_eq!(info.pixel_aspect, Rational { num: 16, den: 11 });
}

#[test]
fn one_frame_is_a_video() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("one.mp4", "64x48", 25, 0.04, "");
    let info = footage.probe(&path);
    assert_eq!(
        (info.frame_count, info.longest_gap_s, info.variable_frame_rate),
        (1, 0.0, false)
    );
    assert_eq!((info.first_timestamp_s, info.last_timestamp_s), (0.0, 0.0));
    assert!((info.duration_s - 0.04).abs() < 1e-9);
}

#[test]
fn ten_bit_hevc_with_hdr_is_recognised() {
    let Some(footage) = Footage::new() else { return };
    if !footage.has_encoder("libx265") {
        return;
    }
    let colours = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv";
    let source = "-f lavfi -i testsrc2=size=128x96:rate=25:duration=0.4 -pix_fmt yuv420p10le";
    let path = footage.make(
        "hdr.mp4",
        &format!("{source} -c:v libx265 -x265-params log-level=none -tag:v hvc1 {colours}"),
    );
    let info = footage.probe(&path);
    assert_eq!(
        (info.codec.as_str(), info.bit_depth, info.colour.is_hdr),
        ("hevc", 10, true)
    );
    assert_eq!(info.colour.space.as_deref(), Some("bt2020nc"));
}

#[test]
fn sound_and_its_offset_are_described() {
    let Some(footage) = Footage::new() else { return };
    let sources = "-f lavfi -i testsrc2=size=64x48:rate=25:duration=1 -f lavfi -i sine=sample_rate=44100:duration=1.5";
    let path = footage.make(
        "sound.mp4",
        &format!("{sources} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -ac 2"),
    );
    let audio = footage.probe(&path).audio.unwrap();
    assert_eq!(
        (audio.codec.as_str(), audio.sample_rate_hz, audio.channels),
        ("aac", 44100, 2)
    );
    assert!((audio.duration_s - 1.5).abs() < 0.1);
}

#[test]
fn a_late_start_is_kept_in_the_times() {
    let Some(footage) = Footage::new() else { return };
    let late = footage.film("late.ts", "64x48", 25, 1.0, "-output_ts_offset 10");
    let info = footage.probe(&late);
    assert!((info.first_timestamp_s - info.start_offset_s).abs() < 1e-6 && info.start_offset_s > 10.0);
    assert!((info.duration_s - 1.0).abs() < 1e-6);
}

#[test]
fn fragments_are_counted_like_a_plain_file() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film(
        "fragments.mp4",
        "64x48",
        25,
        2.0,
        "-g 10 -movflags frag_keyframe+empty_moov",
    );
    let info = footage.probe(&path);
    assert_eq!(
        (info.frame_count, info.key_frames_s.len(), info.variable_frame_rate),
        (50, 5, false)
    );
}

#[test]
fn a_changing_rate_is_seen_in_the_packets() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film(
        "drops.mp4",
        "64x48",
        30,
        2.0,
        "-vf select='not(eq(n,20))' -fps_mode passthrough",
    );
    let info = footage.probe(&path);
    assert!(info.variable_frame_rate);
    assert_eq!(info.frame_count, 59);
    assert!((info.longest_gap_s - 2.0 / 30.0).abs() < 1e-9);
}

#[test]
fn a_trimmed_copy_is_whole_and_read_as_it_is_shown() {
    let Some(footage) = Footage::new() else { return };
    let source = footage.film("source.mp4", "64x48", 25, 4.0, "-g 50 -bf 2");
    // Cut without encoding again: an edit list hides what comes before.
    let trimmed = footage.make(
        "trimmed.mp4",
        &format!("-ss 1.3 -to 3.1 -i {} -c copy", source.display()),
    );
    let info = footage.probe(&trimmed);
    assert!(
        !info.is_truncated && info.duration_s < 2.0 && info.frame_count < 50,
        "{info:?}"
    );
    let frames = footage.read_all(&trimmed, marey_media::ReadOptions::default());
    assert_eq!(frames.len() as u64, info.frame_count);
    assert_eq!(frames.len(), footage.decoded_ticks(&trimmed).len());
}
