//! The numbers of NUT: variable-length integers, flags, and the table of frame codes.

use std::io::{self, Read};

pub(crate) const FLAG_KEY_AND_EOR: u64 = 1 | 2;
pub(crate) const FLAG_CODED_PTS: u64 = 1 << 3;
pub(crate) const FLAG_STREAM_ID: u64 = 1 << 4;
pub(crate) const FLAG_SIZE_MSB: u64 = 1 << 5;
pub(crate) const FLAG_CHECKSUM: u64 = 1 << 6;
pub(crate) const FLAG_RESERVED: u64 = 1 << 7;
pub(crate) const FLAG_HEADER_INDEX: u64 = 1 << 10;
pub(crate) const FLAG_MATCH_TIME: u64 = 1 << 11;
pub(crate) const FLAG_CODED: u64 = 1 << 12;
pub(crate) const FLAG_INVALID: u64 = 1 << 13;

/// One row of the table that a frame's first byte points into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FrameCode {
    pub(crate) flags: u64,
    pub(crate) stream: u64,
    pub(crate) size_mul: u64,
    pub(crate) size_lsb: u64,
    pub(crate) pts_delta: i64,
    pub(crate) reserved: u64,
    pub(crate) header_index: u64,
}

/// The 256 meanings of a frame's first byte, run-length coded.
pub(crate) fn frame_codes(packet: &mut &[u8]) -> io::Result<Vec<FrameCode>> {
    let mut codes = vec![
        FrameCode {
            flags: FLAG_INVALID,
            ..FrameCode::default()
        };
        256
    ];
    let mut row = FrameCode {
        size_mul: 1,
        ..FrameCode::default()
    };
    let mut at = 0_usize;
    while at < 256 {
        row.flags = read_v(packet)?;
        let fields = bounded(read_v(packet)?, 64, "fields of a frame code")?;
        if fields > 0 {
            row.pts_delta = read_s(packet)?;
        }
        if fields > 1 {
            row.size_mul = bounded(read_v(packet)?, 1 << 16, "size multiplier")? as u64;
        }
        if fields > 2 {
            row.stream = read_v(packet)?;
        }
        row.size_lsb = if fields > 3 { read_v(packet)? } else { 0 };
        row.reserved = if fields > 4 { read_v(packet)? } else { 0 };
        let count = if fields > 5 {
            read_v(packet)?
        } else {
            row.size_mul.saturating_sub(row.size_lsb)
        };
        if fields > 6 {
            read_s(packet)?;
        }
        if fields > 7 {
            row.header_index = read_v(packet)?;
        }
        for _ in 8..fields {
            read_v(packet)?;
        }
        if count == 0 {
            return Err(broken("frame code table"));
        }
        let mut step = 0;
        while step < count && at < 256 {
            // `N` begins start codes and is never a frame.
            if at != usize::from(b'N') {
                let size_lsb = row
                    .size_lsb
                    .checked_add(step)
                    .ok_or_else(|| broken("frame code table"))?;
                codes[at] = FrameCode { size_lsb, ..row };
                step += 1;
            }
            at += 1;
        }
    }
    Ok(codes)
}

pub(crate) fn broken(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("unexpected in the stream of frames: {what}"),
    )
}

pub(crate) fn bounded(value: u64, most: usize, what: &str) -> io::Result<usize> {
    usize::try_from(value)
        .ok()
        .filter(|&value| value <= most)
        .ok_or_else(|| broken(what))
}

/// A number in groups of seven bits, the highest first.
pub(crate) fn read_v(source: &mut impl Read) -> io::Result<u64> {
    let mut value = 0_u64;
    for _ in 0..9 {
        let mut byte = [0];
        source.read_exact(&mut byte)?;
        value = value << 7 | u64::from(byte[0] & 0x7f);
        if byte[0] & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(broken("number"))
}

/// A signed number: 0, 1, -1, 2, -2…
pub(crate) fn read_s(source: &mut impl Read) -> io::Result<i64> {
    let value = read_v(source)? + 1;
    let half = (value >> 1) as i64;
    Ok(if value & 1 == 1 { -half } else { half })
}
