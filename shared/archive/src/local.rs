//! The header before a member's data, and what may follow them (§4.3.7, §4.3.9). Only the directory counts; these have to agree
//! with it, since programs that read from the front take them at their word.

use std::io::{self, Read, Seek};

use crate::{
    entry::{Entry, flags},
    fields::{Fields, SEE_ZIP64, extras, read_at, widened},
};

const LOCAL: u32 = 0x0403_4b50;
pub(crate) const LOCAL_BYTES: u64 = 30;
const DESCRIPTOR: u32 = 0x0807_4b50;
/// With its mark, and sizes of 64 bits.
pub(crate) const LONGEST_DESCRIPTOR: u64 = 24;

/// Where a member's data lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) data_at: u64,
    /// Behind the data and what follows them.
    pub(crate) end: u64,
}

/// Compares a member's header with the directory that begins at `directory_at`: where its data lie, or what is wrong.
pub(crate) fn locate<R: Read + Seek>(
    archive: &mut R,
    entry: &Entry,
    directory_at: u64,
) -> io::Result<Result<Place, String>> {
    let beyond = || Ok(Err("it reaches into the directory".to_owned()));
    let Some(room) = directory_at.checked_sub(entry.at).filter(|room| *room >= LOCAL_BYTES) else {
        return beyond();
    };
    let header = read_at(archive, entry.at, LOCAL_BYTES as usize)?;
    let header = Fields(&header);
    if header.u32(0) != LOCAL {
        return Ok(Err("its header is not where the directory says".to_owned()));
    }
    let (path_bytes, extra_bytes) = (usize::from(header.u16(26)), usize::from(header.u16(28)));
    let head_bytes = LOCAL_BYTES + (path_bytes + extra_bytes) as u64;
    let Some(data_at) = entry.at.checked_add(head_bytes).filter(|_| head_bytes <= room) else {
        return beyond();
    };
    let Some(data_end) = data_at
        .checked_add(entry.packed_bytes)
        .filter(|end| *end <= directory_at)
    else {
        return beyond();
    };
    let rest = read_at(archive, entry.at + LOCAL_BYTES, path_bytes + extra_bytes)?;
    let (path, extra) = rest.split_at(path_bytes);
    if let Some(problem) = disagreement(entry, header, path, extra) {
        return Ok(Err(problem));
    }
    if entry.flags & flags::DESCRIPTOR == 0 {
        return Ok(Ok(Place { data_at, end: data_end }));
    }
    let room = (directory_at - data_end).min(LONGEST_DESCRIPTOR);
    let descriptor = read_at(archive, data_end, room as usize)?;
    Ok(match descriptor_bytes(entry, &descriptor) {
        Some(bytes) => Ok(Place {
            data_at,
            end: data_end + bytes,
        }),
        None => Err("what follows its data says something else than the directory".to_owned()),
    })
}

/// What a member's header says that the directory does not.
fn disagreement(entry: &Entry, header: Fields<'_>, path: &[u8], extra: &[u8]) -> Option<String> {
    let say = |what: &str| Some(format!("its header has another {what} than the directory"));
    if path != entry.raw_path {
        return say("path");
    }
    let compared = flags::ENCRYPTED | flags::DESCRIPTOR | flags::STRONG | flags::UTF8;
    if (header.u16(6) ^ entry.flags) & compared != 0 {
        return say("flag");
    }
    if header.u16(8) != entry.method {
        return say("method");
    }
    if extras(extra).any(|field| field.is_none()) {
        return Some("its extra fields are longer than their room".to_owned());
    }
    let comes_later = entry.flags & flags::DESCRIPTOR != 0;
    let narrow = [header.u32(22), header.u32(18)];
    // A header that leaves its sizes to what follows may say "see Zip64" without a field.
    let Some([bytes, packed_bytes]) =
        widened(narrow, extra).or((comes_later && narrow.contains(&SEE_ZIP64)).then_some([0; 2]))
    else {
        return Some("its header refers to a Zip64 field that is not there".to_owned());
    };
    let agrees = |said: u64, known: u64| said == known || comes_later && said == 0;
    if !agrees(header.u32(14).into(), entry.crc32.into()) {
        return say("checksum");
    }
    if !agrees(bytes, entry.bytes) || !agrees(packed_bytes, entry.packed_bytes) {
        return say("size");
    }
    None
}

/// The length of what follows a member's data, if it is one of the forms that are in use: with or without its mark, with sizes
/// of 32 or 64 bits.
fn descriptor_bytes(entry: &Entry, bytes: &[u8]) -> Option<u64> {
    let narrow = |size: u64| u32::try_from(size).ok();
    let crc = entry.crc32.to_le_bytes();
    let wide = [
        crc.to_vec(),
        entry.packed_bytes.to_le_bytes().to_vec(),
        entry.bytes.to_le_bytes().to_vec(),
    ]
    .concat();
    let mut forms = vec![wide];
    if let (Some(packed), Some(size)) = (narrow(entry.packed_bytes), narrow(entry.bytes)) {
        forms.push([crc, packed.to_le_bytes(), size.to_le_bytes()].concat());
    }
    let mark = DESCRIPTOR.to_le_bytes();
    let with_mark = forms.iter().map(|form| [mark.as_slice(), form].concat());
    let all: Vec<Vec<u8>> = with_mark.chain(forms.iter().cloned()).collect();
    all.iter()
        .find(|form| bytes.starts_with(form))
        .map(|form| form.len() as u64)
}
