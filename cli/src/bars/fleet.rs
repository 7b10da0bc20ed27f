//! Many videos at once: their uploads, and a batch while it is followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::ProgressBar;
use marey_contract::BatchDetail;

use super::{NAME_WIDTH, fixed, style};
use crate::commands::batch::told;
use crate::error::Error;
use crate::screen::{Paint, Screen, batch_status};
use crate::words::{percent, size, tame, whole_percent};

/// The uploads of a batch.
pub(crate) struct Fleet {
    screen: Screen,
    bar: ProgressBar,
    videos: usize,
    ended: AtomicUsize,
    moved: Arc<AtomicU64>,
}

impl Fleet {
    pub(crate) fn begin(screen: &Screen, videos: usize, bytes: u64) -> Self {
        let bar = if screen.err_width().is_some() {
            let template = "{prefix} {wide_bar:.cyan/dim} {percent:>3} % {decimal_bytes_per_sec:>12} {eta:>4} left";
            let bar = ProgressBar::new(bytes).with_style(style(template));
            bar.set_prefix(fixed(&format!("0 of {videos} uploaded"), NAME_WIDTH));
            bar.tick();
            bar
        } else {
            Screen::note(&format!("uploading {videos} videos ({})", size(bytes)));
            ProgressBar::hidden()
        };
        Self {
            screen: screen.clone(),
            bar,
            videos,
            ended: AtomicUsize::new(0),
            moved: Arc::default(),
        }
    }

    /// Tells the position of one upload, in bytes; may be called from elsewhere.
    pub(crate) fn progress(&self) -> impl Fn(u64) + Send + Sync + 'static {
        let (bar, moved) = (self.bar.clone(), Arc::clone(&self.moved));
        let last = AtomicU64::new(0);
        move |bytes| {
            let more = bytes.saturating_sub(last.swap(bytes, Ordering::Relaxed));
            bar.set_position(moved.fetch_add(more, Ordering::Relaxed) + more);
        }
    }

    /// Tells the end of one upload.
    pub(crate) fn sent(&self, name: &str, failure: Option<&Error>) {
        let ended = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
        self.bar
            .set_prefix(fixed(&format!("{ended} of {} uploaded", self.videos), NAME_WIDTH));
        let line = match failure {
            None => format!("{} {}", self.screen.paint_note(Paint::Good, "✓"), tame(name)),
            Some(error) => format!(
                "{} {}: {}",
                self.screen.paint_note(Paint::Bad, "✗"),
                tame(name),
                error.code()
            ),
        };
        if self.screen.err_width().is_some() {
            self.bar.println(line);
        } else {
            Screen::note(&line);
        }
    }

    /// Removes the bar and says how it ended.
    pub(crate) fn end(self, sent: usize) {
        self.bar.finish_and_clear();
        Screen::note(&format!("{sent} of {} videos uploaded", self.videos));
    }
}

/// Shows a batch while it is followed.
pub(crate) struct BatchLive {
    bar: Option<ProgressBar>,
    said: String,
}

impl BatchLive {
    pub(crate) fn begin(screen: &Screen) -> Self {
        let bar = screen.err_width().map(|_| {
            let bar = ProgressBar::new(100).with_style(style(
                "{spinner:.cyan} {prefix} {wide_bar:.cyan/dim} {percent:>3} %  {msg}",
            ));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            bar,
            said: String::new(),
        }
    }

    /// Shows what was seen.
    pub(crate) fn see(&mut self, batch: &BatchDetail) {
        let (status, _) = batch_status(batch.status);
        let told = told(batch);
        if let Some(bar) = &self.bar {
            bar.set_prefix(fixed(&tame(&batch.summary.name), NAME_WIDTH));
            bar.set_position(whole_percent(batch.progress));
            bar.set_message(told);
        } else if self.said != told {
            Screen::note(&format!(
                "{}: {status}, {}, {told}",
                tame(&batch.summary.name),
                percent(batch.progress)
            ));
            self.said = told;
        }
    }
}

impl Drop for BatchLive {
    /// The table that follows says it all.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
