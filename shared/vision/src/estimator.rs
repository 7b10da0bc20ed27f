//! Detector, landmark model and tracking, put together.

use std::{
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use marey_motion::{Model, Observation, Pose};

use crate::{
    CropLandmarks, Detection, ImageView, LandmarkModel, Models, OnnxRuntime, PoseDetector, Region, VisionError,
    clothes,
    people::{Followed, Missed, is_same_place, is_same_pose, which_to_drop},
    tracker,
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
    /// How many people are followed at once, 1 to [`MOST_PEOPLE`]. Each who is there costs an inference of the landmark model in every
    /// frame.
    pub most_people: usize,
    /// While fewer are followed than may be, the detector looks for more so often, in seconds of the video. When somebody was found
    /// or lost it looks again at once, then after [`SOONEST_S`], and each time twice as long after the last, up to this. While
    /// nobody is followed it looks in every frame. If one may be followed at most, he is looked for only when lost.
    pub look_every_s: f64,
}

/// The detector looks again so soon after somebody was found or lost, in seconds; see [`PoseOptions::look_every_s`].
pub const SOONEST_S: f64 = 0.1;

/// More people than this cannot be followed at once.
pub const MOST_PEOPLE: usize = 16;

impl Default for PoseOptions {
    /// MediaPipe's defaults, on one thread: one person.
    fn default() -> Self {
        Self {
            threads: 1,
            smooth: true,
            static_image: false,
            min_detection_score: 0.5,
            min_tracking_score: 0.5,
            most_people: 1,
            look_every_s: 0.5,
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

/// Estimates the poses of the people in a video, frame after frame.
#[derive(Debug)]
pub struct PoseEstimator {
    options: PoseOptions,
    detector: PoseDetector,
    landmarks: LandmarkModel,
    followed: Vec<Followed>,
    /// The number that the next track gets.
    next_track: u64,
    /// The region in which the last frame was looked at first.
    region: Option<Region>,
    time_s: Option<f64>,
    /// Those who were lost while others were followed.
    missed: Vec<Missed>,
    /// When the detector last looked, and how long after that it looks again.
    looked_s: f64,
    wait_s: f64,
    /// When the detector last looked in a square of the picture, and how often it did.
    squared_s: f64,
    squares: usize,
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
            followed: Vec::new(),
            next_track: 0,
            region: None,
            time_s: None,
            missed: Vec::new(),
            looked_s: f64::NEG_INFINITY,
            wait_s: 0.0,
            squared_s: f64::NEG_INFINITY,
            squares: 0,
            frames: 0,
            total: Duration::ZERO,
            options,
        })
    }

    /// The pose of the person in a frame that is presented at `time_s` seconds, or `None` when nobody is seen; of several people, of the
    /// one who has been followed for longest. Positions are in pixels of the picture that was given. Pictures may change their size
    /// from frame to frame, but people are then looked for in the wrong place once.
    ///
    /// # Errors
    /// [`VisionError::Time`] when the frame is not later than the one before, unless every picture stands for itself;
    /// [`VisionError::Inference`] when ONNX Runtime fails.
    pub fn process(&mut self, image: ImageView<'_>, time_s: f64) -> Result<Option<Pose>, VisionError> {
        let seen = self.process_all(image, time_s)?;
        Ok(seen.into_iter().next().map(|observation| observation.pose))
    }

    /// The poses of all people in a frame, at most [`PoseOptions::most_people`], each with the number of what is followed from frame
    /// to frame and the colours of the clothes. A number is no identity: it ends with a loss, and where people pass
    /// each other it may go over to the other; [`marey_motion::Observations`] tells who is who when all was seen. In the frame in
    /// which two are found to follow the same person both are given, and one of the two is not followed any more.
    ///
    /// # Errors
    /// Those of [`Self::process`].
    pub fn process_all(&mut self, image: ImageView<'_>, time_s: f64) -> Result<Vec<Observation>, VisionError> {
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

    /// Forgets the people and the time: the next frame is the first of another video.
    pub fn reset(&mut self) {
        self.followed.clear();
        self.region = None;
        self.time_s = None;
        self.missed.clear();
        self.looked_s = f64::NEG_INFINITY;
        self.wait_s = 0.0;
        self.squared_s = f64::NEG_INFINITY;
        self.squares = 0;
    }

    /// From now on this many people may be followed at once. Those who are followed already stay.
    ///
    /// # Errors
    /// [`VisionError::Option`] when that is not 1 to [`MOST_PEOPLE`].
    pub fn set_most_people(&mut self, most_people: usize) -> Result<(), VisionError> {
        let options = PoseOptions {
            most_people,
            ..self.options.clone()
        };
        options.check()?;
        self.options = options;
        Ok(())
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

    /// The region in which the last frame's landmarks were looked for first; `None` when the detector found nobody.
    pub fn region(&self) -> Option<Region> {
        self.region
    }

    fn process_alone(&mut self, image: ImageView<'_>) -> Result<Vec<Observation>, VisionError> {
        self.followed.clear();
        let regions = self.detected_regions(image, None)?;
        self.region = regions.first().copied();
        let mut seen: Vec<Observation> = Vec::new();
        for region in regions {
            if seen.len() == self.options.most_people {
                break;
            }
            let found = self.landmarks.find(image, &region)?;
            let pose = tracker::pose(&found, &region);
            let is_new = seen.iter().all(|other| !is_same_pose(&other.pose, &pose));
            if self.is_person(found.score) && is_new {
                let track = self.number();
                let appearance = clothes::appearance(image, &pose);
                seen.push(Observation {
                    track,
                    pose,
                    appearance,
                });
            }
        }
        Ok(seen)
    }

    fn process_next(&mut self, image: ImageView<'_>, time_s: f64) -> Result<Vec<Observation>, VisionError> {
        let previous_s = self.time_s.unwrap_or(f64::NEG_INFINITY);
        // Written so that a time that is not a number is refused too.
        if !(time_s > previous_s && time_s.is_finite()) {
            return Err(VisionError::Time { time_s, previous_s });
        }
        self.time_s = Some(time_s);
        self.followed.retain(|followed| followed.track.region().is_some());
        let newcomers = if self.is_time_to_look(time_s) {
            let square = self.next_square(image, time_s);
            self.looked_s = time_s;
            self.wait_s = (2.0 * self.wait_s).clamp(SOONEST_S, self.options.look_every_s.max(SOONEST_S));
            self.detected_regions(image, square)?
        } else {
            Vec::new()
        };
        let mut seen = self.follow(image, time_s)?;
        self.search(image, time_s, &mut seen)?;
        self.welcome(image, time_s, &newcomers, &mut seen)?;
        self.part(&seen, time_s);
        Ok(seen)
    }

    fn is_time_to_look(&self, time_s: f64) -> bool {
        let has_room = self.followed.len() < self.options.most_people;
        has_room && (self.followed.is_empty() || time_s - self.looked_s >= self.wait_s)
    }

    /// Somebody is not followed any more: the detector looks at once, and where his pace takes him somebody does.
    fn lose(&mut self, followed: &Followed, time_s: f64) {
        self.wait_s = 0.0;
        if self.options.most_people > 1 {
            self.missed.extend(followed.missed(time_s));
        }
    }

    /// Looks at those who are followed.
    fn follow(&mut self, image: ImageView<'_>, time_s: f64) -> Result<Vec<Observation>, VisionError> {
        self.region = None;
        let mut seen = Vec::with_capacity(self.options.most_people);
        for mut followed in std::mem::take(&mut self.followed) {
            let Some(region) = followed.track.region() else {
                continue;
            };
            let found = self.look(image, &region)?;
            if self.is_person(found.score) {
                seen.push(Self::observe(image, &found, &region, time_s, &mut followed));
                self.followed.push(followed);
            } else {
                self.lose(&followed, time_s);
            }
        }
        Ok(seen)
    }

    /// Looks for those who were lost where their pace takes them.
    fn search(&mut self, image: ImageView<'_>, time_s: f64, seen: &mut Vec<Observation>) -> Result<(), VisionError> {
        if self.followed.is_empty() {
            // Nobody is in the way: the detector finds whoever is there.
            self.missed.clear();
        }
        self.missed.retain(|missed| missed.is_worth_looking(time_s));
        for mut missed in std::mem::take(&mut self.missed) {
            let has_room = self.followed.len() < self.options.most_people;
            let is_found = match missed.look(time_s).filter(|_| has_room) {
                Some(region) => self.meet(image, time_s, &region, Some(&missed), seen)?,
                None => false,
            };
            if !is_found {
                self.missed.push(missed);
            }
        }
        Ok(())
    }

    /// Looks at those whom the detector found and nobody follows yet.
    fn welcome(
        &mut self,
        image: ImageView<'_>,
        time_s: f64,
        newcomers: &[Region],
        seen: &mut Vec<Observation>,
    ) -> Result<(), VisionError> {
        // Where those who are followed were looked for; where they are looked for next is as good.
        let known: Vec<Region> = self
            .followed
            .iter()
            .filter_map(|followed| followed.track.region())
            .collect();
        for region in newcomers {
            if self.followed.len() == self.options.most_people {
                break;
            }
            if known.iter().any(|known| is_same_place(known, region)) {
                continue;
            }
            self.meet(image, time_s, region, None, seen)?;
        }
        Ok(())
    }

    /// Begins to follow whoever is in a region, unless nobody is there, or one who is followed already, or not the one who is missed.
    fn meet(
        &mut self,
        image: ImageView<'_>,
        time_s: f64,
        region: &Region,
        missed: Option<&Missed>,
        seen: &mut Vec<Observation>,
    ) -> Result<bool, VisionError> {
        let found = self.look(image, region)?;
        let pose = tracker::pose(&found, region);
        let is_new = seen.iter().all(|other| !is_same_pose(&other.pose, &pose));
        let is_wanted = missed.is_none_or(|missed| missed.wears(clothes::appearance(image, &pose).as_ref()));
        if !self.is_person(found.score) || !is_new || !is_wanted {
            return Ok(false);
        }
        let mut followed = Followed::new(self.number(), self.options.smooth);
        seen.push(Self::observe(image, &found, region, time_s, &mut followed));
        self.followed.push(followed);
        self.wait_s = SOONEST_S;
        Ok(true)
    }

    /// Stops following one of each two that follow the same person. Which of the two was there first is a guess, so both are looked
    /// for where they should be.
    fn part(&mut self, seen: &[Observation], time_s: f64) {
        let mut dropped: Vec<u64> = Vec::new();
        for (index, a) in seen.iter().enumerate() {
            for b in &seen[index + 1..] {
                let is_known = dropped.contains(&a.track) || dropped.contains(&b.track);
                if !is_known && is_same_pose(&a.pose, &b.pose) {
                    dropped.extend(which_to_drop(&self.followed, a.track, b.track));
                    self.wait_s = 0.0;
                    let met = self
                        .followed
                        .iter()
                        .filter(|met| [a.track, b.track].contains(&met.number));
                    self.missed.extend(met.filter_map(|met| met.missed(time_s)));
                }
            }
        }
        self.followed.retain(|followed| !dropped.contains(&followed.number));
    }

    fn look(&mut self, image: ImageView<'_>, region: &Region) -> Result<CropLandmarks, VisionError> {
        self.region.get_or_insert(*region);
        self.landmarks.find(image, region)
    }

    fn observe(
        image: ImageView<'_>,
        found: &CropLandmarks,
        region: &Region,
        time_s: f64,
        followed: &mut Followed,
    ) -> Observation {
        let pose = followed.track.follow(found, region, time_s);
        let appearance = clothes::appearance(image, &pose);
        followed.notice(&pose, region, appearance.as_ref(), time_s);
        Observation {
            track: followed.number,
            pose,
            appearance,
        }
    }

    fn number(&mut self) -> u64 {
        let number = self.next_track;
        self.next_track += 1;
        number
    }

    /// Where people may be: those in the whole picture, and those in a square of it besides.
    fn detected_regions(&mut self, image: ImageView<'_>, square: Option<Region>) -> Result<Vec<Region>, VisionError> {
        let mut detections = self.detector.detect(image)?;
        if self.options.most_people == 1 {
            // One person is the one of whom the detector is surest, and nobody else, also if he turns out to be none.
            detections.truncate(1);
        }
        let regions = detections.iter().map(Detection::region);
        let mut regions: Vec<Region> = regions.filter(Region::is_usable).collect();
        if let Some(square) = square {
            // Who is small in the whole picture is larger in a part of it. Of who is large only a part is seen there, of which the
            // detector makes another person.
            let in_square = self.detector.detect_in(image, &square)?;
            for region in in_square.iter().map(Detection::region).filter(Region::is_usable) {
                let is_new = !regions.iter().any(|known| is_same_place(known, &region));
                if is_new && square.encloses(&region) {
                    regions.push(region);
                }
            }
        }
        Ok(regions)
    }

    /// The square of the picture in which the detector looks beside the whole, another one each time; none while the last look is
    /// not long past, as where nobody is followed and the detector looks in every frame.
    fn next_square(&mut self, image: ImageView<'_>, time_s: f64) -> Option<Region> {
        if self.options.most_people == 1 || time_s - self.squared_s < self.wait_s {
            return None;
        }
        let squares = Region::squares_in(image.width(), image.height());
        let square = squares.get(self.squares % squares.len().max(1)).copied()?;
        self.squares += 1;
        self.squared_s = time_s;
        Some(square)
    }

    fn is_person(&self, score: f32) -> bool {
        f64::from(score) >= self.options.min_tracking_score
    }
}

impl PoseOptions {
    fn check(&self) -> Result<(), VisionError> {
        in_range("threads", self.threads as f64, 1.0..=256.0, "1 to 256")?;
        in_range("min_detection_score", self.min_detection_score, 0.0..=1.0, "0 to 1")?;
        in_range("min_tracking_score", self.min_tracking_score, 0.0..=1.0, "0 to 1")?;
        in_range(
            "most_people",
            self.most_people as f64,
            1.0..=MOST_PEOPLE as f64,
            "1 to 16",
        )?;
        in_range("look_every_s", self.look_every_s, 0.0..=3600.0, "0 to 3600")
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
            PoseOptions {
                most_people: 0,
                ..PoseOptions::default()
            },
            PoseOptions {
                look_every_s: f64::NAN,
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
