//! Where boxes and edges lie, on a grid of columns and rows of text.

use super::Graph;
use super::channel::{Channel, Net};

/// Between boxes that stand side by side.
const GAP: usize = 3;
/// Border and space at both sides of a box's text.
const FRAME: usize = 4;
/// Rows of a box: three of text and its border.
pub(super) const BOX_ROWS: usize = 5;
/// No box is wider unless many edges end at it.
const WIDEST_TEXT: usize = 46;
/// Boxes are not made narrower than this to stand side by side.
const NARROWEST_TEXT: usize = 20;
/// Columns from one lane to the next.
const LANE: usize = 2;
/// Columns that the end of an edge takes at a box.
const PORT: usize = 4;

/// A box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its left border.
    pub(super) x: usize,
    /// Its upper border.
    pub(super) y: usize,
    /// Columns, with the borders.
    pub(super) width: usize,
}

impl Place {
    /// Where its edges leave.
    fn middle(self) -> usize {
        self.x + self.width / 2
    }

    /// Its lower border.
    pub(super) fn bottom(self) -> usize {
        self.y + BOX_ROWS - 1
    }
}

/// The way of one edge: corners, from the lower border of a box to the row above another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) corners: Vec<(usize, usize)>,
}

/// A whole drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    pub(super) ways: Vec<Way>,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Lays a graph out in at most `width` columns, if that can be.
pub(super) fn lay_out(graph: &Graph, width: usize) -> Layout {
    let edges = graph.edges();
    let layers = layers(graph.nodes.len(), &edges);
    let ports = (0..graph.nodes.len()).map(|node| edges.iter().filter(|(_, to)| *to == node).count());
    let needed = PORT * ports.max().unwrap_or(0) + 2;
    let natural = graph
        .nodes
        .iter()
        .map(super::Node::columns)
        .max()
        .unwrap_or(0)
        .min(WIDEST_TEXT);
    let text = natural.max(needed.saturating_sub(FRAME));

    // Lanes take room as well, and there are more of them when rows are broken: the first attempt that fits is taken.
    let widest = layers.iter().map(Vec::len).max().unwrap_or(1);
    let least = text.min(NARROWEST_TEXT.max(needed.saturating_sub(FRAME)));
    let mut last = None;
    for per_row in (1..=widest).rev() {
        let rows = broken(&layers, per_row);
        let lanes = lanes(&rows, &edges);
        let side = lanes.iter().flatten().max().map_or(0, |most| LANE * (most + 1));
        let room = (width.saturating_sub(side) + GAP) / per_row;
        let fits = room.saturating_sub(GAP + FRAME);
        // One box alone in its row is made as narrow as its name allows.
        let least = if per_row == 1 { least.min(needed) } else { least };
        let layout = placed(graph, &edges, &rows, &lanes, text.min(fits).max(least));
        if layout.width <= width {
            return layout;
        }
        last = Some(layout);
    }
    last.unwrap_or_else(|| placed(graph, &edges, &[], &[], text))
}

/// The nodes in layers: each one below the last of those it needs, ordered so that edges cross little.
fn layers(nodes: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut depth = vec![0; nodes];
    // Edges come sorted by where they lead, and lead forward.
    for &(from, to) in edges {
        depth[to] = depth[to].max(depth[from] + 1);
    }
    let mut layers = vec![Vec::new(); depth.iter().max().map_or(0, |deepest| deepest + 1)];
    for node in 0..nodes {
        layers[depth[node]].push(node);
    }
    let mut centre = vec![0.5; nodes];
    for layer in &mut layers {
        let mean = |node: usize| {
            let sources: Vec<f64> = edges
                .iter()
                .filter(|edge| edge.1 == node)
                .map(|edge| centre[edge.0])
                .collect();
            if sources.is_empty() {
                0.5
            } else {
                sources.iter().sum::<f64>() / sources.len() as f64
            }
        };
        let mut keyed: Vec<_> = layer.iter().map(|node| (mean(*node), *node)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        *layer = keyed.into_iter().map(|(_, node)| node).collect();
        for (at, node) in layer.iter().enumerate() {
            centre[*node] = (at as f64 + 0.5) / layer.len() as f64;
        }
    }
    layers
}

/// Layers as rows of at most so many boxes.
fn broken(layers: &[Vec<usize>], per_row: usize) -> Vec<Vec<usize>> {
    let rows = layers.iter().flat_map(|layer| {
        let pieces = layer.len().div_ceil(per_row).max(1);
        layer.chunks(layer.len().div_ceil(pieces).max(1)).map(<[usize]>::to_vec)
    });
    rows.collect()
}

/// The lane of each node whose edges pass a row. A lane is used again by a node below, never by two in the same channel.
fn lanes(rows: &[Vec<usize>], edges: &[(usize, usize)]) -> Vec<Option<usize>> {
    let row_of = row_of(rows);
    let mut lanes = vec![None; row_of.len()];
    let mut free_from: Vec<usize> = Vec::new();
    for (row, nodes) in rows.iter().enumerate() {
        for node in nodes {
            let last = edges
                .iter()
                .filter(|edge| edge.0 == *node)
                .map(|edge| row_of[edge.1])
                .max();
            let Some(last) = last.filter(|last| *last > row + 1) else {
                continue;
            };
            let lane = free_from
                .iter()
                .position(|free| *free <= row)
                .unwrap_or(free_from.len());
            if lane == free_from.len() {
                free_from.push(0);
            }
            free_from[lane] = last;
            lanes[*node] = Some(lane);
        }
    }
    lanes
}

fn row_of(rows: &[Vec<usize>]) -> Vec<usize> {
    let mut row_of = vec![0; rows.iter().map(Vec::len).sum()];
    for (row, nodes) in rows.iter().enumerate() {
        for node in nodes {
            row_of[*node] = row;
        }
    }
    row_of
}

/// Places boxes with so many columns of text, then the edges between their rows.
fn placed(
    graph: &Graph,
    edges: &[(usize, usize)],
    rows: &[Vec<usize>],
    lanes: &[Option<usize>],
    text: usize,
) -> Layout {
    let width = text + FRAME;
    let row_of = row_of(rows);
    let row_width = |nodes: usize| nodes * (width + GAP) - GAP;
    let boxes_width = rows.iter().map(|row| row_width(row.len())).max().unwrap_or(0);
    let lane_at = |lane: usize| boxes_width + 1 + LANE * lane;
    let mut places = vec![Place { x: 0, y: 0, width }; graph.nodes.len()];
    for row in rows {
        let left = (boxes_width - row_width(row.len())) / 2;
        for (at, node) in row.iter().enumerate() {
            places[*node].x = left + at * (width + GAP);
        }
    }
    let mut ways: Vec<Way> = edges
        .iter()
        .map(|&(from, to)| Way {
            from,
            to,
            corners: Vec::new(),
        })
        .collect();
    let mut y = 0;
    for (row, nodes) in rows.iter().enumerate() {
        for node in nodes {
            places[*node].y = y;
        }
        y += BOX_ROWS;
        if row + 1 == rows.len() {
            break;
        }
        let nets = nets(
            row,
            edges,
            &row_of,
            |node| places[node].middle(),
            |node| lanes[node].map(lane_at),
        );
        let channel = Channel::new(nets, &rows[row + 1], &places);
        channel.lead(y, &mut ways, &places, &row_of, row);
        y += channel.height();
    }
    let lane_width = lanes.iter().flatten().max().map_or(0, |most| 1 + LANE * most + 1);
    Layout {
        places,
        ways,
        width: boxes_width + lane_width,
        height: y,
    }
}

/// What passes the channel below a row: one net for each node above it that is needed below it.
fn nets(
    row: usize,
    edges: &[(usize, usize)],
    row_of: &[usize],
    middle: impl Fn(usize) -> usize,
    lane: impl Fn(usize) -> Option<usize>,
) -> Vec<Net> {
    let mut nets = Vec::new();
    for node in (0..row_of.len()).filter(|node| row_of[*node] <= row) {
        let below: Vec<_> = edges
            .iter()
            .filter(|edge| edge.0 == node && row_of[edge.1] > row)
            .map(|edge| edge.1)
            .collect();
        if below.is_empty() {
            continue;
        }
        let goes_on = below.iter().any(|to| row_of[*to] > row + 1);
        nets.push(Net {
            node,
            top: if row_of[node] == row {
                middle(node)
            } else {
                lane(node).unwrap_or_else(|| middle(node))
            },
            ends: below
                .into_iter()
                .filter(|to| row_of[*to] == row + 1)
                .map(|to| (to, 0))
                .collect(),
            lane: if goes_on { lane(node) } else { None },
            track: None,
        });
    }
    nets
}

/// Columns for text in a box.
pub(super) fn text_columns(place: Place) -> usize {
    place.width - FRAME
}
