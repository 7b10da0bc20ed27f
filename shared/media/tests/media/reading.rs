//! Frames, their times, their colours and their sizes.

use marey_media::{FrameSize, ReadOptions};

use crate::footage::{Footage, assert_colour, pixel, turn};

fn within(width: u32, height: u32) -> ReadOptions {
    ReadOptions {
        size: FrameSize::Within { width, height },
        ..ReadOptions::default()
    }
}

fn between(start_s: f64, end_s: f64) -> ReadOptions {
    ReadOptions {
        range_s: Some((start_s, end_s)),
        ..ReadOptions::default()
    }
}

/// Intervals that grow from frame to frame, in ticks of 1/90000.
fn uneven(footage: &Footage, name: &str, more: &str) -> std::path::PathBuf {
    let times = "-vf settb=1/90000,setpts=N*2000+N*N*37 -fps_mode passthrough -enc_time_base 1:90000";
    footage.film(name, "96x64", 30, 2.0, &format!("{times} -bf 2 -g 12 {more}"))
}

#[test]
fn a_variable_rate_comes_out_tick_for_tick() {
    let Some(footage) = Footage::new() else { return };
    let path = uneven(&footage, "uneven.mp4", "-video_track_timescale 90000");
    let info = footage.probe(&path);
    assert!(info.variable_frame_rate);
    let frames = footage.read_all(&path, ReadOptions::default());
    let times: Vec<f64> = frames.iter().map(|frame| frame.time_s).collect();
    let wanted: Vec<f64> = (0..60_i64).map(|n| (n * 2000 + n * n * 37) as f64 / 90000.0).collect();
    assert_eq!(times, wanted);
    assert_eq!(
        frames.iter().map(|frame| frame.index).collect::<Vec<_>>(),
        (0..60).collect::<Vec<_>>()
    );
    assert_eq!((times[0], times[59]), (info.first_timestamp_s, info.last_timestamp_s));
}

#[test]
fn times_agree_with_a_real_decode_in_every_container() {
    let Some(footage) = Footage::new() else { return };
    for name in ["u.mp4", "u.mkv", "u.ts", "u.mov"] {
        let path = uneven(&footage, name, "");
        let info = footage.probe(&path);
        let wanted: Vec<f64> = footage
            .decoded_ticks(&path)
            .iter()
            .map(|&tick| info.time_base.seconds(tick))
            .collect();
        assert_eq!(wanted.len() as u64, info.frame_count, "{name}");
        let times: Vec<f64> = footage
            .read_all(&path, ReadOptions::default())
            .iter()
            .map(|frame| frame.time_s)
            .collect();
        assert_eq!(times, wanted, "{name}");
    }
}

#[test]
fn a_late_and_an_early_start_are_in_the_times() {
    let Some(footage) = Footage::new() else { return };
    let late = footage.film("late.ts", "64x48", 25, 1.0, "-output_ts_offset 10");
    let info = footage.probe(&late);
    let frames = footage.read_all(&late, ReadOptions::default());
    assert_eq!((frames.len(), frames[0].time_s), (25, info.first_timestamp_s));
    assert!(frames[0].time_s > 10.0);
    // The first 0.4 s lie before the file's start: decoded, but not shown.
    let early = footage.film(
        "early.mp4",
        "64x48",
        25,
        1.0,
        "-output_ts_offset -0.4 -avoid_negative_ts disabled",
    );
    let info = footage.probe(&early);
    let frames = footage.read_all(&early, ReadOptions::default());
    assert_eq!(
        (frames.len(), frames[0].time_s),
        (info.frame_count as usize, info.first_timestamp_s)
    );
    assert!(frames.len() < 25);
}

#[test]
fn a_range_holds_exactly_its_frames_wherever_it_starts() {
    let Some(footage) = Footage::new() else { return };
    for name in ["r.mp4", "r.mkv", "r.ts", "r.avi"] {
        let more = if name == "r.avi" { "-g 20 -bf 0" } else { "-g 20 -bf 2" };
        let path = footage.film(name, "96x64", 25, 6.0, more);
        let all = footage.read_all(&path, ReadOptions::default());
        let first_s = all[0].time_s;
        for (start_s, end_s) in [(0.0, 0.5), (1.6, 2.4), (3.99, 4.01), (4.5, 60.0), (2.0, f64::INFINITY)] {
            let (start_s, end_s) = (first_s + start_s, first_s + end_s);
            let wanted: Vec<_> = all
                .iter()
                .filter(|frame| frame.time_s >= start_s - 1e-9 && frame.time_s < end_s - 1e-9)
                .collect();
            let frames = footage.read_all(&path, between(start_s, end_s));
            assert_eq!(frames.len(), wanted.len(), "{name} {start_s} {end_s}");
            for (frame, wanted) in frames.iter().zip(wanted) {
                assert_eq!(frame.time_s.to_bits(), wanted.time_s.to_bits(), "{name}");
                assert!(frame.rgb == wanted.rgb, "{name}: another picture at {}", frame.time_s);
            }
        }
        assert!(
            footage
                .read_all(&path, between(first_s + 100.0, first_s + 101.0))
                .is_empty()
        );
    }
}

#[test]
fn ranges_at_key_frames_share_the_video_without_gap_or_overlap() {
    let Some(footage) = Footage::new() else { return };
    let path = uneven(&footage, "shards.mp4", "-video_track_timescale 90000");
    let mut cuts = footage.probe(&path).key_frames_s;
    assert!(cuts.len() > 3);
    cuts.push(f64::INFINITY);
    let shards: Vec<f64> = cuts
        .windows(2)
        .flat_map(|cut| footage.read_all(&path, between(cut[0], cut[1])))
        .map(|frame| frame.time_s)
        .collect();
    let whole: Vec<f64> = footage
        .read_all(&path, ReadOptions::default())
        .iter()
        .map(|frame| frame.time_s)
        .collect();
    assert_eq!(shards, whole);
}

#[test]
fn a_turned_picture_is_upright() {
    let Some(footage) = Footage::new() else { return };
    // Left red, right blue.
    let source = "-f lavfi -i color=c=0xE01010:size=32x48:rate=25:duration=0.2 -f lavfi -i color=c=0x1010E0:size=32x48:rate=25:duration=0.2";
    let encode = "-filter_complex [0][1]hstack -c:v libx264 -qp 5 -pix_fmt yuv420p";
    let path = footage.make("turned.mp4", &format!("{source} {encode}"));
    let (red, blue) = ([0xe0, 0x10, 0x10], [0x10, 0x10, 0xe0]);
    for (quarters, size, first, last) in [
        (0, (64, 48), (4, 24), (60, 24)),
        (1, (48, 64), (24, 4), (24, 60)),
        (2, (64, 48), (60, 24), (4, 24)),
        (3, (48, 64), (24, 60), (24, 4)),
    ] {
        turn(&path, quarters);
        let frames = footage.read_all(&path, ReadOptions::default());
        assert_eq!((frames[0].width, frames[0].height), size);
        assert_colour(pixel(&frames[0], first.0, first.1), red, 8);
        assert_colour(pixel(&frames[0], last.0, last.1), blue, 8);
    }
}

#[test]
fn odd_sizes_are_whole_to_the_last_pixel() {
    let Some(footage) = Footage::new() else { return };
    let source = "-f lavfi -i color=c=0x20A060:size=67x45:rate=25:duration=0.2 -pix_fmt yuv444p";
    let path = footage.make("odd.mp4", &format!("{source} -c:v libx264 -qp 4"));
    for options in [ReadOptions::default(), within(33, 1000)] {
        let frames = footage.read_all(&path, options);
        let frame = &frames[0];
        assert_eq!(frame.rgb.len(), (frame.width * frame.height * 3) as usize);
        for (x, y) in [
            (0, 0),
            (frame.width - 1, 0),
            (0, frame.height - 1),
            (frame.width - 1, frame.height - 1),
        ] {
            assert_colour(pixel(frame, x, y), [0x20, 0xa0, 0x60], 6);
        }
    }
    // Odd with halved colours, as VP9 allows it.
    if footage.has_encoder("libvpx-vp9") {
        let source =
            "-f lavfi -i color=c=0x20A060:size=68x46:rate=25:duration=0.2,format=yuv420p,crop=67:45:0:0:exact=1";
        let path = footage.make("odd.webm", &format!("{source} -c:v libvpx-vp9 -crf 5 -b:v 0"));
        let frames = footage.read_all(&path, ReadOptions::default());
        assert_eq!((frames[0].width, frames[0].height), (67, 45));
        for (x, y) in [(0, 0), (66, 0), (0, 44), (66, 44), (33, 22)] {
            assert_colour(pixel(&frames[0], x, y), [0x20, 0xa0, 0x60], 6);
        }
    }
}

#[test]
fn pictures_are_made_smaller_in_their_shape_and_never_larger() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("shape.mp4", "320x180", 25, 0.2, "");
    let size = |options| footage.open(&path, options).size();
    assert_eq!(size(within(160, 160)), (160, 90));
    assert_eq!(size(within(1000, 60)), (107, 60));
    assert_eq!(size(within(1000, 1000)), (320, 180));
    let frames = footage.read_all(&path, within(160, 160));
    assert_eq!((frames.len(), frames[0].rgb.len()), (5, 160 * 90 * 3));
}

#[test]
fn wide_pixels_become_square() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("wide.mp4", "72x48", 25, 0.2, "-vf setsar=16/11");
    let frames = footage.read_all(&path, ReadOptions::default());
    assert_eq!(
        (frames[0].width, frames[0].height, frames[0].rgb.len()),
        (105, 48, 105 * 48 * 3)
    );
}

#[test]
fn colours_are_right_with_and_without_tags() {
    let Some(footage) = Footage::new() else { return };
    let colour = [0xc8, 0x40, 0x20];
    let cases = [
        ("1280x720", "bt709", "-colorspace bt709"),
        ("1280x720", "bt709", ""),
        ("320x240", "bt601", "-colorspace smpte170m"),
        ("320x240", "bt601", ""),
        (
            "320x240",
            "bt709",
            "-colorspace bt709 -color_primaries bt709 -color_trc bt709",
        ),
    ];
    for (index, (size, matrix, tags)) in cases.into_iter().enumerate() {
        let source = format!("-f lavfi -i color=c=0xC84020:size={size}:rate=25:duration=0.08,format=rgb24");
        let encode = format!("-vf scale=out_color_matrix={matrix},format=yuv420p -c:v libx264 -qp 4 {tags}");
        let path = footage.make(&format!("colour{index}.mp4"), &format!("{source} {encode}"));
        let frames = footage.read_all(&path, ReadOptions::default());
        assert_colour(pixel(&frames[0], 20, 20), colour, 4);
    }
}

#[test]
fn full_range_pictures_keep_their_black_and_white() {
    let Some(footage) = Footage::new() else { return };
    let source = "-f lavfi -i color=c=white:size=64x48:rate=25:duration=0.08,format=rgb24";
    let path = footage.make(
        "full.mov",
        &format!("{source} -vf scale=out_range=pc,format=yuvj420p -c:v mjpeg -q:v 2"),
    );
    assert_colour(
        pixel(&footage.read_all(&path, ReadOptions::default())[0], 9, 9),
        [255; 3],
        3,
    );
}

#[test]
fn high_dynamic_range_is_brought_to_an_ordinary_screen() {
    let Some(footage) = Footage::new() else { return };
    if !footage.has_encoder("libx265") {
        return;
    }
    let colours = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv";
    let level = |name: &str, luma: u32| {
        // Ten bit codes: 64 is black; 573 is the 203 cd/m² of a white sheet (BT.2408); 940 is 10000 cd/m².
        let source = format!(
            "-f lavfi -i color=c=gray:size=67x45:rate=25:duration=0.08,format=yuv420p10le,geq=lum={luma}:cb=512:cr=512"
        );
        let encode = format!("-c:v libx265 -x265-params log-level=none:qp=4 {colours}");
        let path = footage.make(name, &format!("{source} {encode}"));
        let frames = footage.read_all(&path, ReadOptions::default());
        assert_eq!((frames.len(), frames[0].width, frames[0].height), (2, 66, 44));
        let [red, green, blue] = pixel(&frames[0], 30, 20);
        assert!(red.abs_diff(green) <= 3 && green.abs_diff(blue) <= 3, "grey stays grey");
        green
    };
    let levels = [
        level("h0.mp4", 64),
        level("h1.mp4", 300),
        level("h2.mp4", 440),
        level("h3.mp4", 573),
        level("h4.mp4", 800),
    ];
    eprintln!("levels {levels:?}");
    assert!(levels.windows(2).all(|pair| pair[0] < pair[1]), "{levels:?}");
    assert!(levels[0] <= 2 && levels[3] > 150 && levels[3] < 245, "{levels:?}");
}

#[test]
fn buffers_given_back_are_used_again() {
    let Some(footage) = Footage::new() else { return };
    let path = footage.film("buffers.mp4", "320x240", 25, 4.0, "");
    let mut reader = footage.open(
        &path,
        ReadOptions {
            queue: 2,
            ..ReadOptions::default()
        },
    );
    let mut places = std::collections::HashSet::new();
    while let Some(frame) = reader.read().unwrap() {
        places.insert(frame.rgb.as_ptr() as usize);
        reader.recycle(frame);
    }
    assert!(places.len() < 10, "{} buffers for 100 frames", places.len());
    assert_eq!(reader.missing_frames(), 0);
    assert!(reader.read().unwrap().is_none(), "the end stays the end");
}
