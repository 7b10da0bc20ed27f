//! How far two estimates of one video lie apart.

use marey_motion::{Pose, Skeleton};
use serde::Serialize;

/// The distance between two estimates of the 3D pose, frame by frame and landmark by landmark: Euclidean, in millimetres of the world
/// landmarks, whose origin is the hips' midpoint in both. (NeuroPose gives the greatest difference along one axis, which is
/// never more.)
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Divergence {
    /// Frames in which both found somebody.
    pub(crate) frames_compared: usize,
    /// Frames in which one found somebody and the other nobody.
    pub(crate) frames_unlike: usize,
    pub(crate) mean_mm: f64,
    pub(crate) greatest_mm: f64,
    /// Where it is greatest: the frame, counted from 0, and the landmark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) greatest_at: Option<(usize, &'static str)>,
}

impl Divergence {
    /// Compares the poses of the same frames.
    pub(crate) fn between(one: &[Option<Pose>], other: &[Option<Pose>], skeleton: Skeleton) -> Self {
        let mut found = Self {
            frames_compared: 0,
            frames_unlike: one.len().abs_diff(other.len()),
            mean_mm: 0.0,
            greatest_mm: 0.0,
            greatest_at: None,
        };
        let (mut sum, mut count) = (0.0, 0_usize);
        for (frame, pair) in one.iter().zip(other).enumerate() {
            let (one, other) = match pair {
                (Some(one), Some(other)) => (one, other),
                (None, None) => continue,
                _ => {
                    found.frames_unlike += 1;
                    continue;
                }
            };
            found.frames_compared += 1;
            for (landmark, (a, b)) in one.points.iter().zip(&other.points).enumerate() {
                let along = [a.x_m - b.x_m, a.y_m - b.y_m, a.z_m - b.z_m].map(f64::from);
                let distance_mm = along
                    .iter()
                    .map(|difference| difference * difference)
                    .sum::<f64>()
                    .sqrt()
                    * 1e3;
                sum += distance_mm;
                count += 1;
                if found.greatest_at.is_none() || distance_mm > found.greatest_mm {
                    let name = skeleton.landmark_names().get(landmark).copied().unwrap_or("?");
                    (found.greatest_mm, found.greatest_at) = (distance_mm, Some((frame, name)));
                }
            }
        }
        found.mean_mm = sum / count.max(1) as f64;
        found
    }
}

#[cfg(test)]
mod tests {
    use marey_motion::Point;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "frames may have nobody")]
    fn pose(nose: [f32; 3], ear: [f32; 3]) -> Option<Pose> {
        let point = |[x_m, y_m, z_m]: [f32; 3]| Point {
            x_px: 0.0,
            y_px: 0.0,
            z_px: 0.0,
            x_m,
            y_m,
            z_m,
            visibility: 1.0,
            presence: 1.0,
        };
        Some(Pose {
            score: 1.0,
            points: vec![point(nose), point(ear)],
        })
    }

    #[test]
    fn distances_are_euclidean_and_in_millimetres() {
        let still = pose([0.0; 3], [0.0; 3]);
        let one = [still.clone(), still.clone(), None, still.clone(), None];
        let other = [
            still,
            pose([0.003, 0.004, 0.0], [0.0, 0.0, 0.001]),
            None,
            None,
            pose([9.0; 3], [9.0; 3]),
        ];
        let found = Divergence::between(&one, &other, Skeleton::BlazePose33);
        assert_eq!((found.frames_compared, found.frames_unlike), (2, 2));
        assert!(
            (found.greatest_mm - 5.0).abs() < 1e-5 && (found.mean_mm - 1.5).abs() < 1e-5,
            "{found:?}"
        );
        assert_eq!(found.greatest_at, Some((1, "nose")));
    }

    #[test]
    fn where_nobody_is_seen_nothing_diverges() {
        let found = Divergence::between(&[None, None], &[None, None], Skeleton::BlazePose33);
        assert_eq!(
            (found.frames_compared, found.frames_unlike, found.greatest_at),
            (0, 0, None)
        );
        assert!(found.mean_mm.abs() < f64::EPSILON);
    }
}
