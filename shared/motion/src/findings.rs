//! What is found in one person's cleaned movement beyond its angles: scale, kinematics, events, measures and repetitions.
//!
//! A finding that cannot be given is not left out: it is there with the reason, so that a reader can tell "not measured"
//! from "measured and absent".

use serde::{Deserialize, Serialize};

use crate::Side;
use crate::repetitions::Configuration;

/// Everything found in one person's movement.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Findings {
    /// How pixels become metres, and how the floor lies.
    pub scale: Option<Scale>,
    /// Positions, speeds and accelerations of joints and of the centre of mass.
    pub kinematics: Option<Kinematics>,
    /// Moments, in the order of time.
    pub events: Vec<Event>,
    /// Numbers that sum the movement up, each with its confidence or the reason why it is not given.
    pub measures: Vec<Measure>,
    /// The repetitions of a movement, if it has any.
    pub repetitions: Option<Repetitions>,
    /// Where the model took left for right, and that was put right before anything was measured.
    pub swaps: Vec<SwapRepair>,
}

/// Limbs whose sides a model can exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limbs {
    /// Hips, knees, ankles, heels and toes.
    Legs,
    /// Shoulders, elbows, wrists and hands.
    Arms,
}

impl Limbs {
    /// Stable name in files and tables.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Legs => "legs",
            Self::Arms => "arms",
        }
    }
}

/// Frames `[start, end)` in which left and right were exchanged back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SwapRepair {
    /// Whose sides.
    pub limbs: Limbs,
    /// First frame.
    pub start: usize,
    /// The frame after the last.
    pub end: usize,
    /// Time of the first frame in seconds.
    pub start_s: f64,
    /// Time of the last frame in seconds.
    pub end_s: f64,
}

/// How pixels become metres in the plane of the movement, and how the floor lies in the picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Metres that a pixel stands for, at the person.
    pub m_per_px: f64,
    /// From what the scale was told, such as `person_height`, `known_length` or `typical_height`.
    pub source: String,
    /// Angle of the floor in the picture in degrees: positive where it rises to the right. `None` without enough foot
    /// contacts.
    pub floor_angle_deg: Option<f64>,
    /// Height of the floor at the left edge of the picture, in pixels below its top edge.
    pub floor_at_left_px: Option<f64>,
    /// Trust in the scale in `0..=1`.
    pub confidence: f64,
}

/// Positions, speeds and accelerations over time, in the image plane: metres where there is a scale, else pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kinematics {
    /// `m` or `px`, the unit of every position; speeds are in it per second, accelerations per second squared.
    pub unit: LengthUnit,
    /// One track for each joint and for the centre of mass.
    pub tracks: Vec<Track>,
}

/// A unit of length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthUnit {
    /// Metres.
    M,
    /// Pixels of the upright picture.
    Px,
}

/// A point over time. A place for each frame of the recording; `None` where the point is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// What moves: a landmark's name, or `centre_of_mass`.
    pub id: String,
    /// Position: right in the picture, and **up** from the floor, or from the picture's bottom edge, or from its top edge where its size is
    /// not known.
    pub position: Vec<Option<[f64; 2]>>,
    /// Velocity, along the same axes.
    pub velocity: Vec<Option<[f64; 2]>>,
    /// Acceleration, along the same axes.
    pub acceleration: Vec<Option<[f64; 2]>>,
}

/// Something that happens at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happens.
    pub kind: EventKind,
    /// On which side of the body; `None` for what the whole body does.
    pub side: Option<Side>,
    /// When, in seconds of the recording's clock; may lie between frames.
    pub time_s: f64,
    /// Trust in the event in `0..=1`.
    pub confidence: f64,
}

/// What happens at an [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The foot first touches the floor (initial contact).
    HeelStrike,
    /// The foot leaves the floor (final contact).
    ToeOff,
    /// Both feet have left the floor: a jump begins its flight.
    TakeOff,
    /// The first foot touches the floor after a flight.
    Landing,
}

/// A number that sums a movement up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Stable name without the side, such as `stride_length`.
    pub id: String,
    /// Name for people, such as `Stride length`.
    pub label: String,
    /// Whose side; `None` where it is of the whole body.
    pub side: Option<Side>,
    /// Unit of the value, such as `m`, `s`, `deg`, `percent` or `steps_per_min`.
    pub unit: String,
    /// The published method by which it was found, such as `zeni_2008`.
    pub method: String,
    /// The value, or why there is none.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of measuring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It was measured.
    Given {
        /// The mean where there were several.
        value: f64,
        /// Standard deviation over the occurrences (n − 1); `None` for fewer than two.
        sd: Option<f64>,
        /// Number of occurrences.
        count: usize,
        /// Trust in the value in `0..=1`.
        confidence: f64,
    },
    /// It cannot be given.
    Withheld {
        /// The condition that is not met, as a sentence.
        reason: String,
    },
}

/// The repetitions of a movement, valley to valley of one signal or heel strike to heel strike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repetitions {
    /// Name of the signal that was cut, such as `joint_angle:left_knee_flexion_image`.
    pub signal: String,
    /// Unit of the signal, such as `deg` or `px`.
    pub unit: String,
    /// One after the other in time. All of them are whole, unless the configuration keeps partial ones.
    pub segments: Vec<Repetition>,
    /// Mean and spread of every angle over the normalised whole repetitions.
    pub curves: Vec<EnsembleCurve>,
    /// How they were found, in full; `None` where no signal could be chosen.
    #[serde(default)]
    pub configuration: Option<Configuration>,
    /// How many were found that the recording or a gap cuts off, whether kept or not.
    #[serde(default)]
    pub partial: usize,
    /// Sentences for a reader, such as how the signal was chosen.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Why there is no repetition, as a sentence; `None` where there are some.
    #[serde(default)]
    pub withheld: Option<String>,
}

/// One repetition: the frames `[start, end)`, with its peak among them.
///
/// The frame that closes it is the last one in it, and may be the first of the next repetition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Repetition {
    /// First frame: a valley of the signal.
    pub start: usize,
    /// Frame of the peak.
    pub peak: usize,
    /// The frame after the last; the last is the next valley.
    pub end: usize,
    /// When it begins in seconds: the time of `start`, or of a heel strike before it.
    pub start_s: f64,
    /// Time of `peak` in seconds.
    pub peak_s: f64,
    /// When it ends in seconds: the time of the frame before `end`, or of a heel strike after it.
    pub end_s: f64,
    /// The peak's height over the higher of its valleys, in the signal's unit.
    pub prominence: f64,
    /// Whether both its ends are valleys, and not where the recording or a gap cuts it off.
    #[serde(default = "always")]
    pub whole: bool,
}

/// Repetitions stored before there were partial ones are whole.
fn always() -> bool {
    true
}

impl Repetition {
    /// How long it lasts in seconds.
    pub fn duration_s(&self) -> f64 {
        self.end_s - self.start_s
    }
}

/// Mean and standard deviation of a series over repetitions, each stretched to 0 to 100 %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnsembleCurve {
    /// Name of the series, such as `left_knee_flexion_image`.
    pub series: String,
    /// Mean at 0, 1, … 100 % in degrees: 101 values.
    pub mean_deg: Vec<f64>,
    /// Standard deviation (n − 1) at the same places in degrees; zeros for a single repetition.
    pub sd_deg: Vec<f64>,
    /// Number of repetitions that were whole.
    pub count: usize,
}
