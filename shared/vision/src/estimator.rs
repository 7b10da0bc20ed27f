//! Detector, landmark model and tracking, put together.

use std::{
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use marey_motion::{Model, Pose};

use crate::{
    Detection, ImageView, LandmarkModel, Models, OnnxRuntime, PoseDetector, Region, VisionError,
    tracker::{self, Track},
};

/// How poses are estimated.
#[derive(Debug, Clone, PartialEq)]
pub struct PoseOptions {
    /// Threads within one inference, at least 1. More than one gains little: other cores have frames to decode and
    /// other shards to work on.
    pub threads: usize,
    /// Whether landmarks are smoothed over time. Analysis that filters by itself wants them raw.
    pub smooth: bool,
    /// Whether each picture stands for itself: the detector runs every time, nothing is remembered, time does not count.
    pub static_image: bool,
    /// Least score in `0..=1` at which a detected person is believed.
    pub min_detection_score: f64,
    /// Least score in `0..=1` at which the person is still followed.
    pub min_tracking_score: f64,
}

impl Default for PoseOptions {
    /// MediaPipe's defaults, on one thread.
    fn default() -> Self {
        Self {
            threads: 1,
            smooth: true,
            static_image: false,
            min_detection_score: 0.5,
            min_tracking_score: 0.5,
        }
    }
}

/// Where the time went since the estimator was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Frames processed.
    pub frames: u64,
    /// Time spent on them.
    pub total: Duration,
    /// Time of that spent inside ONNX Runtime.
    pub inference: Duration,
    /// How often the detector ran.
    pub detector_runs: u64,
}

impl Timings {
    /// What has been added since an earlier moment.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            frames: self.frames.saturating_sub(earlier.frames),
            total: self.total.saturating_sub(earlier.total),
            inference: self.inference.saturating_sub(earlier.inference),
            detector_runs: self.detector_runs.saturating_sub(earlier.detector_runs),
        }
    }

    /// Share in `0..=1` of the time that was spent inside ONNX Runtime; 0 before the first frame.
    pub fn inference_share(&self) -> f64 {
        if self.total.is_zero() {
            return 0.0;
        }
        self.inference.as_secs_f64() / self.total.as_secs_f64()
    }
}

/// Estimates the pose of one person, frame after frame.
#[derive(Debug)]
pub struct PoseEstimator {
    options: PoseOptions,
    detector: PoseDetector,
    landmarks: LandmarkModel,
    track: Track,
    /// The region in which the last frame was looked at.
    region: Option<Region>,
    time_s: Option<f64>,
    frames: u64,
    total: Duration,
}

impl PoseEstimator {
    /// Prepares both models.
    ///
    /// # Errors
    /// When an option is out of range, a model is missing, or ONNX Runtime refuses one.
    pub fn new(runtime: &OnnxRuntime, models: &Models, options: PoseOptions) -> Result<Self, VisionError> {
        options.check()?;
        Ok(Self {
            detector: PoseDetector::new(runtime, models, options.threads, options.min_detection_score)?,
            landmarks: LandmarkModel::new(runtime, models, options.threads)?,
            track: Track::new(options.smooth),
            region: None,
            time_s: None,
            frames: 0,
            total: Duration::ZERO,
            options,
        })
    }

    /// The pose of the person in a frame that is presented at `time_s` seconds, or `None` when nobody is seen. Positions
    /// are in pixels of the picture that was given. Pictures may change their size from frame to frame, but the person
    /// is then looked for in the wrong place once.
    ///
    /// # Errors
    /// [`VisionError::Time`] when the frame is not later than the one before, unless every picture stands for itself;
    /// [`VisionError::Inference`] when ONNX Runtime fails.
    pub fn process(&mut self, image: ImageView<'_>, time_s: f64) -> Result<Option<Pose>, VisionError> {
        let started = Instant::now();
        let result = if self.options.static_image {
            self.process_alone(image)
        } else {
            self.process_next(image, time_s)
        };
        self.frames += 1;
        self.total += started.elapsed();
        result
    }

    /// Forgets the person and the time: the next frame is the first of another video.
    pub fn reset(&mut self) {
        self.track.lose();
        self.region = None;
        self.time_s = None;
    }

    /// What recordings say about the model.
    pub fn model(&self) -> Model {
        self.landmarks.model().clone()
    }

    /// Where the time went so far.
    pub fn timings(&self) -> Timings {
        Timings {
            frames: self.frames,
            total: self.total,
            inference: self.detector.inference_time() + self.landmarks.inference_time(),
            detector_runs: self.detector.runs(),
        }
    }

    /// The region in which the last frame's landmarks were looked for; `None` when the detector found nobody.
    pub fn region(&self) -> Option<Region> {
        self.region
    }

    fn process_alone(&mut self, image: ImageView<'_>) -> Result<Option<Pose>, VisionError> {
        self.region = self.detected_region(image)?;
        let Some(region) = self.region else { return Ok(None) };
        let seen = self.landmarks.find(image, &region)?;
        Ok(self.is_person(seen.score).then(|| tracker::pose(&seen, &region)))
    }

    fn process_next(&mut self, image: ImageView<'_>, time_s: f64) -> Result<Option<Pose>, VisionError> {
        let previous_s = self.time_s.unwrap_or(f64::NEG_INFINITY);
        // Written so that a time that is not a number is refused too.
        if !(time_s > previous_s && time_s.is_finite()) {
            return Err(VisionError::Time { time_s, previous_s });
        }
        self.time_s = Some(time_s);
        self.region = match self.track.region() {
            Some(region) => Some(region),
            None => self.detected_region(image)?,
        };
        let Some(region) = self.region else { return Ok(None) };
        let seen = self.landmarks.find(image, &region)?;
        if self.is_person(seen.score) {
            Ok(Some(self.track.follow(&seen, &region, time_s)))
        } else {
            self.track.lose();
            Ok(None)
        }
    }

    fn detected_region(&mut self, image: ImageView<'_>) -> Result<Option<Region>, VisionError> {
        let detections = self.detector.detect(image)?;
        Ok(detections.first().map(Detection::region).filter(Region::is_usable))
    }

    fn is_person(&self, score: f32) -> bool {
        f64::from(score) >= self.options.min_tracking_score
    }
}

impl PoseOptions {
    fn check(&self) -> Result<(), VisionError> {
        in_range("threads", self.threads as f64, 1.0..=256.0, "1 to 256")?;
        in_range("min_detection_score", self.min_detection_score, 0.0..=1.0, "0 to 1")?;
        in_range("min_tracking_score", self.min_tracking_score, 0.0..=1.0, "0 to 1")
    }
}

fn in_range(
    name: &'static str,
    value: f64,
    bounds: RangeInclusive<f64>,
    range: &'static str,
) -> Result<(), VisionError> {
    if bounds.contains(&value) {
        Ok(())
    } else {
        Err(VisionError::Option { name, value, range })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_range_are_refused() {
        assert!(PoseOptions::default().check().is_ok());
        let bad = [
            PoseOptions {
                threads: 0,
                ..PoseOptions::default()
            },
            PoseOptions {
                min_detection_score: 1.5,
                ..PoseOptions::default()
            },
            PoseOptions {
                min_tracking_score: f64::NAN,
                ..PoseOptions::default()
            },
        ];
        for options in bad {
            assert_eq!(options.check().unwrap_err().code(), "VISION_OPTION");
        }
    }

    #[test]
    fn the_share_of_nothing_is_nothing() {
        assert!(Timings::default().inference_share().abs() < f64::EPSILON);
    }
}
