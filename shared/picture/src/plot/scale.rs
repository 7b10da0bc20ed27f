//! Axes: ranges, round ticks, and their texts.

/// From values to pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Pixel of `low`.
    pub(crate) from: f64,
    /// Pixel of `high`.
    pub(crate) to: f64,
}

impl Scale {
    pub(crate) fn pixel(self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }
}

const DEGREE_STEPS: [f64; 12] = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 180.0, 360.0];
const SECOND_STEPS: [f64; 19] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
];

/// The smallest of `steps` with which `span` takes at most `count` of them, or a multiple of the last.
fn step(steps: &[f64], span: f64, count: f64) -> f64 {
    let wanted = span / count;
    let last = steps.last().copied().unwrap_or(1.0);
    steps
        .iter()
        .copied()
        .find(|step| *step >= wanted)
        .unwrap_or_else(|| (wanted / last).ceil() * last)
}

/// The multiples of `step` from `low` to `high`.
fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|index| index as f64 * step).collect()
}

/// A range of degrees that holds the values, begins and ends on a tick, and never blows up noise: at least 20 degrees.
pub(crate) fn degrees(low: f64, high: f64) -> (f64, f64, Vec<f64>) {
    let spare = ((20.0 - (high - low)) / 2.0).max(0.0);
    let (low, high) = (low - spare, high + spare);
    let step = step(&DEGREE_STEPS, high - low, 4.0);
    let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
    (low, high, multiples(low, high, step))
}

/// Round moments between two times, at most `count` apart from the first.
pub(crate) fn seconds(start_s: f64, end_s: f64, count: f64) -> Vec<f64> {
    multiples(start_s, end_s, step(&SECOND_STEPS, end_s - start_s, count))
}

/// A tick of the time axis: seconds with as many decimals as the ticks need, minutes for long recordings.
pub(crate) fn time_text(time_s: f64, ticks: &[f64]) -> String {
    let spacing = ticks
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(f64::INFINITY, f64::min);
    let last = ticks.last().copied().unwrap_or(0.0);
    if last >= 120.0 && spacing >= 1.0 {
        let whole = time_s.round() as i64;
        return format!("{}:{:02}", whole / 60, (whole % 60).abs());
    }
    if spacing >= 1.0 {
        format!("{time_s:.0} s")
    } else if spacing >= 0.095 {
        format!("{time_s:.1} s")
    } else {
        format!("{time_s:.2} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_values() {
        assert_eq!(
            degrees(-2.0, 61.0),
            (-20.0, 80.0, vec![-20.0, 0.0, 20.0, 40.0, 60.0, 80.0])
        );
        let (low, high, ticks) = degrees(5.0, 5.0);
        assert!(
            low <= -5.0 && high >= 15.0 && ticks.len() >= 3,
            "{low} {high} {ticks:?}"
        );
        assert_eq!(seconds(0.0, 3.3, 5.0), vec![0.0, 1.0, 2.0, 3.0]);
        assert_eq!(seconds(10.0, 10.31, 5.0).len(), 4);
    }

    #[test]
    fn a_day_of_video_still_has_few_ticks() {
        let ticks = seconds(0.0, 86_400.0, 6.0);
        assert!(ticks.len() <= 7, "{ticks:?}");
        assert_eq!(time_text(ticks[1], &ticks), "240:00");
        assert_eq!(time_text(0.5, &[0.0, 0.5, 1.0]), "0.5 s");
    }
}
