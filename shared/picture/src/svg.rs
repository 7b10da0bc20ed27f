//! Writing SVG and HTML: escaping, numbers, and the styles that every drawing shares.

use std::fmt::Write as _;

/// A text as it may stand in an element or a quoted attribute of XML or HTML.
///
/// Characters that XML 1.0 forbids even as references are replaced by U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(letter),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// A coordinate with at most two decimals and no needless zeros; 0 for what is not a number.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A path through some points; a single point becomes a dot.
pub(crate) fn path(points: &[(f64, f64)]) -> String {
    let mut data = String::with_capacity(points.len() * 12);
    for (index, &(x, y)) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        let _ = write!(data, "{command}{} {}", number(x), number(y));
    }
    if points.len() == 1 {
        data.push_str("h0");
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_everything_that_could_end_a_text_or_an_attribute() {
        assert_eq!(
            escape("<script>alert(\"1\" & '2')</script>\u{0}\u{7}"),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn writes_short_numbers() {
        let written: Vec<String> = [1.0, 0.5, -0.001, 12.345, f64::NAN].into_iter().map(number).collect();
        assert_eq!(written, ["1", "0.5", "0", "12.35", "0"]);
        assert_eq!(path(&[(1.0, 2.0)]), "M1 2h0");
    }
}
