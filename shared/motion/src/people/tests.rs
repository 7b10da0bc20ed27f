use proptest::prelude::*;

use crate::people::{BodyPart, Colours, Crowd, Observation, Observations};
use crate::{Appearance, Landmark, Point, Pose};

const RATE_HZ: f64 = 30.0;
/// Pixels per second of a walk: 2.5 trunks.
const WALK: f32 = 250.0;

/// Somebody whose hips are at `x`, with a trunk of 100 px. The number in `z_px` tells who he is.
fn at(x: f32, who: f32) -> Pose {
    let point = |landmark: Landmark| Point {
        x_px: x,
        y_px: match landmark {
            Landmark::LeftHip | Landmark::RightHip => 300.0,
            _ => 200.0,
        },
        z_px: who,
        x_m: 0.0,
        y_m: 0.0,
        z_m: 0.0,
        visibility: 1.0,
        presence: 1.0,
    };
    Pose {
        score: 1.0,
        points: Landmark::ALL.map(point).to_vec(),
    }
}

fn wearing(shirt: [u8; 3]) -> Appearance {
    let mut colours = Colours::default();
    colours.add(BodyPart::Trunk, shirt);
    colours.appearance().unwrap()
}

fn seen(track: u64, pose: Pose) -> Observation {
    Observation {
        track,
        pose,
        appearance: None,
    }
}

/// Who each person of a crowd was in his frames, without repetitions.
fn whos(crowd: &Crowd) -> Vec<Vec<f32>> {
    let who = |pose: &Pose| pose.points[0].z_px;
    let people = crowd.people.iter().map(|person| {
        let mut whos: Vec<f32> = person.poses.iter().flatten().map(who).collect();
        whos.dedup();
        whos
    });
    people.collect()
}

fn frames(crowd: &Crowd) -> Vec<usize> {
    crowd
        .people
        .iter()
        .map(|person| person.poses.iter().flatten().count())
        .collect()
}

/// Frames of two seconds with what is seen in each.
fn crowd(observe: impl Fn(usize, f32) -> Vec<Observation>) -> Crowd {
    let mut all = Observations::default();
    for frame in 0..60 {
        let time_s = frame as f64 / RATE_HZ;
        all.add_frame(time_s, observe(frame, time_s as f32));
    }
    all.crowd()
}

#[test]
fn somebody_alone_stays_who_he_is() {
    let crowd = crowd(|frame, time_s| vec![seen(frame as u64 / 20, at(360.0 * time_s, 1.0))]);
    assert_eq!(
        (whos(&crowd), frames(&crowd)),
        (vec![vec![1.0]], vec![60]),
        "whatever the numbers of the tracks"
    );
}

#[test]
fn a_jump_across_the_picture_is_somebody_else_and_back_again_is_the_first() {
    let crowd = crowd(|frame, _| {
        let (x, who) = if (20..40).contains(&frame) {
            (900.0, 2.0)
        } else {
            (100.0, 1.0)
        };
        vec![seen(0, at(x, who))]
    });
    assert_eq!(
        (whos(&crowd), frames(&crowd)),
        (vec![vec![1.0], vec![2.0]], vec![40, 20])
    );
}

#[test]
fn a_short_loss_is_forgiven_within_what_a_body_can_do() {
    let after = |gap: usize, x: f32| {
        let crowd = crowd(|frame, _| match frame {
            0..20 => vec![seen(0, at(100.0, 1.0))],
            _ if frame >= 20 + gap => vec![seen(1, at(x, 2.0))],
            _ => Vec::new(),
        });
        crowd.people.len()
    };
    assert_eq!(after(15, 400.0), 1, "three trunks in half a second is a run");
    assert_eq!(after(3, 1400.0), 2, "thirteen trunks in a tenth of a second is not");
}

#[test]
fn two_who_pass_each_other_stay_who_they_are_though_their_tracks_do_not() {
    // At the moment of the meeting each track goes on with the other one.
    let crowd = crowd(|frame, time_s| {
        let (first, second) = (at(100.0 + WALK * time_s, 1.0), at(600.0 - WALK * time_s, 2.0));
        if frame < 30 {
            vec![seen(0, first), seen(1, second)]
        } else {
            vec![seen(0, second), seen(1, first)]
        }
    });
    for (person, who) in crowd.people.iter().zip([1.0, 2.0]) {
        for (frame, pose) in person.poses.iter().enumerate() {
            // Where both are in one place there is nothing to tell them apart by.
            if !(28..=32).contains(&frame) {
                assert_eq!(
                    pose.as_ref().map(|pose| pose.points[0].z_px),
                    Some(who),
                    "frame {frame}"
                );
            }
        }
    }
}

#[test]
fn who_is_hidden_by_another_comes_out_on_the_other_side() {
    // The track of the hidden one slides onto the nearer one and ends; later he is found anew.
    let crowd = crowd(|frame, time_s| {
        let first = at(100.0 + WALK * time_s, 1.0);
        let mut all = vec![seen(0, first.clone())];
        match frame {
            0..27 => all.push(seen(1, at(600.0 - WALK * time_s, 2.0))),
            27..30 => all.push(seen(1, at(100.0 + WALK * time_s + 15.0, 1.0))),
            40.. => all.push(seen(2, at(600.0 - WALK * time_s, 2.0))),
            _ => {}
        }
        all
    });
    assert_eq!(whos(&crowd), [[1.0], [2.0]]);
    assert_eq!(frames(&crowd)[0], 60);
    assert!(frames(&crowd)[1] >= 45, "{:?}", frames(&crowd));
}

#[test]
fn clothes_tell_who_turned_back() {
    let (red, green) = (wearing([220, 40, 40]), wearing([40, 160, 60]));
    // They meet, are out of sight for a third of a second, and turn back: their pace alone says that they passed each other.
    let observe = |with_clothes: bool| {
        crowd(|frame, time_s| {
            let way = if frame < 28 {
                WALK * time_s
            } else {
                WALK * (2.0 - time_s)
            };
            let dressed = |track: u64, pose: Pose, looks: Appearance| Observation {
                appearance: with_clothes.then_some(looks),
                ..seen(track, pose)
            };
            if (26..36).contains(&frame) {
                return Vec::new();
            }
            let track = if frame < 30 { 0 } else { 2 };
            vec![
                dressed(track, at(100.0 + way, 1.0), red),
                dressed(track + 1, at(600.0 - way, 2.0), green),
            ]
        })
    };
    assert_eq!(whos(&observe(true)), [[1.0], [2.0]]);
    assert_eq!(
        whos(&observe(false)),
        [[1.0, 2.0], [2.0, 1.0]],
        "with nothing but the pace"
    );
}

#[test]
fn shadows_beside_others_are_nobody_and_alone_they_are_somebody() {
    let beside = crowd(|frame, _| {
        let mut all = vec![seen(0, at(100.0, 1.0))];
        if (30..33).contains(&frame) {
            all.push(seen(1, at(800.0, 2.0)));
        }
        all
    });
    assert_eq!(whos(&beside), [[1.0]]);
    let flickering = crowd(|frame, _| {
        let mut all = vec![seen(0, at(100.0, 1.0))];
        if [30, 40, 41].contains(&frame) {
            all.push(seen(1, at(800.0, 2.0)));
        }
        all
    });
    assert_eq!(whos(&flickering), [[1.0]], "altogether it is a moment too");
    let alone = crowd(|frame, _| {
        if frame == 30 {
            vec![seen(1, at(800.0, 2.0))]
        } else {
            Vec::new()
        }
    });
    assert_eq!((whos(&alone), frames(&alone)), (vec![vec![2.0]], vec![1]));
    let both = crowd(|frame, _| {
        if frame == 30 {
            vec![seen(1, at(800.0, 2.0)), seen(2, at(100.0, 1.0))]
        } else {
            Vec::new()
        }
    });
    assert_eq!(both.people.len(), 1, "of two shadows one stays: {:?}", whos(&both));
}

#[test]
fn two_who_stand_close_together_all_the_time_are_two() {
    let crowd = crowd(|_, _| vec![seen(0, at(140.0, 2.0)), seen(1, at(100.0, 1.0))]);
    assert_eq!(
        (whos(&crowd), frames(&crowd)),
        (vec![vec![1.0], vec![2.0]], vec![60, 60]),
        "from left to right"
    );
}

#[test]
fn a_model_in_doubt_for_hours_still_follows_somebody() {
    // A new number after every other frame, and nobody in each tenth: more stretches than are linked at once.
    let mut all = Observations::default();
    for frame in 0..3000_usize {
        let x = 500.0 + 300.0 * (frame as f32 / 100.0).sin();
        let seen = (!frame.is_multiple_of(10)).then(|| seen(frame as u64 / 2, at(x, 1.0)));
        all.add_frame(frame as f64 / RATE_HZ, seen.into_iter().collect());
    }
    let crowd = all.crowd();
    assert_eq!((crowd.people.len(), frames(&crowd)), (1, vec![2700]));
}

#[test]
fn a_pose_without_numbers_is_nobodys() {
    let crowd = crowd(|frame, _| vec![seen(0, at(if frame == 30 { f32::NAN } else { 100.0 }, 1.0))]);
    assert_eq!(frames(&crowd), [59]);
    assert_eq!(Observations::default().crowd(), Crowd::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is lost and however tracks are numbered: people who keep apart are told apart.
    #[test]
    fn people_in_lanes_of_their_own_are_told_apart(
        lanes in 1..5_usize,
        speeds in prop::collection::vec(-120.0..120.0_f32, 5),
        losses in prop::collection::vec((0..5_usize, 5..55_usize, 1..12_usize), 0..6),
        shuffle in any::<u64>(),
    ) {
        let mut all = Observations::default();
        for frame in 0..60 {
            let time_s = frame as f64 / RATE_HZ;
            let mut observations = Vec::new();
            for (lane, speed) in speeds.iter().enumerate().take(lanes) {
                let lost = |&&(of, from, _): &&(usize, usize, usize)| of == lane && from <= frame;
                let before = losses.iter().filter(lost).count();
                if losses.iter().filter(lost).any(|&(_, from, count)| frame < from + count) {
                    continue;
                }
                let x = 600.0 * lane as f32 + speed * time_s as f32;
                // A new number after each loss.
                observations.push(seen((lane * 10 + before) as u64, at(x, lane as f32)));
            }
            if !observations.is_empty() {
                let by = (shuffle.rotate_left(frame as u32) as usize) % observations.len();
                observations.rotate_left(by);
            }
            all.add_frame(time_s, observations);
        }
        let crowd = all.crowd();
        prop_assert_eq!(crowd.people.len(), lanes);
        for whos in whos(&crowd) {
            prop_assert_eq!(whos.len(), 1, "{:?}", whos);
        }
    }
}
