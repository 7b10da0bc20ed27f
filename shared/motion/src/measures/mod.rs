//! Measures: numbers that sum a movement up, each with its confidence or the reason why it is not given.
//!
//! docs/MEASURES.md has the table of all of them: definition, unit, sign, source, condition, and how each was checked.

pub(crate) mod gait;
pub(crate) mod jumps;
pub(crate) mod range;
pub(crate) mod squat;
pub(crate) mod sway;

use crate::{Measure, Outcome, Side};

/// One occurrence of what is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) value: f64,
    /// Trust in it in `0..=1`.
    pub(crate) confidence: f64,
}

/// What a measure is, without its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) id: &'static str,
    pub(crate) label: &'static str,
    pub(crate) unit: &'static str,
}

impl Kind {
    pub(crate) const fn new(id: &'static str, label: &'static str, unit: &'static str) -> Self {
        Self { id, label, unit }
    }

    pub(crate) fn measure(self, side: Option<Side>, method: &str, outcome: Outcome) -> Measure {
        Measure {
            id: self.id.to_owned(),
            label: self.label.to_owned(),
            side,
            unit: self.unit.to_owned(),
            method: method.to_owned(),
            outcome,
        }
    }

    /// The mean of the samples, or the reason why there are none.
    pub(crate) fn of(self, side: Option<Side>, method: &str, samples: &[Sample], otherwise: &str) -> Measure {
        let outcome = mean(samples).unwrap_or_else(|| withheld(otherwise));
        self.measure(side, method, outcome)
    }
}

pub(crate) fn withheld(reason: &str) -> Outcome {
    Outcome::Withheld {
        reason: reason.to_owned(),
    }
}

/// Mean, standard deviation (n − 1) and count of the samples. The confidence is their mean confidence times `n / (n + 1)`:
/// once is half as sure as often, since movement differs from time to time. `None` for no sample, or where a value is not a
/// number.
pub(crate) fn mean(samples: &[Sample]) -> Option<Outcome> {
    let count = samples.len() as f64;
    let value = samples.iter().map(|sample| sample.value).sum::<f64>() / count;
    let confidence = samples.iter().map(|sample| sample.confidence).sum::<f64>() / count;
    let squares: f64 = samples.iter().map(|sample| (sample.value - value).powi(2)).sum();
    value.is_finite().then(|| Outcome::Given {
        value,
        sd: (samples.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
        count: samples.len(),
        confidence: (confidence * count / (count + 1.0)).clamp(0.0, 1.0),
    })
}

/// A value that is of the whole recording, not a mean of occurrences; withheld if it is not a number.
pub(crate) fn single(value: f64, confidence: f64) -> Outcome {
    if !value.is_finite() || confidence.is_nan() {
        return withheld("what was seen does not determine it");
    }
    Outcome::Given {
        value,
        sd: None,
        count: 1,
        confidence: confidence.clamp(0.0, 1.0),
    }
}
