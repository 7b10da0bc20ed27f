//! Tables that fit the terminal: columns are left out or shortened, lines never wrap.

use console::{Alignment, measure_text_width, pad_str, truncate_str};

use crate::screen::Paint;

/// Between columns.
const GAP: usize = 2;

/// A column and what it does when space is short.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    title: &'a str,
    alignment: Alignment,
    shrinks_to: Option<usize>,
    drops_at: u8,
}

impl<'a> Column<'a> {
    /// A column of words. The title may have several lines.
    pub(crate) const fn left(title: &'a str) -> Self {
        Self {
            title,
            alignment: Alignment::Left,
            shrinks_to: None,
            drops_at: 0,
        }
    }

    /// A column of numbers.
    pub(crate) const fn right(title: &'a str) -> Self {
        Self {
            alignment: Alignment::Right,
            ..Self::left(title)
        }
    }

    /// May be shortened down to this width.
    pub(crate) const fn shrinks_to(self, width: usize) -> Self {
        Self {
            shrinks_to: Some(width),
            ..self
        }
    }

    /// May be left out; those with larger numbers first.
    pub(crate) const fn drops_at(self, rank: u8) -> Self {
        Self { drops_at: rank, ..self }
    }
}

/// One cell. Its text is painted after it was cut to its width.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::painted(text, Paint::Plain)
    }

    pub(crate) fn painted(text: impl Into<String>, paint: Paint) -> Self {
        Self {
            text: text.into(),
            paint,
        }
    }
}

/// Lays a table out for a width, or as wide as it needs to be.
pub(crate) fn render(
    columns: &[Column<'_>],
    rows: &[Vec<Cell>],
    width: Option<usize>,
    paint: &dyn Fn(Paint, &str) -> String,
) -> String {
    let widths = fit(columns, rows, width);
    let heads = heads(columns);
    let lines = heads.iter().chain(rows).map(|row| line(columns, row, &widths, paint));
    lines.collect::<Vec<_>>().join("\n")
}

/// How wide a table is that nothing restrains.
pub(crate) fn natural_width(columns: &[Column<'_>], rows: &[Vec<Cell>]) -> usize {
    total(&fit(columns, rows, None))
}

/// How many columns are left out for want of space.
pub(crate) fn left_out(columns: &[Column<'_>], rows: &[Vec<Cell>], width: Option<usize>) -> usize {
    let widths = fit(columns, rows, width);
    widths.iter().filter(|width| width.is_none()).count()
}

/// The titles, line by line.
fn heads(columns: &[Column<'_>]) -> Vec<Vec<Cell>> {
    let height = columns.iter().map(|column| column.title.split('\n').count()).max();
    let at = |index: usize| {
        let titles = columns.iter().map(|column| column.title.split('\n').nth(index));
        titles
            .map(|line| Cell::painted(line.unwrap_or(""), Paint::Faint))
            .collect()
    };
    (0..height.unwrap_or(0)).map(at).collect()
}

/// The width of each column; `None` for those that are left out.
fn fit(columns: &[Column<'_>], rows: &[Vec<Cell>], width: Option<usize>) -> Vec<Option<usize>> {
    let natural = |index: usize, column: &Column<'_>| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(index))
            .map(|cell| measure_text_width(&cell.text));
        let title = column.title.split('\n').map(measure_text_width);
        cells.chain(title).max().unwrap_or(0)
    };
    let mut widths: Vec<Option<usize>> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| Some(natural(index, column)))
        .collect();
    let Some(available) = width else { return widths };

    let least = |widths: &[Option<usize>]| {
        let narrow = columns
            .iter()
            .zip(widths)
            .map(|(column, width)| width.map(|width| column.shrinks_to.map_or(width, |to| to.min(width))));
        total(&narrow.collect::<Vec<_>>())
    };
    while least(&widths) > available {
        let last = columns
            .iter()
            .enumerate()
            .filter(|(index, column)| widths[*index].is_some() && column.drops_at > 0);
        let Some((index, _)) = last.max_by_key(|(_, column)| column.drops_at) else {
            break;
        };
        widths[index] = None;
    }
    // What stands further right is less important.
    for (index, column) in columns.iter().enumerate().rev() {
        let over = total(&widths).saturating_sub(available);
        if let (Some(width), Some(least)) = (widths[index], column.shrinks_to) {
            widths[index] = Some(width.saturating_sub(over).max(least.min(width)));
        }
    }
    widths
}

fn total(widths: &[Option<usize>]) -> usize {
    let shown = widths.iter().flatten();
    shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1)
}

fn line(
    columns: &[Column<'_>],
    row: &[Cell],
    widths: &[Option<usize>],
    paint: &dyn Fn(Paint, &str) -> String,
) -> String {
    let last = widths.iter().rposition(Option::is_some);
    let cells = columns
        .iter()
        .zip(row)
        .zip(widths)
        .enumerate()
        .filter_map(|(index, ((column, cell), width))| {
            let width = (*width)?;
            let text = truncate_str(&cell.text, width, "…");
            let padded = pad_str(&text, width, column.alignment, None);
            // The last column needs no spaces behind it.
            let padded = if Some(index) == last {
                padded.trim_end()
            } else {
                &padded
            };
            Some(paint(cell.paint, padded))
        });
    let cells = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
    cells.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column<'static>; 4] = [
        Column::left("ID"),
        Column::left("NAME").shrinks_to(6),
        Column::right("SIZE"),
        Column::left("TYPE").drops_at(1),
    ];

    fn table(width: Option<usize>) -> String {
        let row = |cells: [&str; 4]| cells.map(Cell::new).to_vec();
        let rows = [
            row(["1", "a very long name 動画.mp4", "12.3 MB", "video/mp4"]),
            row(["22", "b", "1 B", "text/csv"]),
        ];
        render(&COLUMNS, &rows, width, &|_, text| text.to_owned())
    }

    #[test]
    fn without_a_width_everything_is_there_and_aligned() {
        insta::assert_snapshot!(table(None), @r"
        ID  NAME                          SIZE  TYPE
        1   a very long name 動画.mp4  12.3 MB  video/mp4
        22  b                              1 B  text/csv
        ");
    }

    #[test]
    fn names_are_shortened_before_columns_are_left_out() {
        insta::assert_snapshot!(table(Some(40)), @r"
        ID  NAME                 SIZE  TYPE
        1   a very long nam…  12.3 MB  video/mp4
        22  b                     1 B  text/csv
        ");
        insta::assert_snapshot!(table(Some(24)), @r"
        ID  NAME            SIZE
        1   a very lon…  12.3 MB
        22  b                1 B
        ");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 19..80 {
            for line in table(Some(width)).lines() {
                assert!(measure_text_width(line) <= width, "{width}: {line}");
            }
        }
    }
}
