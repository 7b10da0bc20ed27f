//! The head of the report: what was analysed, its facts, and what a reader must know before believing a number.

use std::fmt::Write as _;

use marey_motion::{Analysis, View};

use super::{MOST_PEOPLE, ReportInput};
use crate::label;
use crate::svg::escape;

/// Three strides, in one colour.
const MARK: &str = "<svg viewBox=\"0 0 44 22\" aria-hidden=\"true\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.6\" \
stroke-linecap=\"round\" stroke-linejoin=\"round\"><path d=\"M6 2l1 8-4 5-2 6M7 10l5 5-1 6\" opacity=\".35\"/>\
<path d=\"M20 2l1 8-3 5-3 6M21 10l4 5 1 6\" opacity=\".6\"/><path d=\"M34 2l1 8-2 6-5 5M35 10l5 5 2 6\"/></svg>";

/// Everything above the curves.
pub(super) fn header(input: &ReportInput<'_>) -> String {
    let reference = match (&input.created, &input.job_id) {
        (Some(created), Some(job)) => format!("{} · job {}", escape(created), escape(job)),
        (Some(created), None) => escape(created),
        (None, Some(job)) => format!("job {}", escape(job)),
        (None, None) => String::new(),
    };
    format!(
        "<header>\n<div class=\"brand\">{MARK}<div><b>Marey</b> motion report</div><span>{reference}</span></div>\n\
         <h1>{name}</h1>\n<p class=\"lead\">{lead}</p>\n<dl class=\"facts\">{facts}</dl>\n{notices}</header>\n",
        name = escape(&input.analysis.source.name),
        lead = lead(input.analysis),
        facts = facts(input),
        notices = notices(input),
    )
}

fn lead(analysis: &Analysis) -> String {
    let frames = analysis.time_s.len();
    match analysis.people.as_slice() {
        [] => format!("Nobody was found in {frames} frames."),
        [person] => format!(
            "One person, followed through {} of {frames} frames, with joint angles from {}.",
            person.frames_seen,
            escape(&analysis.model.name)
        ),
        people => {
            format!(
                "{} people in {frames} frames, with joint angles from {}.",
                people.len(),
                escape(&analysis.model.name)
            )
        }
    }
}

fn facts(input: &ReportInput<'_>) -> String {
    let video = &input.video;
    let mut facts = vec![
        (
            "Length",
            format!("{:.2} s", video.duration_s),
            format!("{} frames", input.analysis.time_s.len()),
        ),
        (
            "Picture",
            format!("{} × {}", video.width_px, video.height_px),
            if video.rotation_deg == 0 {
                String::new()
            } else {
                format!("turned by {}°", video.rotation_deg)
            },
        ),
    ];
    if let Some((numerator, denominator)) = video.frame_rate.filter(|rate| rate.1 > 0) {
        let rate = format!("{:.2}", f64::from(numerator) / f64::from(denominator));
        let rate = rate.trim_end_matches('0').trim_end_matches('.');
        let kind = if video.variable_rate {
            "nominal; frames are unevenly spaced"
        } else {
            "constant"
        };
        facts.push(("Frame rate", format!("{rate} per s"), kind.to_owned()));
    }
    if let Some(codec) = &video.codec {
        facts.push((
            "Codec",
            escape(codec),
            video.size_bytes.map_or(String::new(), megabytes),
        ));
    }
    if let [person] = input.analysis.people.as_slice() {
        let frames = input.analysis.time_s.len().max(1);
        let share = 100.0 * person.frames_seen as f64 / frames as f64;
        facts.push((
            "Person found",
            format!("{share:.0} %"),
            format!("{} frames", person.frames_seen),
        ));
        if let Some(plane) = person.camera_plane {
            let words = label::view(plane.view);
            facts.push((
                "Seen from",
                words.to_owned(),
                format!("{:.0}° off the side", plane.deviation_deg),
            ));
        }
    }
    facts
        .into_iter()
        .fold(String::new(), |mut html, (name, value, detail)| {
            let detail = if detail.is_empty() {
                detail
            } else {
                format!("<small>{detail}</small>")
            };
            // Writing to a string cannot fail.
            let _ = write!(html, "<div><dt>{name}</dt><dd>{value}{detail}</dd></div>");
            html
        })
}

fn megabytes(bytes: u64) -> String {
    if bytes < 1_000_000 {
        format!("{:.0} kB", bytes as f64 / 1e3)
    } else {
        format!("{:.1} MB", bytes as f64 / 1e6)
    }
}

fn notices(input: &ReportInput<'_>) -> String {
    let mut items = String::new();
    let several = input.analysis.people.len() > 1;
    for person in input.analysis.people.iter().take(MOST_PEOPLE) {
        let who = if several {
            format!("Person {}: ", person.id)
        } else {
            String::new()
        };
        let (class, text) = view_in_words(person.camera_plane.map(|plane| (plane.view, plane.deviation_deg)));
        let _ = write!(items, "<li class=\"{class}\"><p>{who}{text}</p></li>");
    }
    if input.analysis.people.len() > MOST_PEOPLE {
        let _ = write!(
            items,
            "<li><p>Only the first {MOST_PEOPLE} people are shown here; the data hold all.</p></li>"
        );
    }
    for text in input.warnings.iter().chain(&input.analysis.notes) {
        let _ = write!(items, "<li><p>{}</p></li>", escape(text));
    }
    if items.is_empty() {
        items
    } else {
        format!("<ul class=\"notices\" aria-label=\"What to know\">{items}</ul>\n")
    }
}

/// What the view means for the numbers. The errors are those of the knee, measured with the same model on a rendered athlete whose
/// joints are known.
fn view_in_words(view: Option<(View, f64)>) -> (&'static str, String) {
    let Some((view, deviation_deg)) = view else {
        return (
            "doubtful",
            "The person was seen too little to tell from where the camera looked. Take the angles as hints.".to_owned(),
        );
    };
    let text = match view {
        View::Side => format!(
            "Seen from the side, {deviation_deg:.0}° off. Angles in the image plane can be relied on: on a rendered athlete of known joint angles the knee was right to about 3° in this view."
        ),
        View::Oblique => format!(
            "Seen obliquely, {deviation_deg:.0}° off the side. Angles in the image plane are foreshortened: on a rendered athlete of known \
             joint angles the knee was wrong by about 15° at 45°. Compare movements filmed from the same place; for measurements, film from the side."
        ),
        View::Frontal => format!(
            "Seen from the front or back, {deviation_deg:.0}° off the side. Flexion of hip, knee and ankle points at the camera and cannot be \
             read from the image: on a rendered athlete of known joint angles the knee was wrong by about 45° in this view. Use the curves to see when something moves, not how far."
        ),
    };
    let class = if view == View::Side { "sound" } else { "doubtful" };
    (class, text)
}
