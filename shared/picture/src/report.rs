//! The report: one HTML file that says what was measured, how far to trust it, and where it came from.
//!
//! The page needs nothing but itself and, if there is one, the annotated video next to it: styles and the script are
//! inside, pictures are data URIs, fonts are the reader's own. Every text from outside is escaped, addresses that could
//! run a script are dropped, and a content security policy allows this one script by its hash and no connections.

mod person;
mod values;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use marey_motion::{Analysis, Settings, View};
use sha2::{Digest, Sha256};

use crate::chronogram::{self, ChronogramOptions};
use crate::label;
use crate::plot;
use crate::svg::escape;

const STYLE: &str = include_str!("report/style.css");
const SCRIPT: &str = include_str!("report/script.js");

/// People shown in full; a crowd would make the page too heavy to open.
const MOST_PEOPLE: usize = 10;

/// What is known about the video file.
#[derive(Debug, Clone, Default)]
pub struct VideoFacts {
    /// Length in seconds.
    pub duration_s: f64,
    /// Width of the upright picture in pixels.
    pub width_px: u32,
    /// Height of the upright picture in pixels.
    pub height_px: u32,
    /// Codec, such as `h264`.
    pub codec: Option<String>,
    /// Nominal frame rate as a fraction, such as 30000 and 1001.
    pub frame_rate: Option<(u32, u32)>,
    /// Whether frames are unevenly spaced in time.
    pub variable_rate: bool,
    /// Rotation that the container asks for, in degrees clockwise.
    pub rotation_deg: i32,
    /// Size of the file in bytes.
    pub size_bytes: Option<u64>,
}

/// A video next to the report.
#[derive(Debug, Clone)]
pub struct VideoLink {
    /// Relative address, or one with `https`.
    pub href: String,
    /// Media type, such as `video/mp4`.
    pub media_type: String,
    /// Time of the analysis, in seconds, at which the video starts.
    pub starts_at_s: f64,
}

/// A picture put into the report.
#[derive(Debug, Clone)]
pub struct Photo {
    /// Media type, `image/jpeg` or `image/png`.
    pub media_type: String,
    /// The encoded picture.
    pub bytes: Vec<u8>,
}

/// A file offered for download.
#[derive(Debug, Clone)]
pub struct Download {
    /// What it is called.
    pub label: String,
    /// Relative address, or one with `https`.
    pub href: String,
    /// What is in it.
    pub detail: String,
}

/// A further table, such as one of repetitions.
#[derive(Debug, Clone)]
pub struct Table {
    /// Heading.
    pub title: String,
    /// A sentence beneath the heading; may be empty.
    pub note: String,
    /// Heads of the columns.
    pub columns: Vec<String>,
    /// Rows; the first cell names its row.
    pub rows: Vec<Vec<String>>,
}

/// Everything a report says.
#[derive(Debug, Clone)]
pub struct ReportInput<'a> {
    /// What was measured.
    pub analysis: &'a Analysis,
    /// What it was measured on.
    pub video: VideoFacts,
    /// The job that made the report.
    pub job_id: Option<String>,
    /// When it was made, as it shall be written.
    pub created: Option<String>,
    /// Marey's version.
    pub marey_version: String,
    /// The video with the overlay.
    pub annotated_video: Option<VideoLink>,
    /// The chronophotograph.
    pub chronophotograph: Option<Photo>,
    /// Whether the geometric chronogram of the first person is drawn.
    pub chronogram: bool,
    /// Further tables.
    pub tables: Vec<Table>,
    /// Files that belong to the analysis.
    pub downloads: Vec<Download>,
    /// Sentences that a reader must see, besides the analysis' own notes.
    pub warnings: Vec<String>,
}

impl<'a> ReportInput<'a> {
    /// A report with the analysis alone; fill in the rest as far as it is there.
    pub fn new(analysis: &'a Analysis, video: VideoFacts) -> Self {
        Self {
            analysis,
            video,
            job_id: None,
            created: None,
            marey_version: env!("CARGO_PKG_VERSION").to_owned(),
            annotated_video: None,
            chronophotograph: None,
            chronogram: true,
            tables: Vec::new(),
            downloads: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// The report as one HTML document.
pub fn html(input: &ReportInput<'_>) -> String {
    let name = escape(&input.analysis.source.name);
    let mut body = header(input);
    for (index, person) in input.analysis.people.iter().take(MOST_PEOPLE).enumerate() {
        body.push_str(&person::section(input, index, person));
    }
    body.push_str(&pictures(input));
    for table in &input.tables {
        body.push_str(&further_table(table));
    }
    body.push_str(&downloads(&input.downloads));
    body.push_str(&provenance(input));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{name} – Marey motion report</title>\n<style>\n{STYLE}{plot_style}\n</style>\n</head>\n<body>\n<div class=\"page\">\n{body}\
         <footer>Made by Marey {version}. Not a medical device; not for diagnosis.</footer>\n</div>\n\
         <script type=\"application/json\" id=\"marey-values\">{values}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        policy = content_policy(),
        plot_style = plot::STYLE,
        version = escape(&input.marey_version),
        values = values::json(input.analysis, MOST_PEOPLE),
    )
}

/// Nothing is loaded but pictures and video; the one script runs by its hash.
fn content_policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; img-src data:; \
         media-src 'self' file: https: http:; base-uri 'none'; form-action 'none'"
    )
}

/// An address as an attribute's value, or `None` for one whose scheme is not known to be harmless.
fn address(href: &str) -> Option<String> {
    let href = href.trim();
    let scheme = href
        .split(['/', '?', '#'])
        .next()?
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    let harmless = scheme.is_none_or(|scheme| scheme == "https" || scheme == "http");
    // Browsers drop tabs and line ends inside a scheme before they read it.
    let plain = !href.chars().any(char::is_control);
    (harmless && plain && !href.is_empty()).then(|| escape(href))
}

/// Three strides, in one colour.
const MARK: &str = "<svg viewBox=\"0 0 44 22\" aria-hidden=\"true\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.6\" \
stroke-linecap=\"round\" stroke-linejoin=\"round\"><path d=\"M6 2l1 8-4 5-2 6M7 10l5 5-1 6\" opacity=\".35\"/>\
<path d=\"M20 2l1 8-3 5-3 6M21 10l4 5 1 6\" opacity=\".6\"/><path d=\"M34 2l1 8-2 6-5 5M35 10l5 5 2 6\"/></svg>";

fn header(input: &ReportInput<'_>) -> String {
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
            format!("Person {}: ", person.id.saturating_add(1))
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
            "Seen from the side, {deviation_deg:.0}° off. Angles in the image plane can be relied on: a knee in this view was right to about 2°."
        ),
        View::Oblique => format!(
            "Seen obliquely, {deviation_deg:.0}° off the side. Angles in the image plane are foreshortened: a knee seen at 45° was wrong by \
             about 14°. Compare movements filmed from the same place; for measurements, film from the side."
        ),
        View::Frontal => format!(
            "Seen from the front or back, {deviation_deg:.0}° off the side. Flexion of hip, knee and ankle points at the camera and cannot be \
             read from the image: a knee in this view was wrong by about 45°. Use the curves to see when something moves, not how far."
        ),
    };
    let class = if view == View::Side { "sound" } else { "doubtful" };
    (class, text)
}

fn pictures(input: &ReportInput<'_>) -> String {
    let mut figures = String::new();
    if let Some(photo) = &input.chronophotograph {
        let _ = write!(
            figures,
            "<figure><img src=\"data:{};base64,{}\" alt=\"The person at several instants of the movement in one picture, with stick figures and times\">\
             <figcaption>Chronophotograph: one picture of the whole movement, each figure with its time.</figcaption></figure>",
            escape(&photo.media_type),
            STANDARD.encode(&photo.bytes)
        );
    }
    if let Some(person) = input.analysis.people.first().filter(|_| input.chronogram) {
        let options = ChronogramOptions {
            title: Some("Stick figures of the movement at even times, white on black".to_owned()),
            ..ChronogramOptions::default()
        };
        let _ = write!(
            figures,
            "<figure><div class=\"chronogram\">{}</div><figcaption>Chronogram: the side near the camera bright, the far side faint, at even \
             times, as Étienne-Jules Marey drew it.</figcaption></figure>",
            chronogram::svg(person, &input.analysis.time_s, input.analysis.skeleton, &options)
        );
    }
    if figures.is_empty() {
        figures
    } else {
        format!("<section><h2>The movement in one picture</h2>{figures}</section>\n")
    }
}

fn further_table(table: &Table) -> String {
    let title = escape(&table.title);
    let cells = |tag: &str, texts: &[String]| {
        texts.iter().fold(String::new(), |mut html, text| {
            let _ = write!(
                html,
                "<{tag}>{}</{}>",
                escape(text),
                tag.split(' ').next().unwrap_or(tag)
            );
            html
        })
    };
    let rows = table.rows.iter().fold(String::new(), |mut html, row| {
        let (first, rest) = row.split_at(row.len().min(1));
        let _ = write!(
            html,
            "<tr>{}{}</tr>",
            cells("th scope=\"row\"", first),
            cells("td", rest)
        );
        html
    });
    let note = if table.note.is_empty() {
        String::new()
    } else {
        format!("<p>{}</p>", escape(&table.note))
    };
    format!(
        "<section><h2>{title}</h2>{note}<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table>\
         <thead><tr>{}</tr></thead><tbody>{rows}</tbody></table></div></section>\n",
        cells("th scope=\"col\"", &table.columns)
    )
}

fn downloads(files: &[Download]) -> String {
    let items = files.iter().fold(String::new(), |mut html, file| {
        if let Some(href) = address(&file.href) {
            let _ = write!(
                html,
                "<li><a href=\"{href}\" rel=\"noreferrer\">{}</a> <span>{}</span></li>",
                escape(&file.label),
                escape(&file.detail)
            );
        }
        html
    });
    if items.is_empty() {
        items
    } else {
        format!("<section><h2>Files</h2><ul class=\"downloads\">{items}</ul></section>\n")
    }
}

fn provenance(input: &ReportInput<'_>) -> String {
    let analysis = input.analysis;
    let mut entries = vec![
        ("Model", escape(&analysis.model.name)),
        (
            "Model SHA-256",
            format!("<code>{}</code>", escape(&analysis.model.sha256)),
        ),
        (
            "Skeleton",
            format!(
                "<code>{}</code>, {} landmarks",
                analysis.skeleton.name(),
                analysis.skeleton.len()
            ),
        ),
    ];
    entries.extend(settings_in_words(&analysis.settings));
    entries.push(("Marey", escape(&input.marey_version)));
    entries.push(("Layout of the data", format!("version {}", analysis.schema_version)));
    if let Some(job) = &input.job_id {
        entries.push(("Job", format!("<code>{}</code>", escape(job))));
    }
    if let Some(created) = &input.created {
        entries.push(("Made", escape(created)));
    }
    let items = entries.into_iter().fold(String::new(), |mut html, (name, value)| {
        let _ = write!(html, "<dt>{name}</dt><dd>{value}</dd>");
        html
    });
    format!("<section><h2>Where the numbers come from</h2><dl class=\"provenance\">{items}</dl></section>\n")
}

fn settings_in_words(settings: &Settings) -> [(&'static str, String); 3] {
    let filter = match settings.cutoff_hz {
        Some(cutoff_hz) => format!(
            "Butterworth low-pass at {cutoff_hz} Hz, order {}, run forward and backward so that nothing is delayed",
            settings.order
        ),
        None => "none".to_owned(),
    };
    [
        ("Filter", filter),
        (
            "Gaps",
            format!("filled up to {} s; longer ones stay empty", settings.longest_gap_s),
        ),
        (
            "Landmarks",
            format!("count as missing below a visibility of {}", settings.minimum_visibility),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_addresses_become_links() {
        for href in [
            "annotated.mp4",
            "./a b.mp4",
            "../x?y=1:2",
            "https://example.org/a",
            "#top",
        ] {
            assert!(address(href).is_some(), "{href}");
        }
        for href in [
            "javascript:alert(1)",
            " JavaScript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "",
            "file:///etc",
        ] {
            assert!(address(href).is_none(), "{href}");
        }
        assert_eq!(address("a\"b<c"), Some("a&quot;b&lt;c".to_owned()));
    }

    #[test]
    fn the_policy_names_the_script_that_is_there() {
        let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
        assert!(content_policy().contains(&hash));
        assert!(!SCRIPT.contains("</script"));
        assert!(!STYLE.contains("</style"));
    }
}
