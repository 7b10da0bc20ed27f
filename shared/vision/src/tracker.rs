//! Follows one person from frame to frame.
//!
//! A track holds everything that is remembered about a person and nothing about models, so that there can be several.

use marey_motion::{Point, Pose};

use crate::{
    CropLandmarks, Region,
    filter::{LowPass, OneEuro},
    landmarks::{BODY, HIPS, REACH},
};

/// A person smaller than this in pixels is not smoothed, since speeds relative to their size would have no limit.
const MIN_SIZE_PX: f64 = 1e-6;

/// One person: where to look next, and the filters' memory.
#[derive(Debug)]
pub(crate) struct Track {
    smooth: bool,
    region: Option<Region>,
    /// Image landmarks, in pixels; speeds are relative to the person's size.
    landmarks: OneEuro,
    /// World landmarks, in metres.
    world: OneEuro,
    /// The two points that the next region comes from, in pixels.
    alignment: OneEuro,
    visibility: LowPass,
    /// Room for the values of one frame.
    values: Vec<f64>,
}

impl Track {
    /// A track of nobody yet. The filters' constants are those of MediaPipe's `pose_landmark_filtering.pbtxt` and
    /// `pose_landmarks_to_roi.pbtxt`.
    pub(crate) fn new(smooth: bool) -> Self {
        Self {
            smooth,
            region: None,
            landmarks: OneEuro::new(0.05, 80.0),
            world: OneEuro::new(0.1, 40.0),
            alignment: OneEuro::new(0.01, 10.0),
            visibility: LowPass::new(0.1),
            values: Vec::with_capacity(3 * BODY),
        }
    }

    /// Where the person should be in the next frame; `None` when they are lost.
    pub(crate) fn region(&self) -> Option<Region> {
        self.region
    }

    /// Takes in what was seen of the person in `region` at a time, and gives the pose to report.
    pub(crate) fn follow(&mut self, seen: &CropLandmarks, region: &Region, time_s: f64) -> Pose {
        let mut pose = pose(seen, region);
        let hips = region.to_image(seen.points[HIPS][0], seen.points[HIPS][1]);
        let reach = region.to_image(seen.points[REACH][0], seen.points[REACH][1]);
        let size_px = 2.0 * (reach[0] - hips[0]).hypot(reach[1] - hips[1]);
        if self.smooth {
            self.smooth_pose(&mut pose, size_px, time_s);
        }
        let mut alignment = [hips[0], hips[1], reach[0], reach[1]];
        if size_px > MIN_SIZE_PX {
            self.alignment.apply(&mut alignment, time_s, 1.0 / size_px);
        }
        let [hips_x, hips_y, reach_x, reach_y] = alignment;
        let next = Region::from_alignment([hips_x, hips_y], [reach_x, reach_y]);
        self.region = next.is_usable().then_some(next);
        pose
    }

    fn smooth_pose(&mut self, pose: &mut Pose, size_px: f64, time_s: f64) {
        if size_px > MIN_SIZE_PX {
            self.gather(pose, |point| [point.x_px, point.y_px, point.z_px]);
            self.landmarks.apply(&mut self.values, time_s, 1.0 / size_px);
            for (point, [x, y, z]) in pose.points.iter_mut().zip(self.triples()) {
                (point.x_px, point.y_px, point.z_px) = (x, y, z);
            }
        }
        self.gather(pose, |point| [point.x_m, point.y_m, point.z_m]);
        self.world.apply(&mut self.values, time_s, 1.0);
        for (point, [x, y, z]) in pose.points.iter_mut().zip(self.triples()) {
            (point.x_m, point.y_m, point.z_m) = (x, y, z);
        }
        self.gather(pose, |point| [point.visibility]);
        self.visibility.apply(&mut self.values);
        for (point, &visibility) in pose.points.iter_mut().zip(&self.values) {
            point.visibility = visibility as f32;
        }
    }

    fn gather<const N: usize>(&mut self, pose: &Pose, read: impl Fn(&Point) -> [f32; N]) {
        self.values.clear();
        self.values.extend(pose.points.iter().flat_map(read).map(f64::from));
    }

    fn triples(&self) -> impl Iterator<Item = [f32; 3]> {
        self.values
            .as_chunks()
            .0
            .iter()
            .map(|triple| triple.map(|value| value as f32))
    }
}

/// What was seen in a region, in the units of the picture.
pub(crate) fn pose(seen: &CropLandmarks, region: &Region) -> Pose {
    let point = |index: usize| {
        let [x, y] = region.to_image(seen.points[index][0], seen.points[index][1]);
        let [x_m, y_m, z_m] = seen.world_m[index].map(|value| value as f32);
        Point {
            x_px: x as f32,
            y_px: y as f32,
            z_px: (seen.depth[index] * region.side_px) as f32,
            x_m,
            y_m,
            z_m,
            visibility: seen.visibility[index] as f32,
            presence: seen.presence[index] as f32,
        }
    };
    Pose {
        score: seen.score,
        points: (0..BODY).map(point).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::landmarks::POINTS;

    fn seen(shift: f64) -> CropLandmarks {
        let mut points = [[0.4 + shift, 0.6]; POINTS];
        points[HIPS] = [0.5 + shift, 0.5];
        points[REACH] = [0.5 + shift, 0.1];
        CropLandmarks {
            score: 0.9,
            coarse: points,
            points,
            depth: [-0.25; POINTS],
            visibility: [1.0; POINTS],
            presence: [1.0; POINTS],
            world_m: [[0.1, 0.2, 0.3]; BODY],
        }
    }

    #[test]
    fn a_pose_is_in_the_pictures_units() {
        let region = Region::around(200, 100);
        let pose = pose(&seen(0.0), &region);
        let point = pose.points[0];
        assert_eq!(pose.points.len(), BODY);
        assert!((point.x_px - 80.0).abs() < 1e-4);
        assert!((point.y_px - 70.0).abs() < 1e-4);
        assert!((point.z_px - -50.0).abs() < 1e-4);
    }

    #[test]
    fn the_next_region_follows_the_person() {
        let mut track = Track::new(true);
        let region = Region::around(100, 100);
        track.follow(&seen(0.0), &region, 0.0);
        let next = track.region().unwrap();
        assert!((next.center_x_px - 50.0).abs() < 1e-9);
        assert!((next.side_px - 100.0).abs() < 1e-9, "2 · 40 · 1.25");
        track.follow(&seen(0.2), &region, 0.1);
        let moved = track.region().unwrap();
        assert!(
            moved.center_x_px > 60.0 && moved.center_x_px < 70.0,
            "follows, but smoothly"
        );
    }

    #[test]
    fn smoothing_damps_visibility() {
        let mut track = Track::new(true);
        let region = Region::around(100, 100);
        track.follow(&seen(0.0), &region, 0.0);
        let mut dark = seen(0.0);
        dark.visibility = [0.0; POINTS];
        let pose = track.follow(&dark, &region, 0.1);
        assert!((pose.points[0].visibility - 0.9).abs() < 1e-6);
        let mut raw = Track::new(false);
        raw.follow(&seen(0.0), &region, 0.0);
        assert!(raw.follow(&dark, &region, 0.1).points[0].visibility < 1e-6);
    }

    #[test]
    fn a_person_without_extent_is_lost_not_a_crash() {
        let mut track = Track::new(true);
        let mut point = seen(0.0);
        point.points = [[0.5; 2]; POINTS];
        track.follow(&point, &Region::around(100, 100), 0.0);
        assert!(track.region().is_none());
    }
}
