//! Numbers in the format's little-endian records.

use std::io::{self, Read, Seek, SeekFrom};

/// A record of known length; reading beyond it gives zeros, so a caller checks lengths once.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn u16(self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    pub(crate) fn u32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    pub(crate) fn u64(self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }

    fn array<const N: usize>(self, at: usize) -> [u8; N] {
        let found = self.0.get(at..).and_then(|rest| rest.first_chunk());
        found.copied().unwrap_or([0; N])
    }
}

/// Exactly `length` bytes from `at` on.
pub(crate) fn read_at<R: Read + Seek>(archive: &mut R, at: u64, length: usize) -> io::Result<Vec<u8>> {
    archive.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; length];
    archive.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Extra fields (§4.5): an id, a length, and so many bytes. `None` at the end if one is longer than there is room.
pub(crate) fn extras(mut bytes: &[u8]) -> impl Iterator<Item = Option<(u16, &[u8])>> {
    std::iter::from_fn(move || {
        // Some writers pad with one to three zeros.
        if bytes.len() < 4 {
            return None;
        }
        let fields = Fields(bytes);
        let (id, length) = (fields.u16(0), usize::from(fields.u16(2)));
        let Some(content) = bytes.get(4..4 + length) else {
            bytes = &[];
            return Some(None);
        };
        bytes = &bytes[4 + length..];
        Some(Some((id, content)))
    })
}

/// The extra field of Zip64 (§4.5.3).
pub(crate) const ZIP64: u16 = 0x0001;

/// A size or place of 32 bits that says: look into the Zip64 field.
pub(crate) const SEE_ZIP64: u32 = u32::MAX;

/// The numbers of 32 bits with those of the Zip64 field in their places. `None` if there are fewer of those than are
/// announced, or the field stands there twice.
pub(crate) fn widened<const N: usize>(numbers: [u32; N], extra: &[u8]) -> Option<[u64; N]> {
    let mut found = extras(extra).flatten().filter(|(id, _)| *id == ZIP64);
    let wide = found.next().map(|(_, content)| content);
    if found.next().is_some() {
        return None;
    }
    let mut left = wide.unwrap_or_default();
    let mut all = [0; N];
    for (to, number) in all.iter_mut().zip(numbers) {
        *to = u64::from(number);
        if number == SEE_ZIP64 {
            let (first, rest) = left.split_first_chunk::<8>()?;
            *to = u64::from_le_bytes(*first);
            left = rest;
        }
    }
    Some(all)
}
