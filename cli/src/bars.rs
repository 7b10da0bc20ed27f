//! Progress as it happens: bars on a terminal, plain lines elsewhere, always on standard error.

mod fleet;
#[cfg(feature = "benchmark")]
mod passes;
mod work;
mod working;

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use console::{Alignment, measure_text_width, pad_str, truncate_str};
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use jiff::Timestamp;
use marey_contract::{JobDetail, StageDetail, StageStatus};

pub(crate) use self::fleet::{BatchLive, Fleet};
#[cfg(feature = "benchmark")]
pub(crate) use self::passes::Passes;
pub(crate) use self::work::Work;
pub(crate) use self::working::Working;
use crate::screen::{Paint, Screen, job_status, stage_status};
use crate::shards;
use crate::watch::Sight;
use crate::words::{duration, estimate, percent, size, tame, whole_percent};

/// Parts of a bar in which its movement is drawn.
const BAR: &str = "━╸─";
/// Names in front of bars are cut to this.
const NAME_WIDTH: usize = 24;
/// Plain lines are printed when a stage has moved on by this much.
const STEP_PERCENT: u64 = 10;

/// The transfer of one file.
pub(crate) struct Transfer {
    bar: ProgressBar,
    screen: Screen,
    what: String,
}

impl Transfer {
    /// Begins to show a transfer. `verb` is what is being done, such as `uploading`.
    pub(crate) fn begin(screen: &Screen, verb: &str, name: &str, bytes: u64) -> Self {
        let name = tame(name);
        let what = format!("{name} ({})", size(bytes));
        let bar = if screen.err_width().is_some() {
            let template = "{prefix} {wide_bar:.cyan/dim} {percent:>3} % {decimal_bytes_per_sec:>12} {eta:>4} left";
            let bar = ProgressBar::new(bytes)
                .with_style(style(template))
                .with_prefix(fixed(&name, NAME_WIDTH));
            bar.tick();
            bar
        } else {
            Screen::note(&format!("{verb} {what}"));
            ProgressBar::hidden()
        };
        Self {
            bar,
            screen: screen.clone(),
            what,
        }
    }

    /// Tells the position, in bytes; may be called from elsewhere.
    pub(crate) fn position(&self) -> impl Fn(u64) + Send + Sync + 'static {
        let bar = self.bar.clone();
        move |bytes| bar.set_position(bytes)
    }

    /// Removes the bar and says how it ended.
    pub(crate) fn end(self, done: &str) {
        let took = duration(self.bar.elapsed().as_millis() as i64);
        self.bar.finish_and_clear();
        Screen::note(&format!(
            "{} {} {done} in {took}",
            self.screen.paint_note(Paint::Good, "✓"),
            self.what
        ));
    }

    /// Removes the bar.
    pub(crate) fn give_up(self) {
        self.bar.finish_and_clear();
    }
}

/// Shows a job while it is followed.
pub(crate) enum Live {
    /// A line for the job and a bar for each stage.
    Bars(Box<Board>),
    /// A line for each change.
    Lines(Journal),
}

impl Live {
    pub(crate) fn begin(screen: &Screen) -> Self {
        match screen.err_width() {
            Some(_) => Self::Bars(Box::new(Board::begin(screen))),
            None => Self::Lines(Journal::default()),
        }
    }

    /// Shows what was seen.
    pub(crate) fn see(&mut self, sight: &Sight<'_>) {
        match self {
            Self::Bars(board) => board.see(sight),
            Self::Lines(journal) => journal.see(sight),
        }
    }
}

/// Bars for one job.
pub(crate) struct Board {
    screen: Screen,
    all: MultiProgress,
    head: ProgressBar,
    stages: Vec<ProgressBar>,
    told: HashMap<String, String>,
}

impl Board {
    fn begin(screen: &Screen) -> Self {
        let all = MultiProgress::new();
        let template = "{spinner:.cyan} {wide_msg} {took:>12}";
        let took = |state: &ProgressState, out: &mut dyn Write| {
            // A bar that cannot be drawn is no reason to end.
            let _ = out.write_str(&duration(state.elapsed().as_secs() as i64 * 1000).replace(".0 s", " s"));
        };
        let head = all.add(ProgressBar::new_spinner().with_style(style(template).with_key("took", took)));
        head.set_message("looking for the job");
        head.enable_steady_tick(Duration::from_millis(120));
        Self {
            screen: screen.clone(),
            all,
            head,
            stages: Vec::new(),
            told: HashMap::new(),
        }
    }

    fn see(&mut self, sight: &Sight<'_>) {
        match sight {
            Sight::Job(job) => self.see_job(job),
            Sight::NotYet => self.head.set_message("waiting for the job to begin"),
            Sight::Trouble(error) => self.head.set_message(format!("no answer, trying again: {error}")),
        }
    }

    fn see_job(&mut self, job: &JobDetail) {
        if self.stages.is_empty() {
            self.add_stages(job);
        }
        let (status, _) = job_status(job.summary.status);
        let left = job.time_left.filter(|_| !job.summary.status.has_ended());
        let left = match (job.ahead, left) {
            (Some(ahead), None) if ahead > 0 => format!(", {ahead} before it"),
            (_, Some(left)) => format!(", {} left", estimate(left)),
            _ => String::new(),
        };
        self.head.set_message(format!(
            "{}  {status}, {}{left}",
            tame(&job.summary.name),
            percent(job.progress)
        ));
        for (stage, bar) in job.stages.iter().zip(&self.stages) {
            let (word, paint) = stage_status(stage.status);
            let state = pad_str(&state(stage, word), STATE_WIDTH, Alignment::Left, None).into_owned();
            bar.set_position(whole_percent(stage.progress));
            bar.set_message(format!(
                "{:>5}  {}",
                percent(stage.progress),
                self.screen.paint_note(paint, &state)
            ));
            if let Some(line) = setback(stage).filter(|line| self.told.get(&stage.name) != Some(line)) {
                let _ = self.all.println(self.screen.paint_note(Paint::Odd, &line));
                self.told.insert(stage.name.clone(), line);
            }
        }
    }

    fn add_stages(&mut self, job: &JobDetail) {
        let begun = job.summary.created_at.parse::<Timestamp>().ok();
        let age = begun.and_then(|begun| Duration::try_from(Timestamp::now().duration_since(begun)).ok());
        self.head.set_elapsed(age.unwrap_or_default());
        let width = job
            .stages
            .iter()
            .map(|stage| measure_text_width(&tame(&stage.title)))
            .max()
            .unwrap_or(0)
            .min(NAME_WIDTH);
        for stage in &job.stages {
            let bar = self
                .all
                .add(ProgressBar::new(100).with_style(style("  {prefix} {wide_bar:.cyan/dim} {msg}")));
            bar.set_prefix(fixed(&tame(&stage.title), width));
            self.stages.push(bar);
        }
    }
}

impl Drop for Board {
    /// Leaves the last picture on the screen, after Ctrl-C as well.
    fn drop(&mut self) {
        for bar in &self.stages {
            bar.abandon();
        }
        self.head.finish_and_clear();
    }
}

/// The longest state that [`state`] makes, with a run time or thousands of shards.
const STATE_WIDTH: usize = 24;

/// What a stage is doing, beside its bar.
fn state(stage: &StageDetail, word: &str) -> String {
    match (stage.status, stage.run_ms) {
        (StageStatus::Completed, Some(run_ms)) => format!("{word}, {}", duration(run_ms)),
        (StageStatus::Running | StageStatus::Queued, _) if shards::are_there(stage) => {
            format!("{word}, {}/{} shards", stage.shards_done, stage.shards.unwrap_or(0))
        }
        _ if stage.attempts > 1 => format!("{word}, attempt {}", stage.attempts),
        _ => word.to_owned(),
    }
}

/// An attempt that failed while the stage goes on.
fn setback(stage: &StageDetail) -> Option<String> {
    let error = stage
        .error
        .as_ref()
        .filter(|_| !matches!(stage.status, StageStatus::Failed | StageStatus::Completed))?;
    let attempt = error.attempt.unwrap_or(stage.attempts);
    Some(format!(
        "{}: attempt {attempt} failed, trying again: {} ({})",
        tame(&stage.name),
        tame(&error.message),
        tame(&error.code)
    ))
}

/// Plain lines for one job.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// What was last said of each subject.
    said: HashMap<String, String>,
}

impl Journal {
    fn see(&mut self, sight: &Sight<'_>) {
        match sight {
            Sight::Job(job) => {
                let (status, _) = job_status(job.summary.status);
                let name = tame(&job.summary.name);
                // An estimate is told when it comes and as it halves; a new one every second would be noise.
                let left = job.time_left.filter(|_| !job.summary.status.has_ended());
                let step = left.map_or(0, |left| left.most_ms.max(1).ilog2());
                let told = left
                    .map(|left| format!(", {} left", estimate(left)))
                    .unwrap_or_default();
                let ahead = job.ahead.filter(|ahead| *ahead > 0);
                let told = ahead.map_or(told, |ahead| format!(", {ahead} before it"));
                self.say(
                    "",
                    &format!("{status} {step} {ahead:?}"),
                    &format!("{name}: {status}{told}"),
                );
                for stage in &job.stages {
                    self.see_stage(stage);
                }
                self.said.remove("trouble");
            }
            Sight::NotYet => self.say("", "not yet", "waiting for the job to begin"),
            Sight::Trouble(error) => self.say("trouble", error.code(), &format!("no answer, trying again: {error}")),
        }
    }

    fn see_stage(&mut self, stage: &StageDetail) {
        let (word, _) = stage_status(stage.status);
        let step = if stage.status == StageStatus::Running {
            whole_percent(stage.progress) / STEP_PERCENT
        } else {
            0
        };
        let state = match &stage.held {
            Some(why) => format!("{word}, {}", tame(why)),
            None => state(stage, word),
        };
        let share = if stage.status == StageStatus::Running {
            format!(", {}", percent(stage.progress))
        } else {
            String::new()
        };
        if let Some(line) = setback(stage) {
            self.say(&format!("{} setback", stage.name), &line, &line);
        }
        // A waiting stage is no news.
        if stage.status != StageStatus::Waiting {
            self.say(
                &stage.name,
                &format!("{state} {step}"),
                &format!("  {}: {state}{share}", tame(&stage.name)),
            );
        }
    }

    /// Says a line about a subject unless the same was said last.
    fn say(&mut self, subject: &str, state: &str, line: &str) {
        if self.said.get(subject).is_none_or(|said| said != state) {
            Screen::note(line);
            self.said.insert(subject.to_owned(), state.to_owned());
        }
    }
}

/// A text cut or filled to a width.
fn fixed(text: &str, width: usize) -> String {
    pad_str(&truncate_str(text, width, "…"), width, Alignment::Left, None).into_owned()
}

/// A bar's style. The templates are this file's own; one that cannot be read falls back to the library's.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars(BAR)
}
