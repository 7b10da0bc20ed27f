//! What a stage found, for people: any JSON as short aligned lines, with the units that the fields' names tell.
//!
//! It knows no stage. Objects are indented, lists of flat objects are tables, and nothing is wider than the terminal.

mod grid;
mod names;

use console::{Alignment, measure_text_width, pad_str, truncate_str};
use serde_json::{Map, Value};

use self::names::{ending, label, order, text, with_unit};
use crate::screen::Paint;

/// How many entries of a list of values are shown.
const SHOWN_OF_A_LIST: usize = 12;
/// How many entries of a list of nested objects are shown.
const SHOWN_BLOCKS: usize = 5;
/// How deep objects are laid out; below, they are shown in one line.
const DEEPEST: usize = 4;
/// How much of a text is shown, in columns.
const SHOWN_OF_A_TEXT: usize = 400;
/// The widest list that is written in one line where there is no terminal.
const WIDEST_LIST: usize = 60;
/// Text is not squeezed into fewer columns than these.
const NARROWEST: usize = 8;
/// How far nested things are indented.
const INDENT: usize = 2;

/// Between the values of an object in one line.
const BETWEEN: &str = " · ";

/// The facts as lines, without indentation, for a width, or as wide as they need to be.
pub(crate) fn lines(facts: &Value, width: Option<usize>, paint: &dyn Fn(Paint, &str) -> String) -> Vec<String> {
    let layout = Layout { paint };
    match facts {
        Value::Object(fields) => layout.object("", fields, 0, width),
        Value::Null => Vec::new(),
        other => value_lines("", other, width),
    }
}

struct Layout<'a> {
    paint: &'a dyn Fn(Paint, &str) -> String,
}

impl Layout<'_> {
    /// Values first, in one aligned block; what takes several lines follows.
    fn object(&self, key: &str, fields: &Map<String, Value>, depth: usize, width: Option<usize>) -> Vec<String> {
        let (blocks, values): (Vec<_>, Vec<_>) = sorted(fields)
            .into_iter()
            .partition(|(_, value)| depth < DEEPEST && is_block(value));
        let labels = values.iter().map(|(field, _)| measure_text_width(&label(field)));
        let label_width = labels.max().unwrap_or(0);
        let mut lines = Vec::new();
        for (field, value) in values {
            let told = value_lines(unit_key(key, field), value, less(width, label_width + INDENT));
            let label = pad_str(&label(field), label_width, Alignment::Left, None).into_owned();
            for (index, line) in told.into_iter().enumerate() {
                let label = if index == 0 {
                    (self.paint)(Paint::Faint, &label)
                } else {
                    " ".repeat(label_width)
                };
                lines.push(format!("{label}{}{line}", " ".repeat(INDENT)));
            }
        }
        for (field, value) in blocks {
            lines.extend(self.block(unit_key(key, field), field, value, depth, width));
        }
        lines
    }

    /// A field that takes several lines.
    fn block(&self, key: &str, field: &str, value: &Value, depth: usize, width: Option<usize>) -> Vec<String> {
        let name = || (self.paint)(Paint::Faint, &label(field));
        let inside = less(width, INDENT);
        match value {
            Value::Object(inner) => under(name(), self.object(key, inner, depth + 1, inside)),
            Value::Array(entries) => match grid::rows(entries) {
                Some(rows) => grid::lines(field, &rows, width, self.paint),
                None => under(name(), self.entries(key, entries, depth + 1, inside)),
            },
            other => vec![format!("{}  {}", name(), short(key, other))],
        }
    }

    /// The entries of a list, of which some are objects with lists or objects in them.
    fn entries(&self, key: &str, entries: &[Value], depth: usize, width: Option<usize>) -> Vec<String> {
        let shown = entries.iter().take(SHOWN_BLOCKS).enumerate();
        let mut lines: Vec<String> = shown
            .flat_map(|(at, entry)| self.entry(key, at, entry, depth, width))
            .collect();
        let more = entries.len().saturating_sub(SHOWN_BLOCKS);
        lines.extend(and_more(more, "", width, self.paint));
        lines
    }

    /// An entry: its values in one line, what takes several lines below it.
    fn entry(&self, key: &str, at: usize, entry: &Value, depth: usize, width: Option<usize>) -> Vec<String> {
        let Value::Object(fields) = entry else {
            return value_lines(key, entry, width);
        };
        let (blocks, values): (Vec<_>, Vec<_>) = sorted(fields)
            .into_iter()
            .partition(|(_, value)| depth < DEEPEST && is_block(value));
        let mut lines = packed(
            values.into_iter().map(|(field, value)| piece(key, field, value)),
            BETWEEN,
            width,
        );
        if lines.is_empty() {
            lines.push((at + 1).to_string());
        }
        for (field, value) in blocks {
            let inner = self.block(unit_key(key, field), field, value, depth, less(width, INDENT));
            lines = under_all(lines, inner);
        }
        lines
    }
}

/// An object's fields that say something, in the order in which to read them.
fn sorted(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut shown: Vec<_> = fields.iter().filter(|(_, value)| !is_nothing(value)).collect();
    shown.sort_by_cached_key(|(key, _)| order(key));
    shown
}

fn less(width: Option<usize>, by: usize) -> Option<usize> {
    width.map(|width| width.saturating_sub(by).max(NARROWEST))
}

fn under(head: String, inner: Vec<String>) -> Vec<String> {
    under_all(vec![head], inner)
}

fn under_all(mut heads: Vec<String>, inner: Vec<String>) -> Vec<String> {
    heads.extend(inner.into_iter().map(|line| format!("{}{line}", " ".repeat(INDENT))));
    heads
}

/// The line that tells what is not shown.
fn and_more(more: usize, of_what: &str, width: Option<usize>, paint: &dyn Fn(Paint, &str) -> String) -> Option<String> {
    let line = format!("… and {more} more{of_what} (--json shows them)");
    let line = width.map_or(line.clone(), |width| truncate_str(&line, width, "…").into_owned());
    (more > 0).then(|| paint(Paint::Faint, &line))
}

/// Null, and objects with nothing in them, say nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_nothing),
        _ => false,
    }
}

/// Whether a value takes several lines: a list with objects in it, or an object that is not better shown in one line.
fn is_block(value: &Value) -> bool {
    match value {
        Value::Array(entries) => entries.iter().any(Value::is_object),
        Value::Object(fields) => fields.len() > 4 || fields.values().any(|value| value.is_object() || value.is_array()),
        _ => false,
    }
}

/// `"flexion_deg": {"min": 3}` has its unit outside.
fn unit_key<'a>(outer: &'a str, field: &'a str) -> &'a str {
    if ending(field).is_some() || ending(outer).is_none() {
        field
    } else {
        outer
    }
}

/// A value in as many lines as it takes.
fn value_lines(key: &str, value: &Value, width: Option<usize>) -> Vec<String> {
    match value {
        Value::Array(entries) if !entries.is_empty() => {
            let in_one = short(key, value);
            if measure_text_width(&in_one) <= width.unwrap_or(WIDEST_LIST) || !entries.iter().any(Value::is_string) {
                return packed(in_one.split(' ').map(str::to_owned), " ", width);
            }
            let shown = entries.iter().take(SHOWN_OF_A_LIST);
            let mut lines: Vec<String> = shown.flat_map(|entry| listed(key, entry, width)).collect();
            lines.extend(and_more(
                entries.len().saturating_sub(SHOWN_OF_A_LIST),
                "",
                width,
                &|_, text| text.to_owned(),
            ));
            lines
        }
        Value::Object(fields) => {
            let pieces = sorted(fields)
                .into_iter()
                .map(|(field, value)| piece(key, field, value));
            packed(pieces, BETWEEN, width)
        }
        other => packed(short(key, other).split(' ').map(str::to_owned), " ", width),
    }
}

/// An entry of a list of texts that are too long for one line.
fn listed(key: &str, entry: &Value, width: Option<usize>) -> Vec<String> {
    let told = value_lines(key, entry, less(width, INDENT));
    let line = |(index, line): (usize, String)| format!("{}{line}", if index == 0 { "- " } else { "  " });
    told.into_iter().enumerate().map(line).collect()
}

/// A field among others in one line.
fn piece(key: &str, field: &str, value: &Value) -> String {
    format!("{} {}", label(field), short(unit_key(key, field), value))
}

/// A value in one line.
fn short(key: &str, value: &Value) -> String {
    let told = match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(value) => with_unit(key, value),
        Value::String(value) => text(key, value),
        Value::Array(entries) if entries.is_empty() => "none".to_owned(),
        Value::Array(entries) => {
            let shown = entries.iter().take(SHOWN_OF_A_LIST).map(|entry| short(key, entry));
            let shown = shown.collect::<Vec<_>>().join(", ");
            match entries.len().saturating_sub(SHOWN_OF_A_LIST) {
                0 => shown,
                more => format!("{shown}, … ({more} more)"),
            }
        }
        Value::Object(fields) => {
            let shown = sorted(fields)
                .into_iter()
                .map(|(field, value)| piece(key, field, value));
            shown.collect::<Vec<_>>().join(BETWEEN)
        }
    };
    truncate_str(&told, SHOWN_OF_A_TEXT, "…").into_owned()
}

/// Pieces in lines of at most this width; a piece that is wider is broken.
fn packed(pieces: impl Iterator<Item = String>, separator: &str, width: Option<usize>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        let needed = measure_text_width(&piece) + measure_text_width(separator);
        match lines.last_mut() {
            Some(line) if width.is_none_or(|width| measure_text_width(line) + needed <= width) => {
                line.push_str(separator);
                line.push_str(&piece);
            }
            _ => lines.extend(broken(piece, width)),
        }
    }
    lines
}

/// A text cut into lines wherever they are full.
fn broken(text: String, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.filter(|width| measure_text_width(&text) > *width) else {
        return vec![text];
    };
    let mut lines = vec![String::new()];
    let mut buffer = [0; 4];
    for character in text.chars() {
        let letter = character.encode_utf8(&mut buffer);
        let is_full = lines
            .last()
            .is_some_and(|line| measure_text_width(line) + measure_text_width(letter) > width);
        if is_full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(letter);
        }
    }
    lines
}

#[cfg(test)]
mod tests;
