//! Repetitions: a movement cut from valley to valley of one signal, or from heel strike to heel strike.
//!
//! The contract is that of `NeuroPose`'s analyser (0.1, MIT): four signals, peaks by prominence and distance, and segments
//! `[start, peak, end)` that travel with the configuration that made them. Marey measures durations in true time, keeps
//! clear of gaps, tells whole repetitions from those that the recording cuts off, and can choose the signal by itself. See
//! docs/REPETITIONS.md.

mod choose;
mod configuration;
mod ensemble;
mod gait;
mod landmarks;
mod peaks;
mod segments;
mod signal;

pub use choose::{LEAST_RANGE_DEG, LEAST_REPEATABILITY, LEAST_SHARED, choose};
pub use configuration::{Configuration, GaitCycles, Segmentation, Valley};
pub use ensemble::{PERCENTS, normalized, repeatability};
pub use gait::gait_cycles;
pub use landmarks::Different;
pub use peaks::{Criteria, Peak, find_peaks};
pub use signal::{AngleOf, Axis, Signal};

use crate::findings::Repetitions;
use crate::{Analysis, MotionError, PersonAnalysis, Spaces};

/// What repetitions are looked for in: one person of an analysis, with the poses still in it.
#[derive(Debug, Clone, Copy)]
pub struct Movement<'a> {
    /// Presentation time of each frame in seconds.
    pub time_s: &'a [f64],
    /// The person, cleaned.
    pub person: &'a PersonAnalysis,
    /// In which spaces the person's poses have positions.
    pub spaces: Spaces,
    /// Landmarks seen with less certainty count as missing, as in the analysis's settings.
    pub minimum_visibility: f32,
    /// Frames further apart than this do not belong together, in seconds; one and a half median intervals always do.
    pub longest_gap_s: f64,
}

impl<'a> Movement<'a> {
    /// A person of an analysis that has not been split from its poses.
    pub const fn of(analysis: &'a Analysis, person: &'a PersonAnalysis) -> Self {
        Self {
            time_s: analysis.time_s.as_slice(),
            person,
            spaces: analysis.spaces,
            minimum_visibility: analysis.settings.minimum_visibility,
            longest_gap_s: analysis.settings.longest_gap_s,
        }
    }
}

/// Cuts one person's movement into repetitions, as told.
///
/// Where there is none, [`Repetitions::withheld`] says why.
///
/// # Errors
///
/// [`MotionError::InvalidSettings`], as [`Segmentation::validate`] says.
pub fn segment(movement: &Movement<'_>, how: &Segmentation) -> Result<Repetitions, MotionError> {
    how.validate()?;
    let values = how.signal.values(movement);
    let cut = segments::cut(movement, &values, how);
    let kept: Vec<_> = cut
        .iter()
        .copied()
        .filter(|one| one.whole || how.keep_partial)
        .collect();
    let partial = cut.len() - cut.iter().filter(|one| one.whole).count();
    let withheld = kept.is_empty().then(|| reason(&values, partial, how));
    Ok(Repetitions {
        signal: how.to_string(),
        unit: how.signal.unit().to_owned(),
        curves: ensemble::curves(movement, &kept),
        segments: kept,
        configuration: Some(Configuration::ValleyToValleyV1(how.clone())),
        partial,
        notes: Vec::new(),
        withheld,
    })
}

/// Why nothing was found.
fn reason(values: &[Option<f64>], partial: usize, how: &Segmentation) -> String {
    if values.iter().all(Option::is_none) {
        return format!("{how} has no value in any frame: its landmarks were not seen.");
    }
    if partial > 0 {
        return format!("{how} rises and falls only where the recording begins, ends or is interrupted.");
    }
    format!(
        "{how} has no peak with a prominence of {} {} or more that lasts {} s or longer.",
        how.minimum_prominence,
        how.signal.unit(),
        how.minimum_duration_s
    )
}
