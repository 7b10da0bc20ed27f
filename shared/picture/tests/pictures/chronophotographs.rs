//! The chronophotograph shows the person where the person was, and the background everywhere else.

use marey_motion::{Pose, Skeleton};
use marey_picture::chronophotograph::{compose, compose_side_by_side};
use marey_picture::{Arrangement, Chronophotograph, Figure, RgbImage, arrangement, select_instants};

use crate::analysis;
use crate::support::{HEIGHT, Movement, WIDTH};

const WALL: [u8; 3] = [170, 160, 150];
const CLOTHES: [u8; 3] = [40, 30, 90];

/// A frame in which the trunk is a dark block.
fn frame(pose: &Pose) -> RgbImage {
    let mut data = RgbImage::filled(WIDTH, HEIGHT, WALL).as_rgb().to_vec();
    let (hip, shoulder) = (&pose.points[24], &pose.points[12]);
    for y in shoulder.y_px as usize..hip.y_px as usize {
        let left = hip.x_px as usize - 25;
        let start = (y * WIDTH as usize + left) * 3;
        data[start..start + 150].copy_from_slice(&CLOTHES.repeat(50));
    }
    RgbImage::from_rgb(WIDTH, HEIGHT, data).expect("the bytes are those of a frame")
}

/// Whether a pixel is nearly a colour.
fn is(image: &RgbImage, x: f32, y: f32, colour: [u8; 3]) -> bool {
    let pixel = image.pixel(x as u32, y as u32).expect("the place is inside");
    pixel
        .iter()
        .zip(colour)
        .all(|(&value, wanted)| value.abs_diff(wanted) < 12)
}

#[test]
fn a_walker_stands_at_every_instant_on_a_clean_background() {
    let analysis = analysis(Movement::Walk, 48);
    let person = &analysis.people[0];
    assert_eq!(arrangement(person, &analysis.time_s), Arrangement::OnePlate);
    let instants = select_instants(person, &analysis.time_s, 4);
    assert!(instants.len() >= 3);
    let mut picture = Chronophotograph::builder(WIDTH, HEIGHT, Skeleton::BlazePose33, Arrangement::OnePlate);
    for (index, pose) in person.poses.iter().enumerate() {
        let pose = pose.as_ref().unwrap();
        let frame = frame(pose);
        picture.offer(frame.as_rgb()).unwrap();
        if instants.contains(&index) {
            picture
                .add_figure(frame.as_rgb(), pose.clone(), analysis.time_s[index])
                .unwrap();
        }
    }
    let picture = picture.finish().unwrap();
    assert!(is(&picture, 5.0, 5.0, WALL));
    assert!(is(&picture, 1275.0, 300.0, WALL));
    for index in instants {
        let points = &person.poses[index].as_ref().unwrap().points;
        let y = f32::midpoint(points[12].y_px, points[24].y_px) + 30.0;
        // Beside the bones, which are drawn over the clothes.
        assert!(
            [-21.0, -17.0, 17.0]
                .iter()
                .any(|aside| is(&picture, points[24].x_px + aside, y, CLOTHES)),
            "{index}"
        );
    }
}

#[test]
fn on_the_spot_windows_stand_side_by_side_in_the_order_of_time() {
    let analysis = analysis(Movement::Squat, 48);
    let person = &analysis.people[0];
    assert_eq!(arrangement(person, &analysis.time_s), Arrangement::SideBySide);
    let mut figures: Vec<Figure> = select_instants(person, &analysis.time_s, 4)
        .into_iter()
        .map(|index| {
            let pose = person.poses[index].clone().unwrap();
            Figure {
                frame: frame(&pose),
                pose,
                time_s: analysis.time_s[index],
            }
        })
        .collect();
    let picture = compose_side_by_side(&figures, Skeleton::BlazePose33).unwrap();
    assert!(picture.width() > picture.height() && picture.width() < 4 * WIDTH);
    figures.reverse();
    assert_eq!(compose_side_by_side(&figures, Skeleton::BlazePose33).unwrap(), picture);
}

#[test]
fn nothing_to_show_is_an_error_and_nonsense_does_no_harm() {
    let background = RgbImage::filled(64, 48, WALL);
    let skeleton = Skeleton::BlazePose33;
    assert_eq!(
        compose(&background, &[], skeleton).unwrap_err().code(),
        "PICTURE_NOTHING_TO_SHOW"
    );
    let empty = Chronophotograph::builder(8, 8, skeleton, Arrangement::OnePlate);
    assert_eq!(empty.finish().unwrap_err().code(), "PICTURE_NOTHING_TO_SHOW");
    let mut pose = analysis(Movement::Walk, 2).people[0].poses[0].clone().unwrap();
    let other = Figure {
        frame: RgbImage::filled(63, 48, WALL),
        pose: pose.clone(),
        time_s: 0.0,
    };
    assert_eq!(
        compose(&background, &[other], skeleton).unwrap_err().code(),
        "PICTURE_WRONG_LENGTH"
    );
    for value in [f32::NAN, f32::INFINITY, 1e30, -5000.0] {
        for point in &mut pose.points {
            point.x_px = value;
            point.y_px = value;
        }
        let figure = Figure {
            frame: background.clone(),
            pose: pose.clone(),
            time_s: f64::NAN,
        };
        assert_eq!(
            compose(&background, std::slice::from_ref(&figure), skeleton).unwrap(),
            background
        );
        assert!(compose_side_by_side(&[figure], skeleton).is_err());
    }
}
