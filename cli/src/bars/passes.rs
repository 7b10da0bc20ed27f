//! Going through a video several times.

use indicatif::ProgressBar;

use super::{NAME_WIDTH, fixed, style};
use crate::screen::Screen;

/// Shows how far a benchmark is.
pub(crate) struct Passes {
    bar: ProgressBar,
    passes: u32,
}

impl Passes {
    /// Begins to show `passes` passes of so many frames, each of which is taken `times` times.
    pub(crate) fn begin(screen: &Screen, device: &str, passes: u32, frames: u64, times: u64) -> Self {
        let bar = if screen.err_width().is_some() {
            let template = "{prefix} {wide_bar:.cyan/dim} {percent:>3} %  {msg} {eta:>4} left";
            let bar = ProgressBar::new(frames * times * u64::from(passes)).with_style(style(template));
            bar.set_prefix(fixed(device, NAME_WIDTH));
            bar.tick();
            bar
        } else {
            Screen::note(&format!("measuring {device}: {passes} passes of {frames} frames"));
            ProgressBar::hidden()
        };
        Self { bar, passes }
    }

    /// Tells that a pass begins, counted from 0.
    pub(crate) fn pass(&self, number: u32) {
        let warm_up = if number == 0 { ", warming up" } else { "" };
        self.bar
            .set_message(format!("pass {} of {}{warm_up}", number + 1, self.passes));
    }

    /// Tells that a frame is done.
    pub(crate) fn frame(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Passes {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
