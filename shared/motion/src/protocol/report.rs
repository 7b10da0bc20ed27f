//! The report of an analysis: what was asked, of what, by which program, and what came out.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::Protocol;
use crate::findings::Repetitions;
use crate::{Model, MotionError};

/// Version of the layout of [`Report`]. Raise it when a reader of the old layout would misread the new one.
pub const REPORT_SCHEMA_VERSION: u32 = 1;

/// Everything that an analysis file led to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of this layout.
    pub schema_version: u32,
    /// Version of Marey that wrote it.
    pub marey_version: String,
    /// When, as the caller told it.
    pub created_at: String,
    /// Seed of everything random. Nothing in these analyses is, so it is `None`; it is here so that a reader need not guess.
    pub seed: Option<u64>,
    /// What the file asked for, with all defaults filled in.
    pub config: Protocol,
    /// The recording.
    pub primary: InputSummary,
    /// What it was compared with.
    pub reference: Option<InputSummary>,
    /// The recording's segments by name.
    pub segmentations: BTreeMap<String, Repetitions>,
    /// The reference's segments by name.
    pub reference_segmentations: BTreeMap<String, Repetitions>,
    /// What was measured.
    pub results: Results,
    /// Sentences for a reader: what was left out, and why.
    pub notes: Vec<String>,
}

/// A recording that was analysed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InputSummary {
    /// Its name, as it was called for.
    pub name: String,
    /// SHA-256 of its file in lower-case hexadecimal.
    pub sha256: String,
    /// The model that found the landmarks.
    pub model: Model,
    /// Number of frames.
    pub frames: usize,
    /// From the first frame to the last in seconds.
    pub duration_s: f64,
    /// The number of the person who was measured.
    pub person: u32,
    /// In how many frames the person was seen.
    pub frames_seen: usize,
    /// Notes of the recording's analysis.
    pub notes: Vec<String>,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Results {
    /// Nothing beyond the segments.
    None,
    /// A signal in each segment.
    Stats {
        /// The signal's name.
        signal: String,
        /// Its unit.
        unit: String,
        /// One for each segment in which the signal has a value.
        segments: Vec<Statistics>,
    },
    /// Differences from the reference.
    Dtw {
        /// The distances' unit: `rad`, `px` or `m`, summed over the path's steps.
        unit: String,
        /// One for each pair of segments.
        pairs: Vec<Pair>,
        /// Over all pairs; `None` where there is none.
        summary: Option<Distances>,
    },
}

/// A signal over one segment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// The segment, such as `left_heel_strikes[3]`, or `full_trial`.
    pub label: String,
    /// What the values are like.
    #[serde(flatten)]
    pub spread: Spread,
}

/// Mean, spread and extremes of some values, as `NeuroPose` gives them: each frame counts the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Number of frames with a value.
    pub frames: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation of the values themselves (divided by n, not n − 1).
    pub sd: f64,
    /// Smallest value.
    pub minimum: f64,
    /// Greatest value.
    pub maximum: f64,
    /// Greatest less smallest value.
    pub range: f64,
}

impl Spread {
    /// Of values, or `None` if there is none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let frames = values.len();
        if frames == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / frames as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let minimum = values.iter().copied().fold(f64::INFINITY, f64::min);
        let maximum = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Self {
            frames,
            mean,
            sd: (squares / frames as f64).sqrt(),
            minimum,
            maximum,
            range: maximum - minimum,
        })
    }
}

/// How far a segment is from its counterpart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The segments, such as `left_heel_strikes[3]`, or `full_trial`.
    pub label: String,
    /// Cost of the best path; over all landmarks or angles where each has its own.
    pub distance: f64,
    /// Cost per step of the path; the mean over all landmarks or angles where each has its own path.
    pub mean_cost: f64,
    /// Frames that belong together, counted from each segment's first. Empty where each landmark or angle has its own path.
    pub path: Vec<(usize, usize)>,
    /// The distance of each landmark or angle; empty where they have one path.
    pub per_joint: BTreeMap<String, f64>,
}

/// Distances over all pairs. Percentiles are interpolated linearly between the nearest ranks, as numpy does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distances {
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

impl Distances {
    /// Of distances, or `None` if there is none.
    pub fn of(distances: &[f64]) -> Option<Self> {
        let mut sorted = distances.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let percentile = |share: f64| {
            let place = share * last as f64;
            let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            below + place.fract() * (above - below)
        };
        Some(Self {
            mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
            p50: percentile(0.5),
            p95: percentile(0.95),
            p99: percentile(0.99),
        })
    }
}

impl Report {
    /// The report as JSON.
    ///
    /// # Errors
    ///
    /// [`MotionError::Encoding`] if it cannot be written.
    pub fn to_json(&self) -> Result<String, MotionError> {
        serde_json::to_string_pretty(self).map_err(|error| MotionError::Encoding(error.to_string()))
    }

    /// The report as text for people: one line for each segment and result.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "Analysis of {} by Marey {}, {}",
            self.primary.name, self.marey_version, self.created_at
        );
        for (what, input) in [
            ("Recording", Some(&self.primary)),
            ("Reference", self.reference.as_ref()),
        ] {
            let Some(input) = input else { continue };
            let _ = writeln!(
                text,
                "{what}: {} frames, {:.1} s, person {} seen in {}, model {}, SHA-256 {}",
                input.frames, input.duration_s, input.person, input.frames_seen, input.model.name, input.sha256
            );
        }
        for (name, found) in &self.segmentations {
            let _ = writeln!(text, "\n{name}: {} segments of {}", found.segments.len(), found.signal);
            for (index, one) in found.segments.iter().enumerate() {
                let partial = if one.whole { "" } else { ", partial" };
                let _ = writeln!(
                    text,
                    "  [{index}] {:.3} to {:.3} s, peak at {:.3} s, {:.3} s long{partial}",
                    one.start_s,
                    one.end_s,
                    one.peak_s,
                    one.duration_s()
                );
            }
            for sentence in found.withheld.iter().chain(&found.notes) {
                let _ = writeln!(text, "  {sentence}");
            }
        }
        self.results.write(&mut text);
        for note in self.notes.iter().chain(&self.primary.notes) {
            let _ = writeln!(text, "\nNote: {note}");
        }
        for note in self.reference.iter().flat_map(|reference| &reference.notes) {
            let _ = writeln!(text, "\nNote on the reference: {note}");
        }
        text
    }
}

impl Results {
    fn write(&self, text: &mut String) {
        match self {
            Self::None => {}
            Self::Stats { signal, unit, segments } => {
                let _ = writeln!(
                    text,
                    "\n{signal} in {unit}: mean, standard deviation, least, greatest, range"
                );
                for one in segments {
                    let Spread {
                        mean,
                        sd,
                        minimum,
                        maximum,
                        range,
                        ..
                    } = one.spread;
                    let _ = writeln!(
                        text,
                        "  {}: {mean:.3}, {sd:.3}, {minimum:.3}, {maximum:.3}, {range:.3}",
                        one.label
                    );
                }
            }
            Self::Dtw { unit, pairs, summary } => {
                let _ = writeln!(
                    text,
                    "\nDifference from the reference in {unit}: sum over the path, mean per step"
                );
                for pair in pairs {
                    let _ = writeln!(text, "  {}: {:.4}, {:.4}", pair.label, pair.distance, pair.mean_cost);
                }
                if let Some(Distances { mean, p50, p95, p99 }) = summary {
                    let _ = writeln!(text, "  all: mean {mean:.4}, p50 {p50:.4}, p95 {p95:.4}, p99 {p99:.4}");
                }
            }
        }
    }
}
