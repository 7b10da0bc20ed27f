//! What the names of fields tell: words for people, units, and the order in which to read them.

use serde_json::{Map, Number, Value};

use crate::words::{duration, number, percent, size, tame};

/// How much of a digest is shown: enough to compare by eye.
const SHOWN_OF_A_DIGEST: usize = 12;

/// Units at the end of a field's name and how they are written after a number. Longer endings come first.
const UNITS: [(&str, &str); 18] = [
    ("_deg_per_s", " °/s"),
    ("_rad_per_s", " rad/s"),
    ("_px_per_s", " px/s"),
    ("_m_per_s", " m/s"),
    ("_per_s", " /s"),
    ("_per_min", " /min"),
    ("_percent", " %"),
    ("_deg", "°"),
    ("_rad", " rad"),
    ("_fps", " frames/s"),
    ("_hz", " Hz"),
    ("_kg", " kg"),
    ("_mm", " mm"),
    ("_cm", " cm"),
    ("_px", " px"),
    ("_ms", " ms"),
    ("_m", " m"),
    ("_s", " s"),
];

/// Words that stand behind their partners, whatever the alphabet says.
const PARTNERS: [(&str, &str); 6] = [
    ("maximum", "minimum~"),
    ("max", "min~"),
    ("end", "begin~"),
    ("last", "first~"),
    ("height", "width~"),
    ("start", "begin"),
];

/// Fields that tell people what an object is, the best first.
const LABELS: [&str; 3] = ["label", "name", "title"];

/// Fields that tell machines what an object is.
pub(super) const IDENTITIES: [&str; 2] = ["id", "index"];

/// What a field's number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// It has a unit.
    Quantity,
    /// It has none.
    Plain,
    /// A part of a whole, from 0 to 1.
    Share,
    /// A size in bytes.
    Bytes,
}

/// What a field of this name holds, if it holds a number.
pub(super) fn kind(key: &str) -> Kind {
    match ending(key) {
        Some("_bytes") => Kind::Bytes,
        Some("_share") => Kind::Share,
        Some(_) => Kind::Quantity,
        None if key == "bytes" => Kind::Bytes,
        None if matches!(key, "share" | "coverage") => Kind::Share,
        None => Kind::Plain,
    }
}

/// A field's unit, as the head of a column shows it; empty if it has none.
pub(super) fn unit(key: &str) -> &'static str {
    match kind(key) {
        Kind::Quantity => written_unit(key).trim_start(),
        Kind::Share => "%",
        Kind::Plain | Kind::Bytes => "",
    }
}

fn written_unit(key: &str) -> &'static str {
    UNITS
        .iter()
        .find(|(ending, _)| key.ends_with(ending))
        .map_or("", |(_, unit)| unit)
}

/// A number and its unit.
pub(super) fn with_unit(key: &str, value: &Number) -> String {
    let real = value.as_f64().unwrap_or(f64::NAN);
    match (kind(key), value.as_u64()) {
        (Kind::Bytes, Some(bytes)) => return size(bytes),
        (Kind::Share, _) if (0.0..=1.0).contains(&real) => return percent(real),
        _ if key.ends_with("_ms") => return duration(real as i64),
        _ => {}
    }
    let shown = if value.is_f64() {
        number(real)
    } else {
        value.to_string()
    };
    format!("{shown}{}", written_unit(key))
}

/// A text; of a digest only the beginning.
pub(super) fn text(key: &str, text: &str) -> String {
    let is_digest = key == "sha256" || key.ends_with("_sha256");
    if is_digest && text.chars().count() > SHOWN_OF_A_DIGEST {
        let beginning: String = text.chars().take(SHOWN_OF_A_DIGEST).collect();
        return format!("{}…", tame(&beginning));
    }
    tame(text)
}

/// A field's name in words, without its unit.
pub(super) fn label(key: &str) -> String {
    let bare = ending(key)
        .and_then(|ending| key.strip_suffix(ending))
        .filter(|bare| !bare.is_empty());
    tame(bare.unwrap_or(key)).replace('_', " ")
}

/// The end of a field's name that tells its unit.
pub(super) fn ending(key: &str) -> Option<&'static str> {
    UNITS
        .iter()
        .map(|(ending, _)| *ending)
        .chain(["_bytes", "_share"])
        .filter(|ending| key.ends_with(ending))
        .max_by_key(|ending| ending.len())
}

/// The field that names each of some objects to people.
pub(super) fn naming(objects: &[&Map<String, Value>]) -> Option<&'static str> {
    let is_text = |key: &&str| {
        objects
            .iter()
            .all(|fields| fields.get(*key).is_some_and(Value::is_string))
    };
    LABELS.into_iter().find(is_text)
}

/// The field that tells each of some objects from the others.
pub(super) fn identity(objects: &[&Map<String, Value>]) -> Option<&'static str> {
    let tells = |value: &Value| value.is_string() || value.is_number();
    let is_there = |key: &&str| objects.iter().all(|fields| fields.get(*key).is_some_and(tells));
    IDENTITIES.into_iter().find(is_there)
}

/// What fields are sorted by: names and identities first, then the alphabet, but with partners side by side.
pub(super) fn order(key: &str) -> (usize, String) {
    let leading = LABELS.iter().chain(&IDENTITIES);
    let rank = leading
        .clone()
        .position(|leader| *leader == key)
        .unwrap_or(leading.count());
    let words = key.split('_').map(|word| {
        let partner = PARTNERS.iter().find(|(later, _)| *later == word);
        partner.map_or(word, |(_, sorted_as)| sorted_as)
    });
    (rank, words.collect::<Vec<_>>().join("_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted<const N: usize>(mut keys: [&str; N]) -> [&str; N] {
        keys.sort_by_key(|key| order(key));
        keys
    }

    #[test]
    fn what_belongs_together_is_read_in_its_natural_order() {
        assert_eq!(
            sorted([
                "coverage",
                "id",
                "label",
                "maximum_deg",
                "minimum_deg",
                "range_of_motion_deg"
            ]),
            [
                "label",
                "id",
                "coverage",
                "minimum_deg",
                "maximum_deg",
                "range_of_motion_deg"
            ]
        );
        assert_eq!(
            sorted(["depth_deg", "end_s", "start_s"]),
            ["start_s", "end_s", "depth_deg"]
        );
        assert_eq!(sorted(["height_px", "width_px"]), ["width_px", "height_px"]);
        assert_eq!(
            sorted(["last_s", "first_s", "max", "min"]),
            ["first_s", "last_s", "min", "max"]
        );
    }

    #[test]
    fn names_tell_units() {
        let told: Vec<_> = [
            "knee_deg",
            "lag_ms",
            "rate_deg_per_s",
            "coverage",
            "seen_share",
            "frames",
            "_s",
            "file_bytes",
        ]
        .map(|key| format!("{}|{}", label(key), unit(key)))
        .into();
        assert_eq!(
            told,
            [
                "knee|°",
                "lag|ms",
                "rate|°/s",
                "coverage|%",
                "seen|%",
                "frames|",
                " s|s",
                "file|"
            ]
        );
    }

    #[test]
    fn a_digest_is_shortened_and_made_harmless() {
        assert_eq!(text("model_sha256", &"0a".repeat(32)), "0a0a0a0a0a0a…");
        assert_eq!(text("sha256", "abc"), "abc");
        assert_eq!(text("codec", "h\u{1b}264"), "h\u{fffd}264");
    }
}
