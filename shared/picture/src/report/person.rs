//! One person's part of the report: video, curves, tables.

use std::fmt::Write as _;

use marey_motion::{Analysis, Angle, AngleRange, AngleSeries, PersonAnalysis, Side, Space};

use super::{ReportInput, address, figure, findings};
use crate::label;
use crate::plot::{ANATOMICAL_ORDER, PlotOptions, SEGMENT_ORDER, panels, timeline};
use crate::svg::{escape, number};

/// Below this share of frames a range may have missed its extremes.
const LOW_COVERAGE: f64 = 0.8;

/// Everything about one person.
pub(super) fn section(input: &ReportInput<'_>, index: usize, person: &PersonAnalysis) -> String {
    let several = input.analysis.people.len() > 1;
    let suffix = if several {
        format!(", person {}", person.id)
    } else {
        String::new()
    };
    let mut html = format!("<section><h2>Angles over time{suffix}</h2>");
    html.push_str(&curves(input, index, person));
    html.push_str("</section>\n");
    html.push_str(&findings::sections(person, &suffix));

    html.push_str(&space_section(
        person,
        Space::Image,
        &format!("Angles in the image plane{suffix}"),
        "Measured between landmarks as the camera saw them. Exact only for movement parallel to the picture.",
    ));
    html.push_str(&space_section(
        person,
        Space::World,
        &format!("Angles estimated in space{suffix}"),
        "From the model's guess of depth in a single view; not to be mixed with those above. On a rendered athlete of known joint \
         angles the knee was wrong by 7 to 14° from the side and by 13 to 16° from elsewhere.",
    ));
    html
}

/// The curves in the image plane beside the video and the stick figure; those in space can be unfolded.
fn curves(input: &ReportInput<'_>, index: usize, person: &PersonAnalysis) -> String {
    let draw = |space, angles: [Angle; 8]| {
        let options = PlotOptions {
            space,
            angles: angles.to_vec(),
            ..PlotOptions::default()
        };
        panels(input.analysis, index, &options)
    };
    let drawn = draw(Space::Image, ANATOMICAL_ORDER);
    let video = if index == 0 { video(input) } else { String::new() };
    let figure = figure::markup(person, index);
    if drawn.is_empty() {
        return format!("{video}{figure}<p>No angles were measured.</p>");
    }
    let stage = if video.is_empty() && figure.is_empty() {
        String::new()
    } else {
        format!(
            "<div class=\"stage\">{video}{figure}{}</div>",
            scrubber(input.analysis, index)
        )
    };
    let class = if stage.is_empty() { "bench" } else { "bench with-stage" };
    let mut html = format!(
        "{KEY}<div class=\"timeline\">{}</div><div class=\"{class}\">{stage}<div class=\"plots\">{}</div></div>",
        timeline(input.analysis, index),
        drawn.concat()
    );
    for (title, panels) in [
        (
            "Segments against the vertical or the horizontal",
            draw(Space::Image, SEGMENT_ORDER),
        ),
        ("Curves estimated in space", draw(Space::World, ANATOMICAL_ORDER)),
    ] {
        if !panels.is_empty() {
            let panels = panels.concat();
            let _ = write!(
                html,
                "<details><summary>{title}</summary><div class=\"plots\">{panels}</div></details>"
            );
        }
    }
    html
}

/// A slider over the recording, for keyboards and touch; only where the script runs.
fn scrubber(analysis: &Analysis, index: usize) -> String {
    let (Some(start_s), Some(end_s)) = (analysis.time_s.first(), analysis.time_s.last()) else {
        return String::new();
    };
    if index > 0 || !(start_s.is_finite() && end_s.is_finite() && end_s > start_s) {
        return String::new();
    }
    let step_s = (end_s - start_s) / (analysis.time_s.len() - 1) as f64;
    format!(
        "<label class=\"scrub\" hidden>Moment <input type=\"range\" min=\"{start_s}\" max=\"{end_s}\" step=\"{step_s:.4}\" value=\"{start_s}\"></label>"
    )
}

const KEY: &str = "<ul class=\"key\"><li><i class=\"left\"></i><span>L left</span></li><li><i class=\"right\"></i><span>R right</span></li>\
<li><i class=\"faint\"></i><span>before filtering</span></li><li><b class=\"full\"></b><span>heel strike, landing</span></li>\
<li><b></b><span>toe off, take-off</span></li><li><u></u><span>repetition</span></li></ul>";

fn video(input: &ReportInput<'_>) -> String {
    let Some((link, href)) = input
        .annotated_video
        .as_ref()
        .and_then(|link| Some((link, address(&link.href)?)))
    else {
        return String::new();
    };
    let starts_at = if link.starts_at_s.is_finite() {
        link.starts_at_s
    } else {
        0.0
    };
    format!(
        "<figure><video controls preload=\"metadata\" playsinline data-starts-at=\"{starts_at}\"><source src=\"{href}\" type=\"{}\">\
         <a href=\"{href}\">The annotated video</a></video><figcaption>The video with skeleton and angles. The line in the curves follows \
         it; move over a curve to go to that moment.</figcaption></figure>",
        escape(&link.media_type)
    )
}

type Row<'a> = (&'a AngleSeries, AngleRange);

fn space_section(person: &PersonAnalysis, space: Space, title: &str, note: &str) -> String {
    let rows = |angles: [Angle; 8]| -> Vec<Row<'_>> {
        let of_angle = |angle| {
            person
                .angles
                .iter()
                .filter(move |series| series.angle == angle && series.space == space)
        };
        let rows = angles.into_iter().flat_map(of_angle);
        rows.filter_map(|series| Some((series, series.range?))).collect()
    };
    let (joints, segments) = (rows(ANATOMICAL_ORDER), rows(SEGMENT_ORDER));
    if joints.is_empty() && segments.is_empty() {
        return String::new();
    }
    let mut html = format!("<section><h2>{title}</h2><p>{note}</p>");
    if !joints.is_empty() {
        html.push_str(&table(&joints, title));
    }
    if !segments.is_empty() {
        let title = format!("{title}: segments");
        let _ = write!(
            html,
            "<details><summary>Segments against the vertical or the horizontal</summary>{}</details>",
            table(&segments, &title)
        );
    }
    html.push_str("</section>\n");
    html
}

fn table(rows: &[Row<'_>], title: &str) -> String {
    let low = rows.iter().map(|(_, range)| range.minimum_deg).fold(0.0, f64::min);
    let high = rows.iter().map(|(_, range)| range.maximum_deg).fold(1.0, f64::max);
    let mut html = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table><thead><tr><th scope=\"col\">Angle</th>\
         <th scope=\"col\" class=\"words\">Side</th><th scope=\"col\">Minimum</th><th scope=\"col\">Maximum</th>\
         <th scope=\"col\">Range of motion</th><th scope=\"col\">Mean</th><th scope=\"col\">Known while seen</th>\
         <th scope=\"col\" class=\"bar\"><span aria-hidden=\"true\"><i>{}</i><i>{}</i></span></th></tr></thead>",
        label::degrees(low),
        label::degrees(high)
    );
    let mut start = 0;
    while start < rows.len() {
        let angle = rows[start].0.angle;
        let count = rows[start..]
            .iter()
            .take_while(|(series, _)| series.angle == angle)
            .count();
        html.push_str("<tbody>");
        for (position, row) in rows[start..start + count].iter().enumerate() {
            let name = if position == 0 {
                group_name(angle, count)
            } else {
                String::new()
            };
            html.push_str(&table_row(row, &name, (low, high)));
        }
        html.push_str("</tbody>");
        start += count;
    }
    html.push_str("</table></div>");
    html
}

fn group_name(angle: Angle, rows: usize) -> String {
    format!("<th scope=\"rowgroup\" rowspan=\"{rows}\">{}</th>", angle.label())
}

fn table_row((series, range): &Row<'_>, name: &str, extent: (f64, f64)) -> String {
    let (class, letter) = match series.side {
        Some(Side::Left) => ("words left-side", "l"),
        Some(Side::Right) => ("words right-side", "r"),
        None => ("words", "m"),
    };
    let side = series.side.map_or("–", Side::id);
    let coverage = format!("{:.0} %", 100.0 * range.coverage);
    let coverage = if range.coverage < LOW_COVERAGE {
        format!("<span class=\"low\">{coverage}</span><small>may miss the extremes</small>")
    } else {
        coverage
    };
    format!(
        "<tr>{name}<th scope=\"row\" class=\"{class}\">{side}</th><td>{minimum}<small>at {minimum_at}</small></td>\
         <td>{maximum}<small>at {maximum_at}</small></td><td class=\"main\">{rom}</td><td>{mean}</td><td>{coverage}</td>\
         <td class=\"bar\">{bar}</td></tr>",
        minimum = tenths(range.minimum_deg),
        minimum_at = label::seconds(range.minimum_at_s),
        maximum = tenths(range.maximum_deg),
        maximum_at = label::seconds(range.maximum_at_s),
        rom = tenths(range.range_of_motion_deg()),
        mean = tenths(range.mean_deg),
        bar = bar(range, letter, extent),
    )
}

/// Degrees with one decimal and a true minus sign.
fn tenths(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{:.1}°", value.abs());
    if value < 0.0 && text != "0.0°" {
        format!("−{text}")
    } else {
        text
    }
}

/// A range on the scale that all rows of the table share.
fn bar(range: &AngleRange, letter: &str, (low, high): (f64, f64)) -> String {
    let place = |value: f64| number(((value - low) / (high - low) * 200.0).clamp(0.0, 200.0));
    format!(
        "<svg viewBox=\"0 0 200 14\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><line class=\"track\" x1=\"0\" x2=\"200\" y1=\"7\" y2=\"7\"/>\
         <line class=\"span {letter}\" x1=\"{}\" x2=\"{}\" y1=\"7\" y2=\"7\"/><line class=\"mean\" x1=\"{mean}\" x2=\"{mean}\" y1=\"3\" y2=\"11\"/></svg>",
        place(range.minimum_deg),
        place(range.maximum_deg),
        mean = place(range.mean_deg),
    )
}
