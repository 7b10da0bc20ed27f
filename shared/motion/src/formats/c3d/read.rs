//! C3D files to recordings.

use super::super::format::{ReadOptions, Up, WasRead};
use super::super::markers::{Builder, MOST_MARKERS, Unit};
use super::parameters::Parameters;
use super::{FULL, KEY, malformed};
use crate::MotionError;

/// Rates above this are no rates.
const GREATEST_RATE_HZ: f64 = 1e6;

/// Reads a C3D file. Which skeleton the points are is told by their labels; see docs/FORMATS.md. The frames have the times of the file's
/// constant rate; analog channels and events are left out.
///
/// # Errors
///
/// [`MotionError::MalformedFile`] with the byte, [`MotionError::UnsupportedFile`] for a file of a DEC or MIPS machine or in another
/// unit than metres, [`MotionError::UnknownMarkers`], or [`MotionError::TooLarge`].
pub fn recording_from_c3d(bytes: &[u8], options: &ReadOptions) -> Result<WasRead, MotionError> {
    let [block, key, ..] = *bytes else {
        return Err(malformed(0, "it is empty"));
    };
    if key != KEY || block < 2 {
        return Err(malformed(0, "it does not begin as a C3D file does"));
    }
    let header = Header::read(bytes)?;
    let parameters = Parameters::read(bytes, block)?;
    let layout = Layout::of(&header, &parameters, bytes.len(), options)?;
    let labels = labels(&parameters, layout.points);
    let names: Vec<&str> = labels.iter().map(String::as_str).collect();
    let unit = unit(&parameters)?;
    let mut notes = Vec::new();
    let mut builder = Builder::new(&names, unit, up(&parameters, options, &mut notes), options)?;
    let frames = bytes[layout.start..]
        .chunks_exact(layout.frame_bytes.max(1))
        .take(layout.frames);
    for frame in frames {
        builder.push(|marker| layout.position(frame, marker))?;
    }
    let time_s = (0..layout.frames)
        .map(|frame| (layout.first + frame) as f64 / layout.rate_hz)
        .collect();
    if layout.analog_bytes > 0 {
        notes.push("The file's analog channels were left out.".to_owned());
    }
    notes.push(format!(
        "C3D has no times: frames are {} per second, as the file says.",
        layout.rate_hz
    ));
    builder.finish(&names, time_s, "c3d_file", options.name.clone(), notes)
}

/// The part of the header that says how the data lies.
struct Header {
    points: u16,
    analog_per_frame: u16,
    first_frame: u16,
    last_frame: u16,
    scale: f32,
    data_block: u16,
    rate_hz: f32,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, MotionError> {
        // Words are counted from 1 in the format's description.
        let head = bytes
            .get(..24)
            .ok_or_else(|| malformed(bytes.len(), "the file ends within its header"))?;
        let word = |number: usize| u16::from_le_bytes([head[2 * number - 2], head[2 * number - 1]]);
        let float = |number: usize| {
            let at = 2 * number - 2;
            f32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
        };
        Ok(Self {
            points: word(2),
            analog_per_frame: word(3),
            first_frame: word(4),
            last_frame: word(5),
            scale: float(7),
            data_block: word(9),
            rate_hz: float(11),
        })
    }
}

/// How the frames lie in the file.
struct Layout {
    points: usize,
    /// Byte of the first frame.
    start: usize,
    frames: usize,
    frame_bytes: usize,
    analog_bytes: usize,
    /// What integers are multiplied with; `None` for floating point.
    scale: Option<f64>,
    rate_hz: f64,
    /// Number of the first frame, from 0.
    first: usize,
}

impl Layout {
    fn of(
        header: &Header,
        parameters: &Parameters<'_>,
        length: usize,
        options: &ReadOptions,
    ) -> Result<Self, MotionError> {
        let point = |name: &str| parameters.number("POINT", name);
        let points = point("USED").map_or(usize::from(header.points), |used| used as usize);
        if points == 0 {
            return Err(MotionError::UnknownMarkers("the file has no points".to_owned()));
        }
        if points > MOST_MARKERS {
            return Err(MotionError::TooLarge(format!(
                "{points} points, where {MOST_MARKERS} may be"
            )));
        }
        let scale = point("SCALE").unwrap_or(f64::from(header.scale));
        if !scale.is_finite() || scale == 0.0 {
            return Err(malformed(12, "the scale of the points is no number"));
        }
        let size = if scale < 0.0 { 4 } else { 2 };
        let analog_bytes = usize::from(header.analog_per_frame) * size;
        let frame_bytes = 4 * size * points + analog_bytes;
        let block = point("DATA_START").map_or(usize::from(header.data_block), |block| block as usize);
        let start = block.saturating_sub(1).saturating_mul(super::BLOCK);
        if block < 2 || start > length {
            return Err(malformed(
                16,
                format!("its data should begin in block {block}, which is not in the file"),
            ));
        }
        let frames = frames(header, parameters);
        if frames
            .checked_mul(frame_bytes)
            .is_none_or(|bytes| bytes > length - start)
        {
            return Err(malformed(
                length,
                format!("the file ends before the last of its {frames} frames of {frame_bytes} bytes"),
            ));
        }
        let rate_hz = options
            .rate_hz
            .or_else(|| point("RATE").filter(|rate_hz| *rate_hz != 0.0))
            .unwrap_or(f64::from(header.rate_hz));
        if rate_hz == 0.0 {
            return Err(MotionError::RateMissing);
        }
        if !(rate_hz > 0.0 && rate_hz <= GREATEST_RATE_HZ) {
            return Err(malformed(20, "the number of frames per second is none"));
        }
        Ok(Self {
            points,
            start,
            frames,
            frame_bytes,
            analog_bytes,
            scale: (scale > 0.0).then_some(scale),
            rate_hz,
            first: usize::from(header.first_frame).saturating_sub(1),
        })
    }

    /// Where a point is in a frame; `None` where its residual is negative, which is how the format says that it was not seen.
    fn position(&self, frame: &[u8], point: usize) -> Option<[f64; 3]> {
        let [x, y, z, residual] = if let Some(scale) = self.scale {
            let bytes = frame.get(8 * point..8 * point + 8)?;
            let word = |index: usize| f64::from(i16::from_le_bytes([bytes[2 * index], bytes[2 * index + 1]]));
            [scale * word(0), scale * word(1), scale * word(2), word(3)]
        } else {
            let bytes = frame.get(16 * point..16 * point + 16)?;
            let float = |index: usize| {
                let four = [0, 1, 2, 3].map(|byte| bytes[4 * index + byte]);
                f64::from(f32::from_le_bytes(four))
            };
            [float(0), float(1), float(2), float(3)]
        };
        (residual >= 0.0).then_some([x, y, z])
    }
}

/// How many frames there are. Sixteen bits are not enough for long recordings, so there are several places for the number.
fn frames(header: &Header, parameters: &Parameters<'_>) -> usize {
    let of_header = (header.last_frame >= header.first_frame && header.last_frame < FULL)
        .then(|| usize::from(header.last_frame - header.first_frame) + 1);
    let field = |name: &str| {
        let mut words = parameters.get("TRIAL", name)?.numbers();
        let (low, high) = (words.next()?, words.next().unwrap_or(0.0));
        Some(low + 65536.0 * high)
    };
    let of_trial = || Some((field("ACTUAL_END_FIELD")? - field("ACTUAL_START_FIELD")?).max(0.0) as usize + 1);
    let of_points = || {
        parameters
            .number("POINT", "FRAMES")
            .map(|frames| frames.max(0.0) as usize)
    };
    let long = || {
        parameters
            .number("POINT", "LONG_FRAMES")
            .map(|frames| frames.max(0.0) as usize)
    };
    // A header of zeros is one without frames.
    let is_empty = header.first_frame == 0 && header.last_frame == 0;
    of_header
        .filter(|_| !is_empty)
        .or_else(of_trial)
        .or_else(long)
        .or_else(of_points)
        .unwrap_or(0)
}

/// The points' labels; those of more than 255 go on in `LABELS2` and so on.
fn labels(parameters: &Parameters<'_>, points: usize) -> Vec<String> {
    let mut labels = Vec::new();
    for number in 1_usize.. {
        let name = if number == 1 {
            "LABELS".to_owned()
        } else {
            format!("LABELS{number}")
        };
        let Some(more) = parameters.get("POINT", &name) else {
            break;
        };
        labels.extend(more.texts());
        if labels.len() >= points {
            break;
        }
    }
    labels.resize(points, String::new());
    labels
}

fn unit(parameters: &Parameters<'_>) -> Result<Unit, MotionError> {
    // Files without a unit are in millimetres, as the format's description recommends.
    let name = parameters.text("POINT", "UNITS").filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| "mm".to_owned());
    if let Some(unit @ Unit::PerMetre(_)) = Unit::from_name(&name) {
        Ok(unit)
    } else {
        let name: String = name.chars().take(16).collect();
        Err(MotionError::UnsupportedFile(format!(
            "its points are in {name:?}, where m, cm and mm are read"
        )))
    }
}

/// The axis that points up: as asked for, as the file says for its display, or z, which is usual in laboratories.
fn up(parameters: &Parameters<'_>, options: &ReadOptions, notes: &mut Vec<String>) -> Up {
    if let Some(up) = options.up {
        return up;
    }
    match parameters.text("POINT", "Y_SCREEN").as_deref().map(str::trim) {
        Some("+Y" | "Y") => Up::Y,
        Some("+Z" | "Z") => Up::Z,
        _ => {
            notes.push(
                "The file does not say which axis points up: z was taken, as is usual in laboratories.".to_owned(),
            );
            Up::Z
        }
    }
}
