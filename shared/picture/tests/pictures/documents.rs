//! Plots, chronograms and reports: well formed, escaped, sufficient to themselves.

use marey_motion::{Analysis, Angle, Space, View};
use marey_picture::chronogram::{self, ChronogramOptions};
use marey_picture::plot::{PlotOptions, angle_svg};
use marey_picture::report::{self, Download, Photo, ReportInput, Table, VideoFacts, VideoLink};
use proptest::prelude::*;

use crate::analysis;
use crate::support::Movement;

const HOSTILE: &str = "</title><script>alert('x')</script>\"&\u{1}.mp4";

/// An analysis small enough to read as a snapshot.
fn small() -> Analysis {
    let mut analysis = analysis(Movement::Walk, 6);
    "stride.mp4".clone_into(&mut analysis.source.name);
    for series in &mut analysis.people[0].angles {
        let values: Vec<Option<f64>> = vec![Some(1.0), Some(20.0), None, Some(45.25), Some(60.0), None];
        series.raw_deg = values.iter().map(|value| value.map(|value| value + 1.5)).collect();
        series.range = marey_motion::AngleRange::of(&analysis.time_s, &values, values.len());
        series.value_deg = values;
    }
    analysis
}

fn knees() -> PlotOptions {
    PlotOptions {
        angles: vec![Angle::KneeFlexion],
        width_px: 500,
        ..PlotOptions::default()
    }
}

#[test]
fn the_plot_of_two_knees_looks_as_it_did() {
    let svg = angle_svg(&small(), 0, &knees());
    let start = svg.find("</style>").unwrap();
    insta::assert_snapshot!(svg[start..].replace("><", ">\n<"));
}

#[test]
fn gaps_are_gaps() {
    let svg = angle_svg(&small(), 0, &knees());
    let document = roxmltree::Document::parse(&svg).unwrap();
    let data: Vec<&str> = document.descendants().filter_map(|node| node.attribute("d")).collect();
    assert_eq!(data.len(), 4);
    assert!(data.iter().all(|data| data.matches('M').count() == 2), "{data:?}");
}

#[test]
fn drawings_are_well_formed_whatever_the_name() {
    let mut analysis = analysis(Movement::Squat, 90);
    analysis.source.name = HOSTILE.to_owned();
    for space in [Space::Image, Space::World] {
        let options = PlotOptions {
            space,
            title: Some(HOSTILE.to_owned()),
            ..PlotOptions::default()
        };
        for person in [0, 7] {
            assert_well_formed(&angle_svg(&analysis, person, &options));
        }
    }
    let options = ChronogramOptions {
        title: Some(HOSTILE.to_owned()),
        ..ChronogramOptions::default()
    };
    assert_well_formed(&chronogram::svg(
        &analysis.people[0],
        &analysis.time_s,
        analysis.skeleton,
        &options,
    ));
    analysis.people[0].poses.fill(None);
    let nobody = chronogram::svg(&analysis.people[0], &analysis.time_s, analysis.skeleton, &options);
    assert_well_formed(&nobody);
    assert!(nobody.contains("Nobody was found"));
}

pub(crate) fn assert_well_formed(svg: &str) {
    let document = roxmltree::Document::parse(svg).expect("well-formed XML");
    assert!(document.descendants().all(|node| !node.has_tag_name("script")));
    for attribute in document
        .descendants()
        .flat_map(|node| node.attributes().collect::<Vec<_>>())
    {
        assert!(
            !attribute.value().contains("NaN") && !attribute.value().contains("inf "),
            "{attribute:?}"
        );
    }
}

#[test]
fn an_hour_of_curves_stays_small() {
    let mut analysis = analysis(Movement::Walk, 30);
    let frames = 108_000_u32;
    analysis.time_s = (0..frames).map(|index| f64::from(index) / 30.0).collect();
    for series in &mut analysis.people[0].angles {
        series.value_deg = (0..frames)
            .map(|index| Some(30.0 + 25.0 * (f64::from(index) * 0.3).sin()))
            .collect();
        series.raw_deg.clone_from(&series.value_deg);
        series.range = marey_motion::AngleRange::of(&analysis.time_s, &series.value_deg, analysis.time_s.len());
    }
    let svg = angle_svg(&analysis, 0, &knees());
    assert_well_formed(&svg);
    assert!(svg.len() < 150_000, "{}", svg.len());
    let page = report::html(&ReportInput::new(&analysis, VideoFacts::default()));
    assert!(page.len() < 3_000_000, "{}", page.len());
}

fn hostile_report(analysis: &Analysis) -> String {
    let mut input = ReportInput::new(
        analysis,
        VideoFacts {
            codec: Some(HOSTILE.to_owned()),
            ..VideoFacts::default()
        },
    );
    input.job_id = Some(HOSTILE.to_owned());
    input.created = Some(HOSTILE.to_owned());
    input.warnings = vec![HOSTILE.to_owned()];
    input.annotated_video = Some(VideoLink {
        href: "a\"><script>alert(1)</script>.mp4".to_owned(),
        media_type: HOSTILE.to_owned(),
        starts_at_s: f64::NAN,
    });
    input.chronophotograph = Some(Photo {
        media_type: HOSTILE.to_owned(),
        bytes: vec![0xff, 0xd8],
    });
    input.downloads = vec![
        Download {
            label: HOSTILE.to_owned(),
            href: "javascript:alert(1)".to_owned(),
            detail: String::new(),
        },
        Download {
            label: HOSTILE.to_owned(),
            href: "angles.csv".to_owned(),
            detail: HOSTILE.to_owned(),
        },
    ];
    input.tables = vec![Table {
        title: HOSTILE.to_owned(),
        note: HOSTILE.to_owned(),
        columns: vec![HOSTILE.to_owned()],
        rows: vec![vec![HOSTILE.to_owned()], Vec::new()],
    }];
    report::html(&input)
}

#[test]
fn no_text_from_outside_becomes_markup() {
    let mut analysis = analysis(Movement::Walk, 40);
    analysis.source.name = HOSTILE.to_owned();
    analysis.model.name = HOSTILE.to_owned();
    analysis.model.sha256 = HOSTILE.to_owned();
    analysis.notes = vec![HOSTILE.to_owned()];
    let page = hostile_report(&analysis);
    assert_eq!(
        page.matches("<script").count(),
        2,
        "the values and the page's own script"
    );
    assert!(!page.contains("alert('x')") && !page.contains("javascript:"));
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
    assert!(page.contains("data-starts-at=\"0\""));
}

#[test]
fn a_report_needs_nothing_from_outside() {
    let analysis = analysis(Movement::Walk, 40);
    let page = report::html(&ReportInput::new(&analysis, VideoFacts::default()));
    assert_eq!(
        page.matches("://").count(),
        page.matches("http://www.w3.org/2000/svg").count()
    );
    for forbidden in ["@import", "url(", "src=\"http", "href=\"http", "<link", "<iframe"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn a_report_states_view_settings_and_both_spaces() {
    let mut analysis = analysis(Movement::Squat, 60);
    let text = |analysis: &Analysis| report::html(&ReportInput::new(analysis, VideoFacts::default()));
    let page = text(&analysis);
    for wanted in [
        "Seen from the side",
        "Angles in the image plane</h2>",
        "Angles estimated in space</h2>",
        "Butterworth low-pass at 6 Hz",
        "filled up to 0.2 s",
        "scope=\"col\"",
        "<h1>Synthetic walk &lt;side view&gt; &amp; more.mp4</h1>",
    ] {
        assert!(page.contains(wanted), "{wanted}");
    }
    analysis.people[0].camera_plane.as_mut().unwrap().view = View::Frontal;
    assert!(text(&analysis).contains("Seen from the front or back"));
    analysis.people[0].camera_plane = None;
    assert!(text(&analysis).contains("seen too little"));
    analysis.people.clear();
    assert!(text(&analysis).contains("Nobody was found in 60 frames."));
}

#[test]
fn the_values_for_the_script_are_the_curves() {
    let page = report::html(&ReportInput::new(&small(), VideoFacts::default()));
    let start = page.find("id=\"marey-values\">").unwrap() + "id=\"marey-values\">".len();
    let end = start + page[start..].find("</script>").unwrap();
    let values: serde_json::Value = serde_json::from_str(&page[start..end]).unwrap();
    let knee = &values[0]["series"]["left_knee_flexion_image"];
    assert_eq!(knee, &serde_json::json!([1.0, 20.0, null, 45.3, 60.0, null]));
    assert_eq!(values[0]["time_s"].as_array().unwrap().len(), 6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_numbers_break_a_document(
        values in proptest::collection::vec(proptest::option::of(any::<f64>()), 0..12),
        times in proptest::collection::vec(any::<f64>(), 0..12),
        x in any::<f32>(),
        name in any::<String>(),
    ) {
        let mut analysis = small();
        analysis.source.name = name;
        analysis.time_s = times;
        for series in &mut analysis.people[0].angles {
            series.value_deg.clone_from(&values);
            series.raw_deg.clone_from(&values);
            if let Some(range) = series.range.as_mut() {
                range.minimum_deg = values.first().copied().flatten().unwrap_or(f64::NAN);
                range.maximum_at_s = f64::from(x);
            }
        }
        for pose in analysis.people[0].poses.iter_mut().flatten() {
            pose.points[25].x_px = x;
        }
        assert_well_formed(&angle_svg(&analysis, 0, &PlotOptions::default()));
        let person = &analysis.people[0];
        assert_well_formed(&chronogram::svg(person, &analysis.time_s, analysis.skeleton, &ChronogramOptions::default()));
        report::html(&ReportInput::new(&analysis, VideoFacts::default()));
    }
}
