//! The choice of a filter and its parameters.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::GREATEST_ORDER;
use crate::MotionError;

/// Widest window of [`LoessSettings`] in frames.
pub const GREATEST_WINDOW_FRAMES: usize = 999;

/// Most robust iterations of [`LoessSettings`].
pub const MOST_ITERATIONS: usize = 10;

/// Greatest standard deviation of [`GaussianSettings`] in frames.
pub const GREATEST_SIGMA_FRAMES: f64 = 100.0;

/// Most frames on either side of the one in the middle, for [`MedianSettings`] and outliers.
pub const GREATEST_REACH_FRAMES: usize = 99;

/// Exactly one filter, with the parameters that it has and no others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Filter {
    /// Nothing is filtered.
    None,
    /// Zero-lag Butterworth low-pass.
    Butterworth(ButterworthSettings),
    /// One-euro filter; it runs forward only, so it lags.
    OneEuro(OneEuroSettings),
    /// Kalman smoother of a body whose acceleration drifts.
    Kalman(KalmanSettings),
    /// Locally weighted linear regression.
    Loess(LoessSettings),
    /// Convolution with a bell curve.
    Gaussian(GaussianSettings),
    /// Running median.
    Median(MedianSettings),
    /// Cubic smoothing spline, as smooth as cross-validation finds right or as a cut-off asks.
    GcvSpline(GcvSplineSettings),
}

/// Parameters of the Butterworth filter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ButterworthSettings {
    /// Cut-off frequency in hertz.
    pub cutoff_hz: f64,
    /// Order of one pass, in `1..=GREATEST_ORDER`; the filter runs forward and backward, which doubles it.
    pub order: usize,
}

impl Default for ButterworthSettings {
    /// 6 Hz, second order run twice: what gait laboratories use for kinematics (Winter, Biomechanics and Motor Control
    /// of Human Movement, 4th ed., §3.4.4) and what `Sports2D` and `Pose2Sim` have by default.
    fn default() -> Self {
        Self {
            cutoff_hz: 6.0,
            order: 2,
        }
    }
}

/// Parameters of the one-euro filter. How much speed opens it is told for pixels and for metres, as it depends on the
/// unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OneEuroSettings {
    /// Cut-off frequency in hertz for what stands still.
    pub min_cutoff_hz: f64,
    /// By how many hertz the cut-off rises for each pixel per second (β), in the image.
    pub beta_per_px: f64,
    /// By how many hertz the cut-off rises for each metre per second (β), in the world.
    pub beta_per_m: f64,
    /// Cut-off frequency in hertz for the speed itself.
    pub derivative_cutoff_hz: f64,
}

impl Default for OneEuroSettings {
    /// The cut-offs of 1 Hz and the β of 0.007 from the authors' own demonstration, which is in pixels; a metre counts
    /// as 200 pixels, about what it is for a person who stands full height in a small video.
    fn default() -> Self {
        Self {
            min_cutoff_hz: 1.0,
            beta_per_px: 0.007,
            beta_per_m: 1.4,
            derivative_cutoff_hz: 1.0,
        }
    }
}

/// Parameters of the Kalman smoother.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KalmanSettings {
    /// How much more the measurements are trusted than that acceleration stays the same, in `1..=1e5` per second
    /// squared: the standard deviation of a frame's change of acceleration over that of a measurement.
    pub trust_ratio: f64,
}

impl Default for KalmanSettings {
    /// That of `Pose2Sim`.
    fn default() -> Self {
        Self { trust_ratio: 500.0 }
    }
}

/// Parameters of LOESS.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoessSettings {
    /// How many of the nearest frames, the own one among them, each line is laid through; in
    /// `3..=GREATEST_WINDOW_FRAMES`. The farthest of them has no weight.
    pub window_frames: usize,
    /// How often the regression is repeated with less weight for what lies far from it, in `0..=MOST_ITERATIONS`.
    pub iterations: usize,
}

impl Default for LoessSettings {
    /// Those of `Pose2Sim`: five values, no iterations.
    fn default() -> Self {
        Self {
            window_frames: 5,
            iterations: 0,
        }
    }
}

/// Parameters of the Gaussian filter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianSettings {
    /// Standard deviation of the bell in frames (median intervals between frames), above 0 and up to
    /// [`GREATEST_SIGMA_FRAMES`].
    pub sigma_frames: f64,
}

impl Default for GaussianSettings {
    /// That of `Pose2Sim`.
    fn default() -> Self {
        Self { sigma_frames: 1.0 }
    }
}

/// Parameters of the running median.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MedianSettings {
    /// Frames on either side of the one in the middle, in `1..=GREATEST_REACH_FRAMES`; the window has twice as many and
    /// one.
    pub reach_frames: usize,
}

impl Default for MedianSettings {
    /// A window of three, as in `Pose2Sim`.
    fn default() -> Self {
        Self { reach_frames: 1 }
    }
}

/// Parameters of the smoothing spline.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GcvSplineSettings {
    /// Frequency in hertz at which half of a movement is left; `None` (the default) leaves the choice to generalised
    /// cross-validation, for each coordinate by itself.
    pub cutoff_hz: Option<f64>,
}

impl Default for Filter {
    /// Butterworth, the one filter whose effect on every frequency a reader can look up.
    fn default() -> Self {
        Self::Butterworth(ButterworthSettings::default())
    }
}

impl Filter {
    /// Every filter with its usual parameters.
    pub fn all() -> [Self; 8] {
        [
            Self::None,
            Self::Butterworth(ButterworthSettings::default()),
            Self::OneEuro(OneEuroSettings::default()),
            Self::Kalman(KalmanSettings::default()),
            Self::Loess(LoessSettings::default()),
            Self::Gaussian(GaussianSettings::default()),
            Self::Median(MedianSettings::default()),
            Self::GcvSpline(GcvSplineSettings::default()),
        ]
    }

    /// The filter of a name with its usual parameters, if there is one.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::all().into_iter().find(|filter| filter.id() == id)
    }

    /// Stable name, as in files and parameters of a job.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Butterworth(_) => "butterworth",
            Self::OneEuro(_) => "one_euro",
            Self::Kalman(_) => "kalman",
            Self::Loess(_) => "loess",
            Self::Gaussian(_) => "gaussian",
            Self::Median(_) => "median",
            Self::GcvSpline(_) => "gcv_spline",
        }
    }

    /// Whether the filter is defined on even steps only, so that a variable frame rate must be resampled for it. The
    /// others use the true times or, as the median does, only the order of the frames.
    pub const fn needs_even_times(&self) -> bool {
        matches!(self, Self::Butterworth(_) | Self::Gaussian(_))
    }

    /// Checks that the parameters make sense, whatever the recording.
    ///
    /// # Errors
    ///
    /// [`MotionError::InvalidSettings`], naming the parameter.
    pub fn validate(&self) -> Result<(), MotionError> {
        match self {
            Self::None => Ok(()),
            Self::Butterworth(butterworth) => {
                above_0("cutoff_hz", butterworth.cutoff_hz)?;
                within("order", butterworth.order, 1, GREATEST_ORDER)
            }
            Self::OneEuro(one_euro) => {
                above_0("min_cutoff_hz", one_euro.min_cutoff_hz)?;
                above_0("derivative_cutoff_hz", one_euro.derivative_cutoff_hz)?;
                not_below_0("beta_per_px", one_euro.beta_per_px)?;
                not_below_0("beta_per_m", one_euro.beta_per_m)
            }
            Self::Kalman(KalmanSettings { trust_ratio }) if (1.0..=1e5).contains(trust_ratio) => Ok(()),
            Self::Kalman(KalmanSettings { trust_ratio }) => {
                invalid(format!("trust_ratio is {trust_ratio}, not in 1 to 100000"))
            }
            Self::Loess(loess) => {
                within("window_frames", loess.window_frames, 3, GREATEST_WINDOW_FRAMES)?;
                within("iterations", loess.iterations, 0, MOST_ITERATIONS)
            }
            Self::Gaussian(GaussianSettings { sigma_frames }) => {
                above_0("sigma_frames", *sigma_frames)?;
                if *sigma_frames > GREATEST_SIGMA_FRAMES {
                    return invalid(format!("sigma_frames is {sigma_frames}, above {GREATEST_SIGMA_FRAMES}"));
                }
                Ok(())
            }
            Self::Median(median) => within("reach_frames", median.reach_frames, 1, GREATEST_REACH_FRAMES),
            Self::GcvSpline(GcvSplineSettings { cutoff_hz }) => {
                cutoff_hz.map_or(Ok(()), |cutoff_hz| above_0("cutoff_hz", cutoff_hz))
            }
        }
    }
}

fn invalid(reason: String) -> Result<(), MotionError> {
    Err(MotionError::InvalidSettings(reason))
}

pub(crate) fn above_0(name: &str, value: f64) -> Result<(), MotionError> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        invalid(format!("{name} is {value}, not above 0"))
    }
}

fn not_below_0(name: &str, value: f64) -> Result<(), MotionError> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        invalid(format!("{name} is {value}, not 0 or above"))
    }
}

pub(crate) fn within(name: &str, value: usize, least: usize, greatest: usize) -> Result<(), MotionError> {
    if (least..=greatest).contains(&value) {
        Ok(())
    } else {
        invalid(format!("{name} is {value}, not in {least} to {greatest}"))
    }
}

impl fmt::Display for Filter {
    /// As a report says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Butterworth(ButterworthSettings { cutoff_hz, order }) => write!(
                f,
                "Butterworth low-pass at {cutoff_hz} Hz, order {order}, run forward and backward so that nothing is \
                 delayed"
            ),
            Self::OneEuro(one_euro) => write!(
                f,
                "one-euro, at {} Hz for what stands still and {} Hz more for each px/s ({} for each m/s), speed at {} Hz; \
                 it runs forward only, so fast movement is delayed",
                one_euro.min_cutoff_hz, one_euro.beta_per_px, one_euro.beta_per_m, one_euro.derivative_cutoff_hz
            ),
            Self::Kalman(KalmanSettings { trust_ratio }) => {
                write!(f, "Kalman smoother of constant acceleration, trust ratio {trust_ratio}")
            }
            Self::Loess(LoessSettings {
                window_frames,
                iterations,
            }) => {
                write!(f, "LOESS, lines through {window_frames} frames")?;
                match iterations {
                    0 => Ok(()),
                    1 => f.write_str(", repeated once against outliers"),
                    times => write!(f, ", repeated {times} times against outliers"),
                }
            }
            Self::Gaussian(GaussianSettings { sigma_frames }) => {
                write!(f, "Gaussian, standard deviation {sigma_frames} frames")
            }
            Self::Median(MedianSettings { reach_frames }) => {
                write!(f, "median of {} frames", 2 * reach_frames + 1)
            }
            Self::GcvSpline(GcvSplineSettings { cutoff_hz: None }) => {
                f.write_str("cubic smoothing spline, as smooth as generalised cross-validation finds right")
            }
            Self::GcvSpline(GcvSplineSettings {
                cutoff_hz: Some(cutoff_hz),
            }) => write!(
                f,
                "cubic smoothing spline with half of a movement left at {cutoff_hz} Hz"
            ),
        }
    }
}
