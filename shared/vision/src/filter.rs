//! Smooths what changes from frame to frame.
//!
//! The one-euro filter (Casiez, Roussel & Vogel 2012, "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input
//! in Interactive Systems", CHI) as MediaPipe has it: still things are smoothed strongly, fast things hardly at all.

use std::f64::consts::TAU;

/// Frequency that is assumed until two frames are known, in hertz.
const INITIAL_FREQUENCY_HZ: f64 = 30.0;
/// Cut-off frequency of the speed's own smoothing, in hertz.
const DERIVATIVE_CUTOFF_HZ: f64 = 1.0;

/// Exponential smoothing of several values at once with one constant.
#[derive(Debug, Clone)]
pub struct LowPass {
    alpha: f64,
    state: Vec<f64>,
}

impl LowPass {
    /// `alpha` is the weight of the newest value in `0..=1`.
    pub fn new(alpha: f64) -> Self {
        Self {
            alpha,
            state: Vec::new(),
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.state.clear();
    }

    /// Smooths the values in place; the first ones, and any of another number, stay as they are.
    pub fn apply(&mut self, values: &mut [f64]) {
        if self.state.len() != values.len() {
            self.state.clear();
            self.state.extend_from_slice(values);
            return;
        }
        for (state, value) in self.state.iter_mut().zip(values) {
            *state = self.alpha * *value + (1.0 - self.alpha) * *state;
            *value = *state;
        }
    }
}

/// The one-euro filter for several values at once.
#[derive(Debug, Clone)]
pub struct OneEuro {
    min_cutoff_hz: f64,
    speed_coefficient: f64,
    time_s: Option<f64>,
    frequency_hz: f64,
    channels: Vec<Channel>,
}

#[derive(Debug, Clone, Copy)]
struct Channel {
    raw: f64,
    smooth: f64,
    speed: f64,
}

impl OneEuro {
    /// `min_cutoff_hz` is the cut-off frequency for what stands still; `speed_coefficient` (beta) is how much it rises
    /// with speed, in hertz per unit and second.
    pub fn new(min_cutoff_hz: f64, speed_coefficient: f64) -> Self {
        Self {
            min_cutoff_hz,
            speed_coefficient,
            time_s: None,
            frequency_hz: INITIAL_FREQUENCY_HZ,
            channels: Vec::new(),
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.time_s = None;
        self.frequency_hz = INITIAL_FREQUENCY_HZ;
        self.channels.clear();
    }

    /// Smooths the values of one frame in place. `scale` turns the values' unit into the unit in which speeds are
    /// judged, for instance 1 divided by the size of the person. The first values, and any of another number, stay as
    /// they are; so do values that come no later than the ones before.
    ///
    /// The speed is that of the raw values, as in MediaPipe, not that of the smoothed ones, as in the article.
    pub fn apply(&mut self, values: &mut [f64], time_s: f64, scale: f64) {
        if self.channels.len() != values.len() {
            self.reset();
        }
        if let Some(previous_s) = self.time_s {
            if time_s <= previous_s {
                return;
            }
            self.frequency_hz = 1.0 / (time_s - previous_s);
        }
        self.time_s = Some(time_s);
        if self.channels.is_empty() {
            self.channels.extend(values.iter().map(|&value| Channel {
                raw: value,
                smooth: value,
                speed: 0.0,
            }));
            return;
        }
        let frequency_hz = self.frequency_hz;
        let speed_alpha = newest_weight(frequency_hz, DERIVATIVE_CUTOFF_HZ);
        for (value, channel) in values.iter_mut().zip(&mut self.channels) {
            let speed = (*value - channel.raw) * scale * frequency_hz;
            channel.raw = *value;
            channel.speed += speed_alpha * (speed - channel.speed);
            let cutoff_hz = self.min_cutoff_hz + self.speed_coefficient * channel.speed.abs();
            channel.smooth += newest_weight(frequency_hz, cutoff_hz) * (*value - channel.smooth);
            *value = channel.smooth;
        }
    }
}

/// Weight of the newest value in exponential smoothing with a cut-off frequency.
fn newest_weight(frequency_hz: f64, cutoff_hz: f64) -> f64 {
    1.0 / (1.0 + frequency_hz / (TAU * cutoff_hz))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what must not change must be the same to the bit")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(filter: &mut OneEuro, values: &[f64]) -> Vec<f64> {
        values
            .iter()
            .enumerate()
            .map(|(frame, &value)| {
                let mut values = [value];
                filter.apply(&mut values, frame as f64 / 30.0, 1.0);
                values[0]
            })
            .collect()
    }

    #[test]
    fn the_second_value_is_the_one_of_the_formulas() {
        let found = run(&mut OneEuro::new(0.05, 80.0), &[0.0, 1.0]);
        // By hand: 30 Hz, speed 30 smoothed from 0 with 1/(1 + 30/2π), cut-off 0.05 + 80·that.
        let speed = 30.0 / (1.0 + 30.0 / TAU);
        let expected = 1.0 / (1.0 + 30.0 / (TAU * (0.05 + 80.0 * speed)));
        assert!((found[1] - expected).abs() < 1e-12);
    }

    #[test]
    fn jitter_is_damped_and_movement_is_followed() {
        let jitter: Vec<f64> = (0..60).map(|frame| f64::from(frame % 2) * 0.001).collect();
        let still = run(&mut OneEuro::new(0.01, 10.0), &jitter);
        assert!((still[59] - still[58]).abs() < 0.0002);
        let ramp: Vec<f64> = (0..60).map(|frame| f64::from(frame) * 0.1).collect();
        let moving = run(&mut OneEuro::new(0.05, 80.0), &ramp);
        assert!((moving[59] - ramp[59]).abs() < 0.01);
    }

    #[test]
    fn a_frame_that_is_not_later_changes_nothing() {
        let mut filter = OneEuro::new(0.05, 80.0);
        filter.apply(&mut [1.0], 1.0, 1.0);
        let mut again = [5.0];
        filter.apply(&mut again, 1.0, 1.0);
        assert_eq!(again, [5.0]);
        let mut later = [1.0];
        filter.apply(&mut later, 1.1, 1.0);
        assert_eq!(later, [1.0]);
    }

    #[test]
    fn low_pass_moves_by_its_share() {
        let mut filter = LowPass::new(0.1);
        filter.apply(&mut [1.0]);
        let mut second = [2.0];
        filter.apply(&mut second);
        assert!((second[0] - 1.1).abs() < 1e-12);
        filter.reset();
        let mut fresh = [7.0];
        filter.apply(&mut fresh);
        assert_eq!(fresh, [7.0]);
    }

    proptest! {
        #[test]
        fn smoothing_never_leaves_the_range_of_its_input(values in prop::collection::vec(-100.0..100.0_f64, 1..50)) {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for value in run(&mut OneEuro::new(0.05, 80.0), &values) {
                prop_assert!((low - 1e-9..=high + 1e-9).contains(&value));
            }
        }
    }
}
