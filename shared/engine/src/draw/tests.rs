use proptest::prelude::*;

use super::layout::{BOX_ROWS, Layout, Place, lay_out, text_columns};
use super::*;

fn node(name: &str, title: &str, needs: &[&str], share: f64) -> Node {
    Node {
        name: name.to_owned(),
        title: title.to_owned(),
        needs: needs.iter().map(|&need| need.to_owned()).collect(),
        runs_on: "lambda".to_owned(),
        share,
        ..Node::default()
    }
}

fn motion() -> Graph {
    Graph::from(&Workflow::shipped("motion").unwrap())
}

fn diamond() -> Graph {
    Graph {
        title: "A diamond".to_owned(),
        nodes: vec![
            node("script", "Read the script", &[], 0.1),
            Node {
                shards: "×script/scenes".to_owned(),
                ..node("voices", "Speak", &["script"], 0.3)
            },
            Node {
                shards: "×4".to_owned(),
                runs_on: "batch".to_owned(),
                ..node("scenes", "Film the scenes", &["script"], 0.4)
            },
            Node {
                optional: true,
                ..node("card", "Draw the card", &["script"], 0.05)
            },
            node("composition", "Put it together", &["voices", "scenes", "card"], 0.15),
        ],
    }
}

fn avatar() -> Graph {
    let batch = |node: Node| Node {
        runs_on: "batch".to_owned(),
        ..node
    };
    Graph {
        title: "A talking face".to_owned(),
        nodes: vec![
            node("voice", "Choose the voice", &[], 0.05),
            node("speech", "Speak the text", &["voice"], 0.2),
            node("face", "Find the face", &["speech"], 0.1),
            batch(node("lip-sync", "Move the lips", &["face", "speech"], 0.5)),
            node("encode", "Encode the video", &["lip-sync", "speech"], 0.15),
        ],
    }
}

#[test]
fn motion_as_text() {
    insta::assert_snapshot!(motion().text(80));
}

#[test]
fn a_diamond_as_text() {
    insta::assert_snapshot!("diamond_120", diamond().text(120));
    insta::assert_snapshot!("diamond_60", diamond().text(60));
}

#[test]
fn an_avatar_as_text() {
    insta::assert_snapshot!(avatar().text(80));
}

#[test]
fn drawings_as_svg() {
    insta::assert_snapshot!("motion_svg", motion().svg());
    insta::assert_snapshot!("diamond_svg", diamond().svg());
    insta::assert_snapshot!("avatar_svg", avatar().svg());
}

#[test]
fn drawings_are_written_where_somebody_wants_to_look_at_them() {
    let Some(folder) = std::env::var_os("MAREY_DRAWINGS") else {
        eprintln!("skipped: MAREY_DRAWINGS names no folder");
        return;
    };
    for (name, graph) in [
        ("motion", motion()),
        ("diamond", diamond()),
        ("avatar", avatar()),
        ("wide", wide()),
    ] {
        let path = std::path::Path::new(&folder).join(format!("{name}.svg"));
        std::fs::write(path, graph.svg()).unwrap();
    }
}

fn wide() -> Graph {
    let mut nodes = vec![node("begin", "Begin", &[], 0.1)];
    nodes.extend((0..7).map(|at| {
        node(
            &format!("part-{at}"),
            "Work on a part & <nothing> else",
            &["begin"],
            0.1,
        )
    }));
    let all: Vec<String> = (0..7).map(|at| format!("part-{at}")).collect();
    nodes.push(Node {
        needs: all,
        ..node("end", "動画を作る", &[], 0.2)
    });
    Graph {
        title: "Wide".to_owned(),
        nodes,
    }
}

#[test]
fn a_wide_workflow_is_broken_into_rows() {
    let text = wide().text(80);
    assert!(text.lines().all(|line| columns(line) <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn foreign_text_neither_steers_a_terminal_nor_ends_an_element() {
    let graph = Graph {
        title: "</title><script>".to_owned(),
        nodes: vec![node("a\"b'", "\u{1b}[2J\n<b>&\u{202e}", &[], 1.0)],
    };
    let text = graph.text(80);
    assert!(!text.contains('\u{1b}') && text.lines().count() == BOX_ROWS, "{text}");
    let svg = graph.svg();
    assert!(
        !svg.contains("<script>") && !svg.contains("<b>") && !svg.contains('\u{1b}'),
        "{svg}"
    );
    assert!(svg.contains("a&quot;b&#39;") && svg.contains("&lt;b&gt;&amp;"), "{svg}");
}

#[test]
fn nothing_is_a_drawing_too() {
    let graph = Graph {
        title: String::new(),
        nodes: Vec::new(),
    };
    assert_eq!(graph.text(80), "");
    assert!(graph.svg().ends_with("</svg>\n"));
}

/// Any graph of at most twelve stages.
fn graphs() -> impl Strategy<Value = Graph> {
    let stages = proptest::collection::vec((any::<u16>(), "[A-Za-z é動]{0,30}", any::<bool>(), 0.0..1.0_f64), 1..12);
    stages.prop_map(|stages| {
        let nodes = stages
            .into_iter()
            .enumerate()
            .map(|(at, (needs, title, optional, share))| Node {
                name: format!("stage-{at}"),
                title,
                needs: (0..at)
                    .filter(|bit| needs >> bit & 1 == 1)
                    .map(|bit| format!("stage-{bit}"))
                    .collect(),
                shards: if share > 0.5 { format!("×{at}") } else { String::new() },
                runs_on: "lambda".to_owned(),
                optional,
                share,
            });
        Graph {
            title: "any".to_owned(),
            nodes: nodes.collect(),
        }
    })
}

/// The cells of a way, without those of its corners twice.
fn cells(corners: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut cells = Vec::new();
    for pair in corners.windows(2) {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        assert!(
            x0 == x1 || y0 == y1,
            "a way is straight between its corners: {corners:?}"
        );
        assert!(y1 >= y0, "and never goes up: {corners:?}");
        for y in y0..=y1 {
            cells.extend((x0.min(x1)..=x0.max(x1)).map(|x| (x, y)));
        }
    }
    cells
}

fn contains(place: Place, (x, y): (usize, usize)) -> bool {
    (place.x..place.x + place.width).contains(&x) && (place.y..=place.bottom()).contains(&y)
}

/// What must hold of every layout.
fn check(graph: &Graph, layout: &Layout) {
    for (at, place) in layout.places.iter().enumerate() {
        assert!(place.x + place.width <= layout.width && place.bottom() < layout.height);
        for other in &layout.places[at + 1..] {
            let apart = place.x + place.width <= other.x
                || other.x + other.width <= place.x
                || place.bottom() < other.y
                || other.bottom() < place.y;
            assert!(apart, "{place:?} and {other:?} overlap");
        }
    }
    let edges = graph.edges();
    assert_eq!(layout.ways.len(), edges.len());
    let mut ends = std::collections::BTreeMap::new();
    for way in &layout.ways {
        assert!(edges.contains(&(way.from, way.to)));
        let (from, to) = (layout.places[way.from], layout.places[way.to]);
        let (first, last) = (way.corners[0], way.corners[way.corners.len() - 1]);
        assert!(
            first.1 == from.bottom() && contains(from, first),
            "{way:?} leaves its box"
        );
        assert!(
            last.1 + 1 == to.y && contains(to, (last.0, to.y)),
            "{way:?} reaches its box"
        );
        assert!(
            ends.insert(last, way.from).is_none_or(|other| other == way.from),
            "two edges end in {last:?}"
        );
        for cell in cells(&way.corners).into_iter().skip(1) {
            assert!(
                !layout.places.iter().any(|place| contains(*place, cell)),
                "{way:?} runs across a box"
            );
        }
    }
    check_crossings(layout);
}

/// Edges of different stages share a cell only where one runs down and the other sideways.
fn check_crossings(layout: &Layout) {
    use std::collections::{BTreeMap, BTreeSet};
    let mut down: BTreeMap<(usize, usize), BTreeSet<usize>> = BTreeMap::new();
    let mut sideways = down.clone();
    for way in &layout.ways {
        for pair in way.corners.windows(2) {
            let is_down = pair[0].0 == pair[1].0;
            for cell in cells(pair) {
                let lines = if is_down { &mut down } else { &mut sideways };
                lines.entry(cell).or_default().insert(way.from);
            }
        }
    }
    for (cell, nodes) in down.iter().chain(&sideways) {
        assert_eq!(nodes.len(), 1, "lines of {nodes:?} lie on each other at {cell:?}");
    }
    for (cell, across) in &sideways {
        let Some(through) = down.get(cell) else { continue };
        if across != through {
            let turns = |node: &usize| down.get(cell).is_some_and(|nodes| nodes.contains(node));
            assert!(!across.iter().any(turns), "a corner lies on another line at {cell:?}");
        }
    }
}

#[test]
fn the_workflows_of_today_and_tomorrow_are_drawn_well() {
    for graph in [motion(), diamond(), avatar(), wide()] {
        for width in [40, 60, 80, 120, 300] {
            check(&graph, &lay_out(&graph, width));
        }
        let layout = lay_out(&graph, 120);
        for (node, place) in graph.nodes.iter().zip(&layout.places) {
            assert!(
                node.columns() <= text_columns(*place) || graph == wide(),
                "{} fits its box",
                node.title
            );
        }
    }
}

proptest! {
    #[test]
    fn every_stage_and_every_edge_is_drawn_and_nothing_overlaps(graph in graphs(), width in 20_usize..200) {
        let layout = lay_out(&graph, width);
        check(&graph, &layout);
        let text = graph.text(width);
        for line in text.lines() {
            prop_assert!(columns(line) <= layout.width, "{line}");
        }
        for at in 0..graph.nodes.len() {
            let name = format!("stage-{at} ");
            prop_assert!(text.contains(&name), "{name} in\n{text}");
        }
        let ends: std::collections::BTreeSet<_> = layout.ways.iter().filter_map(|way| way.corners.last()).collect();
        prop_assert_eq!(text.matches('▼').count(), ends.len());
        let svg = graph.svg();
        for (from, to) in graph.edges() {
            let edge = format!("data-from=\"stage-{from}\" data-to=\"stage-{to}\"");
            prop_assert_eq!(svg.matches(&edge).count(), 1);
        }
        prop_assert_eq!(svg.matches("class=\"name\"").count(), graph.nodes.len());
    }
}
