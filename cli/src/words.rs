//! Numbers, moments and foreign text as people read them.

use jiff::Timestamp;
use jiff::tz::Offset;
use marey_contract::TimeLeft;

/// Text from elsewhere made harmless for a terminal: a video's name must not move the cursor, hide text or fake a line.
pub(crate) fn tame(text: &str) -> String {
    let is_hostile = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => ' ',
            hostile if is_hostile(hostile) => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// A line of pieces with something between them, broken there where it is wider than `width`.
pub(crate) fn wrapped(text: &str, between: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else {
        return vec![text.to_owned()];
    };
    let columns = console::measure_text_width;
    let mut lines: Vec<String> = Vec::new();
    for piece in text.split(between) {
        match lines.last_mut() {
            Some(line) if columns(line) + columns(between) + columns(piece) <= width => {
                line.push_str(between);
                line.push_str(piece);
            }
            _ => lines.push(piece.to_owned()),
        }
    }
    lines
}

/// A size in decimal units, as file managers show it.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would be shown as 1000.0.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A duration with the two units that matter.
pub(crate) fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    if ms < 1000 {
        return format!("{ms} ms");
    }
    // What rounds to 60.0 s is a minute.
    if ms < 59_950 {
        return format!("{:.1} s", ms as f64 / 1000.0);
    }
    let s = (ms / 1000).max(60);
    if s < 3600 {
        return format!("{} min {:02} s", s / 60, s % 60);
    }
    format!("{} h {:02} min", s / 3600, s % 3600 / 60)
}

/// A share as a percentage; 100 only if it is all.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", whole_percent(share))
}

/// A share in whole percents, rounded down.
pub(crate) fn whole_percent(share: f64) -> u64 {
    // A float's conversion saturates and makes 0 of what is no number. The small addend undoes 0.29 * 100 = 28.999….
    ((share.clamp(0.0, 1.0) * 100.0 + 1e-9) as u64).min(100)
}

/// A moment to the minute, in UTC.
pub(crate) fn moment(rfc3339: &str) -> String {
    rfc3339.parse::<Timestamp>().map_or_else(
        |_| tame(rfc3339),
        |moment| Offset::UTC.to_datetime(moment).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

/// A moment to the second, in UTC.
pub(crate) fn clock(rfc3339: &str) -> String {
    rfc3339.parse::<Timestamp>().map_or_else(
        |_| tame(rfc3339),
        |moment| {
            Offset::UTC
                .to_datetime(moment)
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        },
    )
}

/// `1 job`, `3 jobs`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    if count == 1 {
        format!("1 {thing}")
    } else {
        format!("{count} {thing}s")
    }
}

/// Money with the digits that matter, to a hundredth of a cent.
pub(crate) fn dollars(usd: f64) -> String {
    match usd {
        nothing if nothing <= 0.0 => "$0".to_owned(),
        little if little < 0.0001 => "< $0.0001".to_owned(),
        little if little < 0.1 => format!("${little:.4}"),
        more => format!("${more:.2}"),
    }
}

/// An estimate of a time, from and to.
pub(crate) fn estimate(left: TimeLeft) -> String {
    let rough = |ms: u64| {
        let s = (ms + 500) / 1000;
        match s {
            0..60 => format!("{s} s"),
            60..3600 => format!("{} min", (s + 30) / 60),
            _ => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
        }
    };
    let (least, most) = (rough(left.least_ms), rough(left.most_ms.max(left.least_ms)));
    if least == most {
        format!("about {most}")
    } else {
        format!("{least} to {most}")
    }
}

/// The milliseconds from one moment to another, if both can be read.
pub(crate) fn between_ms(from: &str, to: &str) -> Option<i64> {
    let (from, to) = (from.parse::<Timestamp>().ok()?, to.parse::<Timestamp>().ok()?);
    Some(to.as_millisecond() - from.as_millisecond())
}

/// A number with the digits that matter.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.*}", decimals(value));
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Numbers for one column: all with as many decimals, those that matter for the greatest and that any of them has.
pub(crate) fn numbers(values: &[f64]) -> Vec<String> {
    let greatest = values.iter().copied().map(f64::abs).fold(0.0, f64::max);
    let used = |value: &f64| number(*value).split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let decimals = values.iter().map(used).max().unwrap_or(0).min(decimals(greatest));
    // Adding zero makes 0 of what would be written as -0.
    let rounded = |value: &f64| format!("{:.decimals$}", value + 0.0);
    values.iter().map(rounded).collect()
}

/// How many decimals matter.
fn decimals(value: f64) -> usize {
    match value.abs() {
        large if large >= 1000.0 => 0,
        medium if medium >= 100.0 => 1,
        small if small >= 1.0 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_change_their_unit_where_rounding_does() {
        let shown: Vec<_> = [0, 999, 1000, 12_345_678, 999_949, 999_950, 2_000_000_000]
            .into_iter()
            .map(size)
            .collect();
        assert_eq!(
            shown,
            ["0 B", "999 B", "1.0 kB", "12.3 MB", "999.9 kB", "1.0 MB", "2.0 GB"]
        );
    }

    #[test]
    fn durations_never_show_sixty_seconds() {
        let shown: Vec<_> = [-5, 0, 999, 1000, 59_949, 59_950, 60_000, 125_000, 3_599_999, 3_600_000]
            .into_iter()
            .map(duration)
            .collect();
        let wanted = [
            "0 ms",
            "0 ms",
            "999 ms",
            "1.0 s",
            "59.9 s",
            "1 min 00 s",
            "1 min 00 s",
            "2 min 05 s",
            "59 min 59 s",
            "1 h 00 min",
        ];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn only_everything_is_a_hundred_percent() {
        let shown: Vec<_> = [0.0, 0.29, 0.9999, 1.0, 7.0, -1.0, f64::NAN]
            .into_iter()
            .map(whole_percent)
            .collect();
        assert_eq!(shown, [0, 29, 99, 100, 100, 0, 0]);
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(
            tame("a\u{1b}[2Jb\r\nc\u{9b}d\u{202e}e"),
            "a\u{fffd}[2Jb\u{fffd} c\u{fffd}d\u{fffd}e"
        );
        assert_eq!(tame("größer 動画.mp4"), "größer 動画.mp4");
    }

    #[test]
    fn moments_are_utc_and_unreadable_ones_stay() {
        assert_eq!(moment("2026-11-21T02:47:10.5+01:00"), "2026-11-21 01:47");
        assert_eq!(moment("soon"), "soon");
        assert_eq!(
            between_ms("2026-11-21T02:47:10Z", "2026-11-21T02:47:11.25Z"),
            Some(1250)
        );
        assert_eq!(between_ms("2026-11-21T02:47:10Z", "soon"), None);
    }

    #[test]
    fn money_and_estimates_are_no_more_exact_than_they_are() {
        let shown: Vec<_> = [0.0, 0.000_01, 0.001_234_5, 0.0567, 1.239, 1234.5]
            .into_iter()
            .map(dollars)
            .collect();
        assert_eq!(shown, ["$0", "< $0.0001", "$0.0012", "$0.0567", "$1.24", "$1234.50"]);
        let told = |least_ms, most_ms| estimate(TimeLeft { least_ms, most_ms });
        assert_eq!(told(12_300, 45_000), "12 s to 45 s");
        assert_eq!(told(100_000, 110_000), "about 2 min");
        assert_eq!(told(55_000, 5_400_000), "55 s to 1 h 30 min");
        assert_eq!(clock("2026-11-21T10:00:34.25Z"), "2026-11-21 10:00:34");
    }

    #[test]
    fn numbers_keep_what_matters() {
        let shown: Vec<_> = [0.0, 0.12345, 1.0, 92.126, 123.456, 12_345.6, -0.5]
            .into_iter()
            .map(number)
            .collect();
        assert_eq!(shown, ["0", "0.123", "1", "92.13", "123.5", "12346", "-0.5"]);
    }

    #[test]
    fn a_column_of_numbers_has_its_points_in_one_line() {
        assert_eq!(numbers(&[2.0, 20.9, -0.2]), ["2.0", "20.9", "-0.2"]);
        assert_eq!(numbers(&[0.123_45, 123.456, -0.0]), ["0.1", "123.5", "0.0"]);
        assert_eq!(numbers(&[3.0, 12_345.6]), ["3", "12346"]);
        assert_eq!(numbers(&[]), Vec::<String>::new());
    }
}
