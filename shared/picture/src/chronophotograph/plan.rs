//! Which frames of a video a chronophotograph is made of: known before any of them is decoded, so that whoever decodes a part of the
//! video can put aside those that lie in it.

use marey_motion::PersonAnalysis;

use super::{Arrangement, BackgroundModel, arrangement, select_instants};

/// The frames that a chronophotograph needs, by their index in the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoPlan {
    /// How the figures stand to each other.
    pub arrangement: Arrangement,
    /// Frames that are shown, in the order of time.
    pub figures: Vec<usize>,
    /// Frames that the background is taken from, spread over the recording; none where no background is needed.
    pub background: Vec<usize>,
}

impl PhotoPlan {
    /// The plan for at most `figures` figures of a person on frames of the given size in pixels.
    pub fn new(person: &PersonAnalysis, time_s: &[f64], figures: usize, (width, height): (u32, u32)) -> Self {
        let arrangement = arrangement(person, time_s);
        let samples = match arrangement {
            Arrangement::OnePlate => BackgroundModel::new(width, height).capacity().min(time_s.len()),
            Arrangement::SideBySide => 0,
        };
        Self {
            arrangement,
            figures: select_instants(person, time_s, figures),
            // From the middle of equal parts.
            background: (0..samples)
                .map(|sample| (2 * sample + 1) * time_s.len() / (2 * samples))
                .collect(),
        }
    }

    /// Whether a frame is shown or taken for the background.
    pub fn needs(&self, frame: usize) -> bool {
        self.figures.binary_search(&frame).is_ok() || self.background.binary_search(&frame).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use marey_motion::{Landmark, Point, Pose};

    use super::*;

    /// A person 40 px wide who moves by so many pixels per frame.
    fn person(frames: usize, step_px: f32) -> (PersonAnalysis, Vec<f64>) {
        let pose = |frame: usize| {
            let point = |index: usize| Point {
                x_px: frame as f32 * step_px + if index == Landmark::Nose.index() { 40.0 } else { 0.0 },
                y_px: 0.0,
                z_px: 0.0,
                x_m: 0.0,
                y_m: 0.0,
                z_m: 0.0,
                visibility: 1.0,
                presence: 1.0,
            };
            Pose {
                score: 1.0,
                points: (0..33).map(point).collect(),
            }
        };
        let person = PersonAnalysis {
            id: 0,
            frames_seen: frames,
            poses: (0..frames).map(|frame| Some(pose(frame))).collect(),
            angles: Vec::new(),
            camera_plane: None,
            findings: marey_motion::Findings::default(),
        };
        (person, (0..frames).map(|frame| frame as f64 / 25.0).collect())
    }

    #[test]
    fn a_background_is_taken_from_everywhere_and_only_where_one_is_needed() {
        let (walker, time_s) = person(1000, 5.0);
        let plan = PhotoPlan::new(&walker, &time_s, 9, (320, 240));
        assert_eq!((plan.arrangement, plan.figures.len()), (Arrangement::OnePlate, 9));
        assert_eq!(plan.background.len(), 25);
        assert!(
            plan.background.windows(2).all(|pair| pair[1] - pair[0] == 40),
            "{:?}",
            plan.background
        );
        assert_eq!((plan.background[0], plan.background[24]), (20, 980));
        assert!(plan.needs(0) && plan.needs(20) && !plan.needs(21));
        let (squatter, time_s) = person(1000, 0.0);
        let plan = PhotoPlan::new(&squatter, &time_s, 9, (320, 240));
        assert_eq!((plan.arrangement, plan.background.len()), (Arrangement::SideBySide, 0));
    }

    #[test]
    fn a_short_recording_gives_every_frame_and_an_empty_one_none() {
        let (walker, time_s) = person(8, 50.0);
        let plan = PhotoPlan::new(&walker, &time_s, 99, (320, 240));
        assert_eq!(plan.background, [0, 1, 2, 3, 4, 5, 6, 7]);
        let (nobody, time_s) = person(0, 1.0);
        let plan = PhotoPlan::new(&nobody, &time_s, 9, (320, 240));
        assert!(plan.figures.is_empty() && plan.background.is_empty());
    }
}
