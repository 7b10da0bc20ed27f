//! What was found beyond the angles: measures, repetitions and events as tables, with units and trust.

use std::fmt::Write as _;

use marey_motion::{Findings, Measure, Outcome, PersonAnalysis, Side, Space};

use crate::label;
use crate::plot::{ensembles, event_name};
use crate::svg::escape;

/// Trust from which a value is shown without a word of warning, and from which it is at least fair.
const TRUSTED: f64 = 0.75;
const FAIR: f64 = 0.5;

/// More rows than this are left to the data files.
const MOST_ROWS: usize = 200;

/// The sections of one person's findings; empty where nothing was looked for.
pub(super) fn sections(person: &PersonAnalysis, suffix: &str) -> String {
    let findings = &person.findings;
    let mut html = measures(&findings.measures, suffix);
    html.push_str(&repetitions(person, suffix));
    html.push_str(&events(findings, suffix));
    html
}

/// A measure of the left, the right and the whole body, side by side.
struct Row<'a> {
    first: &'a Measure,
    sides: [Option<&'a Measure>; 3],
}

fn column(side: Option<Side>) -> usize {
    match side {
        Some(Side::Left) => 0,
        Some(Side::Right) => 1,
        None => 2,
    }
}

/// One row for each measure and method that has a value on any side, in the order of the findings.
fn rows(measures: &[Measure]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for measure in measures {
        let same = |row: &&mut Row<'_>| row.first.id == measure.id && row.first.method == measure.method;
        if let Some(row) = rows.iter_mut().find(same) {
            row.sides[column(measure.side)] = Some(measure);
            continue;
        }
        let mut sides = [None; 3];
        sides[column(measure.side)] = Some(measure);
        rows.push(Row { first: measure, sides });
    }
    rows
}

fn is_given(measure: &Measure) -> bool {
    matches!(measure.outcome, Outcome::Given { .. })
}

fn measures(measures: &[Measure], suffix: &str) -> String {
    if measures.is_empty() {
        return String::new();
    }
    let (given, withheld): (Vec<_>, Vec<_>) = rows(measures)
        .into_iter()
        .partition(|row| row.sides.iter().flatten().any(|measure| is_given(measure)));
    let mut html = format!(
        "<section><h2>Measures{suffix}</h2><p>Mean ± standard deviation over n occurrences. Below {:.0} % trust a value is marked; how each is \
         defined and when it is not given is written in Marey\u{2019}s documentation of measures.</p>",
        100.0 * TRUSTED
    );
    if given.is_empty() {
        html.push_str("<p>None could be given for this recording; the reasons are below.</p>");
    } else {
        html.push_str(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Measures\"><table class=\"measures\"><thead><tr>\
             <th scope=\"col\">Measure</th><th scope=\"col\">Left</th><th scope=\"col\">Right</th><th scope=\"col\">Whole body</th>\
             <th scope=\"col\" class=\"words\">Unit</th><th scope=\"col\" class=\"words\">Method</th></tr></thead><tbody>",
        );
        for row in given.iter().take(MOST_ROWS) {
            let cells: String = row.sides.iter().map(|measure| cell(*measure)).collect();
            let _ = write!(
                html,
                "<tr><th scope=\"row\">{}</th>{cells}<td class=\"words\">{}</td><td class=\"words\"><code>{}</code></td></tr>",
                escape(&row.first.label),
                escape(unit(&row.first.unit)),
                // Long names may be broken between their words.
                escape(&row.first.method).replace('_', "_<wbr>")
            );
        }
        html.push_str("</tbody></table></div>");
    }
    html.push_str(&not_given(&withheld));
    html.push_str("</section>\n");
    html
}

fn cell(measure: Option<&Measure>) -> String {
    let Some(measure) = measure else {
        return "<td></td>".to_owned();
    };
    let Outcome::Given {
        value,
        sd,
        count,
        confidence,
    } = &measure.outcome
    else {
        return "<td>–</td>".to_owned();
    };
    let spread = sd.map_or(String::new(), |sd| format!(" ± {}", significant(sd)));
    let trust = if *confidence >= TRUSTED {
        String::new()
    } else {
        let word = if *confidence >= FAIR {
            "fair trust"
        } else {
            "little trust"
        };
        format!("<small class=\"low\">{word}, {:.0} %</small>", 100.0 * confidence)
    };
    let times = if *count > 1 {
        format!("<small>n = {count}</small>")
    } else {
        String::new()
    };
    format!("<td class=\"main\">{}{spread}{times}{trust}</td>", significant(*value))
}

/// Measures without a value, with their reasons; those with the same reason together.
fn not_given(rows: &[Row<'_>]) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in rows {
        let reason = row.sides.iter().flatten().find_map(|measure| match &measure.outcome {
            Outcome::Withheld { reason } => Some(reason.as_str()),
            Outcome::Given { .. } => None,
        });
        let Some(reason) = reason else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, labels)) if !labels.contains(&row.first.label.as_str()) => labels.push(&row.first.label),
            Some(_) => {}
            None => reasons.push((reason, vec![&row.first.label])),
        }
    }
    if reasons.is_empty() {
        return String::new();
    }
    let items = reasons.iter().fold(String::new(), |mut html, (reason, labels)| {
        let labels: Vec<String> = labels.iter().map(|label| escape(label)).collect();
        let _ = write!(html, "<dt>{}</dt><dd>{}</dd>", labels.join(", "), escape(reason));
        html
    });
    format!("<details><summary>Not given, and why</summary><dl class=\"provenance\">{items}</dl></details>")
}

fn repetitions(person: &PersonAnalysis, suffix: &str) -> String {
    let Some(found) = &person.findings.repetitions else {
        return String::new();
    };
    if found.segments.is_empty() {
        let reason = found.withheld.as_deref().map(escape);
        return reason.map_or_else(String::new, |reason| {
            format!("<section><h2>Repetitions{suffix}</h2><p>None were found. {reason}</p></section>\n")
        });
    }
    let count = found.segments.len();
    let mut html = format!(
        "<section><h2>Repetitions{suffix}</h2><p>{count} of them, cut from valley to valley of <code>{}</code>. The curves show the mean over all \
         whole repetitions, each stretched to 0 to 100 %, with a band of one standard deviation.</p>",
        escape(&found.signal)
    );
    let panels = ensembles(person, Space::Image);
    if !panels.is_empty() {
        let _ = write!(html, "<div class=\"plots\">{}</div>", panels.concat());
    }
    let unit = escape(unit(&found.unit));
    let _ = write!(
        html,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Repetitions\"><table class=\"plain\"><thead><tr>\
         <th scope=\"col\">Number</th><th scope=\"col\">Start</th><th scope=\"col\">Peak</th><th scope=\"col\">End</th>\
         <th scope=\"col\">Duration</th><th scope=\"col\">Height of the peak ({unit})</th></tr></thead><tbody>"
    );
    for (index, one) in found.segments.iter().take(MOST_ROWS).enumerate() {
        let _ = write!(
            html,
            "<tr><th scope=\"row\"><a href=\"#\" data-moment=\"{start}\">{}</a></th><td>{}</td><td>{}</td><td>{}</td><td class=\"main\">{}</td><td>{}</td></tr>",
            index + 1,
            label::seconds(one.start_s),
            label::seconds(one.peak_s),
            label::seconds(one.end_s),
            label::seconds(one.end_s - one.start_s),
            significant(one.prominence),
            start = finite(one.start_s),
        );
    }
    html.push_str("</tbody></table></div>");
    html.push_str(&left_out(count));
    html.push_str("</section>\n");
    html
}

fn events(findings: &Findings, suffix: &str) -> String {
    if findings.events.is_empty() {
        return String::new();
    }
    let rows = findings.events.iter().take(MOST_ROWS).fold(String::new(), |mut html, event| {
        let side = event.side.map_or("–", Side::id);
        let _ = write!(
            html,
            "<tr><th scope=\"row\"><a href=\"#\" data-moment=\"{at}\">{}</a></th><td>{}</td><td class=\"words\">{side}</td><td>{:.0} %</td></tr>",
            event_name(event.kind),
            label::seconds(event.time_s),
            100.0 * event.confidence,
            at = finite(event.time_s),
        );
        html
    });
    format!(
        "<section><h2>Events{suffix}</h2><details><summary>{} moments, each with a link into the video</summary>\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Events\"><table class=\"plain\"><thead><tr><th scope=\"col\">Event</th>\
         <th scope=\"col\">Time</th><th scope=\"col\" class=\"words\">Side</th><th scope=\"col\">Trust</th></tr></thead><tbody>{rows}</tbody></table></div>{}\
         </details></section>\n",
        findings.events.len(),
        left_out(findings.events.len())
    )
}

fn left_out(count: usize) -> String {
    if count <= MOST_ROWS {
        return String::new();
    }
    format!("<p>The first {MOST_ROWS} of {count}; the data files hold all.</p>")
}

/// A unit as people write it.
fn unit(id: &str) -> &str {
    match id {
        "percent" => "%",
        "deg" => "°",
        "deg_per_s" => "°/s",
        "leg_lengths" => "leg lengths",
        "steps_per_min" => "steps/min",
        "m_per_s" => "m/s",
        "m_per_s2" => "m/s²",
        "m2" => "m²",
        "cm2" => "cm²",
        "mm2" => "mm²",
        "ratio" | "none" | "count" => "",
        other => other,
    }
}

/// Three significant digits, never as a power of ten, with a true minus sign; a dash for what is not a number.
fn significant(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{:.decimals$}", value.abs());
    if value < 0.0 && text.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        format!("−{text}")
    } else {
        text
    }
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits_and_no_negative_zero() {
        for (value, text) in [
            (112.44, "112"),
            (11.244, "11.2"),
            (1.1244, "1.12"),
            (-0.04321, "−0.043"),
            (-0.0001, "0.000"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(significant(value), text);
        }
    }
}
