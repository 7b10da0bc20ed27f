//! Markers as TRC ("track row column"), the text format of Motion Analysis that `OpenSim` reads; its grammar as in `OpenSim`'s documentation,
//! "Marker (.trc) Files".
//!
//! Five lines of header, an empty line that some programs leave out, then a row for each frame: number, time, and x, y, z of each marker,
//! separated by tabs. Nothing stands where a marker was not seen. `OpenSim`'s axes: x right in the picture, y up, z
//! towards the camera.

use std::fmt::Write;

use super::format::{ReadOptions, Units, Up, WasRead, WriteOptions};
use super::markers::{Builder, Track, Unit};
use crate::{MotionError, Recording};

const FORMAT: &str = "TRC file";

/// Writes one person's landmarks, in metres from the world or in pixels from the picture, at the frames' true times.
///
/// Landmarks less visible than [`WriteOptions::minimum_visibility`] are left empty.
///
/// # Errors
///
/// [`MotionError::SpaceMissing`], [`MotionError::NoSuchPerson`], or [`MotionError::InvalidRecording`] as [`Recording::validate`]
/// says.
pub fn recording_to_trc(recording: &Recording, options: &WriteOptions) -> Result<String, MotionError> {
    let track = Track::of(recording, options)?;
    let names = track.names();
    let (frames, rate_hz) = (track.time_s().len(), track.rate_hz());
    let units = match options.units {
        Units::Px => "px",
        Units::M => "m",
    };
    let name: String = recording
        .source
        .name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut trc = format!(
        "PathFileType\t4\t(X/Y/Z)\t{name}.trc\n\
         DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n\
         {rate_hz}\t{rate_hz}\t{frames}\t{}\t{units}\t{rate_hz}\t1\t{frames}\nFrame#\tTime",
        names.len()
    );
    for name in &names {
        trc.push('\t');
        trc.push_str(name);
        trc.push_str("\t\t");
    }
    trc.push_str("\n\t");
    for number in 1..=names.len() {
        // Writing to a string cannot fail.
        let _ = write!(trc, "\tX{number}\tY{number}\tZ{number}");
    }
    trc.push_str("\n\n");
    for (frame, time_s) in track.time_s().iter().enumerate() {
        let _ = write!(trc, "{}\t{time_s}", frame + 1);
        for position in track.positions(frame) {
            match position {
                Some([x, y, z]) => {
                    let _ = write!(trc, "\t{x}\t{y}\t{z}");
                }
                None => trc.push_str("\t\t\t"),
            }
        }
        // OpenSim does not count what stands empty behind the last tab.
        if trc.ends_with('\t') {
            trc.push('\t');
        }
        trc.push('\n');
    }
    Ok(trc)
}

/// Reads markers. Which skeleton they are is told by their names; see docs/FORMATS.md. Axes are `OpenSim`'s unless
/// [`ReadOptions::up`] says that z points up.
///
/// # Errors
///
/// [`MotionError::MalformedFile`] with line and column, [`MotionError::UnknownMarkers`], or [`MotionError::TooLarge`].
pub fn recording_from_trc(text: &str, options: &ReadOptions) -> Result<WasRead, MotionError> {
    let mut lines = text.lines().zip(1..).map(|(text, number)| Line { text, number });
    let mut next = |what: &str| {
        lines
            .next()
            .ok_or_else(|| malformed("its end".to_owned(), format!("the {what} is missing")))
    };
    let first = next("first line")?;
    if !first.text.starts_with("PathFileType") {
        return Err(first.wrong(first.text, "it does not begin with PathFileType"));
    }
    let header = Header::of(&next("line of header names")?, &next("line of header values")?)?;
    let line = next("line of marker names")?;
    let mut fields = line.fields();
    let leads = [fields.next(), fields.next()].map(|field| field.unwrap_or_default().trim().to_ascii_lowercase());
    if !(leads[0].starts_with("frame") && leads[1].starts_with("time")) {
        return Err(line.wrong(line.text, "it does not begin with Frame# and Time"));
    }
    let names: Vec<&str> = fields.map(str::trim).filter(|name| !name.is_empty()).collect();
    next("line of axis names")?;
    let mut notes = Vec::new();
    if header.markers.is_some_and(|markers| markers != names.len()) {
        notes.push("The header has another number of markers than there are names.".to_owned());
    }
    let mut builder = Builder::new(&names, header.unit, options.up.unwrap_or(Up::Y), options)?;
    let mut time_s: Vec<f64> = Vec::new();
    let columns = 2 + 3 * names.len();
    let is_cut = !text.ends_with('\n');
    let mut lines = lines.filter(|line| !line.text.trim().is_empty()).peekable();
    while let Some(line) = lines.next() {
        // Markers that are not seen may be left out at the end of a row, but not where the file ends within one.
        if is_cut && lines.peek().is_none() && line.fields().count() < columns {
            return Err(malformed("its end".to_owned(), "it ends within a row"));
        }
        let values = line.values(names.len())?;
        if time_s.last().is_some_and(|last| values[0] <= *last) {
            return Err(line.wrong(line.text, "its time is not later than that of the line before"));
        }
        time_s.push(values[0]);
        builder.push(|marker| Some(std::array::from_fn(|axis| values[1 + 3 * marker + axis])))?;
    }
    if let Some(frames) = header.frames.filter(|&frames| frames > time_s.len()) {
        let reason = format!("the header promises {frames} frames, and there are {}", time_s.len());
        return Err(malformed("its end".to_owned(), reason));
    }
    let name = if options.name.is_empty() {
        first.fields().nth(3).unwrap_or_default().trim().to_owned()
    } else {
        options.name.clone()
    };
    builder.finish(&names, time_s, "trc_file", name, notes)
}

fn malformed(place: String, reason: impl Into<String>) -> MotionError {
    MotionError::MalformedFile {
        format: FORMAT,
        place,
        reason: reason.into(),
    }
}

/// What the header says that matters.
struct Header {
    unit: Unit,
    frames: Option<usize>,
    markers: Option<usize>,
}

impl Header {
    fn of(keys: &Line<'_>, values: &Line<'_>) -> Result<Self, MotionError> {
        let find = |key: &str| {
            let mut both = keys.fields().zip(values.fields());
            both.find_map(|(name, value)| name.trim().eq_ignore_ascii_case(key).then_some(value))
        };
        let count = |key: &str| {
            find(key).map(|value| {
                let number: Option<f64> = value.trim().parse().ok();
                // Some programs write counts with decimals.
                let number = number.filter(|number| (0.0..=1e9).contains(number));
                number
                    .map(|number| number as usize)
                    .ok_or_else(|| values.wrong(value, format!("{key} is not a count")))
            })
        };
        let unit = find("Units").ok_or_else(|| keys.wrong(keys.text, "there is no column Units"))?;
        Ok(Self {
            unit: Unit::from_name(unit).ok_or_else(|| values.wrong(unit, "the unit is none of m, cm, mm and px"))?,
            frames: count("NumFrames").transpose()?,
            markers: count("NumMarkers").transpose()?,
        })
    }
}

/// A line with its number, from 1.
struct Line<'a> {
    text: &'a str,
    number: usize,
}

impl<'a> Line<'a> {
    /// Tabs separate, so that what stands between two of them may be empty; without any tab, spaces do.
    fn fields(&self) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        if self.text.contains('\t') {
            Box::new(self.text.split('\t'))
        } else {
            Box::new(self.text.split_whitespace())
        }
    }

    /// The time, then three numbers for each marker; not a number where there is nothing.
    fn values(&self, markers: usize) -> Result<Vec<f64>, MotionError> {
        let mut values = Vec::with_capacity(1 + 3 * markers);
        let mut fields = self.fields();
        let frame = fields.next().unwrap_or_default();
        self.number_of(frame, "the frame's number")?;
        let time = fields.next().unwrap_or_default();
        let time_s = self.number_of(time, "the time")?;
        if !time_s.is_finite() {
            return Err(self.wrong(time, "the time is not a number"));
        }
        values.push(time_s);
        for field in fields {
            let is_empty = field.trim().is_empty();
            if values.len() == 1 + 3 * markers {
                if is_empty {
                    continue;
                }
                return Err(self.wrong(field, "there are more columns than markers have"));
            }
            values.push(if is_empty {
                f64::NAN
            } else {
                self.number_of(field, "a coordinate")?
            });
        }
        values.resize(1 + 3 * markers, f64::NAN);
        Ok(values)
    }

    fn number_of(&self, field: &str, what: &str) -> Result<f64, MotionError> {
        let number = field.trim().parse();
        number.map_err(|_| self.wrong(field, format!("{what} is not a number")))
    }

    /// An error at a field, which is a part of the line's text.
    fn wrong(&self, field: &str, reason: impl Into<String>) -> MotionError {
        let offset = (field.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let column = self.text.get(..offset).map_or(1, |before| before.chars().count() + 1);
        malformed(format!("line {}, column {column}", self.number), reason)
    }
}
