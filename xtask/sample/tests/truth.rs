//! What is said to be true is true: of the skeleton, of the angles, and of the picture.

use std::f64::consts::PI;

use marey_sample::skeleton::{
    FOREARM_M, HALF_HIPS_M, HALF_SHOULDERS_M, LANDMARK_NAMES, SHANK_M, THIGH_M, TRUNK_M, UPPER_ARM_M,
};
use marey_sample::truth::TruthPerson;
use marey_sample::{Scene, Truth, truth};

fn place(person: &TruthPerson, name: &str) -> [f64; 3] {
    let joint = person.joint(name).expect("the name of a joint");
    [joint.x_m, joint.y_m, joint.z_m]
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| a[i] - b[i])
}

fn length(v: [f64; 3]) -> f64 {
    v.iter().map(|c| c * c).sum::<f64>().sqrt()
}

fn angle_deg(a: [f64; 3], b: [f64; 3]) -> f64 {
    (dot(a, b) / (length(a) * length(b))).clamp(-1.0, 1.0).acos() * 180.0 / PI
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn middle(person: &TruthPerson, part: &str) -> [f64; 3] {
    let (left, right) = (
        place(person, &format!("left_{part}")),
        place(person, &format!("right_{part}")),
    );
    std::array::from_fn(|i| 0.5 * (left[i] + right[i]))
}

/// From right to left, of length one.
fn part_across(person: &TruthPerson, part: &str) -> [f64; 3] {
    let across = minus(
        place(person, &format!("left_{part}")),
        place(person, &format!("right_{part}")),
    );
    across.map(|c| c / length(across))
}

fn scenes() -> Vec<(&'static str, Truth)> {
    let scenes = [
        ("squat", Scene::squat()),
        ("oblique squat", Scene::squat().seen_from(37.0)),
        ("walk", Scene::walk()),
        ("oblique walk", Scene::walk().seen_from(-130.0)),
        ("crossing", Scene::crossing()),
    ];
    scenes
        .into_iter()
        .map(|(name, scene)| (name, truth(&scene).expect("the scene can be rendered")))
        .collect()
}

#[test]
fn bones_keep_their_lengths() {
    let bones = [
        ("left_hip", "left_knee", THIGH_M),
        ("right_hip", "right_knee", THIGH_M),
        ("left_knee", "left_ankle", SHANK_M),
        ("right_knee", "right_ankle", SHANK_M),
        ("left_shoulder", "left_elbow", UPPER_ARM_M),
        ("right_shoulder", "right_elbow", UPPER_ARM_M),
        ("left_elbow", "left_wrist", FOREARM_M),
        ("right_elbow", "right_wrist", FOREARM_M),
        ("left_hip", "right_hip", 2.0 * HALF_HIPS_M),
        ("left_shoulder", "right_shoulder", 2.0 * HALF_SHOULDERS_M),
    ];
    for (name, truth) in scenes() {
        for frame in &truth.frames {
            for person in &frame.people {
                for (from, to, expected) in bones {
                    let found = length(minus(place(person, from), place(person, to)));
                    assert!(
                        (found - expected).abs() < 1e-9,
                        "{name} at {}: {from} to {to} is {found} m, not {expected} m",
                        frame.time_s
                    );
                }
                let trunk = length(minus(middle(person, "shoulder"), middle(person, "hip")));
                assert!((trunk - TRUNK_M).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn angles_are_those_of_the_joints() {
    for (name, truth) in scenes() {
        for person in truth.frames.iter().flat_map(|frame| &frame.people) {
            for (side, angles) in [("left", &person.left), ("right", &person.right)] {
                let at = |joint: &str| place(person, &format!("{side}_{joint}"));
                let between = |a: &str, b: &str, c: &str| angle_deg(minus(at(a), at(b)), minus(at(c), at(b)));
                let trunk = minus(middle(person, "hip"), middle(person, "shoulder"));
                let across = [part_across(person, "hip"), part_across(person, "shoulder")];
                let mean: [f64; 3] = std::array::from_fn(|i| across[0][i] + across[1][i]);
                // The plane holds the trunk, so what is square to it is square to the trunk too.
                let along = dot(mean, trunk) / dot(trunk, trunk);
                let left: [f64; 3] = std::array::from_fn(|i| mean[i] - along * trunk[i]);
                // In the plane square to `left`, by the angle between projections, signed by which side of the trunk it is.
                let flexion = |from: &str, to: &str| {
                    let limb = minus(at(to), at(from));
                    let flat = |v: [f64; 3]| {
                        let share = dot(v, left) / dot(left, left);
                        std::array::from_fn(|i| v[i] - share * left[i])
                    };
                    angle_deg(flat(trunk), flat(limb)).copysign(dot(cross(limb, trunk), left))
                };
                let expected = [
                    (angles.knee_flexion_deg, 180.0 - between("hip", "knee", "ankle")),
                    (angles.hip_flexion_deg, flexion("hip", "knee")),
                    (angles.elbow_flexion_deg, 180.0 - between("shoulder", "elbow", "wrist")),
                    (angles.shoulder_flexion_deg, flexion("shoulder", "elbow")),
                    (
                        angles.ankle_dorsiflexion_deg,
                        90.0 - angle_deg(minus(at("knee"), at("ankle")), minus(at("foot_index"), at("heel"))),
                    ),
                ];
                for (index, (said, found)) in expected.into_iter().enumerate() {
                    assert!(
                        (said - found).abs() < 1e-4,
                        "{name}, {side}, angle {index}: {said} against {found}"
                    );
                }
            }
        }
    }
}

#[test]
fn pixels_are_the_projection_of_metres() {
    for (name, truth) in scenes() {
        let camera = truth.camera;
        for person in truth.frames.iter().flat_map(|frame| &frame.people) {
            for joint in &person.joints {
                let x = camera.principal_x_px + camera.focal_px * joint.x_m / joint.z_m;
                let y = camera.principal_y_px + camera.focal_px * joint.y_m / joint.z_m;
                assert!((x - joint.x_px).hypot(y - joint.y_px) < 1e-6, "{name}: {}", joint.name);
                let inside =
                    (0.0..f64::from(truth.width_px)).contains(&x) && (0.0..f64::from(truth.height_px)).contains(&y);
                assert!(inside, "{name}: {} leaves the picture at ({x}, {y})", joint.name);
            }
        }
    }
}

#[test]
fn names_are_those_of_the_pose_model_and_in_its_order() {
    let person = &truth(&Scene::squat()).unwrap().frames[0].people[0];
    let names: Vec<&str> = person.joints.iter().map(|joint| joint.name.as_str()).collect();
    assert_eq!(names, LANDMARK_NAMES);
    assert_eq!(
        (names[0], names[11], names[24], names[32]),
        ("nose", "left_shoulder", "right_hip", "right_foot_index")
    );
}

#[test]
fn left_is_the_subjects_own() {
    let person = &truth(&Scene::squat().seen_from(0.0)).unwrap().frames[0].people[0];
    let x = |name: &str| person.joint(name).expect("the name of a joint").x_px;
    for part in ["eye", "ear", "shoulder", "wrist", "hip", "knee", "foot_index"] {
        assert!(
            x(&format!("left_{part}")) > x(&format!("right_{part}")),
            "{part}, of one who faces the camera"
        );
    }
}

#[test]
fn the_truth_survives_json() {
    let truth = truth(&Scene::crossing()).unwrap();
    let text = serde_json::to_string(&truth).unwrap();
    let read: Truth = serde_json::from_str(&text).unwrap();
    assert_eq!(read.frames.len(), truth.frames.len());
    let (a, b) = (&read.frames[7].people[1], &truth.frames[7].people[1]);
    assert!((a.left.knee_flexion_deg - b.left.knee_flexion_deg).abs() < 1e-12);
    assert!((a.joints[5].x_px - b.joints[5].x_px).abs() < 1e-9);
}
