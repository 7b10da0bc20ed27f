//! The pictures: the same scene gives the same bytes, and shows the figure where the truth says it is.

use marey_sample::{Figure, Frame, Motion, Renderer, Scene, SceneError, Squat, render, render_frame, truth};
use proptest::prelude::*;

fn small(scene: Scene) -> Scene {
    Scene {
        noise_levels: 0.0,
        ..scene.sized(320, 240)
    }
}

fn pixel(frame: &Frame, x: f64, y: f64) -> [u8; 3] {
    let at = 3 * (y as usize * frame.width as usize + x as usize);
    [frame.rgb[at], frame.rgb[at + 1], frame.rgb[at + 2]]
}

fn difference(a: [u8; 3], b: [u8; 3]) -> u32 {
    (0..3).map(|i| u32::from(a[i].abs_diff(b[i]))).sum()
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let scene = Scene::walk().sized(320, 180);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| render_frame(&scene, 41).unwrap())
    };
    let one = on(1);
    assert_eq!(one, on(3));
    let from_clip = render(&scene, |_, _| {}).unwrap().nth(41).unwrap();
    assert_eq!(one, from_clip, "a frame does not depend on those before it");
    let other = render_frame(
        &Scene {
            seed: 7,
            ..scene.clone()
        },
        41,
    )
    .unwrap();
    assert_ne!(one.rgb, other.rgb);
}

#[test]
fn the_clip_is_whole_and_in_order() {
    let scene = Scene {
        frame_rate: (30000, 1001),
        duration_s: 0.5,
        ..Scene::squat().sized(64, 48)
    };
    let mut told = Vec::new();
    let frames: Vec<Frame> = render(&scene, |done, of| told.push((done, of))).unwrap().collect();
    assert_eq!(frames.len(), 14);
    assert_eq!(told, (1..=14).map(|done| (done, 14)).collect::<Vec<_>>());
    for (index, frame) in frames.iter().enumerate() {
        assert_eq!(
            (frame.index, frame.width, frame.height, frame.rgb.len()),
            (index, 64, 48, 64 * 48 * 3)
        );
        assert!((frame.time_s - index as f64 * 1001.0 / 30000.0).abs() < 1e-12);
    }
}

/// The room alone: the right half from the first frame of a walk to the right, the left half from the last.
fn empty_room(scene: &Scene) -> Frame {
    let renderer = Renderer::new(scene).expect("the scene can be rendered");
    let [mut room, last] = [0, scene.frame_count() - 1].map(|index| renderer.frame(index).expect("the frame exists"));
    let width = room.width as usize;
    for (index, (byte, of_last)) in room.rgb.iter_mut().zip(&last.rgb).enumerate() {
        if (index / 3) % width < width / 2 {
            *byte = *of_last;
        }
    }
    room
}

#[test]
fn joints_lie_inside_the_figure() {
    let scene = small(Scene::walk()).sized(640, 360);
    let room = empty_room(&scene);
    let truth = truth(&scene).unwrap();
    for index in [45, 52, 60, 67, 75] {
        let frame = render_frame(&scene, index).unwrap();
        for joint in &truth.frames[index].people[0].joints {
            let (seen, empty) = (
                pixel(&frame, joint.x_px, joint.y_px),
                pixel(&room, joint.x_px, joint.y_px),
            );
            let within = [-2.0, 0.0, 2.0].into_iter().any(|dx| {
                [-2.0, 0.0, 2.0].into_iter().any(|dy| {
                    let (x, y) = (joint.x_px + dx, joint.y_px + dy);
                    difference(pixel(&frame, x, y), pixel(&room, x, y)) > 24
                })
            });
            assert!(
                within,
                "{} of frame {index} is not on the figure: {seen:?} as in the room {empty:?}",
                joint.name
            );
        }
    }
}

#[test]
fn the_figure_covers_what_a_person_does_and_nothing_far_from_it_changes() {
    let scene = small(Scene::walk()).sized(640, 360);
    let (room, frame, index) = (empty_room(&scene), render_frame(&scene, 60).unwrap(), 60);
    let truth = truth(&scene).unwrap();
    let joints = &truth.frames[index].people[0].joints;
    let (top, bottom) = joints
        .iter()
        .fold((f64::MAX, f64::MIN), |(t, b), j| (t.min(j.y_px), b.max(j.y_px)));
    let middle = 0.5 * (joints[23].x_px + joints[24].x_px);
    let height = bottom - top;
    let (mut covered, mut far) = (0, 0);
    for y in 0..frame.height {
        for x in 0..frame.width {
            let (x, y) = (f64::from(x), f64::from(y));
            if difference(pixel(&frame, x, y), pixel(&room, x, y)) > 24 {
                covered += 1;
                far += i32::from((x - middle).abs() > 0.8 * height);
            }
        }
    }
    let share = f64::from(covered) / (height * height);
    assert!(
        (0.10..0.40).contains(&share),
        "{share} of the square of the person's height"
    );
    assert_eq!(far, 0, "pixels away from the figure and its shadow");
}

#[test]
fn the_floor_in_the_figures_shadow_is_darker() {
    let scene = small(Scene::walk()).sized(640, 360);
    let (room, frame) = (empty_room(&scene), render_frame(&scene, 60).unwrap());
    let truth = truth(&scene).unwrap();
    let person = &truth.frames[60].people[0];
    let heel = person.joint("right_foot_index").unwrap();
    let brightness = |p: [u8; 3]| p.iter().map(|&c| i32::from(c)).sum::<i32>();
    let darker = (0..60).filter(|dx| {
        let (x, y) = (heel.x_px + f64::from(*dx), heel.y_px - 4.0);
        brightness(pixel(&frame, x, y)) + 12 < brightness(pixel(&room, x, y))
    });
    assert!(
        darker.count() > 8,
        "the light comes from the left, so the shadow lies to the right"
    );
}

#[test]
fn noise_has_the_deviation_asked_for() {
    let quiet = small(Scene::walk());
    let noisy = Scene {
        noise_levels: 3.0,
        ..quiet.clone()
    };
    let (quiet, noisy) = (render_frame(&quiet, 3).unwrap(), render_frame(&noisy, 3).unwrap());
    let differences: Vec<f64> = quiet
        .rgb
        .iter()
        .zip(&noisy.rgb)
        .filter(|(a, _)| (20..235).contains(*a))
        .map(|(a, b)| f64::from(*b) - f64::from(*a))
        .collect();
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    let deviation = (differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / differences.len() as f64).sqrt();
    assert!(mean.abs() < 0.1 && (deviation - 3.0).abs() < 0.15, "{mean} {deviation}");
}

#[test]
fn what_cannot_be_rendered_is_refused_by_name() {
    let code = |scene: Scene| render(&scene, |_, _| {}).err().map(|e| e.code());
    assert_eq!(code(Scene::squat().sized(0, 10)), Some("SAMPLE_SIZE"));
    assert_eq!(code(Scene::squat().sized(10, 100_000)), Some("SAMPLE_SIZE"));
    assert_eq!(
        code(Scene {
            frame_rate: (30, 0),
            ..Scene::squat()
        }),
        Some("SAMPLE_FRAME_RATE")
    );
    for duration_s in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12] {
        assert_eq!(
            code(Scene {
                duration_s,
                ..Scene::squat()
            }),
            Some("SAMPLE_DURATION"),
            "{duration_s}"
        );
    }
    assert_eq!(
        code(Scene {
            figures: Vec::new(),
            ..Scene::squat()
        }),
        Some("SAMPLE_NO_FIGURE")
    );
    assert_eq!(code(Scene::squat().seen_from(f64::NAN)), Some("SAMPLE_OUT_OF_RANGE"));
    let deep = Figure::new(Motion::Squat(Squat {
        depth_deg: 500.0,
        ..Squat::default()
    }));
    let error = truth(&Scene {
        figures: vec![deep],
        ..Scene::squat()
    })
    .unwrap_err();
    assert_eq!(error.to_string(), "depth_deg is out of range");
    let error = render_frame(&Scene::squat().sized(16, 16), 180).unwrap_err();
    assert_eq!(
        error,
        SceneError::NoSuchFrame {
            index: 180,
            frames: 180
        }
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_view_and_size_renders(yaw in -720.0_f64..720.0, width in 1_u32..72, height in 1_u32..72, which in 0..3) {
        let scene = [Scene::squat(), Scene::walk(), Scene::crossing()][which as usize].clone();
        let scene = Scene { duration_s: 1.0, ..scene.seen_from(yaw).sized(width, height) };
        let frame = render_frame(&scene, 15).unwrap();
        prop_assert_eq!(frame.rgb.len(), (width * height * 3) as usize);
    }
}
