//! What can go wrong with media, in words for people, codes for programs, and the private cause apart from both.

use std::io;
use std::path::PathBuf;

/// The clock that ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// Processor time of the child: the input is too much work, now and at the next attempt.
    Cpu,
    /// Wall time of a command that answers once (`ffprobe`).
    Wall,
    /// The child said and took nothing for too long.
    Stall,
}

impl std::fmt::Display for TimeLimit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Cpu => "processor time",
            Self::Wall => "wall time",
            Self::Stall => "time without progress",
        })
    }
}

/// Everything this crate can fail with. `Display` is safe to show to the person who sent the media: it names no path and
/// quotes nothing of what the tools printed; that is in [`MediaError::diagnostics`], for logs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The bytes are of no video container that is known here, or are damaged beyond opening.
    #[error("the file is not a video that can be read")]
    NotAVideo {
        /// What the tools printed, for logs.
        diagnostics: String,
    },
    /// A kind of file or codec that is refused on purpose (playlists, scripts, pictures, rare codecs).
    #[error("this kind of file is not accepted: {what}")]
    FormatRefused {
        /// What it is, for people: "a playlist", "the codec rv40".
        what: String,
    },
    /// There is sound or data, but no moving picture.
    #[error("the file has no video stream")]
    NoVideoStream,
    /// The file ends before its content does.
    #[error("the video is cut off at {at_s:.3} s, after {frames} frames")]
    Truncated {
        /// Frames that are there.
        frames: u64,
        /// Time of the last frame that is there, on the file's own timeline, s.
        at_s: f64,
    },
    /// Longer than [`crate::Limits::duration_s`].
    #[error("the video lasts {duration_s:.1} s, more than the {limit_s:.0} s allowed")]
    TooLong {
        /// What the file has or claims, s.
        duration_s: f64,
        /// What is allowed, s.
        limit_s: f64,
    },
    /// More bytes, pixels, streams, packets or memory than allowed.
    #[error("the video is too large: {what}")]
    TooLarge {
        /// Which size, and the limit.
        what: String,
    },
    /// A clock of [`crate::Limits`] ran out and the child was killed.
    #[error("reading or writing the video took too long (limit: {limit})")]
    Timeout {
        /// Which one.
        limit: TimeLimit,
    },
    /// Somebody used the [`crate::CancelHandle`].
    #[error("cancelled")]
    Cancelled,
    /// ffmpeg or ffprobe was not found or can't be started.
    #[error("{tool} was not found")]
    ToolMissing {
        /// "ffmpeg" or "ffprobe".
        tool: &'static str,
        /// Where it was looked for.
        looked_at: String,
    },
    /// A tool failed, crashed, or said something that is not understood.
    #[error("{tool} failed")]
    ToolFailed {
        /// "ffmpeg" or "ffprobe".
        tool: &'static str,
        /// What it printed last, for logs.
        diagnostics: String,
    },
    /// The system killed the tool (SIGKILL that was not ours: most often for want of memory).
    #[error("{tool} was killed by the system")]
    Killed {
        /// "ffmpeg" or "ffprobe".
        tool: &'static str,
    },
    /// The disk is full.
    #[error("no space left to write the video")]
    NoSpace,
    /// A call of this crate with values that make no sense: a size of zero, times that run backwards, a frame of the wrong length.
    #[error("invalid request: {what}")]
    Invalid {
        /// What is wrong with it.
        what: String,
    },
    /// The file system refused.
    #[error("{action} failed: {}", source.kind())]
    Io {
        /// What was being done.
        action: &'static str,
        /// With which file, for logs.
        path: PathBuf,
        /// The cause, for logs.
        #[source]
        source: io::Error,
    },
}

impl MediaError {
    /// The stable code, which never changes its meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "MEDIA_EMPTY",
            Self::NotAVideo { .. } => "MEDIA_NOT_A_VIDEO",
            Self::FormatRefused { .. } => "MEDIA_FORMAT_REFUSED",
            Self::NoVideoStream => "MEDIA_NO_VIDEO_STREAM",
            Self::Truncated { .. } => "MEDIA_TRUNCATED",
            Self::TooLong { .. } => "MEDIA_TOO_LONG",
            Self::TooLarge { .. } => "MEDIA_TOO_LARGE",
            Self::Timeout { .. } => "MEDIA_TIMEOUT",
            Self::Cancelled => "MEDIA_CANCELLED",
            Self::ToolMissing { .. } => "MEDIA_TOOL_MISSING",
            Self::ToolFailed { .. } => "MEDIA_TOOL_FAILED",
            Self::Killed { .. } => "MEDIA_TOOL_KILLED",
            Self::NoSpace => "MEDIA_NO_SPACE",
            Self::Invalid { .. } => "MEDIA_REQUEST_INVALID",
            Self::Io { .. } => "MEDIA_IO",
        }
    }

    /// What a person should do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "Upload the file again; nothing arrived.",
            Self::NotAVideo { .. } => "Send an MP4, MOV, WebM, MKV, AVI or MPEG file that plays on your own device.",
            Self::FormatRefused { .. } => "Convert it to an MP4 with H.264 or HEVC pictures and send that.",
            Self::NoVideoStream => "Send a file with moving pictures; this one holds only sound or data.",
            Self::Truncated { .. } => {
                "Upload the file again; if it was cut while recording, export it anew from the camera's app."
            }
            Self::TooLong { .. } => "Cut the video into shorter pieces.",
            Self::TooLarge { .. } => {
                "Export it with a smaller picture (1920 pixels on the long side are plenty) or fewer tracks."
            }
            Self::Timeout { limit: TimeLimit::Cpu } => {
                "Export it with a smaller picture or cut it into shorter pieces."
            }
            Self::Timeout { .. } => "Try again; if it happens again, convert the video to H.264 in MP4 first.",
            Self::Cancelled => "Nothing to do: it was stopped on request.",
            Self::ToolMissing { .. } => {
                "Install ffmpeg (it brings ffprobe), or name the two programs in MAREY_FFMPEG and MAREY_FFPROBE."
            }
            Self::ToolFailed { .. } => {
                "Convert the video to H.264 in MP4 and try again; the log has the tool's own words."
            }
            Self::Killed { .. } => "Try again; if it happens again, give the function more memory.",
            Self::NoSpace => "Try again; if it happens again, give the function more temporary storage.",
            Self::Invalid { .. } => "This is a mistake in the calling program; report it.",
            Self::Io { .. } => "Check that the file exists and may be read, and that its folder may be written.",
        }
    }

    /// Whether another attempt with the same input can succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            // A missing tool is a fault of the deployment, which is mended while the message waits; no user's video is to blame.
            Self::Killed { .. } | Self::NoSpace | Self::ToolMissing { .. } => true,
            Self::Timeout { limit } => *limit != TimeLimit::Cpu,
            Self::Io { source, .. } => !matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput
            ),
            _ => false,
        }
    }

    /// The last lines a tool printed, or the file an operation failed on: for logs only, since they can hold names and bytes
    /// of somebody's media.
    pub fn diagnostics(&self) -> Option<String> {
        match self {
            Self::NotAVideo { diagnostics } | Self::ToolFailed { diagnostics, .. } if !diagnostics.is_empty() => {
                Some(diagnostics.clone())
            }
            Self::ToolMissing { looked_at, .. } => Some(looked_at.clone()),
            Self::Io { path, source, .. } => Some(format!("{}: {source}", path.display())),
            _ => None,
        }
    }

    pub(crate) fn io(action: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::StorageFull {
            return Self::NoSpace;
        }
        Self::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid { what: what.into() }
    }
}
