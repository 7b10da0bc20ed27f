//! What a format does not keep of a recording, in sentences for whoever converts one.

use super::format::{Format, Units, WriteOptions};
use super::markers::is_even;
use crate::skeleton::Conversion;
use crate::{Recording, Space, Spaces};

/// What a format may not keep.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    /// More people than one.
    People,
    Visibility,
    Times,
    /// The picture's size.
    Size,
    /// Depth in the scale of the picture.
    Depth,
    /// How sure a person is one.
    Score,
}

/// What a format does not keep. Of angles nobody expects what only landmarks have.
const fn left_out(format: Format) -> &'static [Part] {
    use Part::{Depth, People, Score, Size, Times, Visibility};
    match format {
        Format::Parquet | Format::Json => &[],
        Format::Csv => &[Size],
        Format::Mot => &[People, Visibility],
        Format::Trc => &[People, Visibility, Size, Score],
        Format::C3d => &[People, Visibility, Times, Size, Score],
        Format::OpenPose => &[Times, Size, Depth, Score],
        Format::Coco => &[Visibility, Depth],
        Format::NeuroPose | Format::NeuroPoseResults => &[Visibility, Times, Depth],
    }
}

/// Of the spaces that a recording has, those that a format keeps.
pub(super) fn kept_spaces(format: Format, spaces: Spaces, units: Units) -> Spaces {
    match format {
        Format::Parquet | Format::Json | Format::Csv | Format::NeuroPose | Format::NeuroPoseResults => spaces,
        Format::OpenPose | Format::Coco => Spaces::Image,
        Format::Trc | Format::C3d | Format::Mot => match units {
            Units::Px => Spaces::Image,
            Units::M => Spaces::World,
        },
    }
}

/// What does not survive.
pub(super) fn losses(
    recording: &Recording,
    conversion: &Conversion,
    format: Format,
    options: &WriteOptions,
) -> Vec<String> {
    let loses = |part| left_out(format).contains(&part);
    let spaces = kept_spaces(format, recording.spaces, options.units);
    let mut lost = Vec::new();
    let names = conversion.lost();
    if !names.is_empty() {
        lost.push(format!(
            "Landmarks without a place in the skeleton: {}.",
            names.join(", ")
        ));
    }
    for (space, name) in [(Space::Image, "picture"), (Space::World, "world")] {
        if recording.spaces.has(space) && !spaces.has(space) {
            lost.push(format!("Positions in the {name}."));
        }
    }
    if loses(Part::Depth) && recording.spaces == Spaces::Both {
        lost.push("Depth in the scale of the picture.".to_owned());
    }
    if loses(Part::People) && recording.people.len() > 1 {
        lost.push(format!("{} other people.", recording.people.len() - 1));
    }
    if loses(Part::Visibility) {
        lost.push(visibility(format, options));
    }
    if loses(Part::Times) {
        lost.push(times(format, recording));
    }
    if loses(Part::Size) && recording.source.width_px > 0 {
        lost.push("The picture's size.".to_owned());
    }
    if loses(Part::Score) {
        lost.push("How sure the model was that a person is one.".to_owned());
    }
    if !matches!(format, Format::Parquet | Format::Json) {
        lost.push("The model's hash.".to_owned());
    }
    lost
}

fn visibility(format: Format, options: &WriteOptions) -> String {
    match format {
        Format::Trc | Format::C3d => format!(
            "Visibility: landmarks below {} are missing, the others count as seen.",
            options.minimum_visibility
        ),
        Format::Coco => "Visibility, but for whether it is 0, below 0.5, or more.".to_owned(),
        Format::Mot => "The landmarks: angles were measured with the default settings.".to_owned(),
        _ => "Visibility: landmarks above 0 count as seen.".to_owned(),
    }
}

fn times(format: Format, recording: &Recording) -> String {
    match format {
        Format::C3d if !is_even(&recording.time_s) => {
            "Frame times: unevenly spaced frames were resampled at their mean rate, on straight lines.".to_owned()
        }
        Format::OpenPose => "Frame times.".to_owned(),
        _ if is_even(&recording.time_s) => {
            "The time of the first frame: the format has a rate and no times.".to_owned()
        }
        _ => "Frame times: frames are unevenly spaced, and the format has their mean rate only.".to_owned(),
    }
}
