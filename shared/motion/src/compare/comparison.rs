//! What two recordings of a movement differ in: the result, as it is stored and shown.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Align, AlignmentSummary, Method, Missing};
use crate::{Angle, CameraPlane, Model, Side, Space};

/// Version of the layout of [`Comparison`]. Raise it when a reader of the old layout would misread the new one.
pub const COMPARISON_SCHEMA_VERSION: u32 = 1;

/// What two movements are warped on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Their joint and segment angles, in degrees: neither place nor size nor the direction faced matters.
    #[default]
    Angles,
    /// The places of their joints: in trunk lengths from the hips in the image, in metres in the world.
    Joints,
}

/// How two analyses are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ComparisonSettings {
    /// Which angles and coordinates.
    pub space: Space,
    /// What they are warped on.
    pub basis: Basis,
    /// How the path is looked for.
    pub method: Method,
    /// What becomes of unknown values while the path is looked for. Differences are told only where both values are known.
    pub missing: Missing,
    /// Whether the joints of the first are laid onto those of the second, along the path.
    pub align: Align,
    /// Whether that changes their size too.
    pub scale: bool,
    /// The person of the first analysis; `None` for whoever is seen in most frames.
    pub person_a: Option<u32>,
    /// The person of the second.
    pub person_b: Option<u32>,
    /// Frames of the first analysis that are a repetition each; `None` for the repetitions that were found in it.
    pub repetitions: Option<Vec<Range<usize>>>,
}

impl Default for ComparisonSettings {
    fn default() -> Self {
        Self {
            space: Space::Image,
            basis: Basis::Angles,
            method: Method::default(),
            missing: Missing::Interpolate,
            align: Align::None,
            scale: false,
            person_a: None,
            person_b: None,
            repetitions: None,
        }
    }
}

/// What two recordings of a movement differ in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Version of this layout; a newer one is refused.
    pub schema_version: u32,
    /// The first movement.
    pub a: Compared,
    /// The second movement.
    pub b: Compared,
    /// How they were compared.
    pub settings: ComparisonSettings,
    /// How far they lie apart along the path.
    pub warp: WarpSummary,
    /// How the joints were laid onto each other; `None` if they were not.
    pub alignment: Option<AlignmentSummary>,
    /// The steps of the warping path: what both do at the same moment of the movement.
    pub moments: Vec<Moment>,
    /// Every angle that is known in both at some moment, in the order in which analyses hold them.
    pub angles: Vec<AngleDifference>,
    /// Whether they face opposite ways in the picture, so that the joints of the first were turned round to be compared.
    #[serde(default)]
    pub turned: bool,
    /// Every joint that is known in both at some moment, in the order of the skeleton; empty without poses.
    pub joints: Vec<JointDifference>,
    /// The repetitions of the first movement, one after the other.
    pub repetitions: Vec<RepetitionDifference>,
    /// How alike both are over the whole movement, 0 to 100; [`score`] has the formula. `None` without angles.
    pub score: Option<f64>,
    /// Sentences for a reader: what was left out or is doubtful.
    pub notes: Vec<String>,
}

/// One of the two movements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Name of the source.
    pub name: String,
    /// The model that found the landmarks.
    pub model: Model,
    /// The person's number in its analysis.
    pub person: u32,
    /// Frames of the analysis.
    pub frames: usize,
    /// Time from the first to the last frame in seconds.
    pub duration_s: f64,
    /// From where the camera saw the person.
    pub camera_plane: Option<CameraPlane>,
}

/// The warping path as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WarpSummary {
    /// Sum of the Euclidean distances along the path, in the unit of what was warped.
    pub distance: f64,
    /// The same per moment.
    pub mean_distance: f64,
    /// `deg`, `trunk_lengths` or `m`.
    pub unit: String,
    /// Names of the angles or joints that were warped on.
    pub on: Vec<String>,
}

/// A step of the path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// The mean of the times that have passed in both, in seconds: grows with every step, and treats both alike.
    pub time_s: f64,
    /// Frame of the first movement.
    pub a_frame: usize,
    /// Its time in its own recording, in seconds.
    pub a_time_s: f64,
    /// Frame of the second movement.
    pub b_frame: usize,
    /// Its time in its own recording, in seconds.
    pub b_time_s: f64,
    /// The joints that differ most, the most different first: at most three places in [`Comparison::joints`], of those
    /// that differ by at least [`LEAST_LIT_TRUNKS`] or [`LEAST_LIT_M`].
    pub most_different: Vec<usize>,
}

/// A joint that differs by less than this share of the trunk's length does not count as different: an eighth, some 6 cm.
pub const LEAST_LIT_TRUNKS: f64 = 0.125;

/// A joint that differs by less than this in the world, in metres, does not count as different.
pub const LEAST_LIT_M: f64 = 0.06;

/// How an angle differs over the movement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AngleDifference {
    /// Stable name, such as `left_knee_flexion_image`.
    pub id: String,
    /// What is measured.
    pub angle: Angle,
    /// On which side; `None` for trunk and pelvis.
    pub side: Option<Side>,
    /// In which space.
    pub space: Space,
    /// First less second at each moment, the shorter way round, in `-180..=180` degrees.
    pub difference_deg: Vec<Option<f64>>,
    /// Number of moments at which both are known; at least one.
    pub known: usize,
    /// Mean absolute difference in degrees.
    pub mean_absolute_deg: f64,
    /// Root of the mean squared difference in degrees.
    pub rmse_deg: f64,
    /// Mean difference in degrees: positive where the first has the greater angle.
    pub bias_deg: f64,
    /// Pearson's correlation of both angles over the moments; `None` where one of them does not change.
    pub correlation: Option<f64>,
    /// The moment of the greatest absolute difference.
    pub greatest_at: usize,
    /// The difference then, in degrees.
    pub greatest_deg: f64,
    /// The stretches of the greatest differences, the worst first: at most three.
    pub stretches: Vec<Stretch>,
    /// How alike both angles are, 0 to 100.
    pub score: f64,
}

/// A stretch of moments at which the absolute difference is at least half of its greatest, and more than
/// [`TOLERANCE_DEG`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// First moment.
    pub from: usize,
    /// Last moment.
    pub to: usize,
    /// The greatest difference in it, in degrees with its sign.
    pub greatest_deg: f64,
}

/// How far a joint lies from its counterpart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JointDifference {
    /// The landmark's name.
    pub joint: String,
    /// `trunk_lengths` or `m`.
    pub unit: String,
    /// Distance at each moment.
    pub distance: Vec<Option<f64>>,
    /// Mean distance.
    pub mean: f64,
    /// Greatest distance.
    pub greatest: f64,
    /// The moment of the greatest distance.
    pub greatest_at: usize,
}

/// How a repetition of the first movement differs from what belongs to it in the second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RepetitionDifference {
    /// Frames of the first movement.
    pub a_frames: Range<usize>,
    /// Frames of the second.
    pub b_frames: Range<usize>,
    /// How long it takes the first, in seconds.
    pub a_duration_s: f64,
    /// How long it takes the second, in seconds.
    pub b_duration_s: f64,
    /// How alike both are, 0 to 100; `None` where no angle is known in both.
    pub score: Option<f64>,
    /// Mean absolute difference over all angles in degrees.
    pub mean_absolute_deg: Option<f64>,
    /// Place of the angle in [`Comparison::angles`] that differs most on average.
    pub most_different: Option<usize>,
}

/// A difference that markerless measurement does not tell from none: in gait analysis errors of up to 5 degrees are
/// "likely to be regarded as reasonable" (`McGinley` et al. 2009, doi:10.1016/j.gaitpost.2008.09.003).
pub const TOLERANCE_DEG: f64 = 5.0;

/// A difference that makes two postures different ones altogether: an eighth of a turn. Marey's own choice.
pub const UNLIKE_DEG: f64 = 45.0;

/// How alike two angles are, 0 to 100: 100 up to [`TOLERANCE_DEG`], 0 from [`UNLIKE_DEG`] on, in proportion between. The
/// score of several angles and moments is the mean over the moments of the means over the angles that are known then.
pub fn score(difference_deg: f64) -> f64 {
    100.0 * (1.0 - (difference_deg.abs() - TOLERANCE_DEG) / (UNLIKE_DEG - TOLERANCE_DEG)).clamp(0.0, 1.0)
}
