//! What is wrong with an archive.

use std::{fmt, io};

use serde::Serialize;

/// A kind of violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It is no archive, is cut off, or its directory is not where and what it should be.
    Unreadable,
    /// A path leads out of the archive, is absolute, or has characters that no path should have.
    UnsafePath,
    /// A member is a link, a device or another thing that is neither file nor folder.
    SpecialFile,
    /// A member is encrypted.
    Encrypted,
    /// A member is packed in a way that is not read.
    Method,
    /// Two members have one path.
    Duplicate,
    /// Two videos would have one name.
    Collision,
    /// A member is an archive itself.
    Nested,
    /// Two members share bytes, or one reaches into the directory.
    Overlap,
    /// Two places of the archive say different things of a member.
    Contradiction,
    /// Too many members, or too many bytes.
    TooLarge,
    /// A member is packed more tightly than any video.
    Ratio,
    /// There is no video in it.
    NoVideo,
}

impl Kind {
    /// Stable and upper-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable => "ARCHIVE_UNREADABLE",
            Self::UnsafePath => "ARCHIVE_UNSAFE_PATH",
            Self::SpecialFile => "ARCHIVE_SPECIAL_FILE",
            Self::Encrypted => "ARCHIVE_ENCRYPTED",
            Self::Method => "ARCHIVE_METHOD",
            Self::Duplicate => "ARCHIVE_DUPLICATE",
            Self::Collision => "ARCHIVE_COLLISION",
            Self::Nested => "ARCHIVE_NESTED",
            Self::Overlap => "ARCHIVE_OVERLAP",
            Self::Contradiction => "ARCHIVE_CONTRADICTION",
            Self::TooLarge => "ARCHIVE_TOO_LARGE",
            Self::Ratio => "ARCHIVE_RATIO",
            Self::NoVideo => "ARCHIVE_NO_VIDEO",
        }
    }

    /// What a person can do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Unreadable | Self::Overlap | Self::Contradiction => {
                "Copy the archive again, or pack it again with an ordinary zip program."
            }
            Self::UnsafePath => "Pack the folder itself, with paths as they are seen from it and / between folders.",
            Self::SpecialFile => "Pack the files themselves instead of links to them.",
            Self::Encrypted => "Pack it again without a password.",
            Self::Method => "Pack it again with the method `deflate` or without compression.",
            Self::Duplicate | Self::Collision => "Rename the files so that each path gives a name of its own.",
            Self::Nested => "Unpack the inner archive and pack its videos directly.",
            Self::TooLarge => "Cut the videos, or split the archive.",
            Self::Ratio => "Pack the videos as they came from the camera.",
            Self::NoVideo => {
                "Videos end in .mp4, .mov, .m4v, .mkv, .webm, .avi, .mpg, .mpeg, .ts or .mts and are not hidden."
            }
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Its kind.
    #[serde(rename = "code")]
    pub kind: Kind,
    /// The path of the member, without control characters; none for the archive as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// What is wrong, in a clause.
    pub problem: String,
}

impl Violation {
    pub(crate) fn of_archive(kind: Kind, problem: impl Into<String>) -> Self {
        Self {
            kind,
            member: None,
            problem: problem.into(),
        }
    }

    pub(crate) fn of(member: &str, kind: Kind, problem: impl Into<String>) -> Self {
        Self {
            kind,
            member: Some(shown(member)),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            Some(member) => write!(f, "{member}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

/// A path that can be shown: whatever steers a terminal or turns the direction of writing is replaced, and it has an end.
pub(crate) fn shown(path: &str) -> String {
    const LONGEST: usize = 200;
    let tame = |c| if is_steering(c) { '\u{fffd}' } else { c };
    let mut text: String = path.chars().take(LONGEST).map(tame).collect();
    if path.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}

/// Control characters, line separators, and those that turn the direction of writing (Unicode UAX 9).
pub(crate) fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Everything that is wrong with an archive; at least one thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(Vec<Violation>);

impl Refusal {
    pub(crate) fn new(mut violations: Vec<Violation>) -> Option<Self> {
        // By kind, so that a reader sees what is to be done; within a kind in the archive's order.
        violations.sort_by_key(|violation| violation.kind);
        (!violations.is_empty()).then_some(Self(violations))
    }

    /// All of them, by kind.
    pub fn violations(&self) -> &[Violation] {
        &self.0
    }

    /// Stable and upper-case.
    pub fn code(&self) -> &'static str {
        "ARCHIVE_REFUSED"
    }

    /// What a person can do: the hints of all kinds that are there.
    pub fn hint(&self) -> String {
        let mut hints: Vec<&str> = self.0.iter().map(|violation| violation.kind.hint()).collect();
        hints.dedup();
        hints.join(" ")
    }
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the archive is refused")?;
        for (number, violation) in self.0.iter().enumerate() {
            f.write_str(if number == 0 { ": " } else { "; " })?;
            write!(f, "{violation} ({})", violation.kind.code())?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes could not be read; the archive may be sound.
    #[error("the archive cannot be read")]
    Read(#[from] io::Error),
    /// It must not be unpacked.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<Violation> for ArchiveError {
    fn from(violation: Violation) -> Self {
        Self::Refused(violation.into())
    }
}

/// Why a video could not be extracted.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The archive's bytes could not be read.
    #[error("the archive cannot be read")]
    Read(#[source] io::Error),
    /// What comes out could not be written.
    #[error("the video cannot be written")]
    Write(#[source] io::Error),
    /// It is not what the directory promised. What was written until then is no video and has to be dropped.
    #[error("the video is damaged in the archive: {0}")]
    Damaged(String),
}

impl ExtractError {
    /// Stable and upper-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(_) => "ARCHIVE_READ",
            Self::Write(_) => "ARCHIVE_WRITE",
            Self::Damaged(_) => "ARCHIVE_DAMAGED",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read(_) => "Check the archive's path and permissions, and try again.",
            Self::Write(_) => "Check the free space of the folder for temporary files, which TMPDIR names.",
            Self::Damaged(_) => "Copy the archive again, or pack this video again; the others are not concerned.",
        }
    }
}
