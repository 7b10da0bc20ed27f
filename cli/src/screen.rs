//! Where output goes: results to standard output, everything about the way there to standard error.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use console::{Style, Term};
use marey_contract::{BatchStatus, ErrorBody, JobStatus, StageStatus, VideoStatus};
use serde::Serialize;

use crate::error::Error;
use crate::words::tame;

/// When colours are used; `auto` is on a terminal unless `NO_COLOR` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Strong,
    Faint,
    Good,
    Busy,
    Bad,
    Odd,
}

/// Where output goes and what it may look like.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    is_json: bool,
    paints_out: bool,
    paints_err: bool,
    out_width: Option<usize>,
    err_width: Option<usize>,
}

impl Screen {
    pub(crate) fn new(is_json: bool, color: Color) -> Self {
        let allowed = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|value| value != "dumb");
        let paints = |is_terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && allowed,
        };
        let width = |is_terminal: bool, term: &Term| {
            is_terminal.then(|| term.size_checked().map_or(80, |(_, columns)| columns as usize))
        };
        let (out_is_terminal, err_is_terminal) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let screen = Self {
            is_json,
            paints_out: paints(out_is_terminal),
            paints_err: paints(err_is_terminal),
            out_width: width(out_is_terminal, &Term::stdout()),
            err_width: width(err_is_terminal, &Term::stderr()),
        };
        // The bars draw through this crate's globals.
        console::set_colors_enabled(screen.paints_out);
        console::set_colors_enabled_stderr(screen.paints_err);
        screen
    }

    /// Whether results are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Columns of standard output, if it is a terminal.
    pub(crate) fn out_width(&self) -> Option<usize> {
        self.out_width
    }

    /// Columns of standard error, if it is a terminal: then there are bars.
    pub(crate) fn err_width(&self) -> Option<usize> {
        self.err_width
    }

    /// Text painted for standard output.
    pub(crate) fn paint(&self, paint: Paint, text: &str) -> String {
        painted(paint, text, self.paints_out)
    }

    /// Text painted for standard error.
    pub(crate) fn paint_note(&self, paint: Paint, text: &str) -> String {
        painted(paint, text, self.paints_err)
    }

    /// Writes a result.
    pub(crate) fn print(text: &str) -> Result<(), Error> {
        let mut out = std::io::stdout().lock();
        let written = writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush());
        match written {
            // Who reads no further (`marey jobs | head`) has what they wanted.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }

    /// Writes a result for machines.
    pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
        Self::print(&text)
    }

    /// Writes something about the way there. Nothing depends on it, so a closed standard error is no error.
    pub(crate) fn note(text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// Tells an error on standard error, about a file if one is named.
    pub(crate) fn tell(&self, error: &ErrorBody) {
        Self::note(&error_text(error, &|paint, text| self.paint_note(paint, text)));
    }
}

/// An error as people read it.
pub(crate) fn error_text(error: &ErrorBody, paint: &dyn Fn(Paint, &str) -> String) -> String {
    let code = paint(Paint::Bad, &format!("error[{}]", tame(&error.code)));
    let mut lines = vec![format!("{code}: {}", tame(&error.message))];
    let place = match (&error.stage, error.attempt.filter(|attempt| *attempt > 0)) {
        (Some(stage), Some(attempt)) => Some(format!("stage {}, attempt {attempt}", tame(stage))),
        (Some(stage), None) => Some(format!("stage {}", tame(stage))),
        (None, Some(attempt)) => Some(format!("attempt {attempt}")),
        (None, None) => None,
    };
    lines.extend(place.map(|place| format!("    {} {place}", paint(Paint::Faint, "in:"))));
    if !error.hint.trim().is_empty() {
        lines.push(format!("  {} {}", paint(Paint::Faint, "hint:"), tame(&error.hint)));
    }
    lines.join("\n")
}

fn painted(paint: Paint, text: &str, enabled: bool) -> String {
    let style = match paint {
        Paint::Plain => return text.to_owned(),
        Paint::Strong => Style::new().bold(),
        Paint::Faint => Style::new().dim(),
        Paint::Good => Style::new().green(),
        Paint::Busy => Style::new().cyan(),
        Paint::Bad => Style::new().red().bold(),
        Paint::Odd => Style::new().yellow(),
    };
    style.force_styling(enabled).apply_to(text).to_string()
}

/// A job's status as a word and its colour.
pub(crate) fn job_status(status: JobStatus) -> (&'static str, Paint) {
    match status {
        JobStatus::Queued => ("queued", Paint::Plain),
        JobStatus::Running => ("running", Paint::Busy),
        JobStatus::Completed => ("completed", Paint::Good),
        JobStatus::Failed => ("failed", Paint::Bad),
        JobStatus::Cancelled => ("cancelled", Paint::Odd),
    }
}

/// A batch's status as a word and its colour.
pub(crate) fn batch_status(status: BatchStatus) -> (&'static str, Paint) {
    match status {
        BatchStatus::Uploading => ("uploading", Paint::Plain),
        BatchStatus::Running => ("running", Paint::Busy),
        BatchStatus::Completed => ("completed", Paint::Good),
        BatchStatus::PartlyCompleted => ("partly completed", Paint::Odd),
        BatchStatus::Failed => ("failed", Paint::Bad),
        BatchStatus::Cancelled => ("cancelled", Paint::Odd),
    }
}

/// The status of a batch's video as a word and its colour.
pub(crate) fn video_status(status: VideoStatus) -> (&'static str, Paint) {
    match status {
        VideoStatus::AwaitingUpload => ("not uploaded", Paint::Faint),
        VideoStatus::Queued => ("queued", Paint::Plain),
        VideoStatus::Running => ("running", Paint::Busy),
        VideoStatus::Completed => ("completed", Paint::Good),
        VideoStatus::Failed => ("failed", Paint::Bad),
        VideoStatus::Cancelled => ("cancelled", Paint::Odd),
    }
}

/// A stage's status as a word and its colour.
pub(crate) fn stage_status(status: StageStatus) -> (&'static str, Paint) {
    match status {
        StageStatus::Waiting => ("waiting", Paint::Faint),
        StageStatus::Queued => ("queued", Paint::Plain),
        StageStatus::Held => ("held", Paint::Odd),
        StageStatus::Running => ("running", Paint::Busy),
        StageStatus::Completed => ("completed", Paint::Good),
        StageStatus::Failed => ("failed", Paint::Bad),
        StageStatus::Skipped => ("skipped", Paint::Odd),
        StageStatus::Cancelled => ("cancelled", Paint::Odd),
    }
}
