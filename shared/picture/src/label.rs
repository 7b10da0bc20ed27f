//! Names and numbers as people read them.

use marey_motion::{Angle, Side, View};

/// A side's name.
pub(crate) fn side(side: Option<Side>) -> &'static str {
    side.map_or("middle", Side::id)
}

/// A side's letter.
pub(crate) fn side_letter(side: Option<Side>) -> &'static str {
    match side {
        Some(Side::Left) => "L",
        Some(Side::Right) => "R",
        None => "",
    }
}

/// An angle's name over a narrow panel, where the heading above says that segments are measured against the horizontal.
pub(crate) fn short_name(angle: Angle) -> &'static str {
    let name = angle.label();
    name.strip_suffix(" to horizontal").unwrap_or(name)
}

/// From where the camera saw the person.
pub(crate) fn view(view: View) -> &'static str {
    match view {
        View::Side => "side view",
        View::Oblique => "oblique view",
        View::Frontal => "front or back view",
    }
}

/// Whole degrees with a true minus sign and never a negative zero; a dash for what is not a number.
pub(crate) fn degrees(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let rounded = value.round().clamp(-9999.0, 9999.0) as i64;
    if rounded < 0 {
        format!("−{}°", -rounded)
    } else {
        format!("{rounded}°")
    }
}

/// A moment as `m:ss.mmm`, with hours when there are any; a dash for what is not a time.
pub(crate) fn clock(time_s: f64) -> String {
    if !time_s.is_finite() {
        return "–".to_owned();
    }
    let sign = if time_s < -0.0005 { "−" } else { "" };
    let total_ms = (time_s.abs() * 1000.0).round() as u64;
    let (ms, s, min, h) = (
        total_ms % 1000,
        total_ms / 1000 % 60,
        total_ms / 60_000 % 60,
        total_ms / 3_600_000,
    );
    if h > 0 {
        format!("{sign}{h}:{min:02}:{s:02}.{ms:03}")
    } else {
        format!("{sign}{min}:{s:02}.{ms:03}")
    }
}

/// A moment in seconds with two decimals; a dash for what is not a time.
pub(crate) fn seconds(time_s: f64) -> String {
    if time_s.is_finite() {
        format!("{time_s:.2} s")
    } else {
        "–".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_degrees_without_a_negative_zero() {
        assert_eq!(degrees(61.6), "62°");
        assert_eq!(degrees(-0.4), "0°");
        assert_eq!(degrees(-12.5), "−13°");
        assert_eq!(degrees(f64::NAN), "–");
        assert_eq!(degrees(1e300), "9999°");
    }

    #[test]
    fn writes_times_as_a_clock() {
        assert_eq!(clock(3.4671), "0:03.467");
        assert_eq!(clock(59.9996), "1:00.000");
        assert_eq!(clock(3_725.5), "1:02:05.500");
        assert_eq!(clock(-1.0), "−0:01.000");
        assert_eq!(clock(f64::INFINITY), "–");
    }
}
