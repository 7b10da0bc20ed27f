//! Paths in archives, and the names that are made of them.

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::error::is_steering;

/// File names that end like this are videos; others are left alone. What a file is decides its content, later.
pub const VIDEO_ENDINGS: [&str; 10] = ["mp4", "mov", "m4v", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "mts"];

/// Files that hold files.
const ARCHIVE_ENDINGS: [&str; 9] = ["zip", "7z", "rar", "tar", "tgz", "tbz2", "txz", "tzst", "jar"];

/// The longest name of a video in bytes, as in the API.
const LONGEST_NAME: usize = 255;

/// What a member is for us, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Folder,
    Video,
    /// An archive in the archive.
    Archive,
    /// What systems leave behind: nobody packed it on purpose.
    Housekeeping,
    Hidden,
    Other,
}

/// A path that is safe: its parts, none of which is empty, `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SafePath {
    parts: Vec<String>,
    is_folder: bool,
}

impl SafePath {
    /// Checks a path as it stands in an archive.
    pub(crate) fn check(path: &str, most_bytes: usize) -> Result<Self, String> {
        let has_drive = |path: &str| matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
        if path.is_empty() {
            return Err("its path is empty".to_owned());
        }
        if path.len() > most_bytes {
            return Err(format!("its path has {} bytes, allowed are {most_bytes}", path.len()));
        }
        if path.chars().any(is_steering) {
            return Err("its path has control characters".to_owned());
        }
        if path.contains('\\') {
            return Err("its path has a backslash, which is a folder's end for some programs only".to_owned());
        }
        if path.starts_with('/') || has_drive(path) {
            return Err("its path is absolute".to_owned());
        }
        if path.split('/').any(|part| part == "..") {
            return Err("its path leads out of the archive".to_owned());
        }
        let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
        let parts: Vec<String> = parts.map(str::to_owned).collect();
        let is_folder = path.ends_with('/') || path.ends_with("/.") || path == ".";
        if parts.is_empty() && !is_folder {
            return Err("its path names nothing".to_owned());
        }
        Ok(Self { parts, is_folder })
    }

    /// The path with `/` between its parts.
    pub(crate) fn text(&self) -> String {
        self.parts.join("/")
    }

    pub(crate) fn sort(&self) -> Sort {
        let Some(file) = self.parts.last().filter(|_| !self.is_folder) else {
            return Sort::Folder;
        };
        let lower = file.to_lowercase();
        let is_macos = self.parts.iter().any(|part| part == "__MACOSX") || file.starts_with("._");
        if is_macos || ["ds_store", "thumbs.db", "desktop.ini"].contains(&lower.trim_start_matches('.')) {
            return Sort::Housekeeping;
        }
        if self.parts.iter().any(|part| part.starts_with('.')) {
            return Sort::Hidden;
        }
        let ending = lower.rsplit_once('.').map_or("", |(_, ending)| ending);
        if VIDEO_ENDINGS.contains(&ending) {
            Sort::Video
        } else if ARCHIVE_ENDINGS.contains(&ending) || lower.trim_end_matches(ending).ends_with(".tar.") {
            Sort::Archive
        } else {
            Sort::Other
        }
    }

    /// The name of a video: `patient_001/trial_01.mp4` is `patient_001_trial_01`, so that `patient_002/trial_01.mp4` is
    /// another. The rule is NeuroPose's (`_derive_job_name` of its `ingest.py`): the parts joined by `_`, without the file's
    /// ending, everything but letters, digits, `.`, `_` and `-` made `_`, several `_` made one and none at the ends. It knows
    /// ASCII letters only; here a letter of any script stays, in Unicode's composed form (NFC).
    ///
    /// # Errors
    /// It would be too long.
    pub(crate) fn name(&self) -> Result<String, String> {
        let mut joined = self.parts.join("/");
        if let Some((stem, ending)) = joined.rsplit_once('.')
            && !ending.contains('/')
            && !stem.is_empty()
        {
            joined.truncate(stem.len());
        }
        let composed = ComposingNormalizerBorrowed::new_nfc().normalize(&joined).into_owned();
        let mut name = String::with_capacity(composed.len());
        for c in composed.chars() {
            let is_kept = c.is_alphanumeric() || matches!(c, '.' | '-');
            if is_kept {
                name.push(c);
            } else if !name.ends_with('_') {
                name.push('_');
            }
        }
        let name = name.trim_matches('_');
        match name.len() {
            0 => Ok("video".to_owned()),
            1..=LONGEST_NAME => Ok(name.to_owned()),
            bytes => Err(format!("its name would have {bytes} bytes, allowed are {LONGEST_NAME}")),
        }
    }
}

/// Names with the same key are the same on some file system or to some eye: compatibility forms and case do not count.
pub(crate) fn key(name: &str) -> String {
    let normal = |text: &str| ComposingNormalizerBorrowed::new_nfkc().normalize(text).into_owned();
    normal(&normal(name).to_lowercase())
}

/// A name's bytes as text. Names without the UTF-8 flag are IBM code page 437 (appendix D); most programs write UTF-8 all the
/// same, which is hardly ever valid by chance.
pub(crate) fn decode(bytes: &[u8], is_utf8: bool) -> Option<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.to_owned()),
        Err(_) if is_utf8 => None,
        Err(_) => Some(bytes.iter().map(|&byte| of_page_437(byte)).collect()),
    }
}

fn of_page_437(byte: u8) -> char {
    const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
    if byte.is_ascii() {
        return char::from(byte);
    }
    UPPER.chars().nth(usize::from(byte - 128)).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(path: &str) -> SafePath {
        SafePath::check(path, 1024).unwrap()
    }

    #[test]
    fn names_are_made_of_paths() {
        let cases = [
            ("patient_001/trial_01.mp4", "patient_001_trial_01"),
            ("trial_01.mp4", "trial_01"),
            ("./a//b.MOV", "a_b"),
            ("a/b.tar.mp4", "a_b.tar"),
            ("_ (x) & y_.mp4", "x_y"),
            ("v1.2/läufer.mp4", "v1.2_läufer"),
            ("la\u{308}ufer.mp4", "läufer"),
            ("日本/走る.mp4", "日本_走る"),
            ("%%%.mp4", "video"),
        ];
        for (path, expected) in cases {
            assert_eq!(safe(path).name().as_deref(), Ok(expected), "{path}");
        }
        assert!(safe(&format!("{}.mp4", "x".repeat(256))).name().is_err());
    }

    #[test]
    fn names_collide_without_regard_to_case_and_form() {
        for (one, other) in [
            ("Trial", "tRIAL"),
            ("läufer", "la\u{308}ufer"),
            ("ﬁt", "fit"),
            ("Å", "\u{212b}"),
        ] {
            assert_eq!(key(one), key(other));
        }
        assert_ne!(key("a"), key("b"));
    }

    #[test]
    fn unsafe_paths_are_refused_and_safe_ones_are_not() {
        let wrong = [
            "",
            "/etc/passwd",
            "../a.mp4",
            "a/../../b.mp4",
            "a/..",
            "C:/a.mp4",
            "c:a.mp4",
            "a\\b.mp4",
            "..\\a",
            "a\0.mp4",
            "a\n.mp4",
            "a\u{1b}[2J.mp4",
            "a\u{202e}4pm.exe",
            "//host/a",
            "a\u{2028}b",
        ];
        for path in wrong {
            assert!(SafePath::check(path, 1024).is_err(), "{path:?}");
        }
        for path in [
            "a.mp4",
            "a/b.mp4",
            "..a/b..mp4",
            "./",
            "a/",
            "at 10:15.mp4",
            "läufer 🏃.mp4",
        ] {
            assert!(SafePath::check(path, 1024).is_ok(), "{path:?}");
        }
        assert!(SafePath::check("aaaa", 3).is_err());
    }

    #[test]
    fn members_are_sorted_by_their_paths() {
        let cases = [
            ("a/b.MP4", Sort::Video),
            ("a/", Sort::Folder),
            ("notes.txt", Sort::Other),
            ("mp4", Sort::Other),
            ("__MACOSX/a/._b.mp4", Sort::Housekeeping),
            ("a/._b.mp4", Sort::Housekeeping),
            ("a/.DS_Store", Sort::Housekeeping),
            ("Thumbs.db", Sort::Housekeeping),
            (".trash/b.mp4", Sort::Hidden),
            (".b.mp4", Sort::Hidden),
            ("inner.zip", Sort::Archive),
            ("inner.tar.gz", Sort::Archive),
            ("data.csv.gz", Sort::Other),
        ];
        for (path, expected) in cases {
            assert_eq!(safe(path).sort(), expected, "{path}");
        }
    }

    #[test]
    fn names_of_old_programs_are_read() {
        assert_eq!(decode(b"l\x84ufer", false).as_deref(), Some("läufer"));
        assert_eq!(decode("läufer".as_bytes(), false).as_deref(), Some("läufer"));
        assert_eq!(decode(b"l\x84ufer", true), None);
        assert_eq!(decode(&[255], false).as_deref(), Some("\u{a0}"));
    }
}
