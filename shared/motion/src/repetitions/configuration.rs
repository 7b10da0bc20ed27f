//! How repetitions were found, in a form that travels with them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::signal::{Axis, Signal};
use crate::{Landmark, MotionError, Side, Space};

/// How [`Repetitions`](crate::Repetitions) were found. The names carry the version of the method: another way of finding
/// them gets another name, so that old results are never read anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Configuration {
    /// From valley to valley of a signal.
    ValleyToValleyV1(Segmentation),
    /// From heel strike to heel strike of one foot.
    HeelStrikesV1(GaitCycles),
}

/// How a signal is cut from valley to valley.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segmentation {
    /// What is cut.
    pub signal: Signal,
    /// Turns the signal upside down, for movements whose peak is a decrease.
    #[serde(default)]
    pub invert: bool,
    /// Cut-off in hertz of a second-order zero-lag Butterworth filter that smooths the signal first. The cleaning of the
    /// recording comes before it.
    #[serde(default)]
    pub smooth_hz: Option<f64>,
    /// Least time between peaks in seconds; of two that are closer the higher one stays. 0 asks for nothing.
    #[serde(default)]
    pub minimum_distance_s: f64,
    /// Least prominence of a peak in the signal's unit. 0 asks for nothing.
    #[serde(default)]
    pub minimum_prominence: f64,
    /// Least value at a peak in the signal's unit, after `invert`.
    #[serde(default)]
    pub minimum_height: Option<f64>,
    /// Least time from valley to valley in seconds. 0 asks for nothing.
    #[serde(default)]
    pub minimum_duration_s: f64,
    /// What counts as a valley.
    #[serde(default)]
    pub valley: Valley,
    /// Lengthens every segment by so many seconds on both sides, as far as the signal goes; neighbours may then overlap.
    #[serde(default)]
    pub pad_s: f64,
    /// Keeps repetitions that the recording or a gap cuts off, marked as not whole.
    #[serde(default)]
    pub keep_partial: bool,
}

/// Where a repetition begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Valley {
    /// At the local minimum next to the peak, however shallow: `NeuroPose`'s rule.
    Nearest,
    /// Where the signal, seen from the peak, stops falling within this share of the way down to its lowest point before the
    /// next peak. Ripples on the way are passed over, and a rest belongs to no repetition.
    Rest {
        /// In `0..=0.5`.
        share: f64,
    },
}

/// The share of [`Valley::Rest`] unless another is asked for, and how much less than the other side a side may fall that the
/// recording cuts off and still be whole.
pub(crate) const REST_SHARE: f64 = 0.1;

impl Default for Valley {
    fn default() -> Self {
        Self::Rest { share: REST_SHARE }
    }
}

/// How gait cycles are found in heel strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaitCycles {
    /// Whose heel strikes.
    pub side: Side,
    /// A shorter cycle is left out, in seconds.
    pub minimum_cycle_s: f64,
    /// A longer one too: a foot that rests.
    pub longest_cycle_s: f64,
}

impl GaitCycles {
    /// Shortest cycle unless another is asked for: `NeuroPose`'s, below every human cadence.
    pub const MINIMUM_CYCLE_S: f64 = 0.4;
    /// Longest cycle unless another is asked for: slower than the slowest patients walk (Perry and Burnfield, *Gait
    /// Analysis*, 2nd ed., ch. 1, has 1 s for the healthy).
    pub const LONGEST_CYCLE_S: f64 = 3.0;

    /// The cycles of a side, with the usual limits.
    pub const fn of(side: Side) -> Self {
        Self {
            side,
            minimum_cycle_s: Self::MINIMUM_CYCLE_S,
            longest_cycle_s: Self::LONGEST_CYCLE_S,
        }
    }
}

impl Segmentation {
    /// Every peak of the signal from resting point to resting point, whatever its size.
    pub fn of(signal: Signal) -> Self {
        Self {
            signal,
            invert: false,
            smooth_hz: None,
            minimum_distance_s: 0.0,
            minimum_prominence: 0.0,
            minimum_height: None,
            minimum_duration_s: 0.0,
            valley: Valley::default(),
            pad_s: 0.0,
            keep_partial: false,
        }
    }

    /// As `NeuroPose` cuts: at the nearest local minimum, and with what the recording cuts off.
    pub fn as_neuropose(signal: Signal) -> Self {
        Self {
            valley: Valley::Nearest,
            keep_partial: true,
            ..Self::of(signal)
        }
    }

    /// Gait cycles from the height of a heel in the picture, as `NeuroPose` finds them: the peak is where the heel is
    /// lowest, the valleys are where it is highest.
    pub fn heel_height(side: Side) -> Self {
        let landmark = match side {
            Side::Left => Landmark::LeftHeel,
            Side::Right => Landmark::RightHeel,
        };
        Self {
            minimum_distance_s: GaitCycles::MINIMUM_CYCLE_S,
            ..Self::as_neuropose(Signal::JointAxis {
                landmark,
                axis: Axis::Y,
                space: Space::Image,
            })
        }
    }

    /// Checks that every number is possible.
    ///
    /// # Errors
    ///
    /// [`MotionError::InvalidSettings`], naming the setting.
    pub fn validate(&self) -> Result<(), MotionError> {
        let invalid = |name: &str, value: f64, must: &str| {
            Err(MotionError::InvalidSettings(format!("{name} is {value}, not {must}")))
        };
        let amounts = [
            ("minimum_distance_s", self.minimum_distance_s),
            ("minimum_prominence", self.minimum_prominence),
            ("minimum_duration_s", self.minimum_duration_s),
            ("pad_s", self.pad_s),
        ];
        for (name, value) in amounts {
            if !value.is_finite() || value < 0.0 {
                return invalid(name, value, "0 or more");
            }
        }
        if let Some(height) = self.minimum_height.filter(|height| !height.is_finite()) {
            return invalid("minimum_height", height, "a number");
        }
        if let Some(smooth_hz) = self.smooth_hz.filter(|hz| !hz.is_finite() || *hz <= 0.0) {
            return invalid("smooth_hz", smooth_hz, "above 0");
        }
        match self.valley {
            Valley::Rest { share } if !(0.0..=0.5).contains(&share) => invalid("share", share, "in 0 to 0.5"),
            _ => Ok(()),
        }
    }
}

/// The signal's name, with what was done to it.
impl fmt::Display for Segmentation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.signal, if self.invert { ":inverted" } else { "" })
    }
}
