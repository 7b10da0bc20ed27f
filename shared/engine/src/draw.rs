//! A workflow as a drawing: as text for a terminal, as SVG for a page.
//!
//! Both are the same drawing: stages as boxes in rows, each row below what it needs, and edges in the channels between the
//! rows. An edge that passes rows runs in a lane at the right of all boxes, so that nothing is ever drawn across a box. Edges
//! from the same stage share their way until they part; where edges of different stages cross, the one that goes down is
//! drawn through and the other is interrupted. Colours follow the reader's, light or dark; no font is embedded.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::{RunsOn, ShardCount, StageSpec, Workflow};

mod channel;
mod layout;
mod svg;
#[cfg(test)]
mod tests;
mod text;

/// What is drawn of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// The drawing's name, for those who cannot see it.
    pub title: String,
    /// The stages, each after what it needs.
    pub nodes: Vec<Node>,
}

/// A stage in a drawing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The names of the stages that must have ended before it starts. Only names of earlier nodes are drawn.
    pub needs: Vec<String>,
    /// How many pieces it runs in, as `×4` or `×probe/shards`; empty if it is one.
    pub shards: String,
    /// Where it runs: `lambda`, `batch`, `auto`.
    pub runs_on: String,
    /// Whether the job goes on without it.
    pub optional: bool,
    /// Its share of the job's progress, 0 to 1.
    pub share: f64,
}

impl Graph {
    /// The drawing as lines of text, at most `width` columns wide where its boxes can be made that narrow.
    ///
    /// It needs a font with the box drawing characters of Unicode, as every terminal has.
    pub fn text(&self, width: usize) -> String {
        text::draw(self, &layout::lay_out(self, width))
    }

    /// The drawing as an SVG document.
    pub fn svg(&self) -> String {
        svg::draw(self, &layout::lay_out(self, SVG_COLUMNS))
    }

    /// The edges, as places in `nodes`: from what is needed to what needs it.
    fn edges(&self) -> Vec<(usize, usize)> {
        let mut edges = Vec::new();
        for (to, node) in self.nodes.iter().enumerate() {
            let mut sources: Vec<_> = node
                .needs
                .iter()
                .filter_map(|need| self.nodes[..to].iter().position(|other| other.name == *need))
                .collect();
            sources.sort_unstable();
            sources.dedup();
            edges.extend(sources.into_iter().map(|from| (from, to)));
        }
        edges
    }
}

/// How wide an SVG may become before rows are broken, in columns of text.
const SVG_COLUMNS: usize = 120;

impl From<&Workflow> for Graph {
    fn from(workflow: &Workflow) -> Self {
        let total: f64 = workflow.stages().iter().map(|stage| stage.weight).sum();
        let node = |stage: &StageSpec| Node {
            name: stage.name.to_string(),
            title: stage.title.clone(),
            needs: stage.needs.iter().map(ToString::to_string).collect(),
            shards: match &stage.shards {
                ShardCount::Fixed(1) => String::new(),
                ShardCount::Fixed(shards) => format!("×{shards}"),
                ShardCount::From(from) => format!("×{}/{}", from.from, from.fact),
            },
            runs_on: match stage.runs_on {
                RunsOn::Lambda => "lambda",
                RunsOn::Batch => "batch",
                RunsOn::Auto => "auto",
            }
            .to_owned(),
            optional: stage.optional,
            share: stage.weight / total,
        };
        Self {
            title: workflow.title().to_owned(),
            nodes: workflow.stages().iter().map(node).collect(),
        }
    }
}

impl Node {
    /// What stands in its box: the name at the left and the share at the right, the title, and what is special.
    fn lines(&self) -> [(String, String); 3] {
        let mut special = Vec::new();
        if !self.shards.is_empty() {
            special.push(harmless(&self.shards));
        }
        special.push(harmless(&self.runs_on));
        if self.optional {
            special.push("optional".to_owned());
        }
        let percent = (self.share.clamp(0.0, 1.0) * 100.0).round();
        [
            (harmless(&self.name), format!("{percent} %")),
            (harmless(&self.title), String::new()),
            (special.join(" · "), String::new()),
        ]
    }

    /// Columns that its texts take.
    fn columns(&self) -> usize {
        let column =
            |(left, right): &(String, String)| columns(left) + columns(right) + 2 * usize::from(!right.is_empty());
        self.lines().iter().map(column).max().unwrap_or(0)
    }
}

/// Columns that a text takes in a terminal.
fn columns(text: &str) -> usize {
    text.width()
}

/// A text without what could steer a terminal or break a line.
fn harmless(text: &str) -> String {
    let is_hostile = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|character| if is_hostile(character) { '\u{fffd}' } else { character })
        .collect()
}

/// A text cut to a number of columns, with a mark where it was cut.
fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}
