use serde_json::json;

use super::*;

fn shown(facts: &Value, width: Option<usize>) -> String {
    lines(facts, width, &|_, text| text.to_owned()).join("\n")
}

/// What the stage that computes angles says of a squat.
fn angles() -> Value {
    let angle = |id: &str, label: &str, range: [f64; 3], coverage: f64| {
        json!({
            "id": id, "label": label, "minimum_deg": range[0], "maximum_deg": range[1],
            "range_of_motion_deg": range[2], "coverage": coverage,
        })
    };
    json!({
        "duration_s": 5.967,
        "frames": 180,
        "people_found": 7,
        "people": [
            {
                "id": 0, "frames_seen": 180, "view": "side", "deviation_deg": 5.2,
                "angles": [
                    angle("left_ankle_dorsiflexion_image", "Left ankle dorsiflexion", [2.0, 20.9, 18.9], 0.533),
                    angle("right_ankle_dorsiflexion_image", "Right ankle dorsiflexion", [-0.2, 25.8, 26.0], 1.0),
                    angle("right_shoulder_flexion_image", "Right shoulder flexion", [0.9, 123.3, 122.4], 1.0),
                    angle("trunk_image", "Trunk inclination", [2.8, 44.4, 41.6], 1.0),
                ],
            },
            {"id": 3, "frames_seen": 12, "view": null, "deviation_deg": null, "angles": []},
        ],
        "notes": [
            "Person 3: 4 of 6 uninterrupted stretches of a landmark were too short to be filtered and were left as they are.",
            "The frames are unevenly spaced.",
        ],
    })
}

#[test]
fn facts_are_short_aligned_lines_with_units() {
    let facts = json!({
        "duration_s": 12.345,
        "frames": 370,
        "codec": "h264",
        "variable_rate": true,
        "rotation": null,
        "file_bytes": 12_345_678,
        "decoding_ms": 1234,
        "person_share": 0.976,
        "model_sha256": "0af2f944d11bfc505e39269beec4869780a80de59d864bd61809a3cfb2b7562e",
        "size": {"width_px": 1920, "height_px": 1080},
        "warnings": [],
        "sides": ["left", "right"],
        "knee": {
            "left": {"flexion_deg": {"min": 3.456, "max": 121.5}, "velocity_deg_per_s": 310.25},
            "right": {"flexion_deg": {"min": 4, "max": 119}},
            "notes": ["x\u{1b}y"],
        },
        "repetitions": [
            {"begin_s": 0.5, "end_s": 2.25, "depth_deg": 92.126, "side": "left"},
            {"begin_s": 2.25, "end_s": 4, "depth_deg": 90, "side": null},
        ],
    });
    insta::assert_snapshot!(shown(&facts, None));
}

#[test]
fn nested_lists_are_tables_under_their_objects() {
    insta::assert_snapshot!("angles_at_80", shown(&angles(), Some(80)));
    insta::assert_snapshot!("angles_at_56", shown(&angles(), Some(56)));
    insta::assert_snapshot!("angles_without_a_terminal", shown(&angles(), None));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in 32..120 {
        for line in shown(&angles(), Some(width)).lines() {
            assert!(measure_text_width(line) <= width, "{width}: {line}");
        }
    }
}

#[test]
fn numbers_of_any_kind_are_aligned_to_the_right() {
    let facts = json!({"files": [
        {"name": "a.csv", "file_bytes": 12_345, "written_ms": 7, "kept_share": 1.0, "rate_hz": 29.97, "rows": 12},
        {"name": "b\u{1b}.csv", "file_bytes": 999, "written_ms": 1234, "kept_share": 0.999, "rate_hz": 5, "rows": null},
    ]});
    insta::assert_snapshot!(shown(&facts, Some(80)), @r"
    files    rate  written  rows  kept     file
               Hz       ms           %
    a.csv   29.97        7    12   100  12.3 kB
    b�.csv   5.00     1234     -    99    999 B
    ");
}

#[test]
fn rows_without_a_name_are_told_apart_by_their_id_or_place() {
    let facts = json!({
        "tracks": [{"id": "x7", "frames": 3}, {"id": "y", "frames": 20}],
        "cuts": [{"at_s": 1.5}, {"at_s": 20}],
    });
    insta::assert_snapshot!(shown(&facts, None), @r"
    cuts    at
             s
       1   1.5
       2  20.0
    tracks  frames
    x7           3
    y           20
    ");
}

#[test]
fn a_column_shows_units_only_if_all_of_it_has_them() {
    let facts = json!({"sides": [
        {"side": "left", "used_share": 1.5, "angle_deg": "straight"},
        {"side": "right", "used_share": 0.25, "angle_deg": 12},
    ]});
    insta::assert_snapshot!(shown(&facts, None), @r"
    sides  angle     side   used
        1  straight  left   1.50
        2  12°       right  0.25
    ");
}

#[test]
fn long_lists_and_texts_are_cut() {
    let entries: Vec<_> = (0..400).map(|index| json!({ "index": index })).collect();
    let nested: Vec<_> = (0..400).map(|index| json!({ "inner": {"deep": [index]} })).collect();
    let facts = json!({
        "entries": entries, "nested": nested, "numbers": (0..40).collect::<Vec<_>>(), "text": "x".repeat(5000),
        "texts": vec!["y".repeat(50); 40],
    });
    let shown = shown(&facts, Some(80));
    assert!(shown.lines().count() < 90, "{shown}");
    assert!(shown.contains("… and 370 more (--json shows them)"), "{shown}");
    assert!(shown.contains("… and 395 more (--json shows them)"), "{shown}");
    assert!(shown.contains("… and 28 more (--json shows them)"), "{shown}");
    assert!(shown.contains("… (28 more)"), "{shown}");
}

#[test]
fn whatever_is_nested_how_deep_ever_is_shown() {
    let deep = (0..60).fold(json!(1), |inner, _| json!({"in": [inner, {"list": []}]}));
    for width in [None, Some(80), Some(1)] {
        assert!(!shown(&deep, width).is_empty());
    }
    assert_eq!(shown(&json!({"nothing": {"at": {"all": null}}}), None), "");
    assert_eq!(shown(&json!({"list": [{}, {}]}), None), "list\n   1\n   2");
}

#[test]
fn whatever_is_no_object_is_shown_as_it_is() {
    assert_eq!(shown(&Value::Null, None), "");
    assert_eq!(shown(&json!("done"), None), "done");
    assert_eq!(shown(&json!([1, 2]), None), "1, 2");
}
