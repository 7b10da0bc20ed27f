//! What a stage found, for people: any JSON as short lines, with the units that the fields' names tell.

use console::{Alignment, measure_text_width, pad_str};
use serde_json::{Map, Value};

use crate::words::{duration, number, percent, size, tame};

/// How many entries of a list are shown.
const SHOWN_OF_A_LIST: usize = 12;
/// How deep objects are laid out; below, they are shown in one line.
const DEEPEST: usize = 2;
/// How much of a text is shown, in characters.
const SHOWN_OF_A_TEXT: usize = 120;

/// The facts as lines, without indentation.
pub(crate) fn lines(facts: &Value) -> Vec<String> {
    match facts {
        Value::Object(fields) => object(fields, 0),
        Value::Null => Vec::new(),
        other => vec![short("", other)],
    }
}

fn object(fields: &Map<String, Value>, depth: usize) -> Vec<String> {
    let shown: Vec<_> = fields.iter().filter(|(_, value)| !is_nothing(value)).collect();
    let width = shown
        .iter()
        .map(|(key, _)| measure_text_width(&label(key)))
        .max()
        .unwrap_or(0);
    let mut lines = Vec::new();
    for (key, value) in shown {
        let label = pad_str(&label(key), width, Alignment::Left, None).into_owned();
        match value {
            Value::Object(inner) if depth < DEEPEST && !is_flat(inner) => {
                lines.push(label.trim_end().to_owned());
                lines.extend(object(inner, depth + 1).into_iter().map(|line| format!("  {line}")));
            }
            Value::Array(entries) if entries.iter().any(Value::is_object) => {
                lines.push(label.trim_end().to_owned());
                lines.extend(
                    entries
                        .iter()
                        .take(SHOWN_OF_A_LIST)
                        .map(|entry| format!("  {}", short("", entry))),
                );
                let more = entries.len().saturating_sub(SHOWN_OF_A_LIST);
                if more > 0 {
                    lines.push(format!("  … and {more} more (--json shows them)"));
                }
            }
            other => lines.push(format!("{label}  {}", short(key, other))),
        }
    }
    lines
}

/// Null, and lists and objects with nothing in them, say nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Whether an object is better shown in one line.
fn is_flat(fields: &Map<String, Value>) -> bool {
    fields.len() <= 4 && fields.values().all(|value| !value.is_object() && !value.is_array())
}

/// A value in one line.
fn short(key: &str, value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(value) => with_unit(key, value),
        Value::String(text) => cut(text),
        Value::Array(entries) if entries.is_empty() => "none".to_owned(),
        Value::Array(entries) => {
            let shown: Vec<_> = entries
                .iter()
                .take(SHOWN_OF_A_LIST)
                .map(|entry| short(key, entry))
                .collect();
            let more = entries.len() - shown.len();
            if more > 0 {
                format!("{}, … ({more} more)", shown.join(", "))
            } else {
                shown.join(", ")
            }
        }
        Value::Object(fields) => {
            let shown = fields
                .iter()
                .filter(|(_, value)| !is_nothing(value))
                .map(|(field, value)| {
                    // `"flexion_deg": {"min": 3}` has its unit outside.
                    let named = if ending(field).is_some() { field } else { key };
                    format!("{} {}", label(field), short(named, value))
                });
            shown.collect::<Vec<_>>().join(" · ")
        }
    }
}

fn cut(text: &str) -> String {
    let tamed = tame(text);
    if tamed.chars().count() <= SHOWN_OF_A_TEXT {
        return tamed;
    }
    let beginning: String = tamed.chars().take(SHOWN_OF_A_TEXT).collect();
    format!("{beginning}…")
}

/// Units at the end of a field's name and how they are written. Longer endings come first.
const UNITS: [(&str, &str); 14] = [
    ("_deg_per_s", " °/s"),
    ("_px_per_s", " px/s"),
    ("_m_per_s", " m/s"),
    ("_per_min", " per minute"),
    ("_percent", " %"),
    ("_deg", "°"),
    ("_fps", " frames/s"),
    ("_hz", " Hz"),
    ("_kg", " kg"),
    ("_mm", " mm"),
    ("_cm", " cm"),
    ("_px", " px"),
    ("_m", " m"),
    ("_s", " s"),
];

fn with_unit(key: &str, value: &serde_json::Number) -> String {
    if let Some(bytes) = value.as_u64().filter(|_| key.ends_with("_bytes") || key == "bytes") {
        return size(bytes);
    }
    let real = value.as_f64().unwrap_or(f64::NAN);
    if key.ends_with("_ms") {
        return duration(real as i64);
    }
    if key.ends_with("_share") && (0.0..=1.0).contains(&real) {
        return percent(real);
    }
    let shown = if value.is_f64() {
        number(real)
    } else {
        value.to_string()
    };
    let unit = UNITS
        .iter()
        .find(|(ending, _)| key.ends_with(ending))
        .map_or("", |(_, unit)| unit);
    format!("{shown}{unit}")
}

/// A field's name in words, without its unit.
fn label(key: &str) -> String {
    let bare = ending(key)
        .and_then(|ending| key.strip_suffix(ending))
        .filter(|bare| !bare.is_empty());
    tame(bare.unwrap_or(key)).replace('_', " ")
}

/// The end of a field's name that tells its unit.
fn ending(key: &str) -> Option<&'static str> {
    let endings = UNITS
        .iter()
        .map(|(ending, _)| *ending)
        .chain(["_bytes", "_ms", "_share"]);
    endings
        .filter(|ending| key.ends_with(ending))
        .max_by_key(|ending| ending.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn facts_are_short_aligned_lines_with_units() {
        let facts = json!({
            "duration_s": 12.345,
            "frames": 370,
            "codec": "h264",
            "variable_rate": true,
            "rotation": null,
            "file_bytes": 12_345_678,
            "decoding_ms": 1234,
            "person_share": 0.976,
            "size": {"width_px": 1920, "height_px": 1080},
            "warnings": [],
            "sides": ["left", "right"],
            "knee": {
                "left": {"flexion_deg": {"min": 3.456, "max": 121.5}, "velocity_deg_per_s": 310.25},
                "right": {"flexion_deg": {"min": 4, "max": 119}},
                "notes": ["x\u{1b}y"],
            },
            "repetitions": [
                {"begin_s": 0.5, "end_s": 2.25, "depth_deg": 92.126},
                {"begin_s": 2.25, "end_s": 4, "depth_deg": 90},
            ],
        });
        insta::assert_snapshot!(lines(&facts).join("\n"));
    }

    #[test]
    fn long_lists_and_texts_are_cut() {
        let entries: Vec<_> = (0..40).map(|index| json!({ "index": index })).collect();
        let shown =
            lines(&json!({"entries": entries, "numbers": (0..40).collect::<Vec<_>>(), "text": "x".repeat(5000)}));
        assert!(shown.len() < 20, "{shown:#?}");
        assert!(shown.iter().all(|line| line.chars().count() < 200), "{shown:#?}");
        assert!(
            shown.contains(&"  … and 28 more (--json shows them)".to_owned()),
            "{shown:#?}"
        );
    }

    #[test]
    fn whatever_is_no_object_is_shown_as_it_is() {
        assert_eq!(lines(&Value::Null), Vec::<String>::new());
        assert_eq!(lines(&json!("done")), ["done"]);
    }
}
