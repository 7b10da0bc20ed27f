//! Tables for people at a terminal.

use std::fmt::{self, Write as _};

/// A table: the first column to the left, all others to the right.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    title: String,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

/// Lines are no longer than this where their words allow it.
const WIDTH: usize = 100;

/// Names of files that are longer are cut.
const LONGEST_NAME: usize = 26;

/// Between columns.
const GAP: usize = 2;

impl Table {
    pub(crate) fn new(title: impl Into<String>, head: &[&str]) -> Self {
        Self {
            title: title.into(),
            rows: vec![head.iter().map(ToString::to_string).collect()],
            notes: Vec::new(),
        }
    }

    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// A sentence below the table.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        writeln!(out, "\n{}\n", self.title)?;
        for (index, row) in self.rows.iter().enumerate() {
            let mut line = String::from(" ");
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(line, " {cell:<width$}")?;
                } else {
                    write!(line, "{:GAP$}{cell:>width$}", "")?;
                }
            }
            writeln!(out, "{}", line.trim_end())?;
            if index == 0 {
                let rule: usize = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
                writeln!(out, "  {}", "─".repeat(rule))?;
            }
        }
        for note in &self.notes {
            writeln!(out, "\n{}", wrapped(note))?;
        }
        Ok(())
    }
}

/// A paragraph, indented as tables are.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::from(" ")];
    for word in text.split_whitespace() {
        let line = lines.last_mut().filter(|line| {
            let is_empty = line.trim().is_empty();
            is_empty || line.chars().count() + 1 + word.chars().count() <= WIDTH
        });
        match line {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(format!("  {word}")),
        }
    }
    lines.join("\n")
}

/// A file's name, cut so that a row keeps to its line.
pub(crate) fn short(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    let kept: String = name.chars().take(LONGEST_NAME - 1).collect();
    format!("{kept}…")
}

/// A number with one digit after the point, or a dash for none.
pub(crate) fn one_digit(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"))
}

/// How many times as much.
pub(crate) fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2} ×"))
}

/// Bytes as megabytes of a million bytes.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new("sizes", &["name", "MB"]);
        table.row(["a", "1.0"]);
        table.row(["größer", "12.0"]);
        let text = table.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "",
                "sizes",
                "",
                "  name      MB",
                "  ────────────",
                "  a        1.0",
                "  größer  12.0"
            ]
        );
    }

    #[test]
    fn notes_are_wrapped() {
        let mut table = Table::new("t", &["a"]);
        table.note("word ".repeat(60));
        let text = table.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(text.matches("word").count(), 60);
        assert!(text.lines().last().unwrap().starts_with("  word"));
    }

    #[test]
    fn long_names_are_cut_and_short_ones_are_not() {
        assert_eq!(short("squat.mp4"), "squat.mp4");
        assert_eq!(short(&"ä".repeat(26)), "ä".repeat(26));
        assert_eq!(short(&"ä".repeat(27)), format!("{}…", "ä".repeat(25)));
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        assert_eq!((one_digit(None), times(None)), ("–".into(), "–".into()));
        assert_eq!(
            (one_digit(Some(1.25)), times(Some(2.0))),
            ("1.2".into(), "2.00 ×".into())
        );
        assert_eq!(megabytes(9_540_000), "9.5");
    }
}
