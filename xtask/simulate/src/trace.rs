//! What happened, as a hash that tells two runs apart, and as text for people when they ask for it.

use std::collections::VecDeque;

use crate::{chance::mixed, clock::TaskId};

/// So many of the last events are kept as text.
const KEPT: usize = 200_000;

/// The events of a run.
#[derive(Debug, Default)]
pub struct Trace {
    hash: u64,
    events: u64,
    keep: bool,
    lines: VecDeque<String>,
}

impl Trace {
    /// A trace that keeps its last events as text, or only their hash.
    pub fn new(keep: bool) -> Self {
        Self {
            keep,
            ..Self::default()
        }
    }

    /// Something happened. `code` and the moment make the hash; the text is asked for only if it is kept.
    pub fn event(&mut self, now_us: u64, task: TaskId, code: u64, text: impl FnOnce() -> String) {
        self.events += 1;
        self.hash = mixed(self.hash ^ mixed(now_us ^ (task << 40) ^ (code << 32)));
        if self.keep {
            if self.lines.len() == KEPT {
                self.lines.pop_front();
            }
            let seconds = now_us as f64 / 1e6;
            self.lines
                .push_back(format!("{seconds:11.4} s  process {task:<5} {}", text()));
        }
    }

    /// A number that two different runs hardly share.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How much happened.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The events that were kept, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
