//! Motion: skeletons, recordings, filters, joint angles and the formats they travel in.
//!
//! Pure: values in, values out. Nothing here opens a file, reads a clock or knows where a recording came from, so
//! the same code runs in a function, in the command line tool and in a test.

pub mod analysis;
mod analyze;
mod angles;
mod arctangent;
mod assignment;
mod body;
mod branch;
pub mod clean;
mod columns;
pub mod compare;
pub mod definitions;
mod differences;
pub mod error;
pub mod events;
mod facing;
pub mod filter;
mod find;
pub mod findings;
mod floor;
pub mod formats;
pub mod gaps;
pub mod identity;
mod join;
pub mod kinematics;
mod mass;
mod measures;
pub mod outliers;
pub mod outputs;
pub mod people;
mod plane;
pub mod protocol;
pub mod recording;
pub mod repetitions;
mod scale;
mod settings;
pub mod skeleton;
pub mod summary;
pub mod swap;
mod symmetry;
pub mod timebase;
mod validate;

pub use analysis::{Analysis, AngleRange, AngleSeries, CameraPlane, PersonAnalysis, Side, Space, View, series_id};
pub use analyze::{ANALYSIS_SCHEMA_VERSION, analyze};
pub use definitions::{Angle, AngleKind, Bounds};
pub use error::MotionError;
pub use events::GaitMethod;
pub use filter::Filter;
pub use findings::{Event, EventKind, Findings, Limbs, Measure, Outcome, Repetition, Repetitions, Scale, SwapRepair};
pub use gaps::GapCurve;
pub use identity::Sighting;
pub use join::{Part, join};
pub use outliers::Hampel;
pub use people::{Appearance, Crowd, Observation, Observations, Selection};
pub use recording::{Model, Person, Point, Pose, Recording, Source, Spaces};
pub use settings::{Settings, Sex, Subject};
pub use skeleton::{Conversion, Landmark, Skeleton};
pub use summary::{AngleSummary, PersonSummary, Summary};
