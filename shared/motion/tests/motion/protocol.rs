//! Analysis files: what they may say, what is wrong with those that may not, and what is made of them.

#![expect(clippy::float_cmp, reason = "what a file says is read to the bit")]

use marey_motion::compare::{Align, Band, Method, Missing};
use marey_motion::filter::{ButterworthSettings, Filter};
use marey_motion::protocol::{
    Comparison, GaitSource, Input, Protocol, ProtocolError, Report, Representation, Results, Spread, Stage, Task, Who,
    parse, run,
};
use marey_motion::repetitions::{Axis, Different, Segmentation, Signal, Valley};
use marey_motion::{Analysis, Angle, Landmark, MotionError, Settings, Side, Space, Spaces, analyze};
use proptest::prelude::*;

use crate::support::{Figure, Joints, even_s, recording};

const YAML: &str = "\
# Everything that can be said of a comparison.
config_version: 1
inputs:
  primary: patient.parquet
  reference: 'control.parquet'
preprocessing:
  person: 2
  cleaning: {filter: {kind: butterworth, cutoff_hz: 8}, longest_gap_s: 0.1}
segmentation:
  kind: extractor
  label: squats
  extractor:
    kind: joint_angle
    angle: left_knee_flexion
    invert: true
  minimum_distance_s: 0.5
  minimum_prominence: 3e1
  minimum_duration_s: 0.7
  minimum_height: -40
  smooth_hz: 4
  valley: nearest
  pad_s: 0.25
  keep_partial: true
analysis:
  kind: dtw
  method: dtw_per_joint
  representation: angles
  angle_triplets:
    - [left_hip, left_knee, left_ankle]
    - [right_hip, right_knee, right_ankle]
  align: procrustes_per_sequence
  space: image
  nan_policy: drop
  search: exact
  window: 12
output:
  report: report.json
";

const TOML: &str = r#"
config_version = 1
[inputs]
primary = "patient.parquet"
reference = "control.parquet"
[preprocessing]
person = 2
cleaning = { filter = { kind = "butterworth", cutoff_hz = 8.0 }, longest_gap_s = 0.1 }
[segmentation]
kind = "extractor"
label = "squats"
extractor = { kind = "joint_angle", angle = "left_knee_flexion", invert = true }
minimum_distance_s = 0.5
minimum_prominence = 30
minimum_duration_s = 0.7
minimum_height = -40
smooth_hz = 4
valley = "nearest"
pad_s = 0.25
keep_partial = true
[analysis]
kind = "dtw"
method = "dtw_per_joint"
representation = "angles"
angle_triplets = [["left_hip", "left_knee", "left_ankle"], ["right_hip", "right_knee", "right_ankle"]]
align = "procrustes_per_sequence"
space = "image"
nan_policy = "drop"
window = 12
output.report = "report.json"
"#;

fn whole() -> Protocol {
    use Landmark::{LeftAnkle, LeftHip, LeftKnee, RightAnkle, RightHip, RightKnee};
    let triplets = [[LeftHip, LeftKnee, LeftAnkle], [RightHip, RightKnee, RightAnkle]];
    Protocol {
        primary: Some("patient.parquet".to_owned()),
        person: Who::Number(2),
        cleaning: Settings {
            filter: Filter::Butterworth(ButterworthSettings {
                cutoff_hz: 8.0,
                ..ButterworthSettings::default()
            }),
            longest_gap_s: 0.1,
            ..Settings::default()
        },
        segmentation: Some(Stage::Extractor {
            label: "squats".to_owned(),
            how: Segmentation {
                signal: Signal::angle(Angle::KneeFlexion, Some(Side::Left), Space::Image),
                invert: true,
                smooth_hz: Some(4.0),
                minimum_distance_s: 0.5,
                minimum_prominence: 30.0,
                minimum_height: Some(-40.0),
                minimum_duration_s: 0.7,
                valley: Valley::Nearest,
                pad_s: 0.25,
                keep_partial: true,
            },
        }),
        analysis: Task::Dtw {
            reference: "control.parquet".to_owned(),
            comparison: Comparison::PerJoint(Representation::Angles {
                angle_triplets: triplets.map(|triplet| Different::new(triplet).unwrap()).to_vec(),
            }),
            align: Align::ProcrustesPerSequence,
            space: Space::Image,
            nan_policy: Missing::Drop,
            search: Method::Exact {
                band: Some(Band { radius: 12 }),
            },
        },
        report: Some("report.json".to_owned()),
    }
}

#[test]
fn yaml_toml_and_json_say_the_same() {
    assert_eq!(parse(YAML).unwrap(), whole());
    // A key of the document's own cannot follow a table.
    let toml = TOML.replace("output.report = \"report.json\"", "[output]\nreport = \"report.json\"");
    assert_eq!(parse(&toml).unwrap(), whole());
    let json = r#"{"inputs": {"primary": "a.json"}, "analysis": {"kind": "stats", "extractor": {"kind": "joint_speed", "joint": "nose"}}}"#;
    let yaml =
        "inputs: {primary: a.json}\nanalysis:\n  kind: stats\n  extractor:\n    kind: joint_speed\n    joint: nose\n";
    assert_eq!(parse(json).unwrap(), parse(yaml).unwrap());
    assert_eq!(parse(&YAML.replace('\n', "\r\n")).unwrap(), whole());
}

#[test]
fn the_shortest_file_has_defaults_for_the_rest() {
    let protocol = parse("analysis: {kind: none}").unwrap();
    let expected = Protocol {
        primary: None,
        person: Who::Foremost,
        cleaning: Settings::default(),
        segmentation: None,
        analysis: Task::None,
        report: None,
    };
    assert_eq!(protocol, expected);
    let gait = |text: &str| {
        parse(&format!("segmentation: {text}\nanalysis: {{kind: none}}"))
            .unwrap()
            .segmentation
            .unwrap()
    };
    let strikes = GaitSource::HeelStrikes { minimum_cycle_s: 0.4 };
    assert_eq!(
        gait("{kind: gait_cycles}"),
        Stage::GaitCycles {
            side: Side::Right,
            from: strikes
        }
    );
    let height = GaitSource::HeelHeight {
        minimum_cycle_s: 0.6,
        minimum_prominence: 8.0,
    };
    let text = "{kind: gait_cycles_bilateral, from: heel_height, minimum_cycle_s: 0.6, minimum_prominence: 8}";
    assert_eq!(gait(text), Stage::GaitCyclesBilateral { from: height });
    assert_eq!(gait("{kind: automatic}"), Stage::Automatic);
    let Stage::Extractor { label, how } = gait(
        "{kind: extractor, valley: {rest: 0.2}, extractor: {kind: joint_axis, joint: left_wrist, axis: z, space: world}}",
    ) else {
        panic!("another stage")
    };
    let signal = Signal::JointAxis {
        landmark: Landmark::LeftWrist,
        axis: Axis::Z,
        space: Space::World,
    };
    assert_eq!(
        (label.as_str(), how),
        (
            "repetitions",
            Segmentation {
                valley: Valley::Rest { share: 0.2 },
                ..Segmentation::of(signal)
            }
        )
    );
}

/// Everything that is wrong with a text, one problem a line.
fn problems(text: &str) -> String {
    match parse(text) {
        Err(ProtocolError::Invalid(problems)) => problems
            .iter()
            .fold(String::new(), |all, problem| all + &format!("{problem}\n")),
        other => panic!("{other:?} of {text}"),
    }
}

#[test]
fn the_examples_of_the_documentation_are_sound() {
    let document = include_str!("../../../../docs/ANALYSES.md");
    let blocks = document.split("```").skip(1).step_by(2);
    let examples = blocks.filter_map(|block| block.strip_prefix("yaml\n").or_else(|| block.strip_prefix("toml\n")));
    let kinds: Vec<_> = examples.map(|example| parse(example).unwrap().analysis).collect();
    assert!(matches!(kinds[..], [Task::Stats { .. }, Task::Dtw { .. }]), "{kinds:?}");
}

#[test]
fn every_problem_is_told_with_its_line_and_keys() {
    let told = problems(
        "\
config_version: one
inputs: {primary: ''}
preprocessing:
  person: first
  cleaning:
    longest_gap_s: long
    filter: {kind: butterworth, order: 20}
    blur: 3
segmentation:
  kind: extractor
  extractor:
    kind: joint_angle
    angle: left_nee_flexion
  min_distance_seconds: 0.4
  minimum_prominence: -1
  label: a/b
analysis:
  kind: stats
  extractor: {kind: joint_axis, joint: 41, axes: y}
outputs: {}
",
    );
    let lines: Vec<&str> = told.lines().collect();
    let expected = [
        "line 1: `config_version` is a text, not a number",
        "line 2: `inputs.primary` is empty",
        "line 4: `preprocessing.person` is `first`; possible are foremost",
        "line 6: `preprocessing.cleaning.longest_gap_s` cannot be used: invalid type: string \"long\", expected f64",
        "line 7: `preprocessing.cleaning.filter` cannot be used: the analysis settings make no sense: order is 20, not in 1 to 8",
        "line 8: `preprocessing.cleaning.blur` cannot be used: unknown field `blur`",
        "line 13: `segmentation.extractor.angle` is `left_nee_flexion`, no angle of Marey's; did you mean `left_knee_flexion`?",
        "line 14: `segmentation.min_distance_seconds` is not known here: write `minimum_distance_s`",
        "line 15: `segmentation.minimum_prominence` is -1, not 0 or more",
        "line 16: `segmentation.label` is not up to 64 letters, digits, `_` and `-`",
        "line 19: `analysis.extractor.joint` is a number: write the landmark's name, such as `right_wrist`",
        "line 19: `analysis.extractor.axis` is missing",
        "line 19: `analysis.extractor.axes` is not known here; did you mean `axis`?",
        "line 20: `outputs` is not known here; did you mean `output`?",
    ];
    assert_eq!(lines.len(), expected.len(), "{told}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of rules, each with what breaks it")]
fn rules_across_keys_are_kept() {
    let dtw = |keys: &str| format!("inputs: {{reference: b}}\nanalysis:\n  kind: dtw\n{keys}");
    let cut = |keys: &str| format!("analysis: {{kind: none}}\nsegmentation:\n{keys}");
    let extractor = "  kind: extractor\n  extractor:\n    kind: ";
    let cases = [
        (
            "inputs: {primary: a}\nanalysis: {kind: dtw}".to_owned(),
            "line 1: `inputs.reference` is missing, and `analysis.kind` is `dtw`",
        ),
        (
            "analysis: {kind: dtw}".to_owned(),
            "line 1: `inputs.reference` is missing",
        ),
        (
            "inputs:\n  reference: b\nanalysis: {kind: none}".to_owned(),
            "line 2: `inputs.reference` is not used by `analysis.kind` `none`",
        ),
        (
            "inputs: {reference: b}\nanalysis: {kind: stats, extractor: {kind: joint_speed, joint: nose}}".to_owned(),
            "line 1: `inputs.reference` is not used by `analysis.kind` `stats`",
        ),
        (
            "inputs: {primary: a}\nanalysis: {kind: none}\noutput: {report: a}".to_owned(),
            "line 3: `output.report` would overwrite an input",
        ),
        ("inputs: {primary: a}".to_owned(), "line 1: `analysis` is missing"),
        (
            dtw("  method: dtw_relation"),
            "`analysis.joint_i` is missing\nline 3: `analysis.joint_j` is missing",
        ),
        (
            dtw("  method: dtw_relation\n  joint_i: nose\n  joint_j: nose"),
            "line 6: `analysis.joint_j` is the same landmark as `joint_i`",
        ),
        (
            dtw("  method: dtw_relation\n  joint_i: nose\n  joint_j: left_hip\n  representation: angles"),
            "line 7: `analysis.representation` must be `coords`",
        ),
        (
            dtw("  method: dtw_relation\n  joint_i: nose\n  joint_j: left_hip\n  angle_triplets: []"),
            "line 7: `analysis.angle_triplets` goes without",
        ),
        (
            dtw("  joint_i: nose"),
            "line 4: `analysis.joint_i` goes with `method: dtw_relation` alone",
        ),
        (
            dtw("  representation: angles"),
            "`analysis.angle_triplets` is missing, and `representation` is `angles`",
        ),
        (
            dtw("  representation: angles\n  angle_triplets: []"),
            "line 5: `analysis.angle_triplets` is empty",
        ),
        (
            dtw("  representation: angles\n  angle_triplets: [[nose, left_hip, nose]]"),
            "line 5: `analysis.angle_triplets[0]` has the same landmark twice",
        ),
        (
            dtw("  representation: angles\n  angle_triplets: [[nose]]"),
            "`analysis.angle_triplets[0]` has 1 landmarks, not 3",
        ),
        (
            dtw("  angle_triplets: [[nose, left_hip, right_hip]]"),
            "`analysis.angle_triplets` goes with `representation: angles` alone",
        ),
        (
            dtw("  radius: 1"),
            "line 4: `analysis.radius` goes with `search: fast` alone",
        ),
        (
            dtw("  search: fast\n  window: 3"),
            "line 5: `analysis.window` goes with `search: exact` alone",
        ),
        (
            dtw("  window: 1.5"),
            "line 4: `analysis.window` is 1.5, not a whole number",
        ),
        (dtw("  extractor: {}"), "line 4: `analysis.extractor` is not known here"),
        (
            cut("  kind: gait_cycles\n  minimum_prominence: 3"),
            "line 4: `segmentation.minimum_prominence` goes with `from: heel_height` alone",
        ),
        (
            cut("  kind: gait_cycles\n  minimum_cycle_s: 9"),
            "line 4: `segmentation.minimum_cycle_s` is 9, above 3",
        ),
        (
            cut("  kind: gait_cycles_bilateral\n  side: left"),
            "line 4: `segmentation.side` is not known here",
        ),
        (
            cut("  kind: automatic\n  label: x"),
            "line 4: `segmentation.label` is not known here",
        ),
        (cut("  kind: extractor"), "`segmentation.extractor` is missing"),
        (
            cut(&format!("{extractor}joint_pair_distance\n    joints: [nose, nose]")),
            "line 6: `segmentation.extractor.joints` has the same",
        ),
        (
            cut(&format!(
                "{extractor}joint_angle\n    angle: trunk\n    triplet: [nose, left_hip, left_knee]"
            )),
            "`segmentation.extractor.triplet` goes without `angle`",
        ),
        (
            cut(&format!("{extractor}joint_angle")),
            "`segmentation.extractor.angle` is missing, or `triplet`",
        ),
        (
            cut(&format!(
                "{extractor}joint_speed\n    joint: nose\n  valley: {{rest: 0.7}}"
            )),
            "line 7: `segmentation.valley.rest` is 0.7",
        ),
        (
            cut(&format!("{extractor}joint_speed\n    joint: left_writs")),
            "line 6: `segmentation.extractor.joint` is `left_writs`, no landmark; did you mean `left_wrist`?",
        ),
        (
            "analysis: {kind: stats, extractor: {kind: joint_speed, joint: nose, invert: true}}".to_owned(),
            "`analysis.extractor.invert` is not known here",
        ),
    ];
    for (text, expected) in cases {
        let told = problems(&text);
        assert!(told.contains(expected), "{text}\n---\n{told}---\n{expected}");
    }
}

#[test]
fn what_is_no_analysis_file_is_refused_in_a_word() {
    let cases = [
        ("", "is nothing, not a table"),
        ("analysis", "is a text, not a table"),
        ("- a\n- b", "is a list, not a table"),
        ("a: &x 1\nb: *x", "line 1: anchors are not read here"),
        ("a: !!str 1", "line 1: tags are not read here"),
        (
            "analysis: {kind: none}\n---\nanalysis: {kind: none}",
            "line 2: further documents in one file are not read here",
        ),
        ("a: 1\nb: 2\na: 3", "line 3: `a` is there twice"),
        ("? [a, b]\n: 1", "a key is no text"),
        ("a: .nan", "line 1: the number is not finite"),
        ("a: 1e999", "line 1: the number is not finite"),
        ("a:\n  - [b\nc", "line "),
        ("a = 1\na = 2", "line 2: duplicate key"),
        ("a = inf", "line 1: the number is not finite"),
        ("a = 1\n[b\n", "line 2: "),
    ];
    for (text, expected) in cases {
        let told = problems(text);
        assert!(told.contains(expected) && told.lines().count() <= 3, "{text:?}: {told}");
    }
    assert!(problems(&format!("a: {}", "[".repeat(40))).contains("nested more than 32 deep"));
    assert!(problems(&"a".repeat(300_000)).contains("300000 bytes"));
    let error = parse("analysis: {}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the analysis file is wrong: line 1: `analysis.kind` is missing"
    );
    assert_eq!(error.code(), "PROTOCOL_INVALID");
}

#[test]
fn a_later_file_is_refused_before_the_rest_of_it() {
    let error = parse("config_version: 2\nfuture: []").unwrap_err();
    assert_eq!(error, ProtocolError::Newer { found: 2, supported: 1 });
    assert!(error.to_string().contains("update Marey") && error.code() == "PROTOCOL_NEWER");
    assert!(problems("config_version: 0\nanalysis: {kind: none}").contains("does not exist"));
}

/// Squats of one second with half a second between them.
fn squats(depths: &[f64]) -> Analysis {
    let frames = depths.len() * 45 + 15;
    let pose = |frame: usize| {
        let (index, within) = (frame.saturating_sub(15) / 45, frame.saturating_sub(15) % 45);
        let share = if frame < 15 || within > 30 {
            0.0
        } else {
            (std::f64::consts::PI * within as f64 / 30.0).sin().powi(2)
        };
        let depth = share * depths.get(index).copied().unwrap_or(0.0);
        let joints = Joints {
            knee_deg: 100.0 * depth,
            hip_deg: 80.0 * depth,
            ..Joints::default()
        };
        Some(Figure::symmetric(joints).pose())
    };
    analyze(
        &recording(even_s(frames, 30.0), (0..frames).map(pose).collect()),
        &Settings::default(),
    )
    .unwrap()
}

fn input<'a>(name: &'a str, analysis: &'a Analysis) -> Input<'a> {
    Input {
        name,
        sha256: "ab",
        analysis,
    }
}

fn ran(text: &str, primary: &Analysis, reference: Option<&Analysis>) -> Result<Report, ProtocolError> {
    let reference = reference.map(|reference| input("control", reference));
    run(
        &parse(text).unwrap(),
        &input("patient", primary),
        reference.as_ref(),
        "2026-11-27T10:00:00Z",
    )
}

const CUT: &str = "segmentation: {kind: extractor, minimum_prominence: 30, extractor: {kind: joint_angle, angle: left_knee_flexion}}\n";

#[test]
fn statistics_are_those_of_each_segment() {
    let analysis = squats(&[0.9, 0.7, 0.8]);
    let stats = "analysis: {kind: stats, extractor: {kind: joint_angle, angle: right_knee_flexion}}";
    let report = ran(&format!("{CUT}{stats}"), &analysis, None).unwrap();
    let Results::Stats { segments, unit, .. } = &report.results else {
        panic!("{:?}", report.results)
    };
    assert_eq!(unit, "deg");
    assert_eq!(
        segments.iter().map(|one| one.label.as_str()).collect::<Vec<_>>(),
        ["repetitions[0]", "repetitions[1]", "repetitions[2]"]
    );
    for (one, depth_deg) in segments.iter().zip([90.0, 70.0, 80.0]) {
        assert!(
            (one.spread.maximum - depth_deg).abs() < 2.0 && one.spread.minimum < 9.0,
            "{one:?}"
        );
        assert!((one.spread.range - (one.spread.maximum - one.spread.minimum)).abs() < 1e-12);
    }
    let whole = ran(stats, &analysis, None).unwrap();
    let Results::Stats { segments, .. } = &whole.results else {
        panic!("{:?}", whole.results)
    };
    assert_eq!(
        (segments.len(), segments[0].label.as_str(), segments[0].spread.frames),
        (1, "full_trial", 150)
    );
    let unseen = ran(
        "analysis: {kind: stats, extractor: {kind: joint_angle, angle: trunk}}",
        &Analysis {
            spaces: Spaces::World,
            ..analysis
        },
        None,
    );
    let report = unseen.unwrap();
    assert!(
        report.notes[0].contains("full_trial has no value"),
        "{:?}",
        report.notes
    );
}

#[test]
fn a_spread_is_that_of_neuropose() {
    #[derive(serde::Deserialize)]
    struct Golden {
        poses: Poses,
    }
    #[derive(serde::Deserialize)]
    struct Poses {
        cases: Vec<Case>,
    }
    #[derive(serde::Deserialize)]
    struct Case {
        values: Vec<f64>,
        mean: f64,
        std: f64,
    }
    let golden: Golden = serde_json::from_str(include_str!("../reference/repetitions.json")).unwrap();
    for case in golden.poses.cases {
        let spread = Spread::of(&case.values).unwrap();
        assert!((spread.mean - case.mean).abs() < 1e-9 && (spread.sd - case.std).abs() < 1e-9);
    }
    assert_eq!(Spread::of(&[]), None);
}

#[test]
fn a_movement_differs_from_itself_by_nothing_and_more_from_another() {
    let (ours, theirs) = (squats(&[0.9, 0.9]), squats(&[0.9, 0.5, 0.9]));
    let head = format!("inputs: {{reference: control}}\n{CUT}");
    let methods = [
        "{kind: dtw}",
        "{kind: dtw, space: image, search: fast, radius: 2}",
        "{kind: dtw, method: dtw_per_joint, window: 10}",
        "{kind: dtw, method: dtw_per_joint, representation: angles, angle_triplets: [[left_hip, left_knee, left_ankle]]}",
        "{kind: dtw, representation: angles, space: image, angle_triplets: [[left_hip, left_knee, left_ankle], [left_shoulder, left_hip, left_knee]]}",
        "{kind: dtw, method: dtw_relation, joint_i: left_hip, joint_j: left_ankle}",
    ];
    for method in methods {
        let text = format!("{head}analysis: {method}");
        let same = ran(&text, &ours, Some(&ours)).unwrap();
        let Results::Dtw { pairs, summary, unit } = &same.results else {
            panic!("{:?}", same.results)
        };
        assert_eq!(pairs.len(), 2);
        assert!(pairs.iter().all(|pair| pair.distance == 0.0 && pair.mean_cost == 0.0));
        assert_eq!(
            unit,
            if method.contains("angles") {
                "rad"
            } else if method.contains("image") {
                "px"
            } else {
                "m"
            }
        );
        assert_eq!(summary.unwrap().p99, 0.0);
        assert!(same.notes.is_empty());
        let other = ran(&text, &ours, Some(&theirs)).unwrap();
        let Results::Dtw { pairs, .. } = &other.results else {
            panic!("{:?}", other.results)
        };
        assert_eq!((pairs.len(), pairs[0].label.as_str()), (2, "repetitions[0]"));
        assert!(
            pairs[1].distance > 5.0 * pairs[0].distance,
            "{method}: {} {}",
            pairs[0].distance,
            pairs[1].distance
        );
        assert!(
            other.notes[0].contains("has 2 segments and the reference 3"),
            "{:?}",
            other.notes
        );
        let has_parts = method.contains("per_joint");
        assert_eq!(
            (pairs[0].path.is_empty(), pairs[0].per_joint.is_empty()),
            (has_parts, !has_parts)
        );
        let parts: f64 = pairs[1].per_joint.values().sum();
        assert!(!has_parts || (parts - pairs[1].distance).abs() < 1e-9);
    }
}

#[test]
fn a_reference_is_cut_by_the_signal_that_was_chosen_for_the_recording() {
    let (ours, theirs) = (squats(&[0.9, 0.9, 0.9]), squats(&[0.6, 0.6, 0.6]));
    let text = "inputs: {reference: control}\nsegmentation: {kind: automatic}\nanalysis: {kind: dtw}";
    let report = ran(text, &ours, Some(&theirs)).unwrap();
    let (one, other) = (
        &report.segmentations["repetitions"],
        &report.reference_segmentations["repetitions"],
    );
    assert_eq!(
        (one.segments.len(), one.configuration.clone()),
        (3, other.configuration.clone())
    );
    // What is too small for the recording's thresholds is not there.
    assert!(other.segments.len() <= 3);
}

#[test]
fn a_report_carries_what_was_asked_and_where_it_came_from() {
    let analysis = squats(&[0.9, 0.9]);
    let report = ran(&format!("{CUT}analysis: {{kind: none}}"), &analysis, None).unwrap();
    let json: serde_json::Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["marey_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["created_at"], "2026-11-27T10:00:00Z");
    assert_eq!(json["seed"], serde_json::Value::Null);
    assert_eq!(json["config"]["cleaning"]["filter"]["cutoff_hz"], 6.0);
    assert_eq!(json["config"]["segmentation"]["kind"], "extractor");
    assert_eq!(json["config"]["analysis"]["kind"], "none");
    assert_eq!(json["primary"]["sha256"], "ab");
    assert_eq!(json["primary"]["model"]["name"], "jointed_figure");
    assert_eq!(json["segmentations"]["repetitions"]["segments"][0]["whole"], true);
    let text = report.to_text();
    assert!(
        text.contains("Analysis of patient")
            && text.contains("repetitions: 2 segments of joint_angle:left_knee_flexion_image"),
        "{text}"
    );
    assert!(text.contains("[1]") && text.contains("SHA-256 ab"), "{text}");
}

#[test]
fn recordings_that_do_not_fit_are_refused() {
    let analysis = squats(&[0.9, 0.9]);
    let refused = |text: &str, reference: Option<&Analysis>| ran(text, &analysis, reference).unwrap_err();
    let error = refused("preprocessing: {person: 7}\nanalysis: {kind: none}", None);
    assert_eq!(
        error.to_string(),
        "the recording does not fit the analysis file: person 7 is asked for, and `patient` has people 0"
    );
    assert_eq!(error.code(), "PROTOCOL_UNFIT");
    let dtw = "inputs: {reference: control}\nanalysis: {kind: dtw, align: procrustes_per_frame}";
    assert!(matches!(refused(dtw, None), ProtocolError::Unfit(_)));
    assert!(matches!(
        refused("analysis: {kind: none}", Some(&analysis)),
        ProtocolError::Unfit(_)
    ));
    let longer = squats(&[0.9, 0.9, 0.9]);
    let error = refused(dtw, Some(&longer));
    assert!(
        matches!(error, ProtocolError::Motion(MotionError::NotComparable(_)))
            && error.code() == "MOTION_NOT_COMPARABLE"
    );
    let (split, _) = analysis.clone().split_poses();
    assert_eq!(
        ran("analysis: {kind: none}", &split, None).unwrap_err().code(),
        "MOTION_INVALID_ANALYSIS"
    );
    let flat = Analysis {
        spaces: Spaces::Image,
        ..longer
    };
    assert!(
        refused(dtw, Some(&flat))
            .to_string()
            .contains("`control` has no positions in the world space")
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn no_text_of_the_languages_signs_makes_it_panic(text in "[-a-z0-9:=,.'\"{}\\[\\]#&*!|>?%@~ \n\t]{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_damage_to_a_sound_file_makes_it_panic(
        is_toml in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[-a-z0-9:=,.'\"{}\\[\\]#&*!| \n]{0,6}"), 1..6),
    ) {
        let mut text: Vec<char> = if is_toml { TOML } else { YAML }.chars().collect();
        for (at, length, instead) in changes {
            let start = at.index(text.len() + 1);
            let end = (start + length.index(8)).min(text.len());
            text.splice(start..end, instead.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(ProtocolError::Invalid(problems)) = parse(&text) {
            prop_assert!(!problems.is_empty());
            // Within the file, or just behind its end.
            prop_assert!(problems.iter().all(|problem| (1..=text.lines().count() + 2).contains(&problem.line)), "{problems:?}");
        }
    }
}
