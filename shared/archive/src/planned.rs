//! What an archive that was judged gives.

use std::{
    io::{Read, Seek, SeekFrom, Write},
    ops::Range,
};

use serde::Serialize;

use crate::{ExtractError, Unpacker, unpack::unpack_from};

/// What becomes of an archive's members. It exists only for an archive of which nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub(crate) videos: Vec<Video>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) housekeeping: u64,
}

impl Plan {
    /// The videos in the archive's order; at least one.
    pub fn videos(&self) -> &[Video] {
        &self.videos
    }

    /// The members that are no videos, in the archive's order, without folders.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// How many files of macOS and Windows themselves were left alone.
    pub fn housekeeping(&self) -> u64 {
        self.housekeeping
    }

    /// Bytes of all videos, unpacked.
    pub fn bytes(&self) -> u64 {
        self.videos.iter().map(|video| video.packed.bytes).sum()
    }
}

/// A member that is a video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Video {
    pub(crate) path: String,
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) packed: Packed,
}

impl Video {
    /// Where it lies in the archive.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it is called: unlike every other video of its archive.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is packed.
    pub fn packed(&self) -> &Packed {
        &self.packed
    }

    /// Unpacks it. Never more than [`Packed::bytes`] are written; after an error what was written has to be dropped.
    ///
    /// # Errors
    /// [`ExtractError::Damaged`] if it is not what the plan says, and if reading or writing fails.
    pub fn extract<R: Read + Seek, W: Write>(&self, archive: &mut R, to: W) -> Result<W, ExtractError> {
        let at = self.packed.range().start;
        archive.seek(SeekFrom::Start(at)).map_err(ExtractError::Read)?;
        unpack_from(archive.take(self.packed.length), self.packed.unpack(to))
    }
}

/// Where a video's packed bytes lie, and what they promise to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Packed {
    #[serde(skip)]
    pub(crate) at: u64,
    #[serde(rename = "packed_bytes")]
    pub(crate) length: u64,
    pub(crate) bytes: u64,
    #[serde(rename = "deflated")]
    pub(crate) is_deflated: bool,
    #[serde(skip)]
    pub(crate) crc32: u32,
}

impl Packed {
    /// A member of a plan that was made before and kept: for rows of a table, not for headers. `bytes` is its size unpacked,
    /// `range` the place of its packed bytes in the archive.
    pub fn kept(range: Range<u64>, bytes: u64, is_deflated: bool, crc32: u32) -> Self {
        Self {
            at: range.start,
            length: range.end.saturating_sub(range.start),
            bytes,
            is_deflated,
            crc32,
        }
    }

    /// The place of its packed bytes in the archive.
    pub fn range(&self) -> Range<u64> {
        self.at..self.at.saturating_add(self.length)
    }

    /// Its size as it is packed, in bytes.
    pub fn packed_bytes(&self) -> u64 {
        self.length
    }

    /// Its size unpacked, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether it is deflated; else it is stored as it is.
    pub fn is_deflated(&self) -> bool {
        self.is_deflated
    }

    /// CRC-32 of what it is unpacked.
    pub fn crc32(&self) -> u32 {
        self.crc32
    }

    /// Unpacks bytes that come from elsewhere: exactly those of [`Packed::range`] have to be given.
    pub fn unpack<W: Write>(&self, to: W) -> Unpacker<W> {
        Unpacker::new(*self, to)
    }
}

/// A member that is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Where it lies in the archive.
    pub path: String,
    /// Why.
    pub reason: Reason,
}

/// Why a member is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its name does not end like a video's.
    NotAVideo,
    /// It, or a folder above it, is hidden.
    Hidden,
    /// It has no content.
    Empty,
}

impl Reason {
    /// The reason in a clause.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotAVideo => "not a video",
            Self::Hidden => "hidden",
            Self::Empty => "empty",
        }
    }
}
