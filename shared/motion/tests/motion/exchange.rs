//! Formats of other programs: round trips, files that those programs made, and files that are broken.

#![expect(clippy::float_cmp, reason = "what a format keeps it keeps to the bit")]

use std::path::Path;

use marey_motion::formats::{
    Content, Format, ReadOptions, Units, Up, WriteOptions, angles_to_mot, read, recording_from_c3d,
    recording_from_neuropose, recording_from_openpose, recording_from_trc, recording_to_c3d, recording_to_coco,
    recording_to_csv, recording_to_neuropose, recording_to_neuropose_results, recording_to_openpose, recording_to_trc,
    write,
};
use marey_motion::{MotionError, Person, Point, Pose, Recording, Settings, Skeleton, Space, Spaces, analyze};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{Figure, Joints, even_s, recording};

/// Two people, gaps, and a landmark that is not seen.
fn crowd() -> Recording {
    let pose = |frame: usize, away: f32| {
        let mut pose = Figure::symmetric(Joints {
            knee_deg: 3.0 * frame as f64,
            ..Joints::default()
        })
        .pose();
        for point in &mut pose.points {
            point.x_px += away;
        }
        pose.points[15].visibility = if frame < 5 { 0.0 } else { 0.8 };
        pose
    };
    let first = (0..20).map(|frame| (frame != 4 && frame != 11).then(|| pose(frame, 0.0)));
    let second = (0..20).map(|frame| (frame > 11).then(|| pose(frame, 250.0)));
    let mut recording = recording(even_s(20, 30000.0 / 1001.0), first.collect());
    recording.people.push(Person {
        id: 4,
        poses: second.collect(),
    });
    recording
}

fn named(name: &str) -> ReadOptions {
    ReadOptions {
        name: name.to_owned(),
        ..ReadOptions::default()
    }
}

fn at(rate_hz: f64) -> ReadOptions {
    ReadOptions {
        rate_hz: Some(rate_hz),
        ..ReadOptions::default()
    }
}

/// Compares what one space of two people's points says, where the first is seen at least this surely.
fn assert_same(ours: &Person, theirs: &Person, space: Space, least: f32, tolerance: f32) {
    assert_eq!(ours.poses.len(), theirs.poses.len());
    for (frame, (ours, theirs)) in ours.poses.iter().zip(&theirs.poses).enumerate() {
        let Some(ours) = ours else {
            assert!(theirs.is_none(), "frame {frame}");
            continue;
        };
        let theirs = theirs.as_ref().unwrap();
        for (landmark, (ours, theirs)) in ours.points.iter().zip(&theirs.points).enumerate() {
            let is_seen = ours.visibility >= least && ours.visibility > 0.0;
            assert_eq!(theirs.visibility > 0.0, is_seen, "frame {frame}, landmark {landmark}");
            let values = |point: &Point| match space {
                Space::Image => [point.x_px, point.y_px, point.z_px],
                Space::World => [point.x_m, point.y_m, point.z_m],
            };
            let (ours, theirs) = (values(ours), values(theirs));
            let is_near = ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() <= tolerance);
            assert!(
                !is_seen || is_near,
                "frame {frame}, landmark {landmark}: {ours:?} and {theirs:?}"
            );
        }
    }
}

#[test]
fn trc_comes_back_to_the_bit_in_either_unit() {
    let recording = crowd();
    for (units, spaces, space) in [
        (Units::M, Spaces::World, Space::World),
        (Units::Px, Spaces::Image, Space::Image),
    ] {
        let options = WriteOptions {
            units,
            ..WriteOptions::default()
        };
        let trc = recording_to_trc(&recording, &options).unwrap();
        let read = recording_from_trc(&trc, &named("crowd")).unwrap();
        assert_eq!(read.notes, [""; 0]);
        let back = read.recording;
        assert_eq!(
            (back.spaces, back.skeleton, back.people.len()),
            (spaces, Skeleton::BlazePose33, 1)
        );
        assert_eq!(back.source.name, "crowd");
        assert_eq!(back.time_s, recording.time_s, "times are the frames' own");
        assert_same(&recording.people[0], &back.people[0], space, 0.3, 0.0);
        // Once through a file of one space, the recording is what the file says.
        let again = recording_to_trc(&back, &options).unwrap();
        assert_eq!(
            again.lines().skip(2).collect::<Vec<_>>(),
            trc.lines().skip(2).collect::<Vec<_>>()
        );
    }
    let second = WriteOptions {
        person: Some(4),
        ..WriteOptions::default()
    };
    let back = recording_from_trc(&recording_to_trc(&recording, &second).unwrap(), &named(""))
        .unwrap()
        .recording;
    assert_same(&recording.people[1], &back.people[0], Space::World, 0.3, 0.0);
    assert_eq!(
        back.source.name, "figure.trc",
        "the name in the file stands in where there is no other"
    );
}

#[test]
fn trc_is_in_opensims_axes_with_the_names_of_pose2sim() {
    let recording = crowd();
    let halpe = WriteOptions {
        skeleton: Some(Skeleton::Halpe26),
        ..WriteOptions::default()
    };
    let written = write(&recording, Format::Trc, &halpe).unwrap();
    assert_eq!(
        (written.skeleton, written.people.as_slice()),
        (Skeleton::Halpe26, &[0][..])
    );
    assert_eq!(written.missing, ["head", "left_small_toe", "right_small_toe"]);
    assert!(
        written.lost.iter().any(|sentence| sentence.contains("1 other people")),
        "{:?}",
        written.lost
    );
    let Content::One(trc) = written.content else {
        panic!("one file")
    };
    let trc = String::from_utf8(trc).unwrap();
    let lines: Vec<Vec<&str>> = trc.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines[0][..3], ["PathFileType", "4", "(X/Y/Z)"]);
    assert_eq!(lines[1].len(), 8);
    assert_eq!(lines[2][2..5], ["20", "26", "m"]);
    let knee = lines[3].iter().position(|&name| name == "RKnee").unwrap();
    assert_eq!(lines[4][knee], "X15");
    let point = recording.people[0].poses[0].as_ref().unwrap().points[26];
    let values: Vec<f32> = lines[6][knee..knee + 3]
        .iter()
        .map(|value| value.parse().unwrap())
        .collect();
    assert_eq!(
        values,
        [point.x_m, -point.y_m, -point.z_m],
        "x right, y up, z towards the camera"
    );
    let (hip, wrist) = (
        lines[3].iter().position(|&name| name == "Hip"),
        lines[3].iter().position(|&name| name == "LWrist"),
    );
    assert!(hip.is_some());
    assert_eq!(lines[6][wrist.unwrap()], "", "what is not seen is empty");
    let back = recording_from_trc(&trc, &named("")).unwrap().recording;
    assert_eq!(back.skeleton, Skeleton::Halpe26);
}

#[test]
fn a_space_or_person_that_is_not_there_is_not_written() {
    let mut recording = crowd();
    recording.spaces = Spaces::Image;
    let options = WriteOptions::default();
    for code in [
        recording_to_trc(&recording, &options).unwrap_err().code(),
        recording_to_c3d(&recording, &options).unwrap_err().code(),
        recording_to_neuropose(&recording).unwrap_err().code(),
    ] {
        assert_eq!(code, "MOTION_SPACE_MISSING");
    }
    recording.spaces = Spaces::World;
    assert_eq!(
        recording_to_openpose(&recording).unwrap_err().code(),
        "MOTION_SPACE_MISSING"
    );
    assert_eq!(
        recording_to_coco(&recording).unwrap_err().code(),
        "MOTION_SPACE_MISSING"
    );
    let nobody = WriteOptions {
        person: Some(9),
        ..options
    };
    let error = recording_to_trc(&recording, &nobody).unwrap_err();
    assert!(error.to_string().contains("9 is not among 0, 4"), "{error}");
    recording.people.clear();
    assert_eq!(
        recording_to_c3d(&recording, &WriteOptions::default())
            .unwrap_err()
            .code(),
        "MOTION_NO_SUCH_PERSON"
    );
    let pixels = WriteOptions {
        units: Units::Px,
        ..WriteOptions::default()
    };
    assert_eq!(
        recording_to_c3d(&crowd(), &pixels).unwrap_err().code(),
        "MOTION_UNSUPPORTED_FILE"
    );
}

/// A TRC file of five markers in lines, to be broken.
fn small_trc() -> Vec<String> {
    let mut lines = vec![
        "PathFileType\t4\t(X/Y/Z)\tsmall.trc".to_owned(),
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames"
            .to_owned(),
        "100\t100\t2\t5\tmm\t100\t1\t2".to_owned(),
        "Frame#\tTime\tRHip\t\t\tRKnee\t\t\tRAnkle\t\t\tLHip\t\t\tstick\t\t".to_owned(),
        "\t\tX1\tY1\tZ1\tX2\tY2\tZ2\tX3\tY3\tZ3\tX4\tY4\tZ4\tX5\tY5\tZ5".to_owned(),
    ];
    for (frame, time_s) in [(1, "0.25"), (2, "0.75")] {
        lines.push(format!(
            "{frame}\t{time_s}\t100\t900\t50\t110\t500\t50\t120\t90\t50\t\t\t\t1\t2\t3"
        ));
    }
    lines
}

#[test]
fn trc_in_other_units_axes_and_layouts_is_understood() {
    let lines = small_trc();
    let read = |lines: &[String], options: &ReadOptions| recording_from_trc(&lines.join("\r\n"), options);
    let one = read(&lines, &named("")).unwrap();
    assert_eq!(one.notes.len(), 1);
    assert!(one.notes[0].contains("stick"), "{:?}", one.notes);
    let recording = one.recording;
    assert_eq!(
        (recording.skeleton, recording.spaces),
        (Skeleton::BlazePose33, Spaces::World)
    );
    assert_eq!(recording.time_s, [0.25, 0.75]);
    let of = |recording: &Recording, name: &str| {
        recording.people[0].poses[0].as_ref().unwrap().points[recording.skeleton.index_of(name).unwrap()]
    };
    let hip = of(&recording, "right_hip");
    assert_eq!([hip.x_m, hip.y_m, hip.z_m, hip.visibility], [0.1, -0.9, -0.05, 1.0]);
    assert_eq!(of(&recording, "left_hip"), Point::MISSING);
    let z_up = ReadOptions {
        up: Some(Up::Z),
        skeleton: Some(Skeleton::Body25),
        ..ReadOptions::default()
    };
    let turned = read(&lines, &z_up).unwrap().recording;
    assert_eq!(turned.skeleton, Skeleton::Body25);
    let hip = of(&turned, "right_hip");
    assert_eq!([hip.x_m, hip.y_m, hip.z_m], [0.1, -0.05, 0.9]);
    // An empty line behind the header, and no empty columns at the end.
    let mut other = lines.clone();
    other.insert(5, String::new());
    other[6] = "1\t0.25\t100\t900\t50".to_owned();
    let short = read(&other, &named("")).unwrap().recording;
    assert_eq!(of(&short, "right_knee"), Point::MISSING);
    assert_eq!(of(&short, "right_hip").x_m, 0.1);
    // A frame in which nothing was seen is a gap.
    other[6] = "1\t0.25".to_owned();
    assert_eq!(read(&other, &named("")).unwrap().recording.people[0].poses[0], None);
}

#[test]
fn broken_trc_is_refused_with_its_place() {
    let change = |line: usize, from: &str, to: &str| {
        let mut lines = small_trc();
        assert!(lines[line].contains(from));
        lines[line] = lines[line].replacen(from, to, 1);
        recording_from_trc(&lines.join("\n"), &named("")).unwrap_err()
    };
    for (line, from, to, code, place) in [
        (0, "Path", "path", "MOTION_MALFORMED_FILE", "line 1, column 1"),
        (1, "Units", "Unit", "MOTION_MALFORMED_FILE", "line 2"),
        (2, "mm", "furlong", "MOTION_MALFORMED_FILE", "line 3, column 13"),
        (
            2,
            "\t2\t",
            "\tmany\t",
            "MOTION_MALFORMED_FILE",
            "NumFrames is not a count",
        ),
        (
            2,
            "\t2\t",
            "\t3\t",
            "MOTION_MALFORMED_FILE",
            "promises 3 frames, and there are 2",
        ),
        (3, "Frame#", "Nr", "MOTION_MALFORMED_FILE", "line 4, column 1"),
        (5, "110", "11O", "MOTION_MALFORMED_FILE", "line 6, column 19"),
        (6, "0.75", "0.25", "MOTION_MALFORMED_FILE", "line 7"),
        (6, "0.75", "inf", "MOTION_MALFORMED_FILE", "line 7, column 3"),
        (6, "1\t2\t3", "1\t2\t3\t4", "MOTION_MALFORMED_FILE", "line 7, column 49"),
        (
            3,
            "RHip\t\t\tRKnee\t\t\tRAnkle",
            "A\t\t\tB\t\t\tC",
            "MOTION_UNKNOWN_MARKERS",
            "A, B, C, LHip, stick",
        ),
    ] {
        let error = change(line, from, to);
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(place), "{error} should name {place}");
    }
    for lines in 0..5 {
        let error = recording_from_trc(&small_trc()[..lines].join("\n"), &named("")).unwrap_err();
        assert_eq!(error.code(), "MOTION_MALFORMED_FILE", "{error}");
    }
    let crowded = (0..5000).fold(String::new(), |all, number| all + &format!("m{number}\t\t\t"));
    let mut lines = small_trc();
    lines[3] = format!("Frame#\tTime\t{crowded}");
    assert_eq!(
        recording_from_trc(&lines.join("\n"), &named("")).unwrap_err().code(),
        "MOTION_TOO_LARGE"
    );
}

#[test]
fn people_in_one_file_of_markers_are_told_apart_by_their_names() {
    let mut lines = small_trc();
    lines[3] = "Frame#\tTime\tA:RHip\t\t\tA:RKnee\t\t\tB:RHip\t\t\tB:RKnee\t\t\tA:RHip\t\t".to_owned();
    let read = recording_from_trc(&lines.join("\n"), &named("")).unwrap();
    assert_eq!(read.recording.people.len(), 2);
    assert!(
        read.notes[0].contains("1 of 5 markers"),
        "of a marker that is there twice the first counts: {:?}",
        read.notes
    );
    let hips = read.recording.people.iter().map(|person| {
        let index = read.recording.skeleton.index_of("right_hip").unwrap();
        person.poses[0].as_ref().unwrap().points[index].x_m
    });
    assert_eq!(hips.collect::<Vec<_>>(), [0.1, 0.12]);
}

#[test]
fn c3d_comes_back_within_the_rounding_of_millimetres() {
    let recording = crowd();
    let c3d = recording_to_c3d(&recording, &WriteOptions::default()).unwrap();
    assert_eq!(c3d.len() % 512, 0);
    let read = recording_from_c3d(&c3d, &named("crowd")).unwrap();
    assert_eq!(read.notes.len(), 1, "{:?}", read.notes);
    assert!(read.notes[0].contains("no times"), "{:?}", read.notes);
    let back = read.recording;
    assert_eq!(
        (back.spaces, back.skeleton, back.source.name.as_str()),
        (Spaces::World, Skeleton::BlazePose33, "crowd")
    );
    assert_same(&recording.people[0], &back.people[0], Space::World, 0.3, 1e-7);
    for (ours, theirs) in recording.time_s.iter().zip(&back.time_s) {
        assert!((ours - theirs).abs() < 1e-6);
    }
}

#[test]
fn uneven_frames_are_resampled_for_c3d() {
    let mut recording = crowd();
    recording.people.truncate(1);
    // The knee bends at a constant speed; frames 6 to 10 are late by a third of an interval.
    recording.time_s = (0..20)
        .map(|frame| f64::from(frame) / 30.0 + if (6..=10).contains(&frame) { 0.01 } else { 0.0 })
        .collect();
    recording.people[0].poses = recording
        .time_s
        .iter()
        .map(|time_s| {
            let mut pose = Figure::default().pose();
            for point in &mut pose.points {
                point.x_m = *time_s as f32;
            }
            Some(pose)
        })
        .collect();
    let written = write(&recording, Format::C3d, &WriteOptions::default()).unwrap();
    assert!(
        written.lost.iter().any(|sentence| sentence.contains("resampled")),
        "{:?}",
        written.lost
    );
    let Content::One(bytes) = written.content else {
        panic!("one file")
    };
    let back = recording_from_c3d(&bytes, &named("")).unwrap().recording;
    for (time_s, pose) in back.time_s.iter().zip(&back.people[0].poses) {
        let x_m = pose.as_ref().unwrap().points[0].x_m;
        assert!(
            (f64::from(x_m) - time_s).abs() < 1e-5,
            "at {time_s} it should be there, not at {x_m}"
        );
    }
    // What is missing on one side of a moment is missing there.
    recording.people[0].poses[8] = None;
    let gap = recording_from_c3d(
        &recording_to_c3d(&recording, &WriteOptions::default()).unwrap(),
        &named(""),
    )
    .unwrap();
    let missing: Vec<usize> = (0..20)
        .filter(|&frame| gap.recording.people[0].poses[frame].is_none())
        .collect();
    assert_eq!(
        missing,
        [8, 9],
        "frame 8 comes after 0.2667 s, and 0.3 s lies between it and frame 9"
    );
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)).unwrap()
}

#[test]
fn a_trc_file_that_ends_within_a_row_is_refused() {
    let trc = recording_to_trc(&crowd(), &WriteOptions::default()).unwrap();
    assert!(recording_from_trc(&trc, &named("")).is_ok());
    assert!(
        recording_from_trc(trc.trim_end_matches(['\n', '\r']), &named("")).is_ok(),
        "only the end of the line is missing"
    );
    let last = trc.trim_end().rfind('\n').unwrap();
    for cut in [last + 20, last + (trc.len() - last) / 2, trc.trim_end().len() - 20] {
        let error = recording_from_trc(&trc[..cut], &named("")).unwrap_err();
        assert_eq!(error.code(), "MOTION_MALFORMED_FILE", "{error}");
    }
}

#[test]
fn what_is_empty_or_something_else_is_no_recording() {
    assert_eq!(
        recording_from_openpose("", &at(30.0)).unwrap_err().code(),
        "MOTION_MALFORMED_JSON"
    );
    let picture = [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; 100_000]].concat();
    assert_eq!(Format::of_content(&picture), None);
}

#[test]
fn annotations_of_coco_have_numbers_from_one() {
    let coco: Value = serde_json::from_str(&recording_to_coco(&crowd()).unwrap()).unwrap();
    let numbers = coco["annotations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_u64().unwrap());
    assert!(numbers.eq(1..=26), "18 of the first and 8 of the second");
}

#[test]
fn nothing_moves_in_a_c3d_file_while_nobody_was_filmed() {
    let mut recording = crowd();
    recording.people.truncate(1);
    // Ten frames, a pause of ten seconds, ten frames.
    recording.time_s = (0..20)
        .map(|frame| f64::from(frame) / 30.0 + if frame < 10 { 0.0 } else { 10.0 })
        .collect();
    recording.people[0].poses = vec![Some(Figure::default().pose()); 20];
    let bytes = recording_to_c3d(&recording, &WriteOptions::default()).unwrap();
    let back = recording_from_c3d(&bytes, &named("")).unwrap().recording;
    for (time_s, pose) in back.time_s.iter().zip(&back.people[0].poses) {
        let was_filmed = *time_s <= 9.0 / 30.0 || *time_s >= 10.0 + 10.0 / 30.0;
        assert_eq!(pose.is_some(), was_filmed, "{time_s}");
    }
}

#[test]
fn what_no_format_for_markers_keeps_is_told() {
    let told = |format| {
        write(&crowd(), format, &WriteOptions::default())
            .unwrap()
            .lost
            .join(" ")
    };
    for format in [Format::Trc, Format::C3d, Format::OpenPose] {
        assert!(told(format).contains("The picture's size."), "{format:?}");
        assert!(told(format).contains("that a person is one"), "{format:?}");
    }
    for format in [Format::OpenPose, Format::Coco, Format::NeuroPose] {
        assert!(
            told(format).contains("Depth in the scale of the picture."),
            "{format:?}"
        );
    }
    assert!(told(Format::Parquet).is_empty());
    let trc = write(&crowd(), Format::Trc, &WriteOptions::default()).unwrap();
    assert_eq!((trc.spaces, trc.frames), (Spaces::World, 20));
    let mut away = crowd();
    // Too long to be filled.
    away.people[0].poses[4..14].fill(None);
    let mot = write(&away, Format::Mot, &WriteOptions::default()).unwrap();
    assert!(mot.frames < 20 && mot.lost.iter().any(|sentence| sentence.contains("frames in which")));
}

/// `tests/reference/check_exchange.py` made the files with ezc3d and says what ezc3d reads in them.
#[test]
fn c3d_files_of_ezc3d_are_read_as_ezc3d_reads_them() {
    let expected: Value = serde_json::from_slice(&golden("ezc3d.json")).unwrap();
    let labels: Vec<&str> = expected["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| label.as_str().unwrap())
        .collect();
    for name in ["ezc3d.c3d", "ezc3d_int.c3d"] {
        let bytes = golden(name);
        assert_eq!(Format::of_content(&bytes), Some(Format::C3d));
        let read = recording_from_c3d(&bytes, &named("trial")).unwrap();
        assert!(
            read.notes.iter().any(|note| note.contains("C7_cluster")),
            "{:?}",
            read.notes
        );
        assert!(
            read.notes.iter().any(|note| note.contains("analog")),
            "{:?}",
            read.notes
        );
        assert!(
            !read.notes.iter().any(|note| note.contains("axis")),
            "the file says that z points up"
        );
        let recording = read.recording;
        assert_eq!((recording.skeleton, recording.people.len()), (Skeleton::Halpe26, 1));
        let frames = expected["positions_mm_z_up"].as_array().unwrap();
        assert_eq!(
            recording.time_s,
            even_s(frames.len(), expected["rate_hz"].as_f64().unwrap())
        );
        let mut compared = 0;
        for (pose, frame) in recording.people[0].poses.iter().zip(frames) {
            for (label, position) in labels.iter().zip(frame.as_array().unwrap()) {
                let marker = label.trim_start_matches("Anna:");
                let landmark = match marker {
                    "C7_cluster" => continue,
                    "Neck" => "neck".to_owned(),
                    sided => {
                        let side = if sided.starts_with('L') { "left" } else { "right" };
                        let part = sided[1..].replace("BigToe", "big_toe").to_lowercase();
                        format!("{side}_{part}")
                    }
                };
                let point = pose.as_ref().unwrap().points[recording.skeleton.index_of(&landmark).unwrap()];
                let Some(position) = position.as_array() else {
                    assert_eq!(point, Point::MISSING);
                    continue;
                };
                let [x, y, z] = [0, 1, 2].map(|axis| (position[axis].as_f64().unwrap() / 1000.0) as f32);
                assert_eq!([point.x_m, point.y_m, point.z_m], [x, -z, y]);
                compared += 1;
            }
        }
        assert_eq!(compared, 11 * 12 - 2);
    }
}

#[test]
fn broken_c3d_is_refused_with_its_place() {
    let whole = recording_to_c3d(&crowd(), &WriteOptions::default()).unwrap();
    let change = |at: usize, bytes: &[u8]| {
        let mut c3d = whole.clone();
        c3d[at..at + bytes.len()].copy_from_slice(bytes);
        recording_from_c3d(&c3d, &named("")).unwrap_err()
    };
    let parameter = |name: &str| {
        whole
            .windows(name.len())
            .position(|window| window == name.as_bytes())
            .unwrap()
            + name.len()
    };
    for (error, code, words) in [
        (change(1, &[0]), "MOTION_MALFORMED_FILE", "does not begin as a C3D file"),
        (change(0, &[200]), "MOTION_MALFORMED_FILE", "ends before its parameters"),
        (change(515, &[85]), "MOTION_UNSUPPORTED_FILE", "DEC"),
        (change(515, &[86]), "MOTION_UNSUPPORTED_FILE", "MIPS"),
        (change(515, &[99]), "MOTION_MALFORMED_FILE", "99 is no kind of machine"),
        (
            change(8, &[0x10, 0x27]),
            "MOTION_MALFORMED_FILE",
            "the last of its 10000 frames of 528 bytes",
        ),
        (
            change(parameter("UNITS") + 5, b"in"),
            "MOTION_UNSUPPORTED_FILE",
            "\"in\"",
        ),
        (
            change(parameter("DATA_START") + 5, &[0xFF, 0x7F]),
            "MOTION_MALFORMED_FILE",
            "block 32767",
        ),
        (
            change(parameter("RATE") + 4, &[0, 0, 0xC0, 0x7F]),
            "MOTION_MALFORMED_FILE",
            "frames per second",
        ),
        (
            change(parameter("USED") + 5, &[0, 0]),
            "MOTION_UNKNOWN_MARKERS",
            "no points",
        ),
        (
            change(parameter("USED") + 5, &[0xFF, 0xFF]),
            "MOTION_TOO_LARGE",
            "65535 points",
        ),
    ] {
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(words), "{error} should say {words}");
    }
    for length in [0, 1, 2, 23, 511, 512, 515, 600, 2000, whole.len() - 1024] {
        let error = recording_from_c3d(&whole[..length], &named("")).unwrap_err();
        assert_eq!(error.code(), "MOTION_MALFORMED_FILE", "{length}: {error}");
        assert!(error.to_string().contains("byte"), "{error}");
    }
}

#[test]
fn long_recordings_have_more_frames_than_sixteen_bits_count() {
    let frames = 70_000;
    let mut points = vec![Point::MISSING; 33];
    for point in points.iter_mut().skip(11).take(4) {
        *point = Point {
            x_m: 0.5,
            visibility: 1.0,
            ..Point::MISSING
        };
    }
    let pose = Pose { score: 1.0, points };
    let long = recording(even_s(frames, 100.0), vec![Some(pose); frames]);
    let back = recording_from_c3d(&recording_to_c3d(&long, &WriteOptions::default()).unwrap(), &named("")).unwrap();
    assert_eq!(back.recording.time_s.len(), frames);
}

#[test]
fn openpose_comes_back_in_body_25() {
    let recording = crowd().converted(Skeleton::Body25);
    let documents = recording_to_openpose(&recording).unwrap();
    assert_eq!(documents.len(), 20);
    let first: Value = serde_json::from_str(&documents[0]).unwrap();
    assert_eq!(first["version"], 1.3);
    assert_eq!(first["people"][0]["pose_keypoints_2d"].as_array().unwrap().len(), 75);
    assert_eq!(
        first["people"][0]["pose_keypoints_2d"][3 * 7 + 2],
        0.0,
        "the wrist is not seen"
    );
    let lines = documents.join("\n");
    assert_eq!(Format::of_content(lines.as_bytes()), Some(Format::OpenPose));
    assert_eq!(
        recording_from_openpose(&lines, &named("")).unwrap_err(),
        MotionError::RateMissing
    );
    let with_times = ReadOptions {
        time_s: Some(recording.time_s.clone()),
        ..named("crowd")
    };
    let read = recording_from_openpose(&lines, &with_times).unwrap();
    let back = read.recording;
    assert_eq!(
        (back.spaces, back.skeleton, &back.time_s),
        (Spaces::Image, Skeleton::Body25, &recording.time_s)
    );
    assert_eq!(
        back.people.iter().map(|person| person.id).collect::<Vec<_>>(),
        [0, 4],
        "Marey's numbers are kept"
    );
    for (ours, theirs) in recording.people.iter().zip(&back.people) {
        for (ours, theirs) in ours.poses.iter().zip(&theirs.poses) {
            let (Some(ours), Some(theirs)) = (ours, theirs) else {
                assert_eq!(ours.is_some(), theirs.is_some());
                continue;
            };
            for (ours, theirs) in ours.points.iter().zip(&theirs.points) {
                let place = |point: &Point| [point.x_px, point.y_px, point.visibility];
                assert_eq!(
                    place(theirs),
                    if ours.visibility > 0.0 { place(ours) } else { [0.0; 3] }
                );
            }
        }
    }
    let short = ReadOptions {
        time_s: Some(vec![0.0]),
        ..named("")
    };
    assert_eq!(
        recording_from_openpose(&lines, &short).unwrap_err().code(),
        "MOTION_INVALID_RECORDING"
    );
}

/// `OpenPose`'s own document for people at these places, without identities.
fn openpose(places: &[f32], keypoints: usize) -> String {
    let person = |place: &f32| {
        let numbers: Vec<String> = (0..keypoints)
            .map(|index| format!("{},{},0.9", place + index as f32, 10 * index))
            .collect();
        format!(
            r#"{{"person_id":[-1],"pose_keypoints_2d":[{}],"face_keypoints_2d":[]}}"#,
            numbers.join(",")
        )
    };
    let people: Vec<String> = places.iter().map(person).collect();
    format!(r#"{{"version":1.3,"people":[{}]}}"#, people.join(","))
}

#[test]
fn people_of_openpose_keep_their_identity_whatever_their_order() {
    let frames = [
        openpose(&[100.0, 600.0], 25),
        openpose(&[605.0, 104.0], 25),
        openpose(&[], 25),
        openpose(&[612.0], 25),
        openpose(&[112.0, 1500.0, 616.0], 25),
    ];
    let read = recording_from_openpose(&frames.join(""), &at(25.0)).unwrap();
    assert!(
        read.notes.iter().any(|note| note.contains("who is who")),
        "{:?}",
        read.notes
    );
    let x_px: Vec<Vec<Option<f32>>> = read
        .recording
        .people
        .iter()
        .map(|person| {
            person
                .poses
                .iter()
                .map(|pose| pose.as_ref().map(|pose| pose.points[0].x_px))
                .collect()
        })
        .collect();
    assert_eq!(
        x_px,
        [
            [Some(100.0), Some(104.0), None, None, Some(112.0)],
            [Some(600.0), Some(605.0), None, Some(612.0), Some(616.0)],
            [None, None, None, None, Some(1500.0)],
        ]
    );
}

#[test]
fn identities_that_openpose_gives_are_kept_beside_people_without_one() {
    let frame = |places: [f32; 3]| {
        let named = openpose(&places, 25).replacen("[-1]", "[7]", 2);
        assert_eq!(named.matches("[7]").count(), 2);
        named
    };
    // Two who are both called 7, and one without a name: nobody is lost.
    let frames = frame([100.0, 600.0, 1500.0]) + &frame([100.0, 600.0, 1510.0]);
    let people = recording_from_openpose(&frames, &at(25.0)).unwrap().recording.people;
    let seen = |id: u32| {
        let person = people.iter().find(|person| person.id == id).unwrap();
        let x_px = person
            .poses
            .iter()
            .map(|pose| pose.as_ref().map(|pose| pose.points[0].x_px));
        x_px.collect::<Vec<_>>()
    };
    assert_eq!(seen(7), [Some(100.0), Some(100.0)]);
    let others = people.iter().filter(|person| person.id != 7);
    let poses: usize = others.map(|person| person.poses.iter().flatten().count()).sum();
    assert_eq!(poses, 4);
    assert!(
        people
            .iter()
            .any(|person| seen(person.id) == [Some(1500.0), Some(1510.0)])
    );
}

#[test]
fn other_models_of_openpose_are_recognised_and_what_is_none_is_refused() {
    let skeleton = |keypoints: usize| {
        let read = recording_from_openpose(&openpose(&[100.0], keypoints), &at(25.0));
        read.map(|read| read.recording.skeleton).map_err(|error| error.code())
    };
    assert_eq!(skeleton(25), Ok(Skeleton::Body25));
    assert_eq!(skeleton(26), Ok(Skeleton::Halpe26));
    assert_eq!(skeleton(17), Ok(Skeleton::Coco17));
    assert_eq!(skeleton(15), Err("MOTION_UNSUPPORTED_FILE"));
    // OpenPose's COCO model has 18 with a neck and no middle of the hips.
    let coco = recording_from_openpose(&openpose(&[100.0], 18), &at(25.0))
        .unwrap()
        .recording;
    let pose = coco.people[0].poses[0].as_ref().unwrap();
    let x_px = |name: &str| pose.points[Skeleton::Body25.index_of(name).unwrap()].x_px;
    assert_eq!(
        (x_px("left_wrist"), x_px("right_hip"), x_px("left_ear")),
        (107.0, 108.0, 117.0)
    );
    assert_eq!(pose.points[8], Point::MISSING);
    let nobody = recording_from_openpose(&openpose(&[], 25), &at(25.0))
        .unwrap()
        .recording;
    assert_eq!((nobody.people.len(), nobody.time_s.len()), (0, 1));
    for (text, code) in [
        (
            "{\"people\":[{\"pose_keypoints_2d\":[0.5,0.5,0.9".to_owned() + &",0.1,0.2,0.9".repeat(24) + "]}]}",
            "MOTION_UNSUPPORTED_FILE",
        ),
        (openpose(&[1.0; 101], 25), "MOTION_TOO_LARGE"),
        (
            openpose(&[100.0], 25) + &openpose(&[100.0], 17),
            "MOTION_MALFORMED_JSON",
        ),
        (openpose(&[100.0], 25) + "{", "MOTION_MALFORMED_JSON"),
        (
            r#"{"people":[{"pose_keypoints_2d":[1,2]}]}"#.to_owned(),
            "MOTION_UNSUPPORTED_FILE",
        ),
        (r#"{"people":3}"#.to_owned(), "MOTION_MALFORMED_JSON"),
    ] {
        let error = recording_from_openpose(&text, &at(25.0)).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    let broken = openpose(&[100.0], 25) + "\n{\"people\":[}";
    let error = recording_from_openpose(&broken, &at(25.0)).unwrap_err().to_string();
    assert!(
        error.contains("frame 1") && error.contains("line 2 column 12"),
        "{error}"
    );
}

#[test]
fn neuropose_comes_back_in_its_own_joints() {
    let recording = crowd().converted(Skeleton::BerkeleyMhad43);
    let json = recording_to_neuropose(&recording).unwrap();
    assert!(json.contains("NaN"), "joints that are missing");
    assert_eq!(Format::of_content(json.as_bytes()), Some(Format::NeuroPose));
    let read = recording_from_neuropose(&json, &named("crowd")).unwrap();
    let back = read.recording;
    assert_eq!((back.spaces, back.skeleton), (Spaces::Both, Skeleton::BerkeleyMhad43));
    assert_eq!((back.source.width_px, back.source.height_px), (640, 480));
    for (ours, theirs) in recording.time_s.iter().zip(&back.time_s) {
        assert!((ours - theirs).abs() < 1e-9);
    }
    for (ours, theirs) in recording.people.iter().zip(&back.people) {
        assert_same(ours, theirs, Space::World, 0.0, 1e-6);
    }
    let pose = |recording: &Recording| recording.people[0].poses[6].as_ref().unwrap().clone();
    let wrist = Skeleton::BerkeleyMhad43.index_of("lwri").unwrap();
    assert_eq!(pose(&back).points[wrist].x_px, pose(&recording).points[wrist].x_px);
    assert_eq!(pose(&back).score, pose(&recording).score, "the box's confidence");
    let results = recording_to_neuropose_results(&recording).unwrap();
    let video = recording_from_neuropose(&results, &named("ignored")).unwrap().recording;
    assert_eq!((video.source.name.as_str(), video.people), ("figure", back.people));
}

/// A frame of `NeuroPose` with one person of 43 joints.
fn neuropose_frame(x: f64) -> String {
    let list = |joint: &dyn Fn(f64) -> String| {
        (0..43)
            .map(|index| joint(f64::from(index)))
            .collect::<Vec<_>>()
            .join(",")
    };
    format!(
        r#"{{"boxes":[[{x},10,40,90,0.75]],"poses3d":[[{}]],"poses2d":[[{}]]}}"#,
        list(&|index| format!("[{},-250.5,4000]", x + index)),
        list(&|index| format!("[{},{}]", x + index, 20.5 + 10.0 * index))
    )
}

#[test]
fn neuropose_of_every_version_is_read_and_of_later_ones_refused() {
    let frames = format!(
        r#"{{"frame_2":{},"frame_10":{}}}"#,
        neuropose_frame(100.0),
        neuropose_frame(102.0)
    );
    let metadata = r#""metadata":{"frame_count":2,"fps":25.0,"width":320,"height":240}"#;
    let first = format!(r#"{{{metadata},"frames":{frames}}}"#);
    let second =
        format!(r#"{{"schema_version":2,{metadata},"frames":{frames},"segmentations":{{}},"provenance":null}}"#);
    let from_first = recording_from_neuropose(&first, &named("")).unwrap().recording;
    assert_eq!(
        from_first,
        recording_from_neuropose(&second, &named("")).unwrap().recording
    );
    assert_eq!(from_first.time_s, [0.0, 0.04]);
    let point = from_first.people[0].poses[1].as_ref().unwrap().points[5];
    assert_eq!(
        [point.x_m, point.y_m, point.z_m, point.x_px],
        [0.107, -0.2505, 4.0, 107.0],
        "frames in the order of the file"
    );
    // The prototype's files are frames and nothing else.
    assert_eq!(
        recording_from_neuropose(&frames, &named("")).unwrap_err(),
        MotionError::RateMissing
    );
    assert_eq!(
        recording_from_neuropose(&frames, &at(25.0)).unwrap().recording.people,
        from_first.people
    );
    let later = second.replace("\"schema_version\":2", "\"schema_version\":3");
    assert_eq!(
        recording_from_neuropose(&later, &named("")).unwrap_err(),
        MotionError::NewerSchema { found: 3, supported: 2 }
    );
    let job = format!(r#"{{"a \"NaN\" \\.mp4":{first},"b.mp4":{second}}}"#).replace("-250.5", "NaN");
    let error = recording_from_neuropose(&job, &named("")).unwrap_err();
    assert!(error.to_string().contains(r#"a "NaN" \.mp4, b.mp4"#), "{error}");
    let chosen = ReadOptions {
        video: Some(r#"a "NaN" \.mp4"#.to_owned()),
        ..ReadOptions::default()
    };
    let read = recording_from_neuropose(&job, &chosen).unwrap().recording;
    assert_eq!(read.source.name, r#"a "NaN" \.mp4"#);
    assert_eq!(read.people.len(), 0, "a person without a whole joint is nobody");
    for (text, code) in [
        (
            second.replacen("[142,440.5]]]", "[142,440.5],[1,2]]]", 1),
            "MOTION_MALFORMED_JSON",
        ),
        (
            second.replacen("[100,20.5]", "[100,20.5,3]", 1),
            "MOTION_MALFORMED_JSON",
        ),
        (
            second.replacen("\"poses2d\":[[", "\"poses2d\":[[],[", 1),
            "MOTION_MALFORMED_JSON",
        ),
        (second.replace("\"fps\":25.0", "\"fps\":0.0"), "MOTION_RATE_MISSING"),
        (
            second
                .replace("\"poses3d\":[[[100,-250.5,4000],", "\"poses3d\":[[")
                .replace("\"poses2d\":[[[100,20.5],", "\"poses2d\":[["),
            "MOTION_UNSUPPORTED_FILE",
        ),
        ("{}".to_owned(), "MOTION_MALFORMED_JSON"),
        (r#"{"a":{"b":1}}"#.to_owned(), "MOTION_MALFORMED_JSON"),
        ("[1, NaN".to_owned(), "MOTION_MALFORMED_JSON"),
    ] {
        let error = recording_from_neuropose(&text, &named("")).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}

#[test]
fn coco_has_an_image_per_frame_and_flags_for_keypoints() {
    let recording = crowd();
    let written = write(&recording, Format::Coco, &WriteOptions::default()).unwrap();
    assert_eq!(
        (written.skeleton, written.people.as_slice()),
        (Skeleton::Coco17, &[0, 4][..])
    );
    let Content::One(bytes) = written.content else {
        panic!("one file")
    };
    let coco: Value = serde_json::from_slice(&bytes).unwrap();
    let list = |name: &str| coco[name].as_array().unwrap().clone();
    assert_eq!(
        (
            list("images").len(),
            list("annotations").len(),
            list("categories").len()
        ),
        (20, 18 + 8, 1)
    );
    assert_eq!(list("categories")[0]["keypoints"].as_array().unwrap().len(), 17);
    assert_eq!(
        list("categories")[0]["skeleton"][0],
        serde_json::json!([16, 14]),
        "COCO counts from 1"
    );
    let first = &list("annotations")[0];
    let keypoints: Vec<f64> = first["keypoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap())
        .collect();
    assert_eq!(keypoints.len(), 51);
    assert_eq!(keypoints[3 * 9..3 * 10], [0.0; 3], "the left wrist is not seen");
    assert_eq!((first["num_keypoints"].as_u64(), keypoints[2]), (Some(16), 2.0));
    let bbox: Vec<f64> = first["bbox"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap())
        .collect();
    for point in keypoints.chunks(3).filter(|point| point[2] > 0.0) {
        assert!(point[0] >= bbox[0] && point[0] <= bbox[0] + bbox[2] + 1e-3 && point[1] >= bbox[1]);
    }
    let mut ids: Vec<u64> = list("annotations")
        .iter()
        .map(|annotation| annotation["id"].as_u64().unwrap())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 26);
}

#[test]
fn csv_of_landmarks_has_the_columns_of_the_spaces_that_are_there() {
    let mut recording = crowd();
    let columns = |recording: &Recording| {
        let csv = recording_to_csv(recording).unwrap();
        let counts: Vec<usize> = csv.lines().map(|line| line.split(',').count()).collect();
        assert!(
            counts.iter().all(|count| *count == counts[0]),
            "every line has every column"
        );
        (csv, counts)
    };
    let (csv, counts) = columns(&recording);
    assert_eq!(counts[0], 4 + 33 * 8);
    assert_eq!(counts.len(), 1 + 18 + 8 + 2, "one for each of the frames with nobody");
    let row: Vec<&str> = csv.lines().nth(1).unwrap().split(',').collect();
    let point = recording.people[0].poses[0].as_ref().unwrap().points[0];
    assert_eq!(row[..4], ["0", "0", "0", "0.99"]);
    assert_eq!(row[4].parse::<f32>().unwrap(), point.x_px);
    recording.spaces = Spaces::World;
    let (csv, counts) = columns(&recording);
    assert_eq!(counts[0], 4 + 33 * 5);
    assert!(csv.starts_with("frame,time_s,person,score,nose_x_m,nose_y_m,nose_z_m,nose_visibility,nose_presence,"));
}

#[test]
fn mot_has_opensims_names_and_no_row_without_a_value() {
    let mut recording = crowd();
    recording.people.truncate(1);
    let analysis = analyze(&recording, &Settings::default()).unwrap();
    let mot = angles_to_mot(&analysis, 0, Space::Image).unwrap();
    let (head, table) = mot.text.split_once("endheader\n").unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    assert!(head.starts_with("Coordinates\nversion=1\n") && head.contains("\ninDegrees=yes\n"));
    assert!(
        head.contains(&format!("nRows={}\nnColumns={}\n", rows.len() - 1, rows[0].len())),
        "{head}"
    );
    assert_eq!(rows[0][0], "time");
    for name in [
        "hip_flexion_r",
        "knee_angle_l",
        "ankle_angle_r",
        "arm_flex_l",
        "trunk_image",
    ] {
        assert!(rows[0].contains(&name), "{name} of {:?}", rows[0]);
    }
    // The left wrist is not seen in a quarter of the frames, and the hips lie one behind the other.
    for name in [
        "elbow_flex_l",
        "left_wrist_flexion_image",
        "left_forearm_image",
        "pelvis_image",
    ] {
        assert!(
            mot.left_out.iter().any(|left_out| left_out == name),
            "{name} of {:?}",
            mot.left_out
        );
        assert!(!rows[0].contains(&name), "{name} of {:?}", rows[0]);
    }
    assert_eq!(rows.len() - 1 + mot.frames_left_out, 20);
    let knee = rows[0].iter().position(|name| *name == "knee_angle_l").unwrap();
    for row in &rows[1..] {
        let values: Vec<f64> = row.iter().map(|value| value.parse().unwrap()).collect();
        assert!(values.iter().all(|value| value.is_finite()));
        let frame = recording.time_s.iter().position(|time_s| *time_s == values[0]).unwrap();
        let series = analysis.people[0]
            .angles
            .iter()
            .find(|series| series.id() == "left_knee_flexion_image")
            .unwrap();
        assert_eq!(Some(values[knee]), series.value_deg[frame]);
    }
    assert_eq!(
        angles_to_mot(&analysis, 3, Space::Image).unwrap_err().code(),
        "MOTION_NO_SUCH_PERSON"
    );
}

#[test]
fn formats_are_told_by_their_content_and_ending() {
    let recording = crowd();
    for format in Format::ALL {
        assert_eq!(Format::from_name(format.name()), Some(format));
        let Content::One(bytes) = write(&recording, format, &WriteOptions::default()).unwrap().content else {
            continue;
        };
        let told = match format {
            Format::NeuroPoseResults => Format::NeuroPose,
            other => other,
        };
        assert_eq!(
            Format::of_content(&bytes),
            format.is_read().then_some(told),
            "{}",
            format.name()
        );
        let outcome = read(&bytes, format, &at(30.0));
        assert_eq!(outcome.is_ok(), format.is_read(), "{}: {outcome:?}", format.name());
    }
    let analysis = analyze(&recording, &Settings::default()).unwrap();
    let json = marey_motion::formats::analysis_to_json(&analysis).unwrap();
    assert_eq!(Format::of_content(json.as_bytes()), None, "an analysis is no recording");
    assert_eq!(Format::from_ending("TRC"), Some(Format::Trc));
    assert_eq!(Format::from_ending("txt"), None);
    let marked = [b"\xef\xbb\xbf".as_slice(), small_trc().join("\n").as_bytes()].concat();
    assert_eq!(Format::of_content(&marked), Some(Format::Trc));
    assert!(read(&marked, Format::Trc, &named("")).is_ok());
    let latin = read(b"PathFileType\t4\t\xe9", Format::Trc, &named("")).unwrap_err();
    assert!(latin.to_string().contains("byte 15"), "{latin}");
}

/// Whatever is changed in a file: an error or a sound recording, never a panic.
fn survives(bytes: &[u8], format: Format) {
    if let Ok(read) = read(bytes, format, &at(30.0)) {
        read.recording.validate().unwrap();
    }
    let _ = Format::of_content(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_files_are_errors_or_sound_recordings(
        which in 0_usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        static FILES: std::sync::LazyLock<Vec<(Format, Vec<u8>)>> = std::sync::LazyLock::new(|| {
            let formats = [Format::Trc, Format::C3d, Format::NeuroPose, Format::Json, Format::OpenPose];
            let content = formats.map(|format| match write(&crowd(), format, &WriteOptions::default()).unwrap().content {
                Content::One(bytes) => (format, bytes),
                Content::Frames(documents) => (format, documents.join("\n").into_bytes()),
            });
            content.to_vec()
        });
        let (format, bytes) = &FILES[which];
        let mut bytes = bytes.clone();
        for (index, (place, value)) in changes.iter().enumerate() {
            // Half of the changes in the first two blocks, where counts and links are.
            let length = if index % 2 == 0 { bytes.len() } else { bytes.len().min(1024) };
            let place = place.index(length);
            bytes[place] = *value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        survives(&bytes, *format);
    }

    #[test]
    fn trc_holds_any_finite_number(values in prop::collection::vec(prop::array::uniform3(-1e6_f32..1e6), 17), times in prop::collection::vec(1e-4_f64..0.5, 3)) {
        let mut time_s = 0.0;
        let times: Vec<f64> = times.iter().map(|step| { time_s += step; time_s }).collect();
        let points: Vec<Point> = values.iter().map(|&[x_m, y_m, z_m]| Point { x_m, y_m, z_m, visibility: 1.0, presence: 1.0, ..Point::MISSING }).collect();
        let mut original = recording(times.clone(), vec![]);
        original.skeleton = Skeleton::Coco17;
        original.spaces = Spaces::World;
        original.people = vec![Person { id: 0, poses: vec![Some(Pose { score: 1.0, points }), None, None] }];
        let trc = recording_to_trc(&original, &WriteOptions::default()).unwrap();
        let back = recording_from_trc(&trc, &ReadOptions { skeleton: Some(Skeleton::Coco17), ..ReadOptions::default() }).unwrap().recording;
        prop_assert_eq!(&back.time_s, &times);
        prop_assert_eq!(&back.people[0].poses, &original.people[0].poses);
        let c3d = recording_from_c3d(&recording_to_c3d(&original, &WriteOptions::default()).unwrap(), &ReadOptions::default()).unwrap().recording;
        prop_assert_eq!(c3d.time_s.len(), 3);
    }
}
