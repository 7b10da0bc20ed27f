//! Makes small videos with ffmpeg's own generators, in a folder that goes away.

use std::path::{Path, PathBuf};
use std::process::Command;

use marey_media::{Frame, FrameReader, Limits, MediaError, ReadOptions, Tools, VideoInfo, probe};

pub(crate) struct Footage {
    pub(crate) tools: Tools,
    folder: tempfile::TempDir,
}

impl Footage {
    /// `None`, said aloud, where ffmpeg is not installed.
    pub(crate) fn new() -> Option<Self> {
        match Tools::from_env() {
            Ok(tools) => Some(Self {
                tools,
                folder: tempfile::tempdir().unwrap(),
            }),
            Err(error) => {
                eprintln!("skipped: {error}");
                None
            }
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs ffmpeg with these words, then the name.
    pub(crate) fn make(&self, name: &str, words: &str) -> PathBuf {
        let path = self.path(name);
        let output = program(&self.tools.ffmpeg)
            .args(["-v", "error", "-nostdin", "-y"])
            .args(words.split_whitespace())
            .arg(&path)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{words}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        path
    }

    /// A moving test picture in H.264.
    pub(crate) fn film(&self, name: &str, size: &str, rate: u32, seconds: f64, more: &str) -> PathBuf {
        let source = format!("-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds}");
        self.make(
            name,
            &format!("{source} -pix_fmt yuv420p -c:v libx264 -preset ultrafast {more}"),
        )
    }

    pub(crate) fn has_encoder(&self, name: &str) -> bool {
        let output = program(&self.tools.ffmpeg)
            .args(["-hide_banner", "-encoders"])
            .output()
            .unwrap();
        let has = String::from_utf8_lossy(&output.stdout)
            .split_whitespace()
            .any(|word| word == name);
        if !has {
            eprintln!("skipped: this ffmpeg has no {name}");
        }
        has
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn probe(&self, path: &Path) -> VideoInfo {
        self.try_probe(path)
            .unwrap_or_else(|error| panic!("{error}: {:?}", error.diagnostics()))
    }

    pub(crate) fn try_probe(&self, path: &Path) -> Result<VideoInfo, MediaError> {
        probe(&self.tools, path, &Limits::default())
    }

    pub(crate) fn open(&self, path: &Path, options: ReadOptions) -> FrameReader {
        FrameReader::open(&self.tools, path, &self.probe(path), options).unwrap()
    }

    pub(crate) fn read_all(&self, path: &Path, options: ReadOptions) -> Vec<Frame> {
        let mut reader = self.open(path, options);
        let mut frames = Vec::new();
        while let Some(frame) = reader
            .read()
            .unwrap_or_else(|error| panic!("{error}: {:?}", error.diagnostics()))
        {
            frames.push(frame);
        }
        frames
    }

    /// The frames' times in ticks as ffprobe gives them after really decoding: an account that owes nothing to this crate.
    pub(crate) fn decoded_ticks(&self, path: &Path) -> Vec<i64> {
        let output = program(&self.tools.ffprobe)
            .args([
                "-v",
                "error",
                "-select_streams",
                "v:0",
                "-show_entries",
                "frame=best_effort_timestamp",
                "-of",
                "csv=p=0",
            ])
            .arg(path)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines()
            .filter_map(|line| line.trim_end_matches(',').parse().ok())
            .collect()
    }
}

/// A tool as the tests themselves use it. Static builds crash when they load the system's text converters.
pub(crate) fn program(tool: &Path) -> Command {
    let mut command = Command::new(tool);
    command.env("GCONV_PATH", "/nonexistent");
    command
}

/// Colour of a pixel.
pub(crate) fn pixel(frame: &Frame, x: u32, y: u32) -> [u8; 3] {
    let at = (y * frame.width + x) as usize * 3;
    [frame.rgb[at], frame.rgb[at + 1], frame.rgb[at + 2]]
}

pub(crate) fn assert_colour(found: [u8; 3], wanted: [u8; 3], tolerance: u8) {
    let is_near = found.iter().zip(wanted).all(|(&a, b)| a.abs_diff(b) <= tolerance);
    assert!(is_near, "{found:?} is not {wanted:?}");
}

/// Writes a turn into the display matrix of the video track, as phones do: quarter turns clockwise.
pub(crate) fn turn(mp4: &Path, quarters: usize) {
    let mut bytes = std::fs::read(mp4).unwrap();
    let at = bytes.windows(4).position(|window| window == b"tkhd").unwrap() + 4 + 40;
    let (one, zero, minus) = (0x0001_0000_i32, 0, -0x0001_0000_i32);
    let turns = [
        [one, zero, zero, one],
        [zero, one, minus, zero],
        [minus, zero, zero, minus],
        [zero, minus, one, zero],
    ];
    let [a, b, c, d] = turns[quarters];
    for (index, value) in [a, b, 0, c, d, 0, 0, 0, 0x4000_0000].into_iter().enumerate() {
        bytes[at + index * 4..at + index * 4 + 4].copy_from_slice(&value.to_be_bytes());
    }
    std::fs::write(mp4, bytes).unwrap();
}
