//! Angle-time curves as SVG: one panel for each joint, left and right together.
//!
//! Measured values are faint, filtered ones strong; where there is no value there is no line. The drawing follows the
//! reader's light or dark setting, needs nothing from outside, and stays small however long the recording is.

mod ensemble;
mod marks;
mod panel;
pub(crate) mod scale;
pub(crate) mod sheet;
mod timeline;

use std::fmt::Write as _;

use marey_motion::{Analysis, Angle, AngleSeries, Side, Space};

use crate::label;
use crate::svg::number;

pub(crate) use ensemble::ensembles;
pub(crate) use marks::event_name;
use panel::Panel;
pub(crate) use panel::thinned;
use sheet::{Heading, PANEL_HEIGHT, Sheet};
pub(crate) use timeline::timeline;

/// How angle curves are drawn.
#[derive(Debug, Clone)]
pub struct PlotOptions {
    /// Which space's angles.
    pub space: Space,
    /// Which angles, in order; those that were not measured are left out.
    pub angles: Vec<Angle>,
    /// Width of the whole figure in pixels, at least 320.
    pub width_px: u32,
    /// Heading; `None` for the name of the source.
    pub title: Option<String>,
}

impl Default for PlotOptions {
    fn default() -> Self {
        Self {
            space: Space::Image,
            angles: ANATOMICAL_ORDER.to_vec(),
            width_px: 980,
            title: None,
        }
    }
}

/// From the middle of the body outwards, legs before arms.
pub(crate) const ANATOMICAL_ORDER: [Angle; 8] = [
    Angle::HipFlexion,
    Angle::KneeFlexion,
    Angle::AnkleDorsiflexion,
    Angle::Trunk,
    Angle::ShoulderFlexion,
    Angle::ElbowFlexion,
    Angle::WristFlexion,
    Angle::Pelvis,
];

/// The rest: segments against the vertical or the horizontal, from above downwards.
pub(crate) const SEGMENT_ORDER: [Angle; 8] = [
    Angle::Head,
    Angle::Shoulders,
    Angle::Arm,
    Angle::Forearm,
    Angle::Hand,
    Angle::Thigh,
    Angle::Shank,
    Angle::Foot,
];

/// Both styles of a plot. Colours are Okabe and Ito's blue and vermillion on light, sky blue and orange on dark; text in
/// them is a little darker where the contrast asks for it. Left is drawn wider and first, so that equal curves show both.
pub(crate) const STYLE: &str = "\
.marey-plot{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:12px}\
.marey-plot text{fill:#4a4f57}.marey-plot .m-name{fill:#16181c;font-weight:600;font-size:13px}\
.marey-plot .m-title{fill:#16181c;font-weight:600;font-size:18px}.marey-plot .m-readout{font-size:11px}\
.marey-plot .m-paper{fill:#fff}.marey-plot .m-grid{stroke:#e3e5e8}.marey-plot .m-zero{stroke:#b4b9c0}\
.marey-plot .m-band{fill:#16181c;opacity:.035}.marey-plot .m-band.m-odd{opacity:.08}.marey-plot .m-count{font-size:9px}\
.marey-plot .m-span{stroke-width:9}.marey-plot path.m-event{stroke-width:1.2}\
.marey-plot path:not(.m-event):not(.m-spread),.marey-plot .m-key{fill:none;stroke-linecap:round;stroke-linejoin:round}\
.marey-plot .m-value{stroke-width:2}.marey-plot .m-value.m-left{stroke-width:3}.marey-plot .m-raw{stroke-width:1;opacity:.38}\
.marey-plot .m-bar{stroke-width:3;stroke-linecap:round}.marey-plot .m-dot{stroke:#fff;stroke-width:1.5}\
.marey-plot .m-cursor{stroke:#16181c;stroke-dasharray:3 2}\
.marey-plot .m-left{stroke:#0072b2}.marey-plot .m-right{stroke:#d55e00}.marey-plot .m-middle{stroke:#5a5f68}\
.marey-plot .f-left{fill:#0072b2}.marey-plot .f-right{fill:#b34f00}.marey-plot .f-middle{fill:#5a5f68}\
.marey-plot .m-spread{opacity:.18;stroke:none}.marey-plot .o-left,.marey-plot .o-right,.marey-plot .o-middle{fill:#fff}\
.marey-plot .m-event.f-left,.marey-plot .o-left{stroke:#0072b2}.marey-plot .m-event.f-right,.marey-plot .o-right{stroke:#b34f00}\
.marey-plot .m-event.f-middle,.marey-plot .o-middle{stroke:#5a5f68}\
@media (prefers-color-scheme:dark){\
.marey-plot text{fill:#b3b9c2}.marey-plot .m-name,.marey-plot .m-title{fill:#f1f2f4}.marey-plot .m-paper{fill:#16181c}\
.marey-plot .m-grid{stroke:#2b2f36}.marey-plot .m-zero{stroke:#565c66}.marey-plot .m-cursor{stroke:#f1f2f4}.marey-plot .m-dot{stroke:#16181c}\
.marey-plot .m-band{fill:#f1f2f4}.marey-plot .o-left,.marey-plot .o-right,.marey-plot .o-middle{fill:#16181c}\
.marey-plot .m-event.f-left,.marey-plot .o-left{stroke:#56b4e9}.marey-plot .m-event.f-right,.marey-plot .o-right{stroke:#e69f00}\
.marey-plot .m-event.f-middle,.marey-plot .o-middle{stroke:#b3b9c2}\
.marey-plot .m-left{stroke:#56b4e9}.marey-plot .m-right{stroke:#e69f00}.marey-plot .m-middle{stroke:#b3b9c2}\
.marey-plot .f-left{fill:#56b4e9}.marey-plot .f-right{fill:#e69f00}.marey-plot .f-middle{fill:#b3b9c2}}\
@media print{.marey-plot .m-cursor,.marey-plot .m-readout{display:none}}";

/// The angles of one person over time as a self-contained SVG document.
///
/// A person that does not exist, or for whom nothing was measured, gives a drawing that says so.
pub fn angle_svg(analysis: &Analysis, person_index: usize, options: &PlotOptions) -> String {
    let groups = groups(analysis, person_index, options);
    let sheet = Sheet::new(options.width_px, groups.len(), 84.0);
    let heading = Heading {
        title: options.title.as_deref().unwrap_or(&analysis.source.name),
        subtitle: &subtitle(analysis, person_index, options.space),
        style: "",
        key: &key(sheet.edges().1, &groups),
    };
    let panels = groups.iter().map(|(angle, series)| {
        let findings = &analysis.people[person_index].findings;
        Panel::new(analysis, findings, (*angle, series), sheet.panel_width(), PANEL_HEIGHT).body()
    });
    sheet.document(&heading, panels, "No angles were measured.")
}

/// Each panel as an `svg` element by itself, 480 pixels wide, for pages that arrange panels and carry [`STYLE`] once.
pub(crate) fn panels(analysis: &Analysis, person_index: usize, options: &PlotOptions) -> Vec<String> {
    let panel = |(angle, series): Group<'_>| {
        let findings = &analysis.people[person_index].findings;
        Panel::new(analysis, findings, (angle, &series), 480.0, PANEL_HEIGHT).document(person_index)
    };
    groups(analysis, person_index, options).into_iter().map(panel).collect()
}

type Group<'a> = (Angle, Vec<&'a AngleSeries>);

/// The series of each wanted angle that has any value.
fn groups<'a>(analysis: &'a Analysis, person_index: usize, options: &PlotOptions) -> Vec<Group<'a>> {
    let Some(person) = analysis.people.get(person_index) else {
        return Vec::new();
    };
    let measured = |series: &&AngleSeries| series.value_deg.iter().chain(&series.raw_deg).any(Option::is_some);
    options
        .angles
        .iter()
        .map(|&angle| {
            let matches = |series: &&AngleSeries| series.angle == angle && series.space == options.space;
            (
                angle,
                person
                    .angles
                    .iter()
                    .filter(matches)
                    .filter(measured)
                    .collect::<Vec<_>>(),
            )
        })
        .filter(|(_, series)| !series.is_empty())
        .collect()
}

fn subtitle(analysis: &Analysis, person_index: usize, space: Space) -> String {
    let space = match space {
        Space::Image => "angles in the image plane",
        Space::World => "angles estimated in space from one view",
    };
    let person = analysis.people.get(person_index);
    let who = person.map_or(String::new(), |person| format!(" · person {}", person.id));
    let view = person
        .and_then(|person| person.camera_plane)
        .map_or(String::new(), |plane| format!(" · {}", label::view(plane.view)));
    format!("{space}{who}{view}")
}

/// What the lines mean, set against the right edge.
fn key(right: f64, groups: &[Group<'_>]) -> String {
    let shown = |side| {
        groups
            .iter()
            .flat_map(|(_, series)| series)
            .any(|series| series.side == side)
    };
    let entries = [
        (shown(Some(Side::Left)), "m-value m-left", "left", 62.0),
        (shown(Some(Side::Right)), "m-value m-right", "right", 68.0),
        (shown(None), "m-value m-middle", "trunk, pelvis", 112.0),
        (!groups.is_empty(), "m-raw m-middle", "before filtering", 128.0),
    ];
    let mut x = right - entries.iter().filter(|entry| entry.0).map(|entry| entry.3).sum::<f64>();
    let mut svg = String::new();
    for (_, class, text, width) in entries.into_iter().filter(|entry| entry.0) {
        let _ = write!(
            svg,
            "<line class=\"m-key {class}\" x1=\"{}\" x2=\"{}\" y1=\"72\" y2=\"72\"/><text x=\"{}\" y=\"76\">{text}</text>",
            number(x),
            number(x + 20.0),
            number(x + 26.0)
        );
        x += width;
    }
    svg
}
