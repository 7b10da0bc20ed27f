//! Reads raw frames with their timestamps from ffmpeg's NUT output.
//!
//! NUT (the container of the `FFmpeg` and `MPlayer` projects; layout after their `nut.txt`) is the one format that ffmpeg streams
//! into a pipe with raw RGB pictures *and* their exact timestamps: Matroska rounds to milliseconds, plain `rawvideo` has no times,
//! and a second channel of log lines would have to be matched to the pictures by counting. The headers cost 20 bytes a frame.
//!
//! The stream comes from a child that has read hostile media, so nothing in it is believed: every length is bounded and a
//! picture has the size that was asked for, or the stream is refused.

use std::io::{self, Read};

use crate::info::Rational;
use crate::nut_codes::{
    FLAG_CHECKSUM, FLAG_CODED, FLAG_CODED_PTS, FLAG_HEADER_INDEX, FLAG_INVALID, FLAG_KEY_AND_EOR, FLAG_MATCH_TIME,
    FLAG_RESERVED, FLAG_SIZE_MSB, FLAG_STREAM_ID, FrameCode, bounded, broken, frame_codes, read_v,
};

const FILE_ID: &[u8] = b"nut/multimedia container\0";
/// Start codes, as far as they are needed; the rest (stream info, index) is skipped.
const MAIN: u64 = 0x4e4d_7a56_1f5f_04ad;
const STREAM: u64 = 0x4e53_1140_5bf2_f9db;
const SYNCPOINT: u64 = 0x4e4b_e4ad_eeca_4569;

/// Headers hold a few hundred bytes; metadata of the input may add some.
const MOST_HEADER_BYTES: u64 = 1 << 20;

/// A stream of raw pictures. Made by reading the headers; then one call per frame.
#[derive(Debug)]
pub(crate) struct NutReader<R> {
    source: R,
    codes: Vec<FrameCode>,
    time_bases: Vec<Rational>,
    elided: Vec<Vec<u8>>,
    time_base: Rational,
    msb_pts_shift: u32,
    last_pts: i64,
    frame_bytes: usize,
}

impl<R: Read> NutReader<R> {
    /// Reads up to the first frame. `None` when the stream holds no byte: ffmpeg found no frame to write.
    pub(crate) fn open(mut source: R, width: u32, height: u32) -> io::Result<Option<Self>> {
        let mut id = [0; FILE_ID.len()];
        if !read_or_end(&mut source, &mut id)? {
            return Ok(None);
        }
        if id != FILE_ID {
            return Err(broken("not a NUT stream"));
        }
        let mut reader = Self {
            source,
            codes: Vec::new(),
            time_bases: Vec::new(),
            elided: Vec::new(),
            time_base: Rational { num: 1, den: 1 },
            msb_pts_shift: 0,
            last_pts: 0,
            frame_bytes: width as usize * height as usize * 3,
        };
        let (mut has_main, mut has_stream) = (false, false);
        while !(has_main && has_stream) {
            let mut first = [0];
            if !read_or_end(&mut reader.source, &mut first)? {
                return Ok(None);
            }
            let code = reader.start_code(first[0])?;
            let packet = reader.packet()?;
            match code {
                MAIN => {
                    reader.main_header(&packet)?;
                    has_main = true;
                }
                STREAM if has_main => {
                    reader.stream_header(&packet, width, height)?;
                    has_stream = true;
                }
                _ => {}
            }
        }
        Ok(Some(reader))
    }

    /// Seconds per tick.
    pub(crate) fn time_base(&self) -> Rational {
        self.time_base
    }

    /// Reads the next picture into `rgb` (which is given the right length) and returns its tick; `None` at a clean end.
    pub(crate) fn next(&mut self, rgb: &mut Vec<u8>) -> io::Result<Option<i64>> {
        loop {
            let mut first = [0];
            if !read_or_end(&mut self.source, &mut first)? {
                return Ok(None);
            }
            if first[0] != b'N' {
                return self.frame(first[0], rgb).map(Some);
            }
            let code = self.start_code(first[0])?;
            let packet = self.packet()?;
            if code == SYNCPOINT {
                self.synchronise(&packet)?;
            }
        }
    }

    fn start_code(&mut self, first: u8) -> io::Result<u64> {
        let mut code = [first, 0, 0, 0, 0, 0, 0, 0];
        self.source.read_exact(&mut code[1..])?;
        if first != b'N' {
            return Err(broken("no start code"));
        }
        Ok(u64::from_be_bytes(code))
    }

    /// The content of a packet behind its start code, without the checksum that ends it.
    fn packet(&mut self) -> io::Result<Vec<u8>> {
        let length = read_v(&mut self.source)?;
        if !(4..=MOST_HEADER_BYTES).contains(&length) {
            return Err(broken("length of a header"));
        }
        if length > 4096 {
            self.source.read_exact(&mut [0; 4])?;
        }
        let mut content = vec![0; length as usize];
        self.source.read_exact(&mut content)?;
        content.truncate(length as usize - 4);
        Ok(content)
    }

    fn main_header(&mut self, mut packet: &[u8]) -> io::Result<()> {
        let packet = &mut packet;
        let version = read_v(packet)?;
        if !(2..=4).contains(&version) {
            return Err(broken("version"));
        }
        if version > 3 {
            read_v(packet)?;
        }
        if read_v(packet)? != 1 {
            return Err(broken("number of streams"));
        }
        let _max_distance = read_v(packet)?;
        let count = bounded(read_v(packet)?, 16, "time bases")?;
        self.time_bases.clear();
        for _ in 0..count {
            let (num, den) = (read_v(packet)?, read_v(packet)?);
            let valid = num > 0 && num < 1 << 31 && den < 1 << 31;
            self.time_bases.push(
                Rational::new(num, den)
                    .filter(|_| valid)
                    .ok_or_else(|| broken("time base"))?,
            );
        }
        self.codes = frame_codes(packet)?;
        self.elided = vec![Vec::new()];
        // Elision headers came with version 3, and are absent where the packet ends here.
        if !packet.is_empty() {
            for _ in 0..bounded(read_v(packet)?, 127, "elision headers")? {
                let length = bounded(read_v(packet)?, 255, "elision header")?;
                let mut header = vec![0; length];
                packet.read_exact(&mut header)?;
                self.elided.push(header);
            }
        }
        Ok(())
    }

    fn stream_header(&mut self, mut packet: &[u8], width: u32, height: u32) -> io::Result<()> {
        let packet = &mut packet;
        let (stream, class) = (read_v(packet)?, read_v(packet)?);
        let mut fourcc = vec![0; bounded(read_v(packet)?, 4, "fourcc")?];
        packet.read_exact(&mut fourcc)?;
        if (stream, class, fourcc.as_slice()) != (0, 0, b"RGB\x18") {
            return Err(broken("not a stream of RGB pictures"));
        }
        let base = read_v(packet)? as usize;
        self.time_base = *self
            .time_bases
            .get(base)
            .ok_or_else(|| broken("time base of the stream"))?;
        self.msb_pts_shift = bounded(read_v(packet)?, 16, "pts shift")? as u32;
        let _max_pts_distance = read_v(packet)?;
        let _decode_delay = read_v(packet)?;
        let _flags = read_v(packet)?;
        let specific = bounded(read_v(packet)?, packet.len(), "codec data")?;
        *packet = &packet[specific..];
        if (read_v(packet)?, read_v(packet)?) != (u64::from(width), u64::from(height)) {
            return Err(broken("size of the picture"));
        }
        Ok(())
    }

    fn synchronise(&mut self, mut packet: &[u8]) -> io::Result<()> {
        let coded = read_v(&mut packet)?;
        let count = self.time_bases.len() as u64;
        let base = self.time_bases[(coded % count) as usize];
        let numerator = u128::from(coded / count) * u128::from(base.num) * u128::from(self.time_base.den);
        let ticks = numerator / (u128::from(base.den) * u128::from(self.time_base.num));
        self.last_pts = i64::try_from(ticks).map_err(|_| broken("time of a syncpoint"))?;
        Ok(())
    }

    fn frame(&mut self, code: u8, rgb: &mut Vec<u8>) -> io::Result<i64> {
        let row = self.codes[usize::from(code)];
        let mut flags = row.flags;
        if flags & FLAG_INVALID != 0 {
            return Err(broken("frame code"));
        }
        if flags & FLAG_CODED != 0 {
            flags ^= read_v(&mut self.source)?;
        }
        let known = FLAG_KEY_AND_EOR | FLAG_CODED_PTS | FLAG_STREAM_ID | FLAG_SIZE_MSB | FLAG_CHECKSUM;
        if flags & !(known | FLAG_RESERVED | FLAG_HEADER_INDEX | FLAG_MATCH_TIME | FLAG_CODED) != 0 {
            return Err(broken("frame flags"));
        }
        let stream = if flags & FLAG_STREAM_ID != 0 {
            read_v(&mut self.source)?
        } else {
            row.stream
        };
        let pts = if flags & FLAG_CODED_PTS != 0 {
            full_pts(read_v(&mut self.source)?, self.msb_pts_shift, self.last_pts)
                .ok_or_else(|| broken("time of a frame"))?
        } else {
            self.last_pts
                .checked_add(row.pts_delta)
                .ok_or_else(|| broken("time of a frame"))?
        };
        let size_msb = if flags & FLAG_SIZE_MSB != 0 {
            read_v(&mut self.source)?
        } else {
            0
        };
        if flags & FLAG_MATCH_TIME != 0 {
            read_v(&mut self.source)?;
        }
        let header = if flags & FLAG_HEADER_INDEX != 0 {
            read_v(&mut self.source)?
        } else {
            row.header_index
        };
        let reserved = if flags & FLAG_RESERVED != 0 {
            read_v(&mut self.source)?
        } else {
            row.reserved
        };
        for _ in 0..bounded(reserved, 16, "reserved fields")? {
            read_v(&mut self.source)?;
        }
        if flags & FLAG_CHECKSUM != 0 {
            self.source.read_exact(&mut [0; 4])?;
        }
        let size = size_msb
            .checked_mul(row.size_mul)
            .and_then(|size| size.checked_add(row.size_lsb));
        if stream != 0 || size != Some(self.frame_bytes as u64) {
            return Err(broken("size of a frame"));
        }
        let elided = self
            .elided
            .get(header as usize)
            .ok_or_else(|| broken("elision header"))?;
        // Keeps what a buffer that is used again holds: it is overwritten, so nothing has to be cleared.
        rgb.resize(self.frame_bytes, 0);
        let (start, rest) = rgb
            .split_at_mut_checked(elided.len())
            .ok_or_else(|| broken("elision header"))?;
        start.copy_from_slice(elided);
        self.source.read_exact(rest)?;
        self.last_pts = pts;
        Ok(pts)
    }
}

/// A small number is the low bits of the time nearest to the last one; a large one is the time itself.
fn full_pts(coded: u64, msb_pts_shift: u32, last_pts: i64) -> Option<i64> {
    let period = 1_u64 << msb_pts_shift;
    if coded >= period {
        return i64::try_from(coded - period).ok();
    }
    let (mask, half) = (period as i64 - 1, period as i64 / 2);
    let lowest = last_pts.checked_sub(half)?;
    (((coded as i64).wrapping_sub(lowest)) & mask).checked_add(lowest)
}

/// Fills the buffer, or says that the stream ended before its first byte.
fn read_or_end(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    loop {
        match source.read(&mut buffer[..1]) {
            Ok(0) => return Ok(false),
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    source.read_exact(&mut buffer[1..])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v(mut value: u64) -> Vec<u8> {
        let mut bytes = vec![(value & 0x7f) as u8];
        while value > 0x7f {
            value >>= 7;
            bytes.insert(0, (value & 0x7f) as u8 | 0x80);
        }
        bytes
    }

    fn packet(code: u64, content: &[u8]) -> Vec<u8> {
        let mut bytes = code.to_be_bytes().to_vec();
        bytes.extend(v(content.len() as u64 + 4));
        bytes.extend(content);
        bytes.extend([0; 4]);
        bytes
    }

    /// A stream as ffmpeg writes it: a table with one meaning (everything coded), one stream, frames behind syncpoints.
    fn stream(width: u32, height: u32, base: Rational, shift: u64, ticks: &[i64]) -> Vec<u8> {
        let mut bytes = FILE_ID.to_vec();
        let mut main = [v(3), v(1), v(32767), v(1), v(base.num), v(base.den)].concat();
        // flags "coded", six fields: pts 0, mul 1, stream 0, size 0, reserved 0, count 255.
        main.extend([v(FLAG_CODED), v(6), v(0), v(1), v(0), v(0), v(0), v(255)].concat());
        main.extend(v(0));
        bytes.extend(packet(MAIN, &main));
        let mut header = [
            v(0),
            v(0),
            v(4),
            b"RGB\x18".to_vec(),
            v(0),
            v(shift),
            v(0),
            v(0),
            v(0),
            v(0),
        ]
        .concat();
        header.extend([v(width.into()), v(height.into()), v(0), v(0), v(0)].concat());
        bytes.extend(packet(STREAM, &header));
        let size = u64::from(width * height * 3);
        for (index, &tick) in ticks.iter().enumerate() {
            bytes.extend(packet(SYNCPOINT, &[v(tick as u64), v(0)].concat()));
            bytes.push(1);
            let flags = FLAG_CODED ^ (1 | FLAG_CODED_PTS | FLAG_SIZE_MSB | FLAG_CHECKSUM | FLAG_CODED);
            bytes.extend(v(flags));
            bytes.extend(v(tick as u64 + (1 << shift)));
            bytes.extend(v(size - 1));
            bytes.extend([0; 4]);
            bytes.extend(std::iter::repeat_n(index as u8, size as usize));
        }
        bytes
    }

    fn read_all(bytes: &[u8], width: u32, height: u32) -> io::Result<Vec<(i64, Vec<u8>)>> {
        let Some(mut reader) = NutReader::open(bytes, width, height)? else {
            return Ok(Vec::new());
        };
        let mut frames = Vec::new();
        let mut rgb = Vec::new();
        while let Some(tick) = reader.next(&mut rgb)? {
            frames.push((tick, rgb.clone()));
        }
        Ok(frames)
    }

    #[test]
    fn an_empty_stream_has_no_frames_and_a_cut_one_is_an_error() {
        let base = Rational { num: 1, den: 90000 };
        assert!(NutReader::open(&[][..], 2, 2).unwrap().is_none());
        let whole = stream(2, 2, base, 7, &[0, 1500]);
        assert_eq!(read_all(&whole, 2, 2).unwrap().len(), 2);
        assert!(read_all(&whole[..whole.len() - 1], 2, 2).is_err());
        assert!(read_all(&whole, 2, 4).is_err(), "another size than the one asked for");
    }

    #[test]
    fn low_bits_of_a_time_mean_the_nearest_one() {
        for (last, tick) in [(0_i64, 3_i64), (1000, 1001), (1000, 999), (127, 129), (1023, 1060)] {
            assert_eq!(full_pts(tick as u64 & 127, 7, last), Some(tick));
        }
        assert_eq!(full_pts(128 + 5, 7, 100_000), Some(5));
        assert_eq!(full_pts(u64::MAX, 0, 0), None);
    }

    proptest! {
        #[test]
        fn frames_come_back_with_their_ticks(
            width in 1..6_u32, height in 1..6_u32, den in 1..100_000_u64, shift in 0..14_u64,
            steps in prop::collection::vec(0..100_000_i64, 0..6),
        ) {
            let ticks: Vec<i64> = steps.iter().scan(0, |sum, step| { *sum += step; Some(*sum) }).collect();
            let base = Rational { num: 1, den };
            let bytes = stream(width, height, base, shift, &ticks);
            let frames = read_all(&bytes, width, height).unwrap();
            prop_assert_eq!(frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), ticks);
            for (index, frame) in frames.iter().enumerate() {
                prop_assert!(frame.1.len() == (width * height * 3) as usize && frame.1.iter().all(|&byte| byte == index as u8));
            }
        }

        #[test]
        fn damaged_streams_end_in_an_error_or_early_and_never_panic(
            at in 0..400_usize, value in any::<u8>(), cut in 0..400_usize, noise in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut bytes = stream(2, 3, Rational { num: 1, den: 30 }, 7, &[0, 1, 2, 5]);
            let length = bytes.len();
            bytes[at % length] = value;
            let _any = read_all(&bytes, 2, 3);
            bytes.truncate(cut % length);
            bytes.extend(noise);
            let _any = read_all(&bytes, 2, 3);
        }
    }
}
