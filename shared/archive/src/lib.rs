//! Zip archives of videos, read with distrust.
//!
//! An archive is handled in two steps. [`plan`] reads its directory and the header before each video, and judges all of it; nothing
//! is unpacked and nothing is written. Its answer is a [`Plan`], or a [`Refusal`] that lists *every* violation at once. Only a
//! [`Video`] of a plan can be extracted, and what comes out is counted while it is inflated: a member that is larger than it said
//! is cut off before a byte too many is written, and one whose content is not what the directory promised is an error.
//!
//! The directory is read here and not by the crate `zip`, which is the peer in the tests. That crate is made to open as many
//! archives as it can: it keeps the last of several members of one name, looks for the directory in more than one place, and
//! does not compare a member's two headers. Here an archive that two programs may read differently is refused.
//!
//! What this crate refuses to do: open nested archives, decrypt, join archives of several parts, unpack by methods other than
//! *stored* and *deflated*, make folders, or name a file as the archive says. Where the bytes lie is the caller's affair:
//! everything reads from [`Read`] and [`Seek`], such as a file or the [`Pieces`] of an object somewhere else.
//!
//! The format is PKWARE's APPNOTE.TXT 6.3.10; section numbers in this crate are those of that text. The overlapping bombs are
//! David Fifield's, *A better zip bomb* (USENIX WOOT 2019).
//!
//! ```
//! use std::io::Cursor;
//! use marey_archive::{ArchiveError, Limits, plan};
//!
//! let error = plan(&mut Cursor::new(b"no archive"), &Limits::default()).unwrap_err();
//! let ArchiveError::Refused(refusal) = error else { panic!("reading from memory does not fail") };
//! assert_eq!(refusal.violations()[0].kind.code(), "ARCHIVE_UNREADABLE");
//! ```

use std::io::{Read, Seek};

mod directory;
mod end;
mod entry;
mod error;
mod fields;
mod limits;
mod local;
mod name;
mod pieces;
mod planned;
mod unpack;

pub use directory::Directory;
pub use error::{ArchiveError, ExtractError, Kind, Refusal, Violation};
pub use limits::Limits;
pub use name::VIDEO_ENDINGS;
pub use pieces::Pieces;
pub use planned::{Packed, Plan, Reason, Skipped, Video};
pub use unpack::Unpacker;

/// The first bytes of an archive that has members, and of one that has none (§4.3.6).
pub const MAGIC: [[u8; 4]; 2] = [*b"PK\x03\x04", *b"PK\x05\x06"];

/// Whether the first bytes of a file are those of a zip archive.
pub fn is_archive(beginning: &[u8]) -> bool {
    MAGIC.iter().any(|magic| beginning.starts_with(magic))
}

/// Judges an archive: reads its directory and the headers of its videos, and unpacks nothing.
///
/// # Errors
/// [`ArchiveError::Read`] if it cannot be read, [`ArchiveError::Refused`] with everything that is wrong with it.
pub fn plan<R: Read + Seek>(archive: &mut R, limits: &Limits) -> Result<Plan, ArchiveError> {
    Directory::read(archive, limits)?.judge(archive)
}
