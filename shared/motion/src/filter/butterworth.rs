//! Zero-lag Butterworth low-pass filter: forward and backward over a signal, as `SciPy`'s `butter` and `filtfilt` do
//! it.

use crate::MotionError;

/// Greatest order of one pass. Above it the design is of no use for motion and its sections lose digits.
pub const GREATEST_ORDER: usize = 8;

/// A low-pass Butterworth filter for one sampling rate, as second-order sections of unit gain at rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Butterworth {
    sections: Vec<Section>,
    order: usize,
}

/// One second-order section, `(b0 + b1/z + b2/z²) / (1 + a1/z + a2/z²)`, and its state for a constant input of one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
    rest: [f64; 2],
}

impl Section {
    /// The state follows from the transposed direct form II with input and output one, which is what unit gain means.
    fn new(b: [f64; 3], a: [f64; 2]) -> Self {
        let second = b[2] - a[1];
        Self {
            b,
            a,
            rest: [b[1] - a[0] + second, second],
        }
    }
}

impl Butterworth {
    /// Designs the filter: the analogue prototype's pole pairs through the bilinear transform with pre-warped cut-off
    /// (Oppenheim and Schafer, Discrete-Time Signal Processing, 3rd ed., §7.2.2 and §7.2.3).
    ///
    /// `order` is that of one pass, so that the gain at `cutoff_hz` is 1/√2 for one pass and 1/2 for both.
    ///
    /// # Errors
    ///
    /// [`MotionError::InvalidSettings`] if the order is not in `1..=GREATEST_ORDER` or the cut-off is not between 0
    /// and half of `rate_hz`.
    pub fn lowpass(order: usize, cutoff_hz: f64, rate_hz: f64) -> Result<Self, MotionError> {
        if !(1..=GREATEST_ORDER).contains(&order) {
            return Err(MotionError::InvalidSettings(format!(
                "a filter of order {order} was asked for, 1 to {GREATEST_ORDER} are possible"
            )));
        }
        let sound = cutoff_hz.is_finite() && rate_hz.is_finite() && cutoff_hz > 0.0 && cutoff_hz < rate_hz / 2.0;
        if !sound {
            return Err(MotionError::InvalidSettings(format!(
                "a cut-off of {cutoff_hz} Hz is not between 0 and half of the {rate_hz} frames per second"
            )));
        }
        let warped = (std::f64::consts::PI * cutoff_hz / rate_hz).tan();
        let mut sections = Vec::with_capacity(order.div_ceil(2));
        for pair in 0..order / 2 {
            let angle = std::f64::consts::PI * (2 * pair + 1) as f64 / (2 * order) as f64;
            let damping = 2.0 * angle.sin() * warped;
            let norm = 1.0 / (1.0 + damping + warped * warped);
            let gain = warped * warped * norm;
            let a = [
                2.0 * (warped * warped - 1.0) * norm,
                (1.0 - damping + warped * warped) * norm,
            ];
            sections.push(Section::new([gain, 2.0 * gain, gain], a));
        }
        if order % 2 == 1 {
            let gain = warped / (1.0 + warped);
            sections.push(Section::new([gain, gain, 0.0], [(warped - 1.0) / (warped + 1.0), 0.0]));
        }
        Ok(Self { sections, order })
    }

    /// Length of the odd extension at either end in rows: three times the number of coefficients, `SciPy`'s default.
    pub fn padding(&self) -> usize {
        3 * (self.order + 1)
    }

    /// Filters the signal in place, forward and backward, so that nothing is delayed. The ends are extended by point
    /// reflection and the state starts at rest on the first extended value (Gustafsson's alternative is not used).
    ///
    /// Returns false and leaves the signal alone if it has no more than [`Self::padding`] rows, which is where
    /// `SciPy` fails.
    #[must_use = "a signal that is too short was not filtered"]
    pub fn filter_both_ways<const N: usize>(&self, signal: &mut [[f64; N]]) -> bool {
        if signal.len() <= self.padding() {
            return false;
        }
        match self.sections.as_slice() {
            [first] => both_ways(&[*first], self.padding(), signal),
            [first, second] => both_ways(&[*first, *second], self.padding(), signal),
            [first, second, third] => both_ways(&[*first, *second, *third], self.padding(), signal),
            [first, second, third, fourth] => {
                both_ways(&[*first, *second, *third, *fourth], self.padding(), signal);
            }
            _ => return false,
        }
        true
    }
}

/// The state of `S` sections in a row, for `N` signals at once.
struct Cascade<'a, const S: usize, const N: usize> {
    sections: &'a [Section; S],
    state: [[[f64; N]; 2]; S],
}

impl<'a, const S: usize, const N: usize> Cascade<'a, S, N> {
    /// At rest on a constant input; as every section has unit gain, each of them sees that same constant.
    fn at_rest(sections: &'a [Section; S], value: &[f64; N]) -> Self {
        let state = std::array::from_fn(|section| {
            std::array::from_fn(|delay| std::array::from_fn(|lane| sections[section].rest[delay] * value[lane]))
        });
        Self { sections, state }
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the state must stay in registers across the loop over the rows"
    )]
    fn step(&mut self, row: &mut [f64; N]) {
        for (section, state) in self.sections.iter().zip(&mut self.state) {
            for (lane, value) in row.iter_mut().enumerate() {
                let input = *value;
                let output = section.b[0] * input + state[0][lane];
                state[0][lane] = section.b[1] * input - section.a[0] * output + state[1][lane];
                state[1][lane] = section.b[2] * input - section.a[1] * output;
                *value = output;
            }
        }
    }
}

/// Only what is needed of the extended signal is kept: the reflection before the first row merely warms up the forward
/// pass, and the one after the last row is all that the backward pass starts from.
fn both_ways<const S: usize, const N: usize>(sections: &[Section; S], padding: usize, signal: &mut [[f64; N]]) {
    let last = signal.len() - 1;
    let reflect = |pivot: &[f64; N], row: &[f64; N]| std::array::from_fn(|lane| 2.0 * pivot[lane] - row[lane]);
    let mut tail = [[0.0; N]; 3 * (GREATEST_ORDER + 1)];
    let tail = &mut tail[..padding];
    for (offset, row) in tail.iter_mut().enumerate() {
        *row = reflect(&signal[last], &signal[last - 1 - offset]);
    }

    let mut forward = Cascade::at_rest(sections, &reflect(&signal[0], &signal[padding]));
    for index in (1..=padding).rev() {
        forward.step(&mut reflect(&signal[0], &signal[index]));
    }
    for row in signal.iter_mut().chain(tail.iter_mut()) {
        forward.step(row);
    }

    let mut backward = Cascade::at_rest(sections, &tail[padding - 1]);
    for row in signal.iter_mut().chain(tail.iter_mut()).rev() {
        backward.step(row);
    }
}
