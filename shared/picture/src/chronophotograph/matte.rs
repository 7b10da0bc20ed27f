//! Cutting a person out: what differs from the background, inside a hull around the pose, with a soft edge.

use marey_motion::Landmark as L;

use crate::geometry::{Dot, Rect};
use crate::image::RgbImage;
use crate::stick::Stick;

/// A part of the hull: a line with a thickness.
#[derive(Debug, Clone, Copy)]
struct Capsule {
    from: Dot,
    to: Dot,
    radius: f32,
}

/// Difference below which a pixel is background, and above which it is the person, in levels of the strongest channel.
/// The lower end rises with the noise of the picture.
const FAINT: f32 = 12.0;
const CLEAR: f32 = 34.0;

/// Radii as shares of the trunk's length; wide enough for clothes and hair.
const HULL: [(L, L, f32); 17] = [
    (L::LeftShoulder, L::RightShoulder, 0.38),
    (L::LeftHip, L::RightHip, 0.42),
    (L::LeftShoulder, L::LeftHip, 0.42),
    (L::RightShoulder, L::RightHip, 0.42),
    (L::LeftShoulder, L::RightHip, 0.42),
    (L::LeftShoulder, L::LeftElbow, 0.24),
    (L::LeftElbow, L::LeftWrist, 0.20),
    (L::LeftWrist, L::LeftIndex, 0.20),
    (L::RightShoulder, L::RightElbow, 0.24),
    (L::RightElbow, L::RightWrist, 0.20),
    (L::RightWrist, L::RightIndex, 0.20),
    (L::LeftHip, L::LeftKnee, 0.30),
    (L::LeftKnee, L::LeftAnkle, 0.24),
    (L::LeftHeel, L::LeftFootIndex, 0.20),
    (L::RightHip, L::RightKnee, 0.30),
    (L::RightKnee, L::RightAnkle, 0.24),
    (L::RightHeel, L::RightFootIndex, 0.20),
];

/// Everything that may belong to the person.
fn hull(stick: &Stick) -> Vec<Capsule> {
    let Some(trunk) = stick.trunk_length().filter(|length| *length >= 1.0) else {
        return Vec::new();
    };
    let mut capsules: Vec<Capsule> = HULL
        .iter()
        .filter_map(|&(from, to, share)| {
            Some(Capsule {
                from: stick.at(from)?,
                to: stick.at(to)?,
                radius: share * trunk,
            })
        })
        .collect();
    if let Some((face, (_, ears))) = stick.at(L::Nose).zip(stick.neck()) {
        capsules.push(Capsule {
            from: ears,
            to: face,
            radius: 0.34 * trunk,
        });
    }
    if let Some((shoulders, ears)) = stick.neck() {
        // The crown lies beyond the ears, as seen from the neck.
        let crown = ears + (ears - shoulders) * 0.35;
        capsules.push(Capsule {
            from: shoulders,
            to: crown,
            radius: 0.34 * trunk,
        });
    }
    capsules
}

/// How far inside the hull a pixel lies: 1 well inside, falling to 0 over the outer quarter.
fn inside(capsules: &[Capsule], pixel: Dot) -> f32 {
    capsules
        .iter()
        .map(|capsule| {
            let depth = 1.0 - pixel.distance_to_segment(capsule.from, capsule.to) / capsule.radius;
            (depth * 4.0).clamp(0.0, 1.0)
        })
        .fold(0.0, f32::max)
}

/// Mixes the person of one frame into a picture that began as `background`; all three are equally large.
pub(super) fn paste(picture: &mut RgbImage, background: &RgbImage, frame: &RgbImage, stick: &Stick) {
    let capsules = hull(stick);
    let corners = capsules.iter().flat_map(|capsule| {
        let ends = [capsule.from, capsule.to];
        ends.into_iter().flat_map(|end| {
            let around = Rect::around(end, 0.0, 0.0).grown(capsule.radius + 2.0);
            [Dot::new(around.left, around.top), Dot::new(around.right, around.bottom)]
        })
    });
    let Some(bounds) = Rect::bounding(corners) else { return };
    let left = bounds.left.clamp(0.0, frame.width() as f32) as usize;
    let right = bounds.right.ceil().clamp(0.0, frame.width() as f32) as usize;
    let top = bounds.top.clamp(0.0, frame.height() as f32) as usize;
    let bottom = bounds.bottom.ceil().clamp(0.0, frame.height() as f32) as usize;
    if left >= right || top >= bottom {
        return;
    }
    let window = Window {
        left,
        top,
        width: right - left,
        height: bottom - top,
    };
    let mut difference = window.difference(background, frame);
    smooth(&mut difference, window.width);
    let noise = noise(&difference);
    let faint = FAINT.max(noise * 2.5);
    let clear = CLEAR.max(faint * 2.2);
    let mut matte: Vec<f32> = difference
        .iter()
        .map(|level| ((level - faint) / (clear - faint)).clamp(0.0, 1.0))
        .collect();
    smooth(&mut matte, window.width);
    window.mix(picture, frame, &matte, &capsules);
}

/// A part of a picture.
#[derive(Debug, Clone, Copy)]
struct Window {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Window {
    /// The bytes of one of the window's rows.
    fn row(self, image: &RgbImage, row: usize) -> &[u8] {
        let start = ((self.top + row) * image.width() as usize + self.left) * 3;
        &image.as_rgb()[start..start + self.width * 3]
    }

    /// The greatest difference of any channel, for each pixel.
    fn difference(self, background: &RgbImage, frame: &RgbImage) -> Vec<f32> {
        (0..self.height)
            .flat_map(|row| {
                let pairs = self
                    .row(background, row)
                    .chunks_exact(3)
                    .zip(self.row(frame, row).chunks_exact(3));
                pairs.map(|(old, new)| {
                    let levels = old.iter().zip(new).map(|(&old, &new)| old.abs_diff(new));
                    f32::from(levels.max().unwrap_or(0))
                })
            })
            .collect()
    }

    fn mix(self, picture: &mut RgbImage, frame: &RgbImage, matte: &[f32], capsules: &[Capsule]) {
        let mut target = picture.as_frame();
        for (row, weights) in matte.chunks_exact(self.width).enumerate() {
            let y = self.top + row;
            let old = target.span_mut(y, self.left, self.left + self.width);
            let new = self.row(frame, row);
            let pixels = old.chunks_exact_mut(3).zip(new.chunks_exact(3));
            for (column, ((old, new), &weight)) in pixels.zip(weights).enumerate() {
                if weight <= 0.0 {
                    continue;
                }
                let weight = weight * inside(capsules, Dot::new((self.left + column) as f32, y as f32));
                for (old, &new) in old.iter_mut().zip(new) {
                    *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * weight + 0.5) as u8;
                }
            }
        }
    }
}

/// Averages each value with its eight neighbours.
fn smooth(values: &mut [f32], width: usize) {
    if width == 0 {
        return;
    }
    for row in values.chunks_exact_mut(width) {
        let mut before = row[0];
        for column in 0..width {
            let here = row[column];
            let after = row.get(column + 1).copied().unwrap_or(here);
            row[column] = (before + here + after) / 3.0;
            before = here;
        }
    }
    for column in 0..width {
        let mut before = values[column];
        let mut at = column;
        while at < values.len() {
            let here = values[at];
            let after = values.get(at + width).copied().unwrap_or(here);
            values[at] = (before + here + after) / 3.0;
            before = here;
            at += width;
        }
    }
}

/// What the background differs by from itself: the lower quartile, since most of the window is not the person.
fn noise(difference: &[f32]) -> f32 {
    let mut levels = difference.to_vec();
    let quarter = levels.len() / 4;
    if levels.is_empty() {
        return 0.0;
    }
    *levels.select_nth_unstable_by(quarter, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_flat_areas_and_the_sum() {
        let mut flat = vec![5.0; 12];
        smooth(&mut flat, 4);
        assert!(flat.iter().all(|value| (value - 5.0).abs() < 1e-5));
        let mut point = vec![0.0; 25];
        point[12] = 9.0;
        smooth(&mut point, 5);
        assert!((point.iter().sum::<f32>() - 9.0).abs() < 1e-4);
        assert!((point[6] - 1.0).abs() < 1e-5);
    }

    #[test]
    fn depth_falls_from_the_middle_of_the_hull_to_its_edge() {
        let capsules = [Capsule {
            from: Dot::new(0.0, 0.0),
            to: Dot::new(10.0, 0.0),
            radius: 8.0,
        }];
        assert!((inside(&capsules, Dot::new(5.0, 1.0)) - 1.0).abs() < 1e-6);
        assert!((inside(&capsules, Dot::new(5.0, 7.0)) - 0.5).abs() < 1e-5);
        assert!(inside(&capsules, Dot::new(5.0, 9.0)) <= 0.0);
    }
}
