//! A child process that can't outlive its owner: its own process group, killed as a group on drop, on cancel and on timeout.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::TimeLimit;
use crate::sandbox::{self, Access, SandboxReport};
use crate::{Limits, MediaError};

/// Lines and bytes of a tool's complaints that are kept.
const KEPT_LINES: usize = 30;
const KEPT_LINE_BYTES: usize = 300;
/// How long a child whose pipes are closed may take to end: the second pass of a large MP4 happens then.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// What to run, and inside which bounds.
pub(crate) struct Job<'a> {
    pub(crate) tool: &'static str,
    pub(crate) program: &'a Path,
    pub(crate) limits: &'a Limits,
    pub(crate) access: Access,
}

/// Stops a reader or an encoder from any thread, at once.
#[derive(Debug, Clone, Default)]
pub struct CancelHandle {
    state: Arc<CancelState>,
}

#[derive(Debug, Default)]
struct CancelState {
    cancelled: AtomicBool,
    /// The child of now; a reader may start a second one.
    child: Mutex<Option<Arc<Shared>>>,
}

impl CancelHandle {
    /// Kills the child and its group. The reader's or encoder's next call fails with [`MediaError::Cancelled`]. Harmless when
    /// all is over already, and when called twice.
    pub fn cancel(&self) {
        self.state.cancelled.store(true, Ordering::SeqCst);
        if let Some(child) = self.lock().as_ref() {
            child.kill();
        }
    }

    /// Whether [`CancelHandle::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.state.cancelled.load(Ordering::SeqCst)
    }

    /// From now on cancelling kills this child; at once, if it came too late.
    fn attach(&self, child: &Arc<Shared>) {
        *self.lock() = Some(Arc::clone(child));
        if self.is_cancelled() {
            child.kill();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Shared>>> {
        self.state.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Shared {
    process: Mutex<Process>,
}

#[derive(Debug)]
struct Process {
    child: std::process::Child,
    /// Set when the child was waited for: from then on its id may be another's and is never signalled.
    ended: Option<ExitStatus>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kill(&self) {
        let process = self.lock();
        if process.ended.is_none() {
            // Fails only when the group is gone, which is what was wanted.
            let _gone = kill_process_group(Pid::from_child(&process.child), Signal::KILL);
        }
    }

    fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        let mut process = self.lock();
        if process.ended.is_none() {
            process.ended = process.child.try_wait()?;
        }
        Ok(process.ended)
    }
}

/// A running tool.
#[derive(Debug)]
pub(crate) struct Running {
    tool: &'static str,
    shared: Arc<Shared>,
    cancel: CancelHandle,
    started: Instant,
    cpu: Duration,
    complaints: Option<JoinHandle<Complaints>>,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) sandbox: SandboxReport,
}

impl Running {
    /// Starts a tool with pipes on all three sides (stdin only when it will be written to).
    pub(crate) fn start(
        job: &Job<'_>,
        arguments: Vec<OsString>,
        feeds_stdin: bool,
        cancel: &CancelHandle,
    ) -> Result<Self, MediaError> {
        let mut command = Command::new(job.program);
        command
            .args(arguments)
            .env_clear()
            .env("LC_ALL", "C")
            .env("AV_LOG_FORCE_NOCOLOR", "1")
            // Each arena of glibc reserves 64 MiB of address space: with one per thread the memory limit would be spent on air.
            .env("MALLOC_ARENA_MAX", "2")
            // A static ffmpeg that loads the system's converters of text, as it does for the names in a transport stream, crashes.
            .env("GCONV_PATH", "/nonexistent")
            .stdin(if feeds_stdin { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(folders) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", folders);
        }
        let (mut child, sandbox) =
            sandbox::spawn(&mut command, &job.access, job.limits).map_err(|error| not_started(job, &error))?;
        let complaints = child
            .stderr
            .take()
            .map(|stderr| thread::spawn(move || Complaints::collect(stderr)));
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let shared = Arc::new(Shared {
            process: Mutex::new(Process { child, ended: None }),
        });
        cancel.attach(&shared);
        Ok(Self {
            tool: job.tool,
            shared,
            cancel: cancel.clone(),
            started: Instant::now(),
            cpu: job.limits.cpu,
            complaints,
            stdin,
            stdout,
            sandbox,
        })
    }

    /// Waits for the end, for `patience` at most, and says how it ended.
    pub(crate) fn finish(mut self, patience: Duration) -> Result<Ending, MediaError> {
        drop(self.stdin.take());
        drop(self.stdout.take());
        let status = self.wait(patience)?;
        let complaints = self.take_complaints();
        if self.cancel.is_cancelled() {
            return Err(MediaError::Cancelled);
        }
        // ffmpeg catches SIGXCPU and ends with 255, as it does for every signal that it catches.
        if status.code() == Some(255) && self.tool == "ffmpeg" {
            return Err(if self.may_have_used(self.cpu) {
                MediaError::Timeout { limit: TimeLimit::Cpu }
            } else {
                MediaError::Killed { tool: self.tool }
            });
        }
        match status.signal() {
            Some(libc::SIGXCPU) => return Err(MediaError::Timeout { limit: TimeLimit::Cpu }),
            Some(libc::SIGKILL) => return Err(MediaError::Killed { tool: self.tool }),
            Some(libc::SIGXFSZ) => {
                return Err(MediaError::TooLarge {
                    what: "the file to be written".to_owned(),
                });
            }
            _ => {}
        }
        Ok(Ending {
            success: status.success(),
            complaints,
        })
    }

    /// Whether all cores together could have given the child that much time since it started.
    fn may_have_used(&self, cpu: Duration) -> bool {
        let cores = thread::available_parallelism().map_or(1, usize::from) as u32;
        self.started.elapsed() * cores >= cpu
    }

    fn wait(&self, patience: Duration) -> Result<ExitStatus, MediaError> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            match self.shared.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if started.elapsed() > patience => {
                    self.shared.kill();
                    return Err(MediaError::Timeout {
                        limit: TimeLimit::Stall,
                    });
                }
                Ok(None) => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(POLL_EVERY);
                }
                Err(error) => return Err(MediaError::io("waiting for a tool", Path::new(self.tool), error)),
            }
        }
    }

    fn take_complaints(&mut self) -> Complaints {
        self.complaints
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.kill();
        let mut process = self.shared.lock();
        if process.ended.is_none() {
            process.ended = process.child.wait().ok();
        }
    }
}

fn not_started(job: &Job<'_>, error: &io::Error) -> MediaError {
    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) {
        let looked_at = format!("{}: {error}", job.program.display());
        return MediaError::ToolMissing {
            tool: job.tool,
            looked_at,
        };
    }
    MediaError::ToolFailed {
        tool: job.tool,
        diagnostics: format!("{}: {error}", job.program.display()),
    }
}

/// How a tool ended.
pub(crate) struct Ending {
    pub(crate) success: bool,
    pub(crate) complaints: Complaints,
}

/// The last lines a tool printed, with an end to what is kept however much it prints.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    lines: VecDeque<String>,
    /// One of the lines said that the file ends too early; asked of every line, also of those that are not kept.
    pub(crate) mentions_cut: bool,
}

impl Complaints {
    fn collect(mut source: ChildStderr) -> Self {
        let mut found = Self::default();
        let mut buffer = [0; 4096];
        let mut line = Vec::new();
        while let Ok(count @ 1..) = source.read(&mut buffer) {
            for &byte in &buffer[..count] {
                if byte == b'\n' {
                    found.push(&line);
                    line.clear();
                } else if line.len() < KEPT_LINE_BYTES {
                    line.push(byte);
                }
            }
        }
        found.push(&line);
        found
    }

    fn push(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        let line: String = String::from_utf8_lossy(line)
            .chars()
            .filter(|character| !character.is_control())
            .collect();
        self.mentions_cut |= ["partial file", "ended prematurely", "Truncating packet"]
            .iter()
            .any(|mark| line.contains(mark));
        if self.lines.len() == KEPT_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub(crate) fn mention(&self, mark: &str) -> bool {
        self.lines.iter().any(|line| line.contains(mark))
    }

    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// The error behind a failed run, where the words of the tool tell.
    pub(crate) fn known_error(&self) -> Option<MediaError> {
        if self.mention("No space left on device") {
            return Some(MediaError::NoSpace);
        }
        if self.mention("exceeds max_streams") {
            return Some(MediaError::TooLarge {
                what: "too many streams".to_owned(),
            });
        }
        if self.mention("exceeds specified max pixel count") || self.mention("Picture size") {
            return Some(MediaError::TooLarge {
                what: "the size of the picture".to_owned(),
            });
        }
        if self.mention("Cannot allocate memory") || self.mention("Resource temporarily unavailable") {
            return Some(MediaError::TooLarge {
                what: "reading it needs more memory than allowed".to_owned(),
            });
        }
        if self.mention("not on whitelist") {
            return Some(MediaError::FormatRefused {
                what: "a format or codec outside the list of accepted ones".to_owned(),
            });
        }
        None
    }
}

/// The read end of a child's stdout: gives up when the child is silent for too long or the deadline passes.
#[derive(Debug)]
pub(crate) struct PatientReader {
    pub(crate) stdout: ChildStdout,
    pub(crate) stall: Duration,
    pub(crate) deadline: Option<Instant>,
}

impl Read for PatientReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let patience = match self.deadline {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()).min(self.stall),
            None => self.stall,
        };
        wait_ready(&self.stdout, PollFlags::IN, patience)?;
        self.stdout.read(buffer)
    }
}

/// The write end of a child's stdin: gives up when the child takes nothing for too long.
#[derive(Debug)]
pub(crate) struct PatientWriter {
    stdin: ChildStdin,
    stall: Duration,
}

impl PatientWriter {
    pub(crate) fn new(stdin: ChildStdin, stall: Duration) -> io::Result<Self> {
        // A blocking write of a frame would wait for the child however long that takes.
        rustix::io::ioctl_fionbio(&stdin, true)?;
        enlarge_pipe(&stdin);
        Ok(Self { stdin, stall })
    }
}

impl Write for PatientWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.stdin.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait_ready(&self.stdin, PollFlags::OUT, self.stall)?;
                }
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn wait_ready(pipe: &impl AsFd, event: PollFlags, patience: Duration) -> io::Result<()> {
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = rustix::event::Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(pipe, event)], Some(&timeout)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Larger pipes mean fewer switches between the two processes: a frame of HD is 6 MB, a pipe by default 64 KiB. The system's ceiling
/// for users is 1 MiB; where even that is refused the pipe stays as it is.
pub(crate) fn enlarge_pipe(pipe: &impl AsFd) {
    for size in [1 << 20, 256 << 10] {
        if rustix::pipe::fcntl_setpipe_size(pipe, size).is_ok() {
            return;
        }
    }
}

/// All that a tool printed.
pub(crate) struct Output {
    pub(crate) success: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) diagnostics: String,
    pub(crate) complaints: Complaints,
}

/// Runs a tool to its end and keeps up to `most_bytes` of what it prints; more is an error.
pub(crate) fn output(job: &Job<'_>, arguments: Vec<OsString>, most_bytes: u64) -> Result<Output, MediaError> {
    let mut stdout = Vec::new();
    let ending = stream(job, arguments, |chunk| {
        if (stdout.len() + chunk.len()) as u64 > most_bytes {
            return Err(MediaError::TooLarge {
                what: "its description".to_owned(),
            });
        }
        stdout.extend_from_slice(chunk);
        Ok(())
    })?;
    let diagnostics = ending.complaints.text();
    Ok(Output {
        success: ending.success,
        stdout,
        diagnostics,
        complaints: ending.complaints,
    })
}

/// Runs a tool to its end and hands on what it prints, piece by piece.
pub(crate) fn stream(
    job: &Job<'_>,
    arguments: Vec<OsString>,
    mut take: impl FnMut(&[u8]) -> Result<(), MediaError>,
) -> Result<Ending, MediaError> {
    let mut running = Running::start(job, arguments, false, &CancelHandle::default())?;
    let deadline = Instant::now() + job.limits.probe_wall;
    if let Some(stdout) = running.stdout.take() {
        let mut reader = PatientReader {
            stdout,
            stall: job.limits.stall,
            deadline: Some(deadline),
        };
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => take(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(MediaError::Timeout { limit: TimeLimit::Wall });
                }
                Err(error) => return Err(MediaError::io("reading from a tool", job.program, error)),
            }
        }
    }
    running.finish(deadline.saturating_duration_since(Instant::now()))
}
