//! A few numbers that say what an analysis found, small enough for a row of a table.

use serde::{Deserialize, Serialize};

use crate::{Analysis, Angle, AngleKind, AngleSeries, PersonAnalysis, Space, View};

/// More people than this are counted but not listed.
pub const MOST_PEOPLE: usize = 10;

/// What an analysis found. Degrees and shares are rounded to what a reader can use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// From the first frame to the last, in seconds.
    pub duration_s: f64,
    /// Number of frames.
    pub frames: usize,
    /// Number of people found.
    pub people_found: usize,
    /// The people seen in most frames, at most [`MOST_PEOPLE`], in the order of the analysis.
    pub people: Vec<PersonSummary>,
    /// The notes of the analysis.
    pub notes: Vec<String>,
}

/// What an analysis found out about one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonSummary {
    /// Identity within the recording.
    pub id: u32,
    /// In how many frames the model found the person.
    pub frames_seen: usize,
    /// From where the camera saw the person, if that is known.
    pub view: Option<View>,
    /// Median angle between the person's sagittal plane and the image plane in degrees, to one decimal.
    pub deviation_deg: Option<f64>,
    /// The main angles that have a value, in the image, or in the world of a recording that has no image: those of the joints without the
    /// wrist, and the trunk.
    pub angles: Vec<AngleSummary>,
}

/// The range of one angle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AngleSummary {
    /// Name of the series, such as `left_knee_flexion_image`.
    pub id: String,
    /// Name for people, such as `Left knee flexion`.
    pub label: String,
    /// Smallest value in degrees, to one decimal.
    pub minimum_deg: f64,
    /// Greatest value in degrees, to one decimal.
    pub maximum_deg: f64,
    /// Greatest less smallest value in degrees, to one decimal.
    pub range_of_motion_deg: f64,
    /// Share of the frames in which the person is seen that have a value, to three decimals.
    pub coverage: f64,
}

impl Summary {
    /// Sums up an analysis.
    pub fn of(analysis: &Analysis) -> Self {
        let mut most_seen: Vec<&PersonAnalysis> = analysis.people.iter().collect();
        most_seen.sort_by_key(|person| std::cmp::Reverse(person.frames_seen));
        most_seen.truncate(MOST_PEOPLE);
        let listed = |person: &&PersonAnalysis| most_seen.iter().any(|seen| seen.id == person.id);
        let duration_s = match analysis.time_s.as_slice() {
            [first, .., last] => last - first,
            _ => 0.0,
        };
        let space = if analysis.spaces.has(Space::Image) {
            Space::Image
        } else {
            Space::World
        };
        Self {
            duration_s: rounded(duration_s, 1e3),
            frames: analysis.time_s.len(),
            people_found: analysis.people.len(),
            people: (analysis.people.iter().filter(listed))
                .map(|person| PersonSummary::of(person, space))
                .collect(),
            notes: analysis.notes.clone(),
        }
    }
}

impl PersonSummary {
    fn of(person: &PersonAnalysis, space: Space) -> Self {
        let main = |series: &&AngleSeries| {
            let is_joint = series.angle.kind() == AngleKind::Joint && series.angle != Angle::WristFlexion;
            series.space == space && (is_joint || series.angle == Angle::Trunk)
        };
        Self {
            id: person.id,
            frames_seen: person.frames_seen,
            view: person.camera_plane.map(|plane| plane.view),
            deviation_deg: person.camera_plane.map(|plane| rounded(plane.deviation_deg, 10.0)),
            angles: person.angles.iter().filter(main).filter_map(AngleSummary::of).collect(),
        }
    }
}

impl AngleSummary {
    fn of(series: &AngleSeries) -> Option<Self> {
        let range = series.range?;
        Some(Self {
            id: series.id(),
            label: series.label(),
            minimum_deg: rounded(range.minimum_deg, 10.0),
            maximum_deg: rounded(range.maximum_deg, 10.0),
            range_of_motion_deg: rounded(range.range_of_motion_deg(), 10.0),
            coverage: rounded(range.coverage, 1e3),
        })
    }
}

/// Rounded to whole parts of one; never -0.
fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts + 0.0
}
