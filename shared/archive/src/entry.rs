//! One member in the directory (§4.3.12).

use crate::{
    Kind, Limits, Violation,
    error::shown,
    fields::{Fields, extras, widened},
    name::{SafePath, Sort, decode},
};

pub(crate) const ENTRY: u32 = 0x0201_4b50;
const ENTRY_BYTES: usize = 46;
/// Info-ZIP's path in UTF-8 (§4.6.9).
const UNICODE_PATH: u16 = 0x7075;

/// Bits of a member's flags (§4.4.4).
pub(crate) mod flags {
    pub(crate) const ENCRYPTED: u16 = 1;
    /// Sizes and checksum follow the data.
    pub(crate) const DESCRIPTOR: u16 = 1 << 3;
    pub(crate) const PATCH: u16 = 1 << 5;
    pub(crate) const STRONG: u16 = 1 << 6;
    pub(crate) const UTF8: u16 = 1 << 11;
    pub(crate) const MASKED: u16 = 1 << 13;
}

pub(crate) const STORED: u16 = 0;
pub(crate) const DEFLATED: u16 = 8;

/// A member as the directory has it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The path's bytes, which the member's own header must repeat.
    pub(crate) raw_path: Vec<u8>,
    /// For people, also where it is not safe.
    pub(crate) shown: String,
    /// `None` if it is not safe.
    pub(crate) path: Option<SafePath>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) packed_bytes: u64,
    pub(crate) bytes: u64,
    /// Where its own header begins.
    pub(crate) at: u64,
}

impl Entry {
    /// Reads the member at the beginning of `bytes`; what is wrong with it goes to `violations`. Gives its length besides; `None`
    /// if there is none.
    pub(crate) fn read(bytes: &[u8], limits: &Limits, violations: &mut Vec<Violation>) -> Option<(Self, usize)> {
        let fields = Fields(bytes.get(..ENTRY_BYTES)?);
        if fields.u32(0) != ENTRY {
            return None;
        }
        let lengths = [28, 30, 32].map(|at| usize::from(fields.u16(at)));
        let length = ENTRY_BYTES + lengths.iter().sum::<usize>();
        let rest = bytes.get(ENTRY_BYTES..length)?;
        let (raw_path, rest) = rest.split_at(lengths[0]);
        let extra = &rest[..lengths[1]];
        let flags = fields.u16(8);
        let mut path = Path::read(raw_path, extra, flags & flags::UTF8 != 0, limits);
        let mut note = |kind, problem: String| violations.push(Violation::of(&path.shown, kind, problem));
        if let Some(problem) = path.problem.take() {
            note(Kind::UnsafePath, problem);
        }
        if extras(extra).any(|field| field.is_none()) {
            note(
                Kind::Contradiction,
                "its extra fields are longer than their room".to_owned(),
            );
        }
        if let Some(what) = special(fields.u16(4), fields.u32(38), path.safe.as_ref()) {
            note(Kind::SpecialFile, format!("it is {what}"));
        }
        if fields.u16(34) != 0 {
            note(Kind::Unreadable, "it lies in another part of the archive".to_owned());
        }
        let wide = widened([fields.u32(24), fields.u32(20), fields.u32(42)], extra);
        let [bytes, packed_bytes, at] = wide.unwrap_or_else(|| {
            note(
                Kind::Contradiction,
                "its sizes refer to a Zip64 field that is not there".to_owned(),
            );
            [0; 3]
        });
        let entry = Self {
            raw_path: raw_path.to_owned(),
            shown: path.shown,
            path: path.safe,
            flags,
            method: fields.u16(10),
            crc32: fields.u32(16),
            packed_bytes,
            bytes,
            at,
        };
        Some((entry, length))
    }

    pub(crate) fn sort(&self) -> Sort {
        self.path.as_ref().map_or(Sort::Other, SafePath::sort)
    }

    /// What keeps a video from being unpacked, as far as the directory tells.
    pub(crate) fn judge_video(&self, limits: &Limits) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut note = |kind, problem: String| violations.push(Violation::of(&self.shown, kind, problem));
        if self.flags & (flags::ENCRYPTED | flags::STRONG | flags::MASKED) != 0 {
            note(Kind::Encrypted, "it is encrypted".to_owned());
        } else if self.method == STORED && self.packed_bytes != self.bytes {
            let (packed, bytes) = (self.packed_bytes, self.bytes);
            note(
                Kind::Contradiction,
                format!("it is stored as it is, yet {packed} bytes shall be {bytes}"),
            );
        } else if self.packed_bytes == 0 && self.bytes > 0 {
            note(
                Kind::Contradiction,
                format!("{} bytes shall come out of nothing", self.bytes),
            );
        } else if self.flags & flags::PATCH != 0 {
            note(Kind::Method, "it is a patch of another file".to_owned());
        } else if ![STORED, DEFLATED].contains(&self.method) {
            note(
                Kind::Method,
                format!("it is packed with method {}", method_name(self.method)),
            );
        }
        if self.bytes > limits.video_bytes {
            let problem = format!(
                "it has {} bytes unpacked, allowed are {}",
                self.bytes, limits.video_bytes
            );
            note(Kind::TooLarge, problem);
        }
        let most = self
            .packed_bytes
            .saturating_mul(limits.ratio)
            .max(limits.any_ratio_bytes);
        if self.bytes > most {
            let (bytes, packed) = (self.bytes, self.packed_bytes);
            note(Kind::Ratio, format!("{bytes} bytes shall come out of {packed}"));
        }
        violations
    }
}

/// A member's path, which may stand there twice.
struct Path {
    shown: String,
    safe: Option<SafePath>,
    problem: Option<String>,
}

impl Path {
    fn read(raw: &[u8], extra: &[u8], is_utf8: bool, limits: &Limits) -> Self {
        let Some(own) = decode(raw, is_utf8) else {
            return Self {
                shown: shown(&String::from_utf8_lossy(raw)),
                safe: None,
                problem: Some("its path is not the UTF-8 that it says to be".to_owned()),
            };
        };
        let unicode = extras(extra).flatten().find(|(id, _)| *id == UNICODE_PATH);
        let unicode = unicode.and_then(|(_, content)| unicode_path(content, raw));
        let path = unicode.as_deref().unwrap_or(&own);
        // Another program may take the other one.
        let checked = SafePath::check(&own, limits.path_bytes).and_then(|_| SafePath::check(path, limits.path_bytes));
        let shown = shown(path);
        match checked {
            Ok(safe) => Self {
                shown,
                safe: Some(safe),
                problem: None,
            },
            Err(problem) => Self {
                shown,
                safe: None,
                problem: Some(problem),
            },
        }
    }
}

/// Version 1, the checksum of the path that it stands for, and the path; one that is of an earlier path does not count.
fn unicode_path(content: &[u8], raw: &[u8]) -> Option<String> {
    let (head, path) = content.split_at_checked(5)?;
    let mut crc = flate2::Crc::new();
    crc.update(raw);
    let is_current = head[0] == 1 && Fields(head).u32(1) == crc.sum();
    std::str::from_utf8(path).ok().filter(|_| is_current).map(str::to_owned)
}

/// What a member is that is neither file nor folder. Unix programs keep a file's mode in the upper half of the attributes,
/// Windows marks links (reparse points) in the lower.
fn special(made_by: u16, attributes: u32, path: Option<&SafePath>) -> Option<&'static str> {
    let (unix, macos) = (3, 19);
    let is_unix = [unix, macos].contains(&(made_by >> 8));
    let is_folder = path.is_some_and(|path| path.sort() == Sort::Folder);
    match (attributes >> 16) & 0o170_000 {
        _ if !is_unix => (attributes & 0x400 != 0).then_some("a link"),
        0o120_000 => Some("a link"),
        0 | 0o100_000 => None,
        0o040_000 if is_folder => None,
        0o040_000 => Some("a folder with the path of a file"),
        _ => Some("a device, a pipe or a socket"),
    }
}

/// §4.4.5.
fn method_name(method: u16) -> String {
    let name = match method {
        1 => "Shrink",
        6 => "Implode",
        9 => "Deflate64",
        12 => "bzip2",
        14 => "LZMA",
        93 => "Zstandard",
        95 => "xz",
        98 => "PPMd",
        99 => "AES",
        _ => return method.to_string(),
    };
    format!("{method} ({name})")
}
