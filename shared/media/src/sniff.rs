//! What kind of file this is, from its first bytes, before any tool opens it. What is not recognised here is never given to
//! ffmpeg, and what is recognised is opened with that one demuxer: nothing is left for ffmpeg's own guessing, which could be
//! led to playlists, scripts and picture sequences that name other files.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::info::Container;
use crate::{Limits, MediaError};

/// Enough for the sync bytes of several transport stream packets and the tag in front of an MP3.
const HEAD_BYTES: u64 = 4096;

impl Container {
    /// The one demuxer that may open it.
    pub(crate) fn demuxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mov",
            Self::Matroska => "matroska",
            Self::Avi => "avi",
            Self::MpegTs => "mpegts",
            Self::MpegPs => "mpeg",
            Self::Ogg => "ogg",
            Self::Flv => "flv",
        }
    }

    /// Seeking lands at or before the key frame asked for. The others search by byte position and may land after it.
    pub(crate) fn seeks_exactly(self) -> bool {
        matches!(self, Self::Mp4 | Self::Matroska)
    }
}

/// A file that may be given to a tool.
#[derive(Debug)]
pub(crate) struct Sniffed {
    pub(crate) container: Container,
    pub(crate) file_bytes: u64,
    /// The structure of the container says that bytes are missing at the end.
    pub(crate) is_cut: bool,
    /// An MP4 in fragments: cut between two of them its structure is whole.
    pub(crate) is_fragmented: bool,
}

/// Looks at size and first bytes.
pub(crate) fn sniff(path: &Path, limits: &Limits) -> Result<Sniffed, MediaError> {
    let io = |error| MediaError::io("opening the video", path, error);
    let metadata = path.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(MediaError::FormatRefused {
            what: "not a regular file".to_owned(),
        });
    }
    let file_bytes = metadata.len();
    if file_bytes == 0 {
        return Err(MediaError::Empty);
    }
    if file_bytes > limits.file_bytes {
        let what = format!("{file_bytes} bytes, allowed are {}", limits.file_bytes);
        return Err(MediaError::TooLarge { what });
    }
    let mut file = File::open(path).map_err(io)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD_BYTES).read_to_end(&mut head).map_err(io)?;
    let container = recognise(&head)?;
    let (is_cut, is_fragmented) = match container {
        Container::Mp4 => walk_boxes(&mut file, file_bytes).map_err(io)?,
        Container::Matroska => (segment_reaches_beyond(&head, file_bytes), false),
        Container::Avi => (riff_reaches_beyond(&head, file_bytes), false),
        _ => (false, false),
    };
    Ok(Sniffed {
        container,
        file_bytes,
        is_cut,
        is_fragmented,
    })
}

fn recognise(head: &[u8]) -> Result<Container, MediaError> {
    if let Some(container) = video_container(head) {
        return Ok(container);
    }
    if let Some(what) = refused_kind(head) {
        return Err(MediaError::FormatRefused { what: what.to_owned() });
    }
    if is_sound(head) {
        return Err(MediaError::NoVideoStream);
    }
    Err(MediaError::NotAVideo {
        diagnostics: "first bytes of no known container".to_owned(),
    })
}

fn video_container(head: &[u8]) -> Option<Container> {
    if let Some(kind) = head.get(4..8) {
        let is_picture = kind == b"ftyp"
            && matches!(
                head.get(8..12),
                Some(b"heic" | b"heix" | b"mif1" | b"msf1" | b"avif" | b"avis" | b"heim")
            );
        if !is_picture && BOXES.iter().any(|name| &name[..] == kind) {
            return Some(Container::Mp4);
        }
    }
    if head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        return Some(Container::Matroska);
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ") {
        return Some(Container::Avi);
    }
    if head.starts_with(b"OggS") {
        return Some(Container::Ogg);
    }
    if head.starts_with(b"FLV\x01") {
        return Some(Container::Flv);
    }
    if head.starts_with(&[0, 0, 1, 0xba]) {
        return Some(Container::MpegPs);
    }
    // Packets of 188 bytes, or of 192 with a time in front (AVCHD cameras).
    let has_sync = |first: usize, step: usize| (0..5).all(|packet| head.get(first + packet * step) == Some(&0x47));
    (has_sync(0, 188) || has_sync(4, 192)).then_some(Container::MpegTs)
}

/// Boxes that an MP4 or MOV file can begin with.
const BOXES: [&[u8; 4]; 9] = [
    b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"moof",
];

fn refused_kind(head: &[u8]) -> Option<&'static str> {
    let pictures: [&[u8]; 5] = [b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0"];
    if pictures.iter().any(|magic| head.starts_with(magic))
        || head.get(4..8) == Some(b"ftyp")
        || (head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP"))
    {
        return Some("a picture");
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let lower: Vec<u8> = text.iter().take(16).map(u8::to_ascii_lowercase).collect();
    let playlists: [&[u8]; 8] = [
        b"#extm3u",
        b"ffconcat",
        b"[playlist]",
        b"<?xml",
        b"<mpd",
        b"<smil",
        b"<asx",
        b"[reference]",
    ];
    if playlists.iter().any(|start| lower.starts_with(start)) {
        return Some("a playlist or script");
    }
    head.starts_with(&[0x30, 0x26, 0xb2, 0x75]).then_some("Windows Media")
}

fn is_sound(head: &[u8]) -> bool {
    let starts: [&[u8]; 4] = [b"ID3", b"fLaC", b"#!AMR", b"FORM"];
    starts.iter().any(|magic| head.starts_with(magic))
        || (head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WAVE"))
        // The frame sync of MPEG audio and of ADTS.
        || matches!(head, [0xff, second, ..] if second & 0xe0 == 0xe0 && *second != 0xff)
}

/// Walks the outermost boxes. One that ends after the file does means that the file is cut; the second answer is
/// whether there are fragments.
fn walk_boxes(file: &mut File, file_bytes: u64) -> std::io::Result<(bool, bool)> {
    let (mut at, mut has_fragments) = (0_u64, false);
    // A file of tiny boxes would keep this busy for long; no real file has as many before its end is reached.
    for _ in 0..100_000 {
        if at >= file_bytes {
            return Ok((at > file_bytes, has_fragments));
        }
        file.seek(SeekFrom::Start(at))?;
        let mut header = Vec::with_capacity(16);
        file.take(16).read_to_end(&mut header)?;
        match box_size(&header) {
            Some((size @ 8.., kind)) => {
                at = at.saturating_add(size);
                has_fragments |= kind == *b"moof";
            }
            // To the end of the file, not a box, or fewer bytes than a header needs: padding at the end is harmless.
            _ => break,
        }
    }
    Ok((false, has_fragments))
}

fn box_size(header: &[u8]) -> Option<(u64, [u8; 4])> {
    let short = u32::from_be_bytes(header.get(..4)?.try_into().ok()?);
    let kind = header.get(4..8)?.try_into().ok()?;
    if short == 1 {
        return Some((u64::from_be_bytes(header.get(8..16)?.try_into().ok()?), kind));
    }
    Some((u64::from(short), kind))
}

/// Finds the segment behind the EBML header; a live recording's has no size and says nothing.
fn segment_reaches_beyond(head: &[u8], file_bytes: u64) -> bool {
    let Some((header_bytes, after_size)) = ebml_size(head, 4) else {
        return false;
    };
    let segment = (after_size as u64).saturating_add(header_bytes) as usize;
    if head.get(segment..segment.saturating_add(4)) != Some(&[0x18, 0x53, 0x80, 0x67]) {
        return false;
    }
    match ebml_size(head, segment + 4) {
        Some((size, start)) if size != u64::MAX => (start as u64).saturating_add(size) > file_bytes,
        _ => false,
    }
}

/// A size of EBML at `at`: the value (`u64::MAX` for "unknown") and where it ends.
fn ebml_size(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let first = *bytes.get(at)?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let rest = bytes.get(at + 1..at + length)?;
    let mask = if length == 8 { 0 } else { 0xff_u8 >> length };
    let value = rest
        .iter()
        .fold(u64::from(first & mask), |value, &byte| value << 8 | u64::from(byte));
    let unknown = (1_u64 << (7 * length)) - 1;
    Some((if value == unknown { u64::MAX } else { value }, at + length))
}

fn riff_reaches_beyond(head: &[u8], file_bytes: u64) -> bool {
    let Some(size) = head.get(4..8).and_then(|bytes| bytes.try_into().ok()) else {
        return false;
    };
    // Some writers round the size up to even, so one byte may be missing.
    u64::from(u32::from_le_bytes(size)) + 8 > file_bytes + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn playlists_scripts_and_pictures_are_refused_by_their_content() {
        let refused: [&[u8]; 8] = [
            b"#EXTM3U\n#EXT-X-VERSION:3\n",
            b"\xef\xbb\xbf \n#EXTM3U",
            b"ffconcat version 1.0\nfile a.mp4",
            b"<?xml version='1.0'?><MPD/>",
            b"[playlist]\nFile1=/etc/passwd",
            b"\x89PNG\r\n\x1a\n",
            b"RIFF\0\0\0\0WEBPVP8 ",
            b"\0\0\0\x18ftypheic\0\0\0\0",
        ];
        for bytes in refused {
            assert_eq!(
                recognise(bytes).unwrap_err().code(),
                "MEDIA_FORMAT_REFUSED",
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn containers_are_known_by_their_first_bytes() {
        assert_eq!(recognise(b"\0\0\0\x20ftypisom").unwrap(), Container::Mp4);
        assert_eq!(recognise(&[0x1a, 0x45, 0xdf, 0xa3, 0x9f]).unwrap(), Container::Matroska);
        assert_eq!(recognise(b"RIFF\0\0\0\0AVI LIST").unwrap(), Container::Avi);
        let mut stream = vec![0; 188 * 5];
        for packet in 0..5 {
            stream[packet * 188] = 0x47;
        }
        assert_eq!(recognise(&stream).unwrap(), Container::MpegTs);
        assert_eq!(
            recognise(b"Hello, this is text").unwrap_err().code(),
            "MEDIA_NOT_A_VIDEO"
        );
        assert_eq!(recognise(b"ID3\x04").unwrap_err().code(), "MEDIA_NO_VIDEO_STREAM");
    }

    #[test]
    fn the_size_of_a_segment_is_compared_with_the_file() {
        let mut head = vec![0x1a, 0x45, 0xdf, 0xa3, 0x82, 0, 0, 0x18, 0x53, 0x80, 0x67, 0x41, 0x00];
        assert!(segment_reaches_beyond(&head, 13 + 255));
        assert!(!segment_reaches_beyond(&head, 13 + 256));
        head.truncate(11);
        head.extend([0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert!(!segment_reaches_beyond(&head, 19));
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 1..200), magic in 0..4_usize) {
            let starts: [&[u8]; 4] = [b"", b"\x1a\x45\xdf\xa3", b"\0\0\0\x10ftyp", b"RIFF"];
            let mut content = starts[magic].to_vec();
            content.extend(&bytes);
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &content).unwrap();
            if let Ok(found) = sniff(file.path(), &Limits::default()) {
                prop_assert_eq!(found.file_bytes, content.len() as u64);
            }
        }
    }
}
