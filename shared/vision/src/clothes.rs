//! What somebody wears: the colours around the middle of the trunk and of the thighs.

use marey_motion::{
    Appearance, Landmark, Pose,
    people::{BodyPart, Colours},
};

use crate::ImageView;

/// Fewer places than this in the picture say nothing about clothes.
const LEAST_SEEN: usize = 20;

/// Places along and across the trunk, and how wide they lie as a share of its length: narrow enough for a view from the side.
const TRUNK_ALONG: usize = 12;
const TRUNK_ACROSS: usize = 5;
const TRUNK_HALF_WIDTH: f64 = 0.15;

/// The same for a thigh, from the hips to where shorts end.
const THIGH_ALONG: usize = 8;
const THIGH_ACROSS: usize = 3;
const THIGH_HALF_WIDTH: f64 = 0.06;

/// The colours that somebody in a pose wears; `None` if he is outside of the picture.
pub(crate) fn appearance(image: ImageView<'_>, pose: &Pose) -> Option<Appearance> {
    let at = |landmark: Landmark| {
        pose.point(landmark)
            .map(|point| [point.x_px, point.y_px].map(f64::from))
    };
    let (left_hip, right_hip) = (at(Landmark::LeftHip)?, at(Landmark::RightHip)?);
    let shoulders = middle(at(Landmark::LeftShoulder)?, at(Landmark::RightShoulder)?);
    let mut colours = Colours::default();
    let trunk = Strip {
        from: shoulders,
        to: middle(left_hip, right_hip),
        reach: [0.1, 0.9],
        half_width: TRUNK_HALF_WIDTH,
    };
    let mut seen = trunk.look::<TRUNK_ALONG, TRUNK_ACROSS>(image, BodyPart::Trunk, &mut colours);
    for (hip, knee) in [(left_hip, Landmark::LeftKnee), (right_hip, Landmark::RightKnee)] {
        let thigh = Strip {
            from: hip,
            to: at(knee)?,
            reach: [0.1, 0.6],
            half_width: THIGH_HALF_WIDTH,
        };
        seen += thigh.look::<THIGH_ALONG, THIGH_ACROSS>(image, BodyPart::Thighs, &mut colours);
    }
    if seen < LEAST_SEEN {
        return None;
    }
    colours.appearance()
}

fn middle(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1])]
}

/// A strip of the picture along a bone.
struct Strip {
    from: [f64; 2],
    to: [f64; 2],
    /// Where it begins and ends, in lengths of the bone.
    reach: [f64; 2],
    /// In lengths of the bone.
    half_width: f64,
}

impl Strip {
    /// Takes in the pixels at evenly spaced places; answers how many lie in the picture.
    fn look<const ALONG: usize, const ACROSS: usize>(
        &self,
        image: ImageView<'_>,
        part: BodyPart,
        colours: &mut Colours,
    ) -> usize {
        let axis = [self.to[0] - self.from[0], self.to[1] - self.from[1]];
        let [begin, end] = self.reach;
        let mut seen = 0;
        for along in 0..ALONG {
            let t = begin + (end - begin) * along as f64 / (ALONG - 1) as f64;
            for across in 0..ACROSS {
                let s = self.half_width * (2.0 * across as f64 / (ACROSS - 1) as f64 - 1.0);
                let (x, y) = (
                    self.from[0] + t * axis[0] - s * axis[1],
                    self.from[1] + t * axis[1] + s * axis[0],
                );
                if let Some(pixel) = image.pixel(x, y) {
                    colours.add(part, pixel);
                    seen += 1;
                }
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use marey_motion::Point;

    use super::*;

    /// Somebody upright with a trunk and thighs of 40 px each, hips at (50, 100).
    fn standing() -> Pose {
        let point = |landmark: Landmark| {
            let y_px = match landmark {
                Landmark::LeftShoulder | Landmark::RightShoulder => 60.0,
                Landmark::LeftKnee | Landmark::RightKnee => 140.0,
                _ => 100.0,
            };
            Point {
                x_px: 50.0,
                y_px,
                z_px: 0.0,
                x_m: 0.0,
                y_m: 0.0,
                z_m: 0.0,
                visibility: 1.0,
                presence: 1.0,
            }
        };
        Pose {
            score: 1.0,
            points: Landmark::ALL.map(point).to_vec(),
        }
    }

    #[test]
    fn shirt_and_trousers_are_told_apart_from_others() {
        let painted = |shirt: [u8; 3], trousers: [u8; 3]| {
            let rows = (0..200).map(|y| if y < 100 { shirt } else { trousers });
            rows.flat_map(|colour| std::iter::repeat_n(colour, 100))
                .flatten()
                .collect::<Vec<u8>>()
        };
        let look = |picture: &[u8]| appearance(ImageView::rgb(picture, 100, 200).unwrap(), &standing()).unwrap();
        let red_blue = look(&painted([200, 30, 30], [30, 30, 160]));
        let blue_red = look(&painted([30, 30, 160], [200, 30, 30]));
        assert!(red_blue.distance(&red_blue).unwrap() < 1e-6);
        assert!(
            red_blue.distance(&blue_red).unwrap() > 0.9,
            "the same colours, worn elsewhere"
        );
    }

    #[test]
    fn beside_the_picture_nothing_is_worn() {
        let picture = [0; 10 * 10 * 3];
        assert_eq!(appearance(ImageView::rgb(&picture, 10, 10).unwrap(), &standing()), None);
    }
}
