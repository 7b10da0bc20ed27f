//! What is measured on, as far as Linux tells.

use std::path::{Path, PathBuf};

use serde::Serialize;

/// The machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Machine {
    /// The processor's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) processor: Option<String>,
    /// Cores that this process may use.
    pub(crate) cores: usize,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            processor: processor(&cpuinfo),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

fn processor(cpuinfo: &str) -> Option<String> {
    let name = cpuinfo.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        matches!(name.trim(), "model name" | "Model" | "Hardware").then(|| value.trim().to_owned())
    });
    name.filter(|name| !name.is_empty())
}

/// The most memory that this process had resident since the last [`forget_peak`], in bytes: Linux's `VmHWM`. ffmpeg, which is a process of
/// its own, is not in it.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    high_water(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Begins the count of the most memory anew (proc(5): 5 into `clear_refs`). Where that is not allowed a second device's peak holds the first's.
pub(crate) fn forget_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// What `cargo xtask models` made, in `.marey` here or in a folder above; here if it is nowhere, for an error that says where.
pub(crate) fn made(place: &str) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let there = here
        .ancestors()
        .map(|folder| folder.join(".marey").join(place))
        .find(|path| path.exists());
    there.unwrap_or_else(|| Path::new(".marey").join(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_read() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC 7B13\nflags\t\t: fpu\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("AMD EPYC 7B13"));
        assert_eq!(processor("processor: 0\n"), None);
        assert_eq!(high_water("VmPeak:\t  99 kB\nVmHWM:\t  1024 kB\n"), Some(1 << 20));
        assert_eq!(high_water("VmHWM:\t many\n"), None);
    }
}
