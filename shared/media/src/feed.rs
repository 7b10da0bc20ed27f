//! A tool that is fed through its standard input.

use std::io;

use crate::child::{CancelHandle, Job, PatientWriter, Running};
use crate::error::TimeLimit;
use crate::sandbox::SandboxReport;
use crate::{Limits, MediaError};

/// A running ffmpeg that takes what it works on through a pipe. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Feed {
    running: Option<Running>,
    pipe: Option<PatientWriter>,
    cancel: CancelHandle,
    limits: Limits,
    pub(crate) sandbox: SandboxReport,
}

impl Feed {
    pub(crate) fn start(
        job: &Job<'_>,
        arguments: Vec<std::ffi::OsString>,
        cancel: &CancelHandle,
    ) -> Result<Self, MediaError> {
        let mut running = Running::start(job, arguments, true, cancel)?;
        let io = |error| MediaError::io("feeding a tool", job.program, error);
        let stdin = running
            .stdin
            .take()
            .ok_or_else(|| io(io::ErrorKind::BrokenPipe.into()))?;
        let pipe = PatientWriter::new(stdin, job.limits.stall).map_err(io)?;
        Ok(Self {
            sandbox: running.sandbox,
            running: Some(running),
            pipe: Some(pipe),
            cancel: cancel.clone(),
            limits: job.limits.clone(),
        })
    }

    /// Writes to the tool, and says why where it can't be written to any more.
    pub(crate) fn send(&mut self, action: impl FnOnce(&mut PatientWriter) -> io::Result<()>) -> Result<(), MediaError> {
        if self.cancel.is_cancelled() {
            return Err(MediaError::Cancelled);
        }
        let Some(pipe) = self.pipe.as_mut() else {
            return Err(MediaError::invalid("a frame after the encoder failed"));
        };
        let Err(error) = action(pipe) else { return Ok(()) };
        if error.kind() == io::ErrorKind::TimedOut {
            self.pipe = None;
            self.running = None;
            return Err(MediaError::Timeout {
                limit: TimeLimit::Stall,
            });
        }
        // The tool closed its end: what it says about that is the reason.
        self.end()?;
        Err(MediaError::ToolFailed {
            tool: "ffmpeg",
            diagnostics: error.to_string(),
        })
    }

    /// Closes the pipe and waits for the end.
    pub(crate) fn end(&mut self) -> Result<(), MediaError> {
        self.pipe = None;
        let Some(running) = self.running.take() else {
            return Err(MediaError::invalid("the encoder failed before"));
        };
        let ending = running.finish(self.limits.finish_wall)?;
        if ending.success {
            return Ok(());
        }
        let diagnostics = ending.complaints.text();
        Err(ending.complaints.known_error().unwrap_or(MediaError::ToolFailed {
            tool: "ffmpeg",
            diagnostics,
        }))
    }
}
