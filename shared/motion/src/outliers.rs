//! Outliers: single samples that stand out from their neighbours, as when a model takes one leg for the other for a
//! frame.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::MotionError;
use crate::filter::{GREATEST_REACH_FRAMES, middle};

/// How many times the median absolute deviation of a normal distribution is its standard deviation: 1 / Φ⁻¹(3/4).
const SIGMAS_PER_MAD: f64 = 1.4826;

/// The rule that tells outliers: a sample that lies farther from the median of its neighbourhood than a number of robust
/// standard deviations (Hampel 1974, "The influence curve and its role in robust estimation", JASA 69, 383–393; Davies
/// and Gather 1993, "The identification of multiple outliers", JASA 88, 782–792).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hampel {
    /// Samples seen on either side that a sample is compared with, in `1..=GREATEST_REACH_FRAMES`.
    pub reach_frames: usize,
    /// How many robust standard deviations (1.4826 times the median absolute deviation) a sample may lie from the median.
    pub sigmas: f64,
}

impl Default for Hampel {
    /// Three samples on either side and three standard deviations, as in Matlab's `hampel`; `Pose2Sim` has two.
    fn default() -> Self {
        Self {
            reach_frames: 3,
            sigmas: 3.0,
        }
    }
}

impl fmt::Display for Hampel {
    /// As a report says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Hampel, more than {} robust standard deviations from the median of {} frames",
            self.sigmas,
            2 * self.reach_frames + 1
        )
    }
}

impl Hampel {
    /// Checks that the parameters make sense.
    ///
    /// # Errors
    ///
    /// [`MotionError::InvalidSettings`], naming the parameter.
    pub fn validate(&self) -> Result<(), MotionError> {
        crate::filter::within("reach_frames", self.reach_frames, 1, GREATEST_REACH_FRAMES)?;
        crate::filter::above_0("sigmas", self.sigmas)
    }

    /// The places in a signal that hold outliers, in their order. A value with fewer than `reach_frames` others on either
    /// side is never one, nor is any where more than half of the neighbourhood have the same value, as the deviation is
    /// then zero: both as in `Pose2Sim`.
    pub fn outliers(&self, signal: &[f64]) -> Vec<usize> {
        let mut deviations = Vec::new();
        let mut is_outlier = |window: &[f64]| {
            let value = window[self.reach_frames];
            deviations.clear();
            deviations.extend_from_slice(window);
            let median = middle(&mut deviations);
            for deviation in &mut deviations {
                *deviation = (*deviation - median).abs();
            }
            let allowed = self.sigmas * SIGMAS_PER_MAD * middle(&mut deviations);
            allowed > 0.0 && (value - median).abs() > allowed
        };
        signal
            .windows(2 * self.reach_frames + 1)
            .enumerate()
            .filter(|(_, window)| is_outlier(window))
            .map(|(place, _)| place + self.reach_frames)
            .collect()
    }
}
