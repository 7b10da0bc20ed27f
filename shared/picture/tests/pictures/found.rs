//! What the report shows of events, repetitions and measures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use marey_motion::{Analysis, Event, EventKind, Landmark, Outcome, Side};
use marey_picture::plot::{PlotOptions, angle_svg};
use marey_picture::report::{self, ReportInput, VideoFacts};
use proptest::prelude::*;

use crate::analysis;
use crate::documents::assert_well_formed;
use crate::findings::put_findings;
use crate::support::Movement;

fn found(movement: Movement) -> Analysis {
    let mut analysis = analysis(movement, 120);
    put_findings(&mut analysis, movement);
    analysis
}

fn page(analysis: &Analysis) -> String {
    report::html(&ReportInput::new(analysis, VideoFacts::default()))
}

#[test]
fn every_panel_shows_the_repetitions_and_the_steps() {
    let analysis = found(Movement::Walk);
    let svg = angle_svg(&analysis, 0, &PlotOptions::default());
    assert_well_formed(&svg);
    let panels = svg.matches("class=\"m-name\"").count();
    let findings = &analysis.people[0].findings;
    let repetitions = findings.repetitions.as_ref().unwrap().segments.len();
    assert_eq!(svg.matches("<rect class=\"m-band").count(), panels * repetitions);
    assert_eq!(
        svg.matches("<title>Heel strike").count(),
        panels * strikes(&findings.events)
    );
}

fn strikes(events: &[Event]) -> usize {
    events
        .iter()
        .filter(|event| event.kind == EventKind::HeelStrike)
        .count()
}

#[test]
fn the_timeline_shows_when_each_foot_stands() {
    let analysis = found(Movement::Walk);
    let page = page(&analysis);
    let start = page.find("<svg class=\"marey-plot m-timeline\"").unwrap();
    let timeline = &page[start..start + page[start..].find("</svg>").unwrap() + "</svg>".len()];
    assert_well_formed(timeline);
    let events = &analysis.people[0].findings.events;
    let stances = |side| {
        let of_side: Vec<_> = events.iter().filter(|event| event.side == Some(side)).collect();
        of_side
            .windows(2)
            .filter(|pair| pair[0].kind == EventKind::HeelStrike)
            .count()
    };
    assert_eq!(timeline.matches("m-span m-left").count(), stances(Side::Left));
    assert_eq!(timeline.matches("m-span m-right").count(), stances(Side::Right));
    assert!(!timeline.contains("Flight"), "nobody jumped");
}

#[test]
fn measures_stand_side_by_side_with_unit_spread_and_trust() {
    let page = page(&found(Movement::Walk));
    for wanted in [
        "<th scope=\"row\">Stride time</th><td class=\"main\">1.05 ± 0.021<small>n = 3</small></td>",
        "<td class=\"main\">1.05 ± 0.018<small>n = 3</small><small class=\"low\">fair trust, 60 %</small></td>",
        "<small class=\"low\">little trust, 40 %</small>",
        "<td class=\"words\">steps/min</td>",
        "<dt>Jump height, Flight time</dt><dd>No jump was found.</dd>",
    ] {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(
        !page.contains("Only one stride was whole."),
        "the left side has a value, so the row stands in the table"
    );
}

#[test]
fn repetitions_have_curves_and_links_into_the_video() {
    let page = page(&found(Movement::Squat));
    assert!(page.contains("<h2>Repetitions</h2>"));
    assert!(page.contains("Height of the peak (°)"));
    assert!(page.contains("<a href=\"#\" data-moment=\"2.4\">2</a>") || page.contains("data-moment=\"0\">1</a>"));
    assert!(
        page.matches("class=\"m-spread").count() >= 10,
        "both sides of five angles"
    );
    assert!(page.contains("25 %</text>"));
}

#[test]
fn a_page_without_findings_has_none_of_their_sections() {
    let mut analysis = analysis(Movement::Squat, 60);
    analysis.people[0].findings = marey_motion::Findings::default();
    let page = page(&analysis);
    for absent in [
        "<h2>Measures",
        "<h2>Repetitions",
        "<h2>Events",
        "m-timeline\"",
        "<rect class=\"m-band",
    ] {
        assert!(!page.contains(absent), "{absent}");
    }
}

#[test]
fn the_figure_stands_where_the_poses_are() {
    let analysis = found(Movement::Walk);
    let page = page(&analysis);
    let start = page.find("id=\"marey-values\">").unwrap() + "id=\"marey-values\">".len();
    let end = start + page[start..].find("</script>").unwrap();
    let values: serde_json::Value = serde_json::from_str(&page[start..end]).unwrap();
    let figure = &values[0]["figure"];
    let bytes = STANDARD.decode(figure["positions_mm"].as_str().unwrap()).unwrap();
    let landmarks = figure["landmarks"].as_u64().unwrap() as usize;
    assert_eq!(bytes.len(), analysis.time_s.len() * landmarks * 6);
    let nose = figure["nose"].as_u64().unwrap() as usize;
    let at = |frame: usize| {
        let place = (frame * landmarks + nose) * 6;
        i16::from_le_bytes([bytes[place], bytes[place + 1]])
    };
    let pose = analysis.people[0].poses[3].as_ref().unwrap();
    let x_m = pose.point(Landmark::Nose).unwrap().x_m;
    assert!((f32::from(at(3)) - 1000.0 * x_m).abs() <= 0.5);
    let nobody = analysis.people[0].poses.iter().position(Option::is_none).unwrap();
    assert_eq!(at(nobody), i16::MIN);
}

#[test]
fn texts_of_findings_never_become_markup() {
    let mut analysis = found(Movement::Walk);
    let hostile = "<script>alert(1)</script>".to_owned();
    let findings = &mut analysis.people[0].findings;
    findings.repetitions.as_mut().unwrap().signal.clone_from(&hostile);
    findings.repetitions.as_mut().unwrap().unit.clone_from(&hostile);
    for measure in &mut findings.measures {
        measure.id.push_str(&hostile);
        measure.label.clone_from(&hostile);
        measure.unit.clone_from(&hostile);
        measure.method.clone_from(&hostile);
        if let Outcome::Withheld { reason } = &mut measure.outcome {
            reason.clone_from(&hostile);
        }
    }
    assert_eq!(page(&analysis).matches("<script").count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_findings_break_a_document(times in proptest::collection::vec(any::<f64>(), 1..40), value in any::<f64>()) {
        let mut analysis = found(Movement::Walk);
        let findings = &mut analysis.people[0].findings;
        for (event, time_s) in findings.events.iter_mut().zip(times.iter().cycle()) {
            event.time_s = *time_s;
        }
        let repetitions = findings.repetitions.as_mut().unwrap();
        for (segment, time_s) in repetitions.segments.iter_mut().zip(times.iter().cycle()) {
            (segment.start_s, segment.end_s, segment.prominence) = (*time_s, value, value);
        }
        repetitions.curves[0].mean_deg.fill(value);
        repetitions.curves[1].sd_deg.truncate(7);
        assert_well_formed(&angle_svg(&analysis, 0, &PlotOptions::default()));
        page(&analysis);
    }
}
