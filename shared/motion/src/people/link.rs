//! Links stretches to people, all at once.

use super::segments::Segment;
use super::{Colours, Member};
use crate::assignment::assign;

/// Every possible link costs less than being alone: whoever can be somebody known is taken for him.
const ALONE: f64 = 1.0;

/// So many stretches are linked at once; those before them, as far as they have no end yet, may go on in them. More than this has
/// a video of many people or of a model in doubt, and the work grows with the cube.
const AT_ONCE: usize = 200;

/// The people that the stretches, in the order of their beginnings, make.
///
/// Each stretch has at most one that goes on from it, so people are paths that cover all stretches, and the cheapest cover by paths of a
/// graph without circles is an assignment of ends to beginnings.
pub(super) fn link(segments: &[Segment]) -> Vec<Member> {
    let mut next = vec![None; segments.len()];
    let mut open: Vec<usize> = Vec::new();
    for start in (0..segments.len()).step_by(AT_ONCE) {
        let fresh: Vec<usize> = (start..(start + AT_ONCE).min(segments.len())).collect();
        open.extend_from_slice(&fresh);
        let costs: Vec<Vec<Option<f64>>> = open
            .iter()
            .map(|&from| fresh.iter().map(|&to| cost(&segments[from], &segments[to])).collect())
            .collect();
        for (row, column) in assign(&costs, ALONE).into_iter().enumerate() {
            next[open[row]] = column.map(|column| fresh[column]);
        }
        open.retain(|&from| next[from].is_none());
        open.sort_by(|&a, &b| ended_s(&segments[a]).total_cmp(&ended_s(&segments[b])));
        open.drain(..open.len().saturating_sub(AT_ONCE));
    }
    let mut is_first = vec![true; segments.len()];
    for &to in next.iter().flatten() {
        is_first[to] = false;
    }
    let firsts = (0..segments.len()).filter(|&index| is_first[index]);
    firsts.map(|first| member(first, &next, segments)).collect()
}

fn cost(from: &Segment, to: &Segment) -> Option<f64> {
    from.tail
        .cost_of_becoming(&to.head, from.looks.as_ref(), to.looks.as_ref())
}

fn ended_s(segment: &Segment) -> f64 {
    segment.tail.sighting.time_s()
}

fn member(first: usize, next: &[Option<usize>], segments: &[Segment]) -> Member {
    let mut member = Member {
        seen: Vec::new(),
        looks: Colours::default(),
    };
    let mut at = Some(first);
    while let Some(index) = at {
        let segment = &segments[index];
        member.seen.extend_from_slice(&segment.seen);
        if let Some(looks) = &segment.looks {
            member.looks.add_appearance(looks);
        }
        at = next[index];
    }
    member
}
