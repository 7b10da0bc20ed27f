//! The archive's end, which says where its directory is (§4.3.14 to §4.3.16).

use std::io::{Read, Seek, SeekFrom};

use crate::{
    ArchiveError, Kind, Limits, Violation,
    fields::{Fields, SEE_ZIP64, read_at},
    is_archive,
};

const END: u32 = 0x0605_4b50;
const END_BYTES: usize = 22;
const ZIP64_LOCATOR: u32 = 0x0706_4b50;
const ZIP64_LOCATOR_BYTES: usize = 20;
const ZIP64_END: u32 = 0x0606_4b50;
const ZIP64_END_BYTES: usize = 56;
const LONGEST_COMMENT: usize = 0xffff;

/// Where the directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// Bytes of the archive.
    pub(crate) archive_bytes: u64,
    /// Where the directory begins.
    pub(crate) at: u64,
    /// Its length in bytes.
    pub(crate) bytes: u64,
    /// How many members it lists.
    pub(crate) members: u64,
}

fn unreadable(problem: impl Into<String>) -> ArchiveError {
    Violation::of_archive(Kind::Unreadable, problem).into()
}

impl End {
    /// Finds the end. There must be exactly one, it must close the file, and the directory must lie right before it: where two
    /// programs could find two directories, one of them would see what the other did not judge.
    pub(crate) fn find<R: Read + Seek>(archive: &mut R, limits: &Limits) -> Result<Self, ArchiveError> {
        let archive_bytes = archive.seek(SeekFrom::End(0))?;
        if archive_bytes > limits.archive_bytes {
            let problem = format!("it has {archive_bytes} bytes, allowed are {}", limits.archive_bytes);
            return Err(Violation::of_archive(Kind::TooLarge, problem).into());
        }
        // With the records of Zip64 before it, so that one read is enough.
        let most = END_BYTES + LONGEST_COMMENT + ZIP64_LOCATOR_BYTES + ZIP64_END_BYTES;
        let length = archive_bytes.min(most as u64) as usize;
        let tail = read_at(archive, archive_bytes - length as u64, length)?;
        let Some(at) = only_end(&tail)? else {
            let beginning = read_at(archive, 0, archive_bytes.min(4) as usize)?;
            return Err(unreadable(if is_archive(&beginning) {
                "it is cut off, or something follows its end"
            } else {
                "it is no zip archive"
            }));
        };
        let record = Fields(&tail[at..]);
        let at = archive_bytes - (length - at) as u64;
        let narrow = Narrow {
            disks: [record.u16(4), record.u16(6)],
            members: [record.u16(8), record.u16(10)],
            bytes: record.u32(12),
            at: record.u32(16),
        };
        let end = match zip64_end(archive, at)? {
            Some((end_at, wide)) => narrow.with(&wide, archive_bytes, end_at)?,
            None => narrow.alone(archive_bytes, at)?,
        };
        end.check(limits)?;
        Ok(end)
    }

    fn check(self, limits: &Limits) -> Result<(), ArchiveError> {
        let too_large = |problem| Err(Violation::of_archive(Kind::TooLarge, problem).into());
        if self.members > limits.members {
            return too_large(format!(
                "it has {} members, allowed are {}",
                self.members, limits.members
            ));
        }
        if self.bytes > limits.directory_bytes {
            let (bytes, most) = (self.bytes, limits.directory_bytes);
            return too_large(format!("its directory has {bytes} bytes, allowed are {most}"));
        }
        Ok(())
    }
}

/// The end within the last bytes of an archive: a record whose comment ends where the file does.
fn only_end(tail: &[u8]) -> Result<Option<usize>, ArchiveError> {
    let last = tail.len().saturating_sub(END_BYTES);
    let closes = |at: &usize| {
        let record = Fields(&tail[*at..]);
        let is_whole = tail.len() >= at + END_BYTES;
        is_whole && record.u32(0) == END && at + END_BYTES + usize::from(record.u16(20)) == tail.len()
    };
    let first = last.saturating_sub(LONGEST_COMMENT);
    let mut found = (first..=last).rev().filter(closes);
    let end = found.next();
    if found.next().is_some() {
        return Err(unreadable("it has two ends, one in the comment of the other"));
    }
    Ok(end)
}

/// The end's record as it always was.
struct Narrow {
    disks: [u16; 2],
    members: [u16; 2],
    bytes: u32,
    at: u32,
}

/// The same in the record of Zip64.
struct Wide {
    disks: [u32; 2],
    members: [u64; 2],
    bytes: u64,
    at: u64,
}

/// The record of Zip64 and where it begins, if there is one before the end at `at`.
fn zip64_end<R: Read + Seek>(archive: &mut R, at: u64) -> Result<Option<(u64, Wide)>, ArchiveError> {
    let Some(locator_at) = at.checked_sub(ZIP64_LOCATOR_BYTES as u64) else {
        return Ok(None);
    };
    let locator = read_at(archive, locator_at, ZIP64_LOCATOR_BYTES)?;
    let locator = Fields(&locator);
    if locator.u32(0) != ZIP64_LOCATOR {
        return Ok(None);
    }
    let broken = || unreadable("its Zip64 end is not where its locator says");
    let end_at = locator.u64(8);
    let fits = |at: u64| {
        at.checked_add(ZIP64_END_BYTES as u64)
            .is_some_and(|end| end <= locator_at)
    };
    if locator.u32(4) != 0 || locator.u32(16) > 1 || !fits(end_at) {
        return Err(broken());
    }
    let record = read_at(archive, end_at, ZIP64_END_BYTES)?;
    let record = Fields(&record);
    let closes = record
        .u64(4)
        .checked_add(12)
        .and_then(|length| length.checked_add(end_at))
        == Some(locator_at);
    if record.u32(0) != ZIP64_END || !closes {
        return Err(broken());
    }
    let wide = Wide {
        disks: [record.u32(16), record.u32(20)],
        members: [record.u64(24), record.u64(32)],
        bytes: record.u64(40),
        at: record.u64(48),
    };
    Ok(Some((end_at, wide)))
}

impl Narrow {
    fn alone(&self, archive_bytes: u64, directory_end: u64) -> Result<End, ArchiveError> {
        let wide = Wide {
            disks: self.disks.map(u32::from),
            members: self.members.map(u64::from),
            bytes: self.bytes.into(),
            at: self.at.into(),
        };
        wide.settled(archive_bytes, directory_end)
    }

    /// What Zip64 says counts, where the old record refers to it; elsewhere both must say the same.
    fn with(&self, wide: &Wide, archive_bytes: u64, directory_end: u64) -> Result<End, ArchiveError> {
        let short = |narrow: u16, wide: u64| narrow == u16::MAX || u64::from(narrow) == wide;
        let long = |narrow: u32, wide: u64| narrow == SEE_ZIP64 || u64::from(narrow) == wide;
        let agrees = (0..2)
            .all(|n| short(self.disks[n], wide.disks[n].into()) && short(self.members[n], wide.members[n]))
            && long(self.bytes, wide.bytes)
            && long(self.at, wide.at);
        if !agrees {
            return Err(unreadable("its two ends, of Zip and Zip64, say different things"));
        }
        wide.settled(archive_bytes, directory_end)
    }
}

impl Wide {
    fn settled(&self, archive_bytes: u64, directory_end: u64) -> Result<End, ArchiveError> {
        if self.disks != [0, 0] || self.members[0] != self.members[1] {
            return Err(unreadable("it is one part of several"));
        }
        if self.at.checked_add(self.bytes) != Some(directory_end) {
            return Err(unreadable(if archive_bytes > SEE_ZIP64.into() {
                "its directory is not where its end says; macOS's Finder writes such archives over 4 GB: pack it with `zip -r`"
            } else {
                "its directory is not where its end says: a part is missing or something was put before it"
            }));
        }
        Ok(End {
            archive_bytes,
            at: self.at,
            bytes: self.bytes,
            members: self.members[0],
        })
    }
}
