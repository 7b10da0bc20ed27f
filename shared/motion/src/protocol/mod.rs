//! Declarative analyses: a file that says which recordings are prepared, cut and measured how, and a report that carries it.
//!
//! The shape of the file is that of `NeuroPose`'s analysis pipeline (0.1, MIT): inputs, preprocessing, segmentation, analysis
//! and output. [`parse`] reads YAML, TOML or JSON and checks everything that can be checked before a recording is loaded;
//! what it returns cannot state a wrong combination. [`run`] takes analysed recordings as values. Nothing here opens a file
//! or reads a clock. See docs/ANALYSES.md.

mod analysis_keys;
mod decode;
mod document;
mod file;
mod problem;
mod report;
mod run;
mod segmentation_keys;

use serde::Serialize;

pub use document::{LONGEST_TEXT, Syntax};
pub use file::parse;
pub use problem::{Problem, ProtocolError};
pub use report::{Distances, InputSummary, Pair, REPORT_SCHEMA_VERSION, Report, Results, Spread, Statistics};
pub use run::{Input, run};

use crate::compare::{Align, Method, Missing};
use crate::repetitions::{Different, GaitCycles, Segmentation, Signal};
use crate::{Settings, Side, Space};

/// Version of the layout of analysis files; a newer one is refused.
pub const PROTOCOL_VERSION: u32 = 1;

/// What an analysis file asks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Protocol {
    /// The recording, as the file names it; `None` if whoever runs the analysis names it.
    pub primary: Option<String>,
    /// Who in it, and in the reference.
    pub person: Who,
    /// How recordings are cleaned.
    pub cleaning: Settings,
    /// How the movement is cut; `None` takes it as a whole.
    pub segmentation: Option<Stage>,
    /// What is measured.
    pub analysis: Task,
    /// Where the report goes, as the file names it; `None` if whoever runs the analysis decides.
    pub report: Option<String>,
}

/// Which person of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Who is seen in most frames.
    Foremost,
    /// The one with this number in the recording.
    Number(u32),
}

/// How a movement is cut.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Stage {
    /// As [`choose`](crate::repetitions::choose) finds fit; a reference is cut by the same signal.
    Automatic,
    /// Into gait cycles of one foot.
    GaitCycles {
        /// Whose.
        side: Side,
        /// How they are found.
        #[serde(flatten)]
        from: GaitSource,
    },
    /// Into gait cycles of each foot.
    GaitCyclesBilateral {
        /// How they are found.
        #[serde(flatten)]
        from: GaitSource,
    },
    /// By a signal.
    Extractor {
        /// Under which name the segments are reported.
        label: String,
        /// How.
        #[serde(flatten)]
        how: Segmentation,
    },
}

/// How gait cycles are found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum GaitSource {
    /// From the heel strikes that the analysis found.
    HeelStrikes {
        /// The shortest cycle, in seconds.
        minimum_cycle_s: f64,
    },
    /// From the height of the heel in the picture, as `NeuroPose` does.
    HeelHeight {
        /// The least time between two peaks, in seconds.
        minimum_cycle_s: f64,
        /// The least prominence of a peak in pixels.
        minimum_prominence: f64,
    },
}

impl GaitSource {
    /// The cycles of a side from heel strikes, or how the heel's height is cut.
    fn of(&self, side: Side) -> Result<GaitCycles, Segmentation> {
        match *self {
            Self::HeelStrikes { minimum_cycle_s } => Ok(GaitCycles {
                minimum_cycle_s,
                ..GaitCycles::of(side)
            }),
            Self::HeelHeight {
                minimum_cycle_s,
                minimum_prominence,
            } => Err(Segmentation {
                minimum_distance_s: minimum_cycle_s,
                minimum_prominence,
                ..Segmentation::heel_height(side)
            }),
        }
    }
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Nothing beyond the segments.
    None,
    /// Mean, spread and extremes of a signal in each segment.
    Stats {
        /// Of what.
        extractor: Signal,
    },
    /// How much the movement differs from a reference's, by dynamic time warping.
    Dtw {
        /// The recording to compare with, as the file names it.
        reference: String,
        /// What is compared.
        #[serde(flatten)]
        comparison: Comparison,
        /// Whether one movement is laid onto the other first.
        align: Align,
        /// In the picture or in the world.
        space: Space,
        /// What becomes of unknown values.
        nan_policy: Missing,
        /// How the path is looked for.
        search: Method,
    },
}

/// What is compared by dynamic time warping.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "method")]
pub enum Comparison {
    /// Everything at once, with one path.
    #[serde(rename = "dtw_all")]
    All(Representation),
    /// Each landmark or angle by itself.
    #[serde(rename = "dtw_per_joint")]
    PerJoint(Representation),
    /// The vector from one landmark to another.
    #[serde(rename = "dtw_relation")]
    Relation {
        /// From the first to the second.
        joints: Different<2>,
    },
}

/// What a pose is reduced to before it is compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "representation", rename_all = "snake_case")]
pub enum Representation {
    /// The landmarks' coordinates.
    Coords,
    /// Angles at landmarks, in radians; at least one.
    Angles {
        /// First, vertex, third.
        angle_triplets: Vec<Different<3>>,
    },
}
