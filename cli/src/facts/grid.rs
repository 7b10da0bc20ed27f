//! A list of flat objects as a small table: a row for each, a column for each field, units in the head.

use console::measure_text_width;
use serde_json::{Map, Value};

use super::names::{IDENTITIES, Kind, identity, kind, label, naming, order, unit};
use super::{and_more, packed, short};
use crate::screen::Paint;
use crate::table::{Cell, Column, left_out, natural_width, render};
use crate::words::{numbers, size, whole_percent};

/// How many rows are shown.
const SHOWN_ROWS: usize = 30;
/// The least width of the column that tells the rows apart.
const LEAST_MARK: usize = 12;
/// The least width of a column of words.
const LEAST_WORDS: usize = 8;
/// What stands for a value that is not there.
const ABSENT: &str = "-";

type Fields = Map<String, Value>;

/// Some entries of a list as the rows of a table, if all of them are objects without objects in them.
pub(super) fn rows(entries: &[Value]) -> Option<Vec<&Fields>> {
    let is_scalar = |value: &Value| !value.is_object() && !value.is_array();
    let is_simple = |value: &Value| match value {
        Value::Array(inner) => inner.iter().all(is_scalar),
        other => is_scalar(other),
    };
    let is_flat = |fields: &&Fields| fields.values().all(is_simple);
    entries.iter().map(|entry| entry.as_object().filter(is_flat)).collect()
}

/// Lays rows out under the list's name.
pub(super) fn lines(
    name: &str,
    rows: &[&Fields],
    width: Option<usize>,
    paint: &dyn Fn(Paint, &str) -> String,
) -> Vec<String> {
    let shown = &rows[..rows.len().min(SHOWN_ROWS)];
    let strips = strips(name, shown);
    let cells: Vec<Vec<Cell>> = (0..shown.len())
        .map(|row| strips.iter().map(|strip| Cell::new(strip.cells[row].clone())).collect())
        .collect();
    let mut titles = titles(&strips, false);
    if width.is_some_and(|width| natural_width(&columns(&strips, &titles), &cells) > width) {
        titles = self::titles(&strips, true);
    }
    let columns = columns(&strips, &titles);
    let mut lines: Vec<String> = render(&columns, &cells, width, paint)
        .lines()
        .map(str::to_owned)
        .collect();
    lines.extend(and_more(rows.len() - shown.len(), "", width, paint));
    lines.extend(and_more(left_out(&columns, &cells, width), " columns", width, paint));
    lines
}

/// A column with all of its texts.
struct Strip {
    title: String,
    unit: &'static str,
    is_numeric: bool,
    cells: Vec<String>,
}

impl Strip {
    /// One field of all rows.
    fn of(key: &str, rows: &[&Fields]) -> Self {
        let values: Vec<&Value> = rows.iter().map(|row| row.get(key).unwrap_or(&Value::Null)).collect();
        match kind_in(key, rows) {
            Some(kind) => Self {
                title: label(key),
                unit: if kind == Kind::Plain { "" } else { unit(key) },
                is_numeric: true,
                cells: numeric_cells(kind, &values),
            },
            None => Self {
                title: label(key),
                unit: "",
                is_numeric: false,
                cells: values.iter().map(|value| short(key, value)).collect(),
            },
        }
    }

    fn width(&self) -> usize {
        let widths = self.cells.iter().map(|cell| measure_text_width(cell));
        widths.max().unwrap_or(0)
    }
}

/// What a field holds in these rows: numbers of a kind, or words.
fn kind_in(key: &str, rows: &[&Fields]) -> Option<Kind> {
    let values: Vec<&Value> = rows
        .iter()
        .filter_map(|row| row.get(key))
        .filter(|value| !value.is_null())
        .collect();
    let reals: Vec<f64> = values.iter().filter_map(|value| value.as_f64()).collect();
    if reals.is_empty() || reals.len() < values.len() {
        return None;
    }
    let is_share = |real: &f64| (0.0..=1.0).contains(real);
    match kind(key) {
        // It is called a share, but is none.
        Kind::Share if !reals.iter().all(is_share) => Some(Kind::Plain),
        kind => Some(kind),
    }
}

/// Numbers without their units, aligned by their decimal points.
fn numeric_cells(kind: Kind, values: &[&Value]) -> Vec<String> {
    let reals: Vec<f64> = values.iter().filter_map(|value| value.as_f64()).collect();
    let texts: Vec<String> = match kind {
        Kind::Share => reals.iter().map(|share| whole_percent(*share).to_string()).collect(),
        Kind::Bytes => reals.iter().map(|bytes| size(*bytes as u64)).collect(),
        Kind::Quantity | Kind::Plain => numbers(&reals),
    };
    let mut texts = texts.into_iter();
    let cell = |value: &&Value| {
        let text = if value.is_number() { texts.next() } else { None };
        text.unwrap_or_else(|| ABSENT.to_owned())
    };
    values.iter().map(cell).collect()
}

/// What tells the rows apart, then words, quantities, counts and shares.
fn strips(name: &str, rows: &[&Fields]) -> Vec<Strip> {
    let naming = naming(rows);
    let mark = naming.or_else(|| identity(rows));
    let said_already = |key: &str| Some(key) == mark || (naming.is_some() && IDENTITIES.contains(&key));
    let mut keys: Vec<&String> = rows
        .iter()
        .flat_map(|row| row.iter())
        .filter(|(key, value)| !value.is_null() && !said_already(key))
        .map(|(key, _)| key)
        .collect();
    keys.sort_by_cached_key(|key| (kind_in(key, rows), order(key), *key));
    keys.dedup();
    let first = match mark {
        Some(key) => Strip {
            title: label(name),
            ..Strip::of(key, rows)
        },
        None => Strip {
            title: label(name),
            unit: "",
            is_numeric: true,
            cells: (1..=rows.len()).map(|number| number.to_string()).collect(),
        },
    };
    std::iter::once(first)
        .chain(keys.into_iter().map(|key| Strip::of(key, rows)))
        .collect()
}

/// The heads: the titles end in the same line, the units stand in the one below.
fn titles(strips: &[Strip], are_narrow: bool) -> Vec<String> {
    let broken: Vec<Vec<String>> = strips
        .iter()
        .map(|strip| {
            let words = || strip.title.split(' ').map(str::to_owned);
            let longest = words().map(|word| measure_text_width(&word)).max().unwrap_or(0);
            packed(words(), " ", are_narrow.then(|| longest.max(strip.width())))
        })
        .collect();
    let height = broken.iter().map(Vec::len).max().unwrap_or(0);
    let have_units = strips.iter().any(|strip| !strip.unit.is_empty());
    let title = |(lines, strip): (&Vec<String>, &Strip)| {
        let above = std::iter::repeat_n("", height - lines.len());
        let below = have_units.then_some(strip.unit);
        let all: Vec<&str> = above.chain(lines.iter().map(String::as_str)).chain(below).collect();
        all.join("\n")
    };
    broken.iter().zip(strips).map(title).collect()
}

fn columns<'a>(strips: &[Strip], titles: &'a [String]) -> Vec<Column<'a>> {
    let column = |(index, (strip, title)): (usize, (&Strip, &'a String))| {
        let column = if strip.is_numeric {
            Column::right(title)
        } else {
            Column::left(title).shrinks_to(if index == 0 { LEAST_MARK } else { LEAST_WORDS })
        };
        column.drops_at(index.min(usize::from(u8::MAX)) as u8)
    };
    strips.iter().zip(titles).enumerate().map(column).collect()
}
