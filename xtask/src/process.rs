//! Processes that were started and have to be stopped, by process id.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::shell::Program;

/// A process that leads its process group.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its number.
    pub(crate) pid: u32,
    /// When it began, in clock ticks since boot: a process id alone may have been given to another.
    pub(crate) began: u64,
}

impl Process {
    /// Whether it still runs.
    pub(crate) fn is_alive(self) -> bool {
        began(self.pid) == Some(self.began)
    }

    /// Ends it and everything it started.
    pub(crate) fn stop(self) {
        if !self.is_alive() {
            return;
        }
        let signal = |name: &str, target: String| {
            let _ = Program::new("kill").args([name, "--", target.as_str()]).quiet();
        };
        signal("-TERM", self.pid.to_string());
        let asked = Instant::now();
        while self.is_alive() && asked.elapsed() < Duration::from_secs(8) {
            std::thread::sleep(Duration::from_millis(50));
        }
        // The group's number is the leader's process id.
        signal("-KILL", format!("-{}", self.pid));
    }
}

/// When a process began; `None` if it has ended (a zombie has ended too). Field 22 of `proc_pid_stat(5)`.
pub(crate) fn began(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.rsplit_once(") ")?.1;
    let mut fields = after_name.split(' ');
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
