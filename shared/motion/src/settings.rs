//! How a recording is cleaned before angles are computed.

use serde::{Deserialize, Deserializer, Serialize};

use crate::filter::{ButterworthSettings, Filter};
use crate::gaps::GapCurve;
use crate::outliers::Hampel;
use crate::{GaitMethod, MotionError, Selection, View};

/// How a recording is cleaned before angles are computed.
///
/// Files of layout version 1 hold `cutoff_hz` and `order` in the place of `filter`; they are read as the Butterworth filter
/// that they meant, or as none where `cutoff_hz` is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Settings {
    /// Landmarks whose visibility is below this count as missing, in `0..=1`; those with a visibility of 0 always do.
    pub minimum_visibility: f32,
    /// How outliers are told, which count as missing too; `None` (the default) keeps every landmark that is visible.
    pub outliers: Option<Hampel>,
    /// Gaps up to this long are filled, in seconds; longer ones stay gaps.
    pub longest_gap_s: f64,
    /// What short gaps are filled with.
    pub gap_curve: GapCurve,
    /// What takes the jitter out of what is left.
    pub filter: Filter,
    /// What is known of the person; of everybody, where there are several.
    pub subject: Subject,
    /// How many pixels a metre is long at the person, where something of known length stands there; else the scale
    /// comes from the person's height.
    pub px_per_m: Option<f64>,
    /// By which published method heel strikes and toe offs are found.
    pub gait_events: GaitMethod,
    /// Who is analysed, where there are several.
    pub person: Selection,
    /// Whether legs and arms whose sides the model exchanged for some frames are put right first; see [`crate::swap`]. Not by default:
    /// on real footage a repair can be wrong itself (docs/PEOPLE.md).
    pub repair_swaps: bool,
    /// From where the camera looks, for recordings with positions in the picture only: nothing in them tells it, and what can be read from
    /// the picture depends on it. Where there is depth, that tells it, frame by frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

/// How many pixels a metre may be long: from a person as small as a pixel to a fingertip that fills the picture.
const PX_PER_M: std::ops::RangeInclusive<f64> = 0.1..=1e6;

/// What is known of the person who moves.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Subject {
    /// Standing height in metres, with the shoes that are worn; `None` if nobody told.
    pub height_m: Option<f64>,
    /// Whose proportions and segment masses are assumed.
    pub sex: Sex,
}

impl Subject {
    /// Heights in metres that a person may have: from an infant that stands to the tallest who ever lived.
    pub const HEIGHTS_M: std::ops::RangeInclusive<f64> = 0.4..=2.8;
}

/// Whose mean proportions and segment masses are assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// Those in the middle between women's and men's.
    #[default]
    Mean,
    /// Women's.
    Female,
    /// Men's.
    Male,
}

impl Default for Settings {
    /// As [`Filter`] has it, after gaps of a fifth of a second. Outliers stay: at the rates of video no rule tells a bad
    /// frame from the first one of a fast movement, and visibility has sorted out most of the bad ones.
    fn default() -> Self {
        Self {
            minimum_visibility: 0.3,
            outliers: None,
            longest_gap_s: 0.2,
            gap_curve: GapCurve::default(),
            filter: Filter::default(),
            subject: Subject::default(),
            px_per_m: None,
            gait_events: GaitMethod::default(),
            person: Selection::All,
            repair_swaps: false,
            view: None,
        }
    }
}

impl Settings {
    /// Checks that the settings make sense, whatever the recording.
    ///
    /// # Errors
    ///
    /// [`MotionError::InvalidSettings`], naming the setting.
    pub fn validate(&self) -> Result<(), MotionError> {
        let invalid = |reason: String| Err(MotionError::InvalidSettings(reason));
        if !(0.0..=1.0).contains(&self.minimum_visibility) {
            return invalid(format!(
                "minimum_visibility is {}, not in 0 to 1",
                self.minimum_visibility
            ));
        }
        if !self.longest_gap_s.is_finite() || self.longest_gap_s < 0.0 {
            return invalid(format!("longest_gap_s is {}, not a duration", self.longest_gap_s));
        }
        if let Some(outliers) = &self.outliers {
            outliers.validate()?;
        }
        let heights_m = Subject::HEIGHTS_M;
        if let Some(height_m) = self.subject.height_m.filter(|height_m| !heights_m.contains(height_m)) {
            return invalid(format!(
                "height_m is {height_m}, not a person's height in metres ({} to {})",
                heights_m.start(),
                heights_m.end()
            ));
        }
        if let Some(px_per_m) = self.px_per_m.filter(|px_per_m| !PX_PER_M.contains(px_per_m)) {
            return invalid(format!(
                "px_per_m is {px_per_m}, not in {} to {}",
                PX_PER_M.start(),
                PX_PER_M.end()
            ));
        }
        self.filter.validate()
    }
}

/// Settings as files of any layout version hold them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::option_option,
    reason = "files of version 1 tell `null` from a field that is not there"
)]
struct Stored {
    minimum_visibility: Option<f32>,
    outliers: Option<Hampel>,
    longest_gap_s: Option<f64>,
    gap_curve: Option<GapCurve>,
    filter: Option<Filter>,
    subject: Option<Subject>,
    px_per_m: Option<f64>,
    gait_events: Option<GaitMethod>,
    person: Option<Selection>,
    repair_swaps: Option<bool>,
    view: Option<View>,
    /// Until layout version 1; `null` meant that nothing was filtered.
    #[serde(default, deserialize_with = "even_null")]
    cutoff_hz: Option<Option<f64>>,
    /// Until layout version 1.
    order: Option<usize>,
}

/// Tells `null` from a field that is not there.
#[expect(clippy::option_option, reason = "that is what it is for")]
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl TryFrom<Stored> for Settings {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let defaults = Self::default();
        let butterworth = ButterworthSettings::default();
        let filter = match (stored.filter, stored.cutoff_hz, stored.order) {
            (filter, None, None) => filter.unwrap_or(defaults.filter),
            (Some(_), ..) => return Err("`cutoff_hz` and `order` belong into `filter`"),
            (None, Some(None), _) => Filter::None,
            (None, cutoff_hz, order) => Filter::Butterworth(ButterworthSettings {
                cutoff_hz: cutoff_hz.flatten().unwrap_or(butterworth.cutoff_hz),
                order: order.unwrap_or(butterworth.order),
            }),
        };
        Ok(Self {
            minimum_visibility: stored.minimum_visibility.unwrap_or(defaults.minimum_visibility),
            outliers: stored.outliers,
            longest_gap_s: stored.longest_gap_s.unwrap_or(defaults.longest_gap_s),
            gap_curve: stored.gap_curve.unwrap_or_default(),
            filter,
            subject: stored.subject.unwrap_or_default(),
            px_per_m: stored.px_per_m,
            gait_events: stored.gait_events.unwrap_or_default(),
            person: stored.person.unwrap_or(defaults.person),
            repair_swaps: stored.repair_swaps.unwrap_or(defaults.repair_swaps),
            view: stored.view,
        })
    }
}
