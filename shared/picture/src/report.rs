//! The report: one HTML file that says what was measured, how far to trust it, and where it came from.
//!
//! The page needs nothing but itself and, if there is one, the annotated video next to it: styles and the script are
//! inside, pictures are data URIs, fonts are the reader's own. Every text from outside is escaped, addresses that could
//! run a script are dropped, and a content security policy allows this one script by its hash and no connections.

mod figure;
mod findings;
mod header;
mod person;
mod values;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use marey_motion::{Analysis, Settings};
use sha2::{Digest, Sha256};

use crate::chronogram::{self, ChronogramOptions};
use crate::plot;
use crate::svg::escape;

const STYLE: &str = include_str!("report/style.css");
const SCRIPT: &str = concat!(include_str!("report/script.js"), include_str!("report/figure.js"));

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
    let mut body = header::header(input);
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
        "<section><h2>{title}</h2>{note}<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table class=\"plain\">\
         <thead><tr>{}</tr></thead><tbody>{rows}</tbody></table></div></section>\n",
        cells("th scope=\"col\"", &table.columns)
    )
}

fn downloads(files: &[Download]) -> String {
    let items = files.iter().fold(String::new(), |mut html, file| {
        if let Some(href) = address(&file.href) {
            let _ = write!(
                html,
                "<li><a href=\"{href}\" rel=\"noreferrer\" download>{}</a> <span>{}</span></li>",
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

fn settings_in_words(settings: &Settings) -> [(&'static str, String); 4] {
    let outliers = settings
        .outliers
        .map_or_else(|| "kept".to_owned(), |rule| format!("{rule}; they count as missing"));
    [
        ("Filter", settings.filter.to_string()),
        (
            "Gaps",
            format!(
                "filled up to {} s by {}; longer ones stay empty",
                settings.longest_gap_s, settings.gap_curve
            ),
        ),
        (
            "Landmarks",
            format!("count as missing below a visibility of {}", settings.minimum_visibility),
        ),
        ("Outliers", outliers),
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
