//! Something that takes a while and does not tell how long.

use std::time::Duration;

use indicatif::ProgressBar;

use super::style;
use crate::screen::Screen;
use crate::words::tame;

/// Says what is being done; silent where there is no terminal.
pub(crate) struct Working {
    bar: ProgressBar,
}

impl Working {
    pub(crate) fn begin(screen: &Screen, what: &str) -> Self {
        let bar = if screen.err_width().is_some() {
            let bar = ProgressBar::new_spinner().with_style(style("{spinner:.cyan} {wide_msg} {elapsed}"));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        } else {
            ProgressBar::hidden()
        };
        let working = Self { bar };
        working.say(what);
        working
    }

    /// Says what is done now.
    pub(crate) fn say(&self, what: &str) {
        self.bar.set_message(tame(what));
    }

    /// Removes it.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
