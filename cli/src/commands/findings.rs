//! What a job's stages found.

use marey_contract::JobDetail;

use crate::facts;
use crate::screen::{Paint, Screen};
use crate::words::tame;

/// How far facts are indented under their stage.
const INDENT: usize = 2;

/// The facts of each stage that has some; before each an empty line.
pub(super) fn findings(screen: &Screen, job: &JobDetail) -> Vec<String> {
    let paint = |paint: Paint, text: &str| screen.paint(paint, text);
    let width = screen.out_width().map(|width| width.saturating_sub(INDENT));
    let mut lines = Vec::new();
    for stage in &job.stages {
        let found = facts::lines(&stage.facts, width, &paint);
        if found.is_empty() {
            continue;
        }
        let title = paint(Paint::Strong, &tame(&stage.title));
        let name = paint(Paint::Faint, &format!("({})", tame(&stage.name)));
        lines.push(format!("\n{title} {name}"));
        lines.extend(found.into_iter().map(|line| format!("{}{line}", " ".repeat(INDENT))));
    }
    lines
}
