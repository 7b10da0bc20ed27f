//! What an analysis of a recording says: cleaned poses, joint angles over time, their ranges, and how far to trust
//! them.

use serde::{Deserialize, Serialize};

use crate::{Angle, Findings, Model, MotionError, Person, Pose, Recording, Settings, Skeleton, Source, Spaces};

/// The subject's own side of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the anatomy")]
pub enum Side {
    Left,
    Right,
}

impl Side {
    /// Stable name in files and tables.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

/// The space in which an angle was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    /// Between landmarks in the image plane; exact only for motion parallel to it.
    Image,
    /// Between the model's world landmarks; an estimate of depth from one view.
    World,
}

impl Space {
    /// Both spaces, in the order in which analyses hold them.
    pub const ALL: [Self; 2] = [Self::Image, Self::World];

    /// Stable name in files and tables.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::World => "world",
        }
    }
}

/// Extremes of an angle over the recording. Where a movement goes across the end of the angle's bounds, as the trunk of somebody in a
/// handstand, values there go on beyond that end, so that the range is that of the movement; the mean is within the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AngleRange {
    /// Smallest value in degrees.
    pub minimum_deg: f64,
    /// When the smallest value was first reached, in seconds.
    pub minimum_at_s: f64,
    /// Greatest value in degrees.
    pub maximum_deg: f64,
    /// When the greatest value was first reached, in seconds.
    pub maximum_at_s: f64,
    /// Mean over the frames that have a value, in degrees.
    pub mean_deg: f64,
    /// Share of the frames in which the person is seen or a short gap was filled that have a value, in `0..=1`.
    pub coverage: f64,
}

impl AngleRange {
    /// Range of motion: greatest less smallest value, in degrees.
    pub fn range_of_motion_deg(&self) -> f64 {
        self.maximum_deg - self.minimum_deg
    }
}

/// One angle of one person over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AngleSeries {
    /// Which angle.
    pub angle: Angle,
    /// Whose side; `None` for angles in the middle of the body.
    pub side: Option<Side>,
    /// Where it was measured.
    pub space: Space,
    /// Value per frame in degrees before filling and filtering; `None` where the landmarks were not trusted.
    pub raw_deg: Vec<Option<f64>>,
    /// Value per frame in degrees after filling short gaps and filtering; `None` in long gaps.
    pub value_deg: Vec<Option<f64>>,
    /// Extremes of `value_deg`, or `None` where it has no value at all.
    pub range: Option<AngleRange>,
}

impl AngleSeries {
    /// Stable name in files and tables, such as `left_knee_flexion_image` or `trunk_world`.
    pub fn id(&self) -> String {
        series_id(self.angle, self.side, self.space)
    }

    /// Name for people, such as `Left knee flexion` or `Trunk inclination`; the space is not part of it.
    pub fn label(&self) -> String {
        let label = self.angle.label();
        match self.side {
            Some(side) => {
                let side = if side == Side::Left { "Left" } else { "Right" };
                format!("{side} {}", label.to_lowercase())
            }
            None => label.to_owned(),
        }
    }
}

/// Stable name of the series of an angle, such as `left_knee_flexion_image`.
pub fn series_id(angle: Angle, side: Option<Side>, space: Space) -> String {
    match side {
        Some(side) => format!("{}_{}_{}", side.id(), angle.id(), space.id()),
        None => format!("{}_{}", angle.id(), space.id()),
    }
}

/// From where the camera saw the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Within 25 degrees of the side: sagittal angles in the image are sound.
    Side,
    /// Between side and front: sagittal angles in the image are shortened.
    Oblique,
    /// Within 35 degrees of front or back: sagittal angles cannot be read from the image.
    Frontal,
}

/// How far the person's sagittal plane lies from the image plane, on which the error of image angles depends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CameraPlane {
    /// Median angle between the person's sagittal plane and the image plane in degrees: 0 is a side view, 90 a front
    /// view.
    pub deviation_deg: f64,
    /// The same as a word.
    pub view: View,
}

impl View {
    /// All views.
    pub const ALL: [Self; 3] = [Self::Side, Self::Oblique, Self::Frontal];

    /// Stable name, as in files.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Side => "side",
            Self::Oblique => "oblique",
            Self::Frontal => "frontal",
        }
    }

    /// The view of a name, if there is one.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.id() == id)
    }
}

impl CameraPlane {
    /// The plane of a view of which no more is known: in the middle of what the word covers.
    pub const fn of_view(view: View) -> Self {
        let deviation_deg = match view {
            View::Side => 12.5,
            View::Oblique => 40.0,
            View::Frontal => 72.5,
        };
        Self { deviation_deg, view }
    }

    /// The plane at a deviation in degrees, in `0..=90`, with the word for it.
    pub fn from_deviation_deg(deviation_deg: f64) -> Self {
        let view = if deviation_deg <= 25.0 {
            View::Side
        } else if deviation_deg < 55.0 {
            View::Oblique
        } else {
            View::Frontal
        };
        Self { deviation_deg, view }
    }
}

/// One person's analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonAnalysis {
    /// Identity within the recording.
    pub id: u32,
    /// In how many frames the model found the person.
    pub frames_seen: usize,
    /// Pose per frame after filling short gaps and filtering; `None` in long gaps. Empty if the poses are stored
    /// apart, see [`Analysis::split_poses`].
    pub poses: Vec<Option<Pose>>,
    /// Every angle in every space, in the order of [`Angle`], then side, then space.
    pub angles: Vec<AngleSeries>,
    /// The view, or `None` when the person was seen too little to tell.
    pub camera_plane: Option<CameraPlane>,
    /// What was found beyond the angles. Empty in analyses of layout version 1.
    #[serde(default)]
    pub findings: Findings,
}

impl PersonAnalysis {
    /// The series of an angle, if the analysis has it.
    pub fn series(&self, angle: Angle, side: Option<Side>, space: Space) -> Option<&AngleSeries> {
        self.angles
            .iter()
            .find(|series| series.angle == angle && series.side == side && series.space == space)
    }
}

/// The whole analysis of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// Version of this layout; a newer one is refused.
    pub schema_version: u32,
    /// Where the frames came from.
    pub source: Source,
    /// The model that found the landmarks.
    pub model: Model,
    /// The order and meaning of every pose's points.
    pub skeleton: Skeleton,
    /// In which spaces the poses have positions; angles in another space have no values. Both in analyses of layout version 1.
    #[serde(default)]
    pub spaces: Spaces,
    /// How the recording was cleaned.
    pub settings: Settings,
    /// Presentation time of each frame in seconds.
    pub time_s: Vec<f64>,
    /// The people found.
    pub people: Vec<PersonAnalysis>,
    /// Sentences for a reader: what was resampled, left out or is doubtful.
    pub notes: Vec<String>,
}

impl Analysis {
    /// Takes the cleaned poses out as a recording, which stores far smaller as Parquet than as JSON. What remains is
    /// a sound analysis without poses; [`Self::with_poses`] puts them back.
    #[must_use]
    pub fn split_poses(mut self) -> (Self, Recording) {
        let people = self.people.iter_mut().map(|person| Person {
            id: person.id,
            poses: std::mem::take(&mut person.poses),
        });
        let poses = Recording {
            people: people.collect(),
            source: self.source.clone(),
            skeleton: self.skeleton,
            model: self.model.clone(),
            spaces: self.spaces,
            time_s: self.time_s.clone(),
        };
        (self, poses)
    }

    /// Puts the poses back that [`Self::split_poses`] took out.
    ///
    /// # Errors
    ///
    /// [`MotionError::InvalidAnalysis`] if the poses are those of another analysis.
    pub fn with_poses(mut self, poses: Recording) -> Result<Self, MotionError> {
        let same_people = self
            .people
            .iter()
            .map(|person| person.id)
            .eq(poses.people.iter().map(|person| person.id));
        if !same_people || self.time_s != poses.time_s || self.skeleton != poses.skeleton {
            let reason = "the poses are of other people, frames or landmarks than the angles".to_owned();
            return Err(MotionError::InvalidAnalysis(reason));
        }
        for (person, cleaned) in self.people.iter_mut().zip(poses.people) {
            person.poses = cleaned.poses;
        }
        self.validate()?;
        Ok(self)
    }
}
