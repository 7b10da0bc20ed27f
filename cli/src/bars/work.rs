//! Work on this machine that is done piece by piece.

use indicatif::ProgressBar;

use super::{NAME_WIDTH, fixed, style};
use crate::screen::{Paint, Screen};
use crate::words::{duration, tame};

/// Work of which so many pieces are done.
pub(crate) struct Work {
    bar: ProgressBar,
    screen: Screen,
    name: String,
}

impl Work {
    /// Begins to show work. `verb` is what is being done, such as `drawing`.
    pub(crate) fn begin(screen: &Screen, verb: &str, name: &str, pieces: u64) -> Self {
        let name = tame(name);
        let bar = if screen.err_width().is_some() {
            let bar = ProgressBar::new(pieces)
                .with_style(style("{prefix} {wide_bar:.cyan/dim} {percent:>3} % {eta:>4} left"))
                .with_prefix(fixed(&name, NAME_WIDTH));
            bar.tick();
            bar
        } else {
            Screen::note(&format!("{verb} {name}"));
            ProgressBar::hidden()
        };
        Self {
            bar,
            screen: screen.clone(),
            name,
        }
    }

    /// Tells how many pieces are done.
    pub(crate) fn at(&self, pieces: u64) {
        self.bar.set_position(pieces);
    }

    /// Removes the bar and says how it ended.
    pub(crate) fn end(&self, done: &str) {
        let took = duration(self.bar.elapsed().as_millis() as i64);
        self.bar.finish_and_clear();
        Screen::note(&format!(
            "{} {} {done} in {took}",
            self.screen.paint_note(Paint::Good, "✓"),
            self.name
        ));
    }
}

impl Drop for Work {
    /// After an error nothing stays on the screen.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
