//! Links stretches to people, all at once.

use super::segments::Segment;
use super::{Colours, Member};
use crate::assignment::assign;

/// Every possible link costs less than being alone: whoever can be somebody known is taken for him.
const ALONE: f64 = 1.0;

/// The people that the stretches make.
///
/// Each stretch has at most one that goes on from it, so people are paths that cover all stretches, and the cheapest cover by paths of a
/// graph without circles is an assignment of ends to beginnings. It is solved for each group of stretches that have
/// any link in common, so that a long video costs no more than its parts.
pub(super) fn link(segments: &[Segment]) -> Vec<Member> {
    let links: Vec<Vec<(usize, f64)>> = segments.iter().map(|segment| onward(segment, segments)).collect();
    let mut next = vec![None; segments.len()];
    for group in groups(&links) {
        let costs: Vec<Vec<Option<f64>>> = group
            .iter()
            .map(|&from| {
                let cost = |to: &usize| {
                    links[from]
                        .iter()
                        .find(|(onward, _)| onward == to)
                        .map(|(_, cost)| *cost)
                };
                group.iter().map(cost).collect()
            })
            .collect();
        for (row, column) in assign(&costs, ALONE).into_iter().enumerate() {
            next[group[row]] = column.map(|column| group[column]);
        }
    }
    let mut is_first = vec![true; segments.len()];
    for &to in next.iter().flatten() {
        is_first[to] = false;
    }
    let firsts = (0..segments.len()).filter(|&index| is_first[index]);
    firsts.map(|first| member(first, &next, segments)).collect()
}

fn onward(segment: &Segment, segments: &[Segment]) -> Vec<(usize, f64)> {
    let cost = |(index, later): (usize, &Segment)| {
        let cost = segment
            .tail
            .cost_of_becoming(&later.head, segment.looks.as_ref(), later.looks.as_ref())?;
        Some((index, cost))
    };
    segments.iter().enumerate().filter_map(cost).collect()
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

/// Stretches that hang together by links, whatever these cost.
fn groups(links: &[Vec<(usize, f64)>]) -> Vec<Vec<usize>> {
    fn root(group: &mut [usize], mut at: usize) -> usize {
        while group[at] != at {
            group[at] = group[group[at]];
            at = group[at];
        }
        at
    }
    let mut group: Vec<usize> = (0..links.len()).collect();
    for (from, onward) in links.iter().enumerate() {
        for &(to, _) in onward {
            let (a, b) = (root(&mut group, from), root(&mut group, to));
            group[a.max(b)] = a.min(b);
        }
    }
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); links.len()];
    for at in 0..links.len() {
        let root = root(&mut group, at);
        members[root].push(at);
    }
    members.retain(|members| !members.is_empty());
    members
}
