//! Recordings to C3D files.

use super::super::format::{Units, WriteOptions};
use super::super::markers::{Track, is_even};
use super::super::resample::evenly;
use super::{BLOCK, FULL, INTEL, KEY, malformed};
use crate::{MotionError, Recording};

/// Millimetres in a metre: what programs of laboratories expect.
const MM_PER_M: f32 = 1000.0;

/// The group of a parameter.
#[derive(Clone, Copy)]
enum Group {
    Point = 1,
    Analog = 2,
    Trial = 3,
    Manufacturer = 4,
}

/// Writes one person's landmarks from the world as points in millimetres.
///
/// C3D has a constant rate: frames that are unevenly spaced are resampled at their mean rate, see [`super::super::resample`].
/// Landmarks less visible than [`WriteOptions::minimum_visibility`] have a residual of -1.
///
/// # Errors
///
/// [`MotionError::SpaceMissing`] for pixels or without a world, [`MotionError::NoSuchPerson`], or
/// [`MotionError::InvalidRecording`].
pub fn recording_to_c3d(recording: &Recording, options: &WriteOptions) -> Result<Vec<u8>, MotionError> {
    if options.units == Units::Px {
        return Err(MotionError::UnsupportedFile(
            "C3D holds lengths and no pixels".to_owned(),
        ));
    }
    recording.validate()?;
    let resampled = (!is_even(&recording.time_s)).then(|| evenly(recording));
    let track = Track::of(resampled.as_ref().unwrap_or(recording), options)?;
    let (names, frames, rate_hz) = (track.names(), track.time_s().len(), track.rate_hz() as f32);
    let parameters = parameters(&names, frames, rate_hz);
    let data_block = 2 + parameters.len() / BLOCK;
    let mut c3d = header(names.len(), frames, rate_hz, data_block);
    c3d.extend(parameters);
    debug_assert_eq!(c3d.len(), (data_block - 1) * BLOCK);
    c3d.reserve(frames * names.len() * 16);
    for frame in 0..frames {
        for position in track.positions(frame) {
            let [x, y, z] = position.unwrap_or_default().map(|value| value * MM_PER_M);
            let residual = if position.is_some() { 0.0 } else { -1.0 };
            for value in [x, y, z, residual] {
                c3d.extend(value.to_le_bytes());
            }
        }
    }
    c3d.resize(c3d.len().next_multiple_of(BLOCK), 0);
    // A number that is too great for millimetres would be written as none.
    recording_is_within(recording)?;
    Ok(c3d)
}

fn recording_is_within(recording: &Recording) -> Result<(), MotionError> {
    let poses = recording.people.iter().flat_map(|person| person.poses.iter().flatten());
    let mut points = poses.flat_map(|pose| &pose.points);
    let fits = |value: f32| (value * MM_PER_M).is_finite();
    if points.all(|point| fits(point.x_m) && fits(point.y_m) && fits(point.z_m)) {
        Ok(())
    } else {
        Err(malformed(0, "a position is too great to be told in millimetres"))
    }
}

/// 16 bits of a count that may not fit.
fn word(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(FULL)
}

fn header(points: usize, frames: usize, rate_hz: f32, data_block: usize) -> Vec<u8> {
    let mut header = vec![2, KEY];
    // Points, analog values, first and last frame, and the greatest gap that was filled.
    for value in [word(points), 0, 1, word(frames), 0] {
        header.extend(value.to_le_bytes());
    }
    // A negative scale says that the numbers are floating point.
    header.extend((-1.0_f32).to_le_bytes());
    header.extend(word(data_block).to_le_bytes());
    header.extend(0_u16.to_le_bytes());
    header.extend(rate_hz.to_le_bytes());
    header.resize(BLOCK, 0);
    header
}

fn parameters(names: &[String], frames: usize, rate_hz: f32) -> Vec<u8> {
    // The place of the data is known once the parameters' length is: it does not depend on it.
    let length = section(names, frames, rate_hz, 0).len();
    section(names, frames, rate_hz, 2 + length / BLOCK)
}

fn section(names: &[String], frames: usize, rate_hz: f32, data_block: usize) -> Vec<u8> {
    let mut section = Section::new();
    section.group(Group::Point, "POINT");
    section.words(Group::Point, "USED", &[word(names.len())]);
    section.words(Group::Point, "FRAMES", &[word(frames)]);
    section.words(Group::Point, "DATA_START", &[word(data_block)]);
    section.float(Group::Point, "SCALE", -1.0);
    section.float(Group::Point, "RATE", rate_hz);
    section.text(Group::Point, "UNITS", "mm");
    section.text(Group::Point, "X_SCREEN", "+X");
    section.text(Group::Point, "Y_SCREEN", "+Y");
    section.texts(Group::Point, "LABELS", names);
    section.texts(Group::Point, "DESCRIPTIONS", names);
    section.group(Group::Analog, "ANALOG");
    section.words(Group::Analog, "USED", &[0]);
    section.float(Group::Analog, "RATE", 0.0);
    section.group(Group::Trial, "TRIAL");
    let halves = |count: usize| [count as u16, (count >> 16) as u16];
    section.words(Group::Trial, "ACTUAL_START_FIELD", &halves(1));
    section.words(Group::Trial, "ACTUAL_END_FIELD", &halves(frames));
    section.float(Group::Trial, "CAMERA_RATE", rate_hz);
    section.group(Group::Manufacturer, "MANUFACTURER");
    section.text(Group::Manufacturer, "COMPANY", "Marey");
    section.text(Group::Manufacturer, "SOFTWARE", "Marey");
    section.finish()
}

/// The section of parameters in the making.
struct Section(Vec<u8>);

impl Section {
    fn new() -> Self {
        Self(vec![1, KEY, 0, INTEL])
    }

    fn group(&mut self, group: Group, name: &str) {
        self.entry(-(group as i8), name, &[]);
    }

    fn words(&mut self, group: Group, name: &str, values: &[u16]) {
        let mut content = vec![2, 1, values.len() as u8];
        content.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self.entry(group as i8, name, &content);
    }

    fn float(&mut self, group: Group, name: &str, value: f32) {
        let mut content = vec![4, 0];
        content.extend(value.to_le_bytes());
        self.entry(group as i8, name, &content);
    }

    fn text(&mut self, group: Group, name: &str, text: &str) {
        let mut content = vec![0xFF, 1, text.len() as u8];
        content.extend(text.as_bytes());
        self.entry(group as i8, name, &content);
    }

    /// Texts of one length, filled up with blanks. Names of landmarks are short and few.
    fn texts(&mut self, group: Group, name: &str, texts: &[String]) {
        let length = texts.iter().map(String::len).max().unwrap_or(0);
        let mut content = vec![0xFF, 2, length as u8, texts.len() as u8];
        for text in texts {
            content.extend(format!("{text:length$}").as_bytes());
        }
        self.entry(group as i8, name, &content);
    }

    /// A group or a parameter: name, link to the next, content, and an empty description.
    fn entry(&mut self, id: i8, name: &str, content: &[u8]) {
        self.0.push(name.len() as u8);
        self.0.push(id.to_le_bytes()[0]);
        self.0.extend(name.as_bytes());
        self.0.extend((content.len() as u16 + 3).to_le_bytes());
        self.0.extend(content);
        self.0.push(0);
    }

    /// The section with its number of blocks, ending with a name of length zero.
    fn finish(mut self) -> Vec<u8> {
        self.0.push(0);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        self.0[2] = (self.0.len() / BLOCK) as u8;
        self.0
    }
}
