//! Makes archives: honest ones with the crate `zip`, others byte by byte.

use std::io::{Cursor, Write};

use flate2::{Compression, Crc, write::DeflateEncoder};
use marey_archive::{ArchiveError, Kind, Limits, Plan, Violation, plan};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// An archive as an ordinary program writes it.
pub(crate) fn ordinary(members: &[(&str, &[u8])]) -> Vec<u8> {
    with_options(
        members,
        SimpleFileOptions::default().compression_method(CompressionMethod::Deflated),
    )
}

pub(crate) fn with_options(members: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in members {
        if path.ends_with('/') {
            writer.add_directory(*path, options).unwrap();
        } else {
            writer.start_file(*path, options).unwrap();
            writer.write_all(content).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) fn judged(archive: &[u8]) -> Result<Plan, ArchiveError> {
    plan(&mut Cursor::new(archive), &Limits::default())
}

/// What is wrong with an archive that must not be taken.
pub(crate) fn refused(archive: &[u8]) -> Vec<Violation> {
    refused_within(archive, &Limits::default())
}

pub(crate) fn refused_within(archive: &[u8], limits: &Limits) -> Vec<Violation> {
    match plan(&mut Cursor::new(archive), limits) {
        Err(ArchiveError::Refused(refusal)) => refusal.violations().to_vec(),
        other => panic!("it was not refused: {other:?}"),
    }
}

pub(crate) fn kinds(violations: &[Violation]) -> Vec<Kind> {
    violations.iter().map(|violation| violation.kind).collect()
}

pub(crate) fn extracted(archive: &[u8], plan: &Plan, video: usize) -> Vec<u8> {
    plan.videos()[video]
        .extract(&mut Cursor::new(archive), Vec::new())
        .unwrap()
}

pub(crate) fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn crc(content: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(content);
    crc.sum()
}

/// What a header says of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) path: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) packed_bytes: u32,
    pub(crate) bytes: u32,
    pub(crate) extra: Vec<u8>,
}

/// A member whose two headers may say anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forged {
    pub(crate) local: Said,
    pub(crate) central: Said,
    pub(crate) made_by: u16,
    pub(crate) attributes: u32,
    /// Packed data and what follows them.
    pub(crate) data: Vec<u8>,
    /// Where the directory says that the member begins, if not where it does.
    pub(crate) at: Option<u32>,
}

impl Forged {
    /// A member about which nothing is wrong.
    pub(crate) fn new(path: &str, content: &[u8], method: u16) -> Self {
        let data = if method == 8 {
            deflated(content)
        } else {
            content.to_vec()
        };
        let said = Said {
            path: path.as_bytes().to_vec(),
            flags: 0,
            method,
            crc32: crc(content),
            packed_bytes: data.len() as u32,
            bytes: content.len() as u32,
            extra: Vec::new(),
        };
        Self {
            local: said.clone(),
            central: said,
            made_by: u16::from_le_bytes([20, 3]),
            attributes: 0o100_644 << 16,
            data,
            at: None,
        }
    }

    pub(crate) fn stored(path: &str, content: &[u8]) -> Self {
        Self::new(path, content, 0)
    }

    /// Changes both headers in the same way.
    pub(crate) fn saying(mut self, change: impl Fn(&mut Said)) -> Self {
        change(&mut self.local);
        change(&mut self.central);
        self
    }
}

/// An archive of forged members, and where its directory begins.
pub(crate) fn forge(members: &[Forged]) -> (Vec<u8>, usize) {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let at = member.at.unwrap_or(archive.len() as u32);
        archive.extend(b"PK\x03\x04\x14\x00");
        archive.extend(shared(&member.local));
        archive.extend(&member.local.path);
        archive.extend(&member.local.extra);
        archive.extend(&member.data);
        directory.extend(b"PK\x01\x02");
        directory.extend(member.made_by.to_le_bytes());
        directory.extend([20, 0]);
        directory.extend(shared(&member.central));
        // No comment, the first disk, no internal attributes.
        directory.extend([0; 6]);
        directory.extend(member.attributes.to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(&member.central.path);
        directory.extend(&member.central.extra);
    }
    let at = archive.len();
    archive.extend(&directory);
    archive.extend(end(members.len() as u16, directory.len() as u32, at as u32, b""));
    (archive, at)
}

pub(crate) fn forged(members: &[Forged]) -> Vec<u8> {
    forge(members).0
}

/// What both headers have in the same order.
fn shared(said: &Said) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [said.flags, said.method, 0, 0x5a21] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [said.crc32, said.packed_bytes, said.bytes] {
        bytes.extend(number.to_le_bytes());
    }
    for length in [said.path.len(), said.extra.len()] {
        bytes.extend((length as u16).to_le_bytes());
    }
    bytes
}

pub(crate) fn end(members: u16, bytes: u32, at: u32, comment: &[u8]) -> Vec<u8> {
    let mut record = b"PK\x05\x06\0\0\0\0".to_vec();
    record.extend(members.to_le_bytes());
    record.extend(members.to_le_bytes());
    record.extend(bytes.to_le_bytes());
    record.extend(at.to_le_bytes());
    record.extend((comment.len() as u16).to_le_bytes());
    record.extend(comment);
    record
}
