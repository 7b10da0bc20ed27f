//! Writes raw RGB frames with their timestamps as a Matroska stream, for ffmpeg's stdin.
//!
//! Plain `rawvideo` would have to be fed at a constant rate. Matroska (RFC 9559) is easily written without seeking: sizes
//! may be "unknown", times may be nanoseconds, and raw pictures are the codec `V_UNCOMPRESSED`. Each frame is a cluster of its
//! own, which carries the time as a 64-bit number.

use std::io::{self, Write};

/// Nanoseconds per tick of the timestamps that are written.
const TICK_NS: u64 = 1;
const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// What the header says about the frames.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawVideo {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Ordinary time between frames, ns: the length of the last frame, and what the encoder's rate control goes by.
    pub(crate) frame_ns: u64,
}

/// The start of the stream.
pub(crate) fn header(video: RawVideo) -> Vec<u8> {
    let ebml = [
        element(0x4286, &[1]),
        element(0x42f7, &[1]),
        element(0x42f2, &[4]),
        element(0x42f3, &[8]),
        element(0x4282, b"matroska"),
        element(0x4287, &[4]),
        element(0x4285, &[2]),
    ]
    .concat();
    let information = [
        number(0x002a_d7b1, TICK_NS),
        element(0x4d80, b"marey"),
        element(0x5741, b"marey"),
    ]
    .concat();
    let picture = [
        number(0xb0, u64::from(video.width)),
        number(0xba, u64::from(video.height)),
        // FlagInterlaced: progressive.
        number(0x9a, 2),
        // The four characters that ffmpeg knows packed RGB by.
        element(0x002e_b524, b"RGB\x18"),
    ]
    .concat();
    let track = [
        number(0xd7, 1),
        number(0x73c5, 1),
        number(0x83, 1),
        number(0x9c, 0),
        number(0x0023_e383, video.frame_ns.max(1)),
        element(0x86, b"V_UNCOMPRESSED"),
        element(0xe0, &picture),
    ]
    .concat();
    let mut bytes = element(0x1a45_dfa3, &ebml);
    bytes.extend(0x1853_8067_u32.to_be_bytes());
    bytes.extend(UNKNOWN_SIZE);
    bytes.extend(element(0x1549_a966, &information));
    bytes.extend(element(0x1654_ae6b, &element(0xae, &track)));
    bytes
}

/// One frame: a cluster that holds a time and a block.
pub(crate) fn write_frame(out: &mut impl Write, time_ns: u64, rgb: &[u8]) -> io::Result<()> {
    let time = element(0xe7, &time_ns.to_be_bytes());
    // Track 1, no offset from the cluster's time, key frame.
    let block_header = [0x81, 0, 0, 0x80];
    let block_size = size((block_header.len() + rgb.len()) as u64);
    let cluster_bytes = time.len() + 1 + block_size.len() + block_header.len() + rgb.len();
    let mut bytes = 0x1f43_b675_u32.to_be_bytes().to_vec();
    bytes.extend(size(cluster_bytes as u64));
    bytes.extend(time);
    bytes.push(0xa3);
    bytes.extend(block_size);
    bytes.extend(block_header);
    out.write_all(&bytes)?;
    out.write_all(rgb)
}

fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let significant = id.iter().position(|&byte| byte != 0).unwrap_or(3);
    let mut bytes = id[significant..].to_vec();
    bytes.extend(size(content.len() as u64));
    bytes.extend(content);
    bytes
}

fn number(id: u32, value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    element(id, &bytes[(value.leading_zeros() as usize / 8).min(7)..])
}

/// A size in eight bytes: the marker bit, then 56 bits.
fn size(value: u64) -> [u8; 8] {
    ((value & 0x00ff_ffff_ffff_ffff) | 0x0100_0000_0000_0000).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads an identifier and a size, as a reader of EBML does.
    fn open(bytes: &[u8]) -> (u32, u64, &[u8]) {
        let id_length = bytes[0].leading_zeros() as usize + 1;
        let id = bytes[..id_length].iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
        let bytes = &bytes[id_length..];
        assert_eq!(bytes[0], 1, "sizes are eight bytes long");
        let size = bytes[1..8].iter().fold(0, |size, &byte| size << 8 | u64::from(byte));
        (id, size, &bytes[8..])
    }

    proptest! {
        #[test]
        fn a_frame_is_a_cluster_with_its_time_and_its_bytes(time_ns in any::<u64>(), rgb in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut bytes = Vec::new();
            write_frame(&mut bytes, time_ns, &rgb).unwrap();
            let (id, size, content) = open(&bytes);
            prop_assert_eq!((id, size), (0x1f43_b675, content.len() as u64));
            let (id, size, content) = open(content);
            prop_assert_eq!((id, size), (0xe7, 8));
            prop_assert_eq!(&content[..8], &time_ns.to_be_bytes());
            let (id, size, block) = open(&content[8..]);
            prop_assert_eq!((id, size), (0xa3, block.len() as u64));
            prop_assert_eq!(&block[4..], &rgb[..]);
        }

        #[test]
        fn numbers_are_as_short_as_they_can_be(value in any::<u64>()) {
            let bytes = number(0xd7, value);
            let (id, size, content) = open(&bytes);
            prop_assert_eq!((id, size), (0xd7, content.len() as u64));
            prop_assert_eq!(content.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte)), value);
            prop_assert!(content.len() == 1 || content[0] != 0);
        }
    }
}
