//! The index of an MP4 that this crate wrote, and one index for several of them (ISO/IEC 14496-12).
//!
//! Only what [`crate::Encoder`] writes is understood: one video track, no fragments. Files come from a store, so nothing in them
//! is believed all the same: lengths are bounded and what is not understood is refused.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The index of an hour at 240 frames per second is 20 MB.
const MOST_INDEX_BYTES: u64 = 256 << 20;
const MOST_BOXES: usize = 10_000;

/// A coded picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Where its bytes are in the file.
    pub(crate) offset: u64,
    /// How many they are.
    pub(crate) bytes: u32,
    /// When it is shown, in ticks; the first one of the file at 0.
    pub(crate) shown: i64,
    /// Decoding can start here.
    pub(crate) is_key: bool,
}

/// The video track of a file, its samples in the order in which they are decoded.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) ticks_per_second: u32,
    pub(crate) samples: Vec<Sample>,
    /// How the samples are coded, `stsd`: the same in all pieces of a video, or they can't be joined.
    pub(crate) coding: Vec<u8>,
    /// `tkhd`: size and orientation.
    header: Vec<u8>,
}

impl Track {
    /// Reads the index of a file.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let moov = find_index(&mut file)?;
        let trak = child(&moov, *b"trak")?;
        if boxes(&moov)?.iter().filter(|(kind, _)| kind == b"trak").count() != 1 {
            return Err(broken("more than one track"));
        }
        let mdia = child(trak, *b"mdia")?;
        let mdhd = child(mdia, *b"mdhd")?;
        let ticks_per_second = match mdhd.first() {
            Some(0) => word(mdhd, 12)?,
            Some(1) => word(mdhd, 20)?,
            _ => return Err(broken("version of the media header")),
        };
        let stbl = child(child(mdia, *b"minf")?, *b"stbl")?;
        Ok(Self {
            ticks_per_second,
            samples: samples(stbl)?,
            coding: coding(child(stbl, *b"stsd")?)?,
            header: child(trak, *b"tkhd")?.to_vec(),
        })
    }
}

/// The one description of how samples are coded, without the bit rate, which is another in each piece.
fn coding(stsd: &[u8]) -> io::Result<Vec<u8>> {
    /// A visual sample entry's own fields, in front of its boxes.
    const FIELDS: usize = 78;
    let [(kind, entry)] = boxes(stsd.get(8..).ok_or_else(|| broken("way of coding"))?)?[..] else {
        return Err(broken("more than one way of coding"));
    };
    let (fields, details) = entry.split_at_checked(FIELDS).ok_or_else(|| broken("way of coding"))?;
    let kept = boxes(details)?.into_iter().filter(|(kind, _)| kind != b"btrt");
    let kept: Vec<u8> = kept.flat_map(|(kind, content)| put(kind, content)).collect();
    Ok([&full(&[1])[..], &put(kind, &[fields, &kept].concat())].concat())
}

/// Looks for the box `moov` among the outermost ones.
fn find_index(file: &mut File) -> io::Result<Vec<u8>> {
    let mut at = 0_u64;
    for _ in 0..MOST_BOXES {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0; 16];
        file.read_exact(&mut header[..8])?;
        let (mut size, mut skip) = (u64::from(word(&header, 0)?), 8);
        if size == 1 {
            file.read_exact(&mut header[8..])?;
            (size, skip) = (long(&header, 8)?, 16);
        }
        let content = size.checked_sub(skip).ok_or_else(|| broken("size of a box"))?;
        if &header[4..8] == b"moov" {
            if content > MOST_INDEX_BYTES {
                return Err(broken("size of the index"));
            }
            let mut moov = Vec::new();
            file.take(content).read_to_end(&mut moov)?;
            return Ok(moov);
        }
        at = at.checked_add(size).ok_or_else(|| broken("size of a box"))?;
    }
    Err(broken("no index"))
}

/// The tables of a track, put together.
fn samples(stbl: &[u8]) -> io::Result<Vec<Sample>> {
    let sizes = sizes(child(stbl, *b"stsz")?)?;
    let offsets = offsets(stbl, &sizes)?;
    let decoded = runs(child(stbl, *b"stts")?, sizes.len())?;
    let delays = match optional(stbl, *b"ctts")? {
        Some(table) => runs(table, sizes.len())?,
        None => vec![0; sizes.len()],
    };
    let mut shown = Vec::with_capacity(sizes.len());
    let mut now = 0_i64;
    for (duration, delay) in decoded.iter().zip(&delays) {
        shown.push(now + i64::from(*delay as i32));
        now += i64::from(*duration);
    }
    let first = shown.iter().copied().min().unwrap_or(0);
    let mut samples: Vec<Sample> = (sizes.into_iter().zip(offsets).zip(shown))
        .map(|((bytes, offset), shown)| Sample {
            offset,
            bytes,
            shown: shown - first,
            is_key: false,
        })
        .collect();
    match optional(stbl, *b"stss")? {
        Some(table) => {
            for [number] in entries(table, 4)? {
                let sample = (number as usize)
                    .checked_sub(1)
                    .and_then(|index| samples.get_mut(index));
                sample.ok_or_else(|| broken("number of a key frame"))?.is_key = true;
            }
        }
        None => samples.iter_mut().for_each(|sample| sample.is_key = true),
    }
    Ok(samples)
}

fn sizes(stsz: &[u8]) -> io::Result<Vec<u32>> {
    match (word(stsz, 4)?, word(stsz, 8)? as usize) {
        (0, _) => Ok(entries(stsz, 8)?.into_iter().map(|[size]| size).collect()),
        // All alike: ffmpeg writes it for a single frame.
        (size, count) if count <= 1 << 24 => Ok(vec![size; count]),
        _ => Err(broken("number of samples")),
    }
}

/// Where each sample begins: those of a chunk follow each other.
fn offsets(stbl: &[u8], sizes: &[u32]) -> io::Result<Vec<u64>> {
    let chunks: Vec<u64> = match optional(stbl, *b"stco")? {
        Some(table) => entries(table, 4)?.into_iter().map(|[at]| u64::from(at)).collect(),
        None => (entries(child(stbl, *b"co64")?, 4)?.into_iter())
            .map(|[high, low]| u64::from(high) << 32 | u64::from(low))
            .collect(),
    };
    let runs: Vec<[u32; 3]> = entries(child(stbl, *b"stsc")?, 4)?;
    let mut offsets = Vec::with_capacity(sizes.len());
    for (index, &chunk) in chunks.iter().enumerate() {
        let number = index as u32 + 1;
        let run = runs.partition_point(|run| run[0] <= number);
        let [_, count, description] = *run
            .checked_sub(1)
            .and_then(|run| runs.get(run))
            .ok_or_else(|| broken("chunks"))?;
        if description != 1 {
            return Err(broken("more than one way of coding"));
        }
        let mut at = chunk;
        for _ in 0..count {
            let size = sizes.get(offsets.len()).ok_or_else(|| broken("samples in chunks"))?;
            offsets.push(at);
            at = at.checked_add(u64::from(*size)).ok_or_else(|| broken("offsets"))?;
        }
    }
    if offsets.len() == sizes.len() {
        Ok(offsets)
    } else {
        Err(broken("samples in chunks"))
    }
}

/// A table of counts and values, written out: a value for each of so many samples.
fn runs(table: &[u8], samples: usize) -> io::Result<Vec<u32>> {
    let mut values = Vec::with_capacity(samples);
    for [count, value] in entries(table, 4)? {
        if count as usize > samples - values.len() {
            return Err(broken("samples in a table"));
        }
        values.resize(values.len() + count as usize, value);
    }
    if values.len() == samples {
        Ok(values)
    } else {
        Err(broken("samples in a table"))
    }
}

/// The index of one video made of the samples of several files, whose bytes then follow in that order: all of an MP4 up to
/// the first of them.
///
/// It has no edit list, so the first sample is decoded at 0, and what is shown at tick 0 is shown [`Index::delay`] later.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) bytes: Vec<u8>,
    /// Ticks between the decoding of the first sample and the showing of the first one.
    pub(crate) delay: i64,
}

impl Index {
    /// The samples' times are those in the whole; `last_ticks` is how long the last one is shown.
    pub(crate) fn of(track: &Track, samples: &[Sample], last_ticks: i64) -> io::Result<Self> {
        let (decoded, delay) = decoding_times(samples, last_ticks);
        let narrow = |ticks: i64| u32::try_from(ticks).map_err(|_| broken("time of a sample"));
        let mut durations = Vec::with_capacity(samples.len());
        for pair in decoded.windows(2) {
            durations.push(narrow(pair[1] - pair[0])?);
        }
        durations.push(narrow(last_ticks)?);
        let first = decoded.first().copied().unwrap_or(0);
        let mut delays = Vec::with_capacity(samples.len());
        for (sample, decoded) in samples.iter().zip(&decoded) {
            delays.push(narrow(sample.shown - decoded)?);
        }
        let end = decoded.last().map_or(0, |last| last + last_ticks - first) as u64;
        let bytes = samples.iter().map(|sample| u64::from(sample.bytes)).sum::<u64>();
        let tables = Tables {
            durations: compact(&durations),
            delays: compact(&delays),
            keys: (1_u32..)
                .zip(samples)
                .filter_map(|(number, sample)| sample.is_key.then_some(number))
                .collect(),
            sizes: samples.iter().map(|sample| sample.bytes).collect(),
        };
        // The place of the first sample is in the index, whose length does not depend on it.
        let length = moov(track, &tables, end, 0).len();
        let start = u32::try_from(FILE_TYPE.len() + length + 16).map_err(|_| broken("size of the index"))?;
        let mut whole = FILE_TYPE.to_vec();
        whole.extend(moov(track, &tables, end, start));
        whole.extend([0, 0, 0, 1]);
        whole.extend(b"mdat");
        whole.extend((bytes + 16).to_be_bytes());
        Ok(Self { bytes: whole, delay })
    }
}

const FILE_TYPE: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isomavc1";

/// When each sample is decoded: in even step with the showing, early enough that none is shown before. Also by how much the first
/// one is earlier than the first showing.
fn decoding_times(samples: &[Sample], typical: i64) -> (Vec<i64>, i64) {
    let mut shown: Vec<i64> = samples.iter().map(|sample| sample.shown).collect();
    shown.sort_unstable();
    let rank = |time: i64| shown.partition_point(|&other| other < time);
    let depth = (samples.iter().enumerate())
        .map(|(index, sample)| index.saturating_sub(rank(sample.shown)))
        .max()
        .unwrap_or(0);
    let start = shown.first().copied().unwrap_or(0);
    let early = |index: usize| start - (depth - index) as i64 * typical.max(1);
    let decoded: Vec<i64> = (0..samples.len())
        .map(|index| index.checked_sub(depth).map_or_else(|| early(index), |at| shown[at]))
        .collect();
    let delay = start - decoded.first().copied().unwrap_or(start);
    (decoded, delay)
}

struct Tables {
    durations: Vec<[u32; 2]>,
    delays: Vec<[u32; 2]>,
    keys: Vec<u32>,
    sizes: Vec<u32>,
}

fn moov(track: &Track, tables: &Tables, duration: u64, first_sample: u32) -> Vec<u8> {
    let count = tables.sizes.len() as u32;
    let stbl = [
        put(*b"stsd", &track.coding),
        table(*b"stts", &tables.durations),
        table(*b"ctts", &tables.delays),
        table(*b"stss", tables.keys.as_chunks::<1>().0),
        put(*b"stsz", &full(&[&[0, count], &tables.sizes[..]].concat())),
        table(*b"stsc", &[[1, count, 1]]),
        table(*b"stco", &[[first_sample]]),
    ];
    let data_reference = put(*b"dref", &[&full(&[1])[..], &put(*b"url ", &[0, 0, 0, 1])].concat());
    let minf = [
        put(*b"vmhd", &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        put(*b"dinf", &data_reference),
        put(*b"stbl", &stbl.concat()),
    ];
    // Version 1, times of creation, ticks per second, duration, language "und".
    let mut mdhd = vec![1, 0, 0, 0];
    mdhd.extend([0; 16]);
    mdhd.extend(track.ticks_per_second.to_be_bytes());
    mdhd.extend(duration.to_be_bytes());
    mdhd.extend([0x55, 0xc4, 0, 0]);
    let mdia = [
        put(*b"mdhd", &mdhd),
        put(*b"hdlr", b"\0\0\0\0\0\0\0\0vide\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        put(*b"minf", &minf.concat()),
    ];
    let trak = [put(*b"tkhd", &track.header), put(*b"mdia", &mdia.concat())];
    let mut mvhd = vec![0; 100];
    mvhd[12..16].copy_from_slice(&1000_u32.to_be_bytes());
    mvhd[20..24].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
    for (at, one) in [(36, 0x0001_0000_u32), (52, 0x0001_0000), (68, 0x4000_0000)] {
        mvhd[at..at + 4].copy_from_slice(&one.to_be_bytes());
    }
    mvhd[96..].copy_from_slice(&2_u32.to_be_bytes());
    put(
        *b"moov",
        &[put(*b"mvhd", &mvhd), put(*b"trak", &trak.concat())].concat(),
    )
}

/// Equal values in a row become a count and a value.
fn compact(values: &[u32]) -> Vec<[u32; 2]> {
    let mut runs: Vec<[u32; 2]> = Vec::new();
    for &value in values {
        match runs.last_mut() {
            Some([count, last]) if *last == value => *count += 1,
            _ => runs.push([1, value]),
        }
    }
    runs
}

fn put(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut bytes = (content.len() as u32 + 8).to_be_bytes().to_vec();
    bytes.extend(kind);
    bytes.extend(content);
    bytes
}

/// Version and flags of zero, then these words.
fn full(words: &[u32]) -> Vec<u8> {
    let words = words.iter().flat_map(|word| word.to_be_bytes());
    [0; 4].into_iter().chain(words).collect()
}

fn table<const N: usize>(kind: [u8; 4], rows: &[[u32; N]]) -> Vec<u8> {
    put(kind, &full(&[&[rows.len() as u32], rows.as_flattened()].concat()))
}

/// The boxes that follow each other in these bytes.
fn boxes(mut bytes: &[u8]) -> io::Result<Vec<([u8; 4], &[u8])>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let size = word(bytes, 0)? as usize;
        let content = bytes.get(8..size).ok_or_else(|| broken("size of a box"))?;
        found.push(([bytes[4], bytes[5], bytes[6], bytes[7]], content));
        bytes = &bytes[size..];
        if found.len() > MOST_BOXES {
            return Err(broken("number of boxes"));
        }
    }
    Ok(found)
}

fn optional(bytes: &[u8], kind: [u8; 4]) -> io::Result<Option<&[u8]>> {
    let found = boxes(bytes)?.into_iter().find(|(found, _)| *found == kind);
    Ok(found.map(|(_, content)| content))
}

fn child(bytes: &[u8], kind: [u8; 4]) -> io::Result<&[u8]> {
    optional(bytes, kind)?.ok_or_else(|| broken(&format!("no box {}", kind.escape_ascii())))
}

fn word(bytes: &[u8], at: usize) -> io::Result<u32> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    word.map(|bytes| u32::from_be_bytes(*bytes))
        .ok_or_else(|| broken("end of a box"))
}

fn long(bytes: &[u8], at: usize) -> io::Result<u64> {
    Ok(u64::from(word(bytes, at)?) << 32 | u64::from(word(bytes, at + 4)?))
}

/// A table's rows of `N` words; their number stands at `at`.
fn entries<const N: usize>(bytes: &[u8], at: usize) -> io::Result<Vec<[u32; N]>> {
    let count = word(bytes, at)? as usize;
    let rows = (count.checked_mul(4 * N))
        .and_then(|length| bytes.get(at + 4..)?.get(..length))
        .ok_or_else(|| broken("length of a table"))?;
    let rows = rows.chunks_exact(4 * N).map(|row| {
        let words = row.as_chunks::<4>().0;
        std::array::from_fn(|index| u32::from_be_bytes(words[index]))
    });
    Ok(rows.collect())
}

fn broken(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not an MP4 as it is written here: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn track(ticks_per_second: u32) -> Track {
        Track {
            ticks_per_second,
            samples: Vec::new(),
            coding: [full(&[1]), put(*b"avc1", &[0; 78])].concat(),
            header: vec![0; 84],
        }
    }

    fn read_back(bytes: &[u8]) -> io::Result<Track> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Track::read(file.path())
    }

    #[test]
    fn decoding_runs_ahead_of_showing_by_as_little_as_can_be() {
        let shown = [0, 300, 100, 200, 400];
        let samples = shown.map(|shown| Sample {
            offset: 0,
            bytes: 1,
            shown,
            is_key: false,
        });
        assert_eq!(decoding_times(&samples, 100), (vec![-100, 0, 100, 200, 300], 100));
    }

    proptest! {
        #[test]
        fn samples_come_back_from_the_index(
            gaps in prop::collection::vec((1..5000_i64, 1..100_000_u32, any::<bool>()), 1..80),
            swaps in prop::collection::vec(any::<bool>(), 80),
            first in 0..10_000_000_i64,
        ) {
            let mut shown = first;
            let mut samples: Vec<Sample> = gaps.iter().map(|&(gap, bytes, is_key)| {
                shown += gap;
                Sample { offset: 0, bytes, shown: shown - gaps[0].0, is_key }
            }).collect();
            for at in (1..samples.len()).step_by(2).filter(|&at| swaps[at]) {
                samples.swap(at - 1, at);
            }
            let index = Index::of(&track(12800), &samples, 512).unwrap();
            let back = read_back(&index.bytes).unwrap();
            prop_assert_eq!(back.ticks_per_second, 12800);
            let mut offset = index.bytes.len() as u64;
            let start = samples.iter().map(|sample| sample.shown).min().unwrap();
            for (back, sample) in back.samples.iter().zip(&samples) {
                prop_assert_eq!(*back, Sample { offset, shown: sample.shown - start, ..*sample });
                offset += u64::from(sample.bytes);
            }
            prop_assert_eq!(back.samples.len(), samples.len());
            let (decoded, delay) = decoding_times(&samples, 512);
            prop_assert!(decoded.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(delay >= 0 && decoded.iter().zip(&samples).all(|(&decoded, sample)| decoded <= sample.shown));
        }

        #[test]
        fn damaged_files_are_refused_without_a_panic(at in 0..700_usize, value in any::<u8>(), length in 0..700_usize) {
            let samples = [0, 900, 450].map(|shown| Sample { offset: 0, bytes: 5, shown, is_key: shown == 0 });
            let whole = Index::of(&track(90_000), &samples, 450).unwrap().bytes;
            let mut damaged = whole.clone();
            let last = damaged.len() - 1;
            damaged[at.min(last)] = value;
            let _either = read_back(&damaged);
            prop_assert!(read_back(&whole[..length.min(whole.len() - 17)]).is_err());
        }
    }
}
