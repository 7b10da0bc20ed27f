//! A drawing as text.

use super::layout::{BOX_ROWS, Layout, Place, text_columns};
use super::{Graph, Node, columns, cut};

/// Ways out of a cell.
const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// The lines of a cell, by the node whose edges they are.
type Cell = Vec<(usize, u8)>;

/// Draws a graph that was laid out.
pub(super) fn draw(graph: &Graph, layout: &Layout) -> String {
    let mut rows: Vec<Vec<char>> = vec![vec![' '; layout.width]; layout.height];
    draw_edges(layout, &mut rows);
    for (node, place) in graph.nodes.iter().zip(&layout.places) {
        draw_border(node, *place, &mut rows);
    }
    for way in &layout.ways {
        let (first, last) = (way.corners.first(), way.corners.last());
        if let Some(&(x, y)) = first {
            rows[y][x] = '┬';
        }
        if let Some(&(x, y)) = last {
            rows[y][x] = '▼';
        }
    }
    let mut lines: Vec<String> = Vec::new();
    for (y, row) in rows.iter().enumerate() {
        lines.push(line(graph, layout, y, row));
    }
    lines.join("\n")
}

/// One line: the frames and edges of a row, and in place of the boxes' insides their texts, whose characters may be wider
/// than a column.
fn line(graph: &Graph, layout: &Layout, y: usize, row: &[char]) -> String {
    let mut inside: Vec<(usize, String)> = Vec::new();
    for (node, place) in graph.nodes.iter().zip(&layout.places) {
        if y > place.y && y < place.bottom() {
            let (left, right) = node.lines()[y - place.y - 1].clone();
            inside.push((place.x + 2, filled(&left, &right, text_columns(*place))));
        }
    }
    inside.sort_by_key(|(x, _)| *x);
    let mut line = String::new();
    let mut x = 0;
    for (at, text) in inside {
        line.extend(&row[x..at]);
        x = at + columns(&text);
        line.push_str(&text);
    }
    line.extend(&row[x..]);
    line.trim_end().to_owned()
}

/// Two texts at the ends of so many columns. Where there is no room for both the right one is left out, and where there is none for
/// the left one it is cut.
fn filled(left: &str, right: &str, width: usize) -> String {
    let has_room = columns(left) + 1 + columns(right) <= width;
    let right = if has_room || left.is_empty() {
        cut(right, width)
    } else {
        String::new()
    };
    let gap = usize::from(!right.is_empty());
    let left = cut(left, width.saturating_sub(columns(&right) + gap));
    let space = width.saturating_sub(columns(&left) + columns(&right));
    format!("{left}{}{right}", " ".repeat(space))
}

fn draw_border(node: &Node, place: Place, rows: &mut [Vec<char>]) {
    let (across, down) = if node.optional { ('╌', '╎') } else { ('─', '│') };
    let (left, right) = (place.x, place.x + place.width - 1);
    let (top, bottom) = (place.y, place.y + BOX_ROWS - 1);
    rows[top][left..=right].fill(across);
    rows[bottom][left..=right].fill(across);
    for row in &mut rows[top..=bottom] {
        row[left] = down;
        row[right] = down;
    }
    rows[top][left] = '┌';
    rows[top][right] = '┐';
    rows[bottom][left] = '└';
    rows[bottom][right] = '┘';
}

fn draw_edges(layout: &Layout, rows: &mut [Vec<char>]) {
    let mut cells: Vec<Vec<Cell>> = vec![vec![Cell::new(); layout.width]; layout.height];
    let mut add = |(x, y): (usize, usize), node: usize, ways: u8| {
        let cell = &mut cells[y][x];
        match cell.iter_mut().find(|(other, _)| *other == node) {
            Some((_, known)) => *known |= ways,
            None => cell.push((node, ways)),
        }
    };
    for way in &layout.ways {
        for pair in way.corners.windows(2) {
            let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
            for y in y0..y1 {
                add((x0, y), way.from, DOWN);
                add((x0, y + 1), way.from, UP);
            }
            for x in x0.min(x1)..x0.max(x1) {
                add((x, y0), way.from, RIGHT);
                add((x + 1, y0), way.from, LEFT);
            }
        }
    }
    for (row, cells) in rows.iter_mut().zip(&cells) {
        for (character, cell) in row.iter_mut().zip(cells) {
            *character = glyph(cell);
        }
    }
}

fn glyph(cell: &Cell) -> char {
    let ways = match cell.as_slice() {
        [] => return ' ',
        [(_, ways)] => *ways,
        // Two that cross: the one that goes down is drawn through.
        _ => return '│',
    };
    match ways {
        0 => ' ',
        UP | DOWN | 3 => '│',
        LEFT | RIGHT | 12 => '─',
        9 => '╰',
        5 => '╯',
        10 => '╭',
        6 => '╮',
        11 => '├',
        7 => '┤',
        13 => '┴',
        14 => '┬',
        _ => '┼',
    }
}
