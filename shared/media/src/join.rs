//! One video from pieces that were encoded apart, without encoding anything again.
//!
//! The pieces' pictures keep their ticks exactly. ffmpeg's own ways of putting files together go by rounded durations and read a
//! script that names files; here the pieces' indexes become one ([`crate::mp4`]), and ffmpeg gets the whole through a pipe, as if it
//! were a single file, next to the sound of the source, which is never cut at a seam because it is not cut at all.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::child::{CancelHandle, Job, PatientWriter};
use crate::encode_options::EncodeOptions;
use crate::encoder::{mp4_output, name_file, part_beside};
use crate::feed::Feed;
use crate::mp4::{Index, Sample, Track};
use crate::sandbox::Access;
use crate::sound::Sound;
use crate::{EncodedVideo, MediaError, Tools};

/// A file that an encoder wrote with [`EncodeOptions::is_piece`].
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Where it is.
    pub path: PathBuf,
    /// The time of its first frame, s, on the timeline on which the frames were written.
    pub start_s: f64,
}

/// Joins pieces, in the order in which they are shown, and adds the sound. The options are those with which the pieces were encoded, less
/// [`EncodeOptions::is_piece`], with the sound of the whole.
///
/// # Errors
/// `MEDIA_REQUEST_INVALID` where the pieces don't fit: another encoding, overlapping times, a file that is not a piece. `MEDIA_CANCELLED`,
/// `MEDIA_IO`, and the ends of a child.
pub fn join(
    tools: &Tools,
    pieces: &[Piece],
    options: &EncodeOptions,
    to: &Path,
    cancel: &CancelHandle,
) -> Result<EncodedVideo, MediaError> {
    options.check()?;
    let parts = read(pieces, options)?;
    let last_ticks = (f64::from(options.ticks_per_second) / options.frame_rate.as_f64())
        .round()
        .max(1.0) as i64;
    let samples: Vec<Sample> = parts.iter().flat_map(|part| part.samples.iter().copied()).collect();
    let (Some(first), Some(last)) = (parts.first(), samples.iter().map(|sample| sample.shown).max()) else {
        return Err(MediaError::invalid("a video of no pieces"));
    };
    let start = samples.iter().map(|sample| sample.shown).min().unwrap_or(last);
    let index = Index::of(first, &samples, last_ticks).map_err(|error| MediaError::invalid(error.to_string()))?;
    let part = part_beside(to)?;
    let sound = Sound::wanted(tools, options)?;
    let mut access = Access {
        read: Vec::new(),
        write: vec![part.path().to_path_buf()],
    };
    access.read.extend(sound.iter().map(|sound| sound.source.clone()));
    let job = Job {
        tool: "ffmpeg",
        program: &tools.ffmpeg,
        limits: &options.limits,
        access,
    };
    let arguments = arguments(options, sound.as_ref(), part.path(), start - index.delay)?;
    let mut feed = Feed::start(&job, arguments, cancel)?;
    feed.send(|pipe| pipe.write_all(&index.bytes))?;
    for (piece, part) in pieces.iter().zip(&parts) {
        copy(&mut feed, &piece.path, &part.samples)?;
    }
    feed.end()?;
    name_file(tools, part, to, options, samples.len() as u64, last - start)
}

/// The tracks of the pieces with the times that they have in the whole.
fn read(pieces: &[Piece], options: &EncodeOptions) -> Result<Vec<Track>, MediaError> {
    let mut tracks: Vec<Track> = Vec::with_capacity(pieces.len());
    let mut free_from = i64::MIN;
    for piece in pieces {
        let mut track = Track::read(&piece.path).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => MediaError::invalid(error.to_string()),
            _ => MediaError::io("reading a piece of the video", &piece.path, error),
        })?;
        let start = options
            .tick(piece.start_s)
            .ok_or_else(|| MediaError::invalid("a piece before the start"))?;
        if track.ticks_per_second != options.ticks_per_second
            || tracks.first().is_some_and(|first| first.coding != track.coding)
        {
            return Err(MediaError::invalid("pieces that were encoded in different ways"));
        }
        for sample in &mut track.samples {
            sample.shown += start;
        }
        let shown = || track.samples.iter().map(|sample| sample.shown);
        let (Some(first), Some(last)) = (shown().min(), shown().max()) else {
            return Err(MediaError::invalid("a piece without frames"));
        };
        if first < free_from || !track.samples[0].is_key {
            return Err(MediaError::invalid(
                "pieces that overlap, or that do not start with a key frame",
            ));
        }
        free_from = last + 1;
        tracks.push(track);
    }
    Ok(tracks)
}

/// The pictures of a piece, in runs of bytes that follow each other.
fn copy(feed: &mut Feed, path: &Path, samples: &[Sample]) -> Result<(), MediaError> {
    let io = |error| MediaError::io("reading a piece of the video", path, error);
    let mut file = File::open(path).map_err(io)?;
    let mut buffer = vec![0; 1 << 20];
    for run in samples.chunk_by(|a, b| a.offset + u64::from(a.bytes) == b.offset) {
        file.seek(SeekFrom::Start(run[0].offset)).map_err(io)?;
        let mut left: u64 = run.iter().map(|sample| u64::from(sample.bytes)).sum();
        while left > 0 {
            let length = buffer.len().min(left as usize);
            file.read_exact(&mut buffer[..length]).map_err(io)?;
            feed.send(|pipe: &mut PatientWriter| pipe.write_all(&buffer[..length]))?;
            left -= length as u64;
        }
    }
    Ok(())
}

/// `start`: the tick of the whole at which decoding starts; in the pipe that is 0.
fn arguments(
    options: &EncodeOptions,
    sound: Option<&Sound>,
    part: &Path,
    start: i64,
) -> Result<Vec<OsString>, MediaError> {
    let offset_s = start as f64 / f64::from(options.ticks_per_second);
    let offset_s = format!("{offset_s:.6}");
    let mut arguments: Vec<OsString> = Vec::new();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&["-hide_banner", "-nostdin", "-nostats", "-v", "warning", "-copyts", "-y"]);
    add(&["-itsoffset", &offset_s, "-protocol_whitelist", "pipe,fd"]);
    add(&["-format_whitelist", "mov", "-f", "mov", "-i", "pipe:0"]);
    if let Some(sound) = sound {
        arguments.extend(sound.input(options)?);
    }
    arguments.extend(["-map", "0:v:0"].map(OsString::from));
    if let Some(sound) = sound {
        arguments.extend(sound.output(options));
    }
    arguments.extend(["-c:v", "copy"].map(OsString::from));
    arguments.extend(mp4_output(options, part)?);
    Ok(arguments)
}
