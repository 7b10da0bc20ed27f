//! The directory, read as a whole, and the judgement of what it lists.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Seek},
    ops::Range,
};

use crate::{
    ArchiveError, Kind, Limits, Packed, Plan, Reason, Refusal, Skipped, Video, Violation,
    end::End,
    entry::{DEFLATED, Entry},
    fields::read_at,
    local::{LOCAL_BYTES, LONGEST_DESCRIPTOR, Place, locate},
    name::{SafePath, Sort, key},
};

/// A header's extra fields are rarely longer than this.
const USUAL_EXTRA: u64 = 256;

/// Violations are collected up to so many; an archive with more has been told enough.
const MOST_VIOLATIONS: usize = 1000;

/// An archive's directory, not judged yet.
#[derive(Debug, Clone)]
pub struct Directory {
    end: End,
    limits: Limits,
    entries: Vec<Entry>,
    violations: Vec<Violation>,
}

impl Directory {
    /// Reads the directory: the archive's last bytes and the directory itself, nothing else.
    ///
    /// # Errors
    /// [`ArchiveError::Read`]; [`ArchiveError::Refused`] if there is none, or more than the limits allow.
    pub fn read<R: Read + Seek>(archive: &mut R, limits: &Limits) -> Result<Self, ArchiveError> {
        let end = End::find(archive, limits)?;
        // The end's checks bound it.
        let bytes = read_at(archive, end.at, end.bytes as usize)?;
        let (mut entries, mut violations) = (Vec::new(), Vec::new());
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let Some((entry, length)) = Entry::read(rest, limits, &mut violations) else {
                let problem = format!("its directory cannot be read behind member {}", entries.len());
                return Err(Violation::of_archive(Kind::Unreadable, problem).into());
            };
            entries.push(entry);
            rest = &rest[length..];
        }
        if entries.len() as u64 != end.members {
            let problem = format!("its directory lists {} members and says {}", entries.len(), end.members);
            return Err(Violation::of_archive(Kind::Unreadable, problem).into());
        }
        Ok(Self {
            end,
            limits: limits.clone(),
            entries,
            violations,
        })
    }

    /// The ranges of the archive that [`Directory::judge`] is going to read, as far as can be known: for whoever can fetch them
    /// together.
    pub fn ranges(&self) -> Vec<Range<u64>> {
        if self.has_too_many_videos() {
            return Vec::new();
        }
        let mut ranges = Vec::new();
        for entry in self.videos() {
            let path_bytes = entry.raw_path.len() as u64;
            let head_end = entry.at.saturating_add(LOCAL_BYTES + path_bytes + USUAL_EXTRA);
            ranges.push(entry.at..head_end.min(self.end.at));
            if entry.flags & crate::entry::flags::DESCRIPTOR != 0 {
                let data_at = entry.at.saturating_add(LOCAL_BYTES + path_bytes);
                let data_end = data_at.saturating_add(entry.packed_bytes);
                let end = data_end.saturating_add(USUAL_EXTRA + LONGEST_DESCRIPTOR);
                ranges.push(data_end..end.min(self.end.at));
            }
        }
        ranges.retain(|range| range.start < range.end);
        ranges
    }

    /// Judges everything, reading the header before each video and what follows its data.
    ///
    /// # Errors
    /// [`ArchiveError::Read`]; [`ArchiveError::Refused`] with all that is wrong.
    pub fn judge<R: Read + Seek>(&self, archive: &mut R) -> Result<Plan, ArchiveError> {
        let mut violations = self.violations.clone();
        let mut plan = Plan {
            videos: Vec::new(),
            skipped: Vec::new(),
            housekeeping: 0,
        };
        // Where each member begins, and at least how far it reaches.
        let mut extents = Vec::with_capacity(self.entries.len());
        let is_read = !self.has_too_many_videos();
        for entry in &self.entries {
            let mut reach = entry.at.saturating_add(LOCAL_BYTES + entry.raw_path.len() as u64);
            reach = reach.saturating_add(entry.packed_bytes);
            if entry.sort() == Sort::Video && entry.bytes > 0 {
                let own = entry.judge_video(&self.limits);
                let is_sound = own.is_empty();
                violations.extend(own);
                if is_read {
                    match locate(archive, entry, self.end.at)? {
                        Ok(place) => {
                            reach = place.end;
                            if is_sound {
                                plan.add(entry, place, &mut violations);
                            }
                        }
                        Err(problem) => violations.push(Violation::of(&entry.shown, Kind::Contradiction, problem)),
                    }
                }
            } else {
                violations.extend(plan.leave(entry));
            }
            extents.push((entry.at..reach, entry.shown.as_str()));
            if violations.len() > MOST_VIOLATIONS {
                break;
            }
        }
        violations.extend(self.judge_whole());
        violations.extend(overlaps(extents, self.end.at));
        violations.extend(self.duplicates());
        violations.extend(collisions(&self.entries));
        match Refusal::new(violations) {
            Some(refusal) => Err(refusal.into()),
            None => Ok(plan),
        }
    }

    fn videos(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.sort() == Sort::Video && entry.bytes > 0)
    }

    fn has_too_many_videos(&self) -> bool {
        self.videos().nth(self.limits.videos).is_some()
    }

    /// What concerns no member by itself.
    fn judge_whole(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        let count = self.videos().count();
        if count == 0 {
            let problem = format!("none of its {} members is a video", self.entries.len());
            violations.push(Violation::of_archive(Kind::NoVideo, problem));
        }
        if count > self.limits.videos {
            let problem = format!("it has {count} videos, allowed are {}", self.limits.videos);
            violations.push(Violation::of_archive(Kind::TooLarge, problem));
        }
        let total = self.videos().fold(0_u64, |sum, entry| sum.saturating_add(entry.bytes));
        if total > self.limits.total_bytes {
            let most = self.limits.total_bytes;
            let problem = format!("its videos have {total} bytes unpacked, allowed are {most}");
            violations.push(Violation::of_archive(Kind::TooLarge, problem));
        }
        violations
    }

    /// Paths that stand there several times, each once.
    fn duplicates(&self) -> Vec<Violation> {
        let (mut seen, mut told) = (BTreeSet::new(), BTreeSet::new());
        let mut violations = Vec::new();
        let files = self.entries.iter().filter(|entry| entry.sort() != Sort::Folder);
        for entry in files {
            let Some(path) = entry.path.as_ref().map(SafePath::text) else {
                continue;
            };
            if !seen.insert(path.clone()) && told.insert(path) {
                violations.push(Violation::of(
                    &entry.shown,
                    Kind::Duplicate,
                    "several members have this path",
                ));
            }
        }
        violations
    }
}

impl Plan {
    /// Notes a member that is no video with content; gives what is wrong with it.
    fn leave(&mut self, entry: &Entry) -> Option<Violation> {
        let wrong = |kind, problem| Some(Violation::of(&entry.shown, kind, problem));
        match entry.sort() {
            Sort::Archive => return wrong(Kind::Nested, "it is an archive itself"),
            Sort::Folder if entry.bytes > 0 || entry.packed_bytes > 0 => {
                return wrong(Kind::Contradiction, "it is a folder with content");
            }
            Sort::Video => self.skip(entry, Reason::Empty),
            Sort::Hidden => self.skip(entry, Reason::Hidden),
            Sort::Other if entry.path.is_some() => self.skip(entry, Reason::NotAVideo),
            Sort::Housekeeping => self.housekeeping += 1,
            Sort::Other | Sort::Folder => {}
        }
        None
    }

    fn skip(&mut self, entry: &Entry, reason: Reason) {
        self.skipped.push(Skipped {
            path: entry.shown.clone(),
            reason,
        });
    }

    fn add(&mut self, entry: &Entry, place: Place, violations: &mut Vec<Violation>) {
        let Some(path) = &entry.path else { return };
        match path.name() {
            Ok(name) => self.videos.push(Video {
                path: path.text(),
                name,
                packed: Packed {
                    at: place.data_at,
                    length: entry.packed_bytes,
                    bytes: entry.bytes,
                    is_deflated: entry.method == DEFLATED,
                    crc32: entry.crc32,
                },
            }),
            Err(problem) => violations.push(Violation::of(&entry.shown, Kind::UnsafePath, problem)),
        }
    }
}

/// Members that share bytes with the one before them, or reach into the directory. A bomb whose members overlap inflates the same
/// bytes again and again; in an honest archive each has its own.
fn overlaps(mut extents: Vec<(Range<u64>, &str)>, directory_at: u64) -> Vec<Violation> {
    extents.sort_by_key(|(extent, _)| (extent.start, extent.end));
    let mut violations = Vec::new();
    let mut reached = 0;
    for (extent, member) in extents {
        if extent.start < reached {
            violations.push(Violation::of(member, Kind::Overlap, "it lies within another member"));
        } else if extent.end > directory_at {
            violations.push(Violation::of(member, Kind::Overlap, "it reaches into the directory"));
        }
        reached = reached.max(extent.end);
        if violations.len() > MOST_VIOLATIONS {
            break;
        }
    }
    violations
}

/// Names that several videos would have, with all their paths. Members of one path are told elsewhere.
fn collisions(entries: &[Entry]) -> Vec<Violation> {
    let mut named: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    let videos = entries
        .iter()
        .filter(|entry| entry.sort() == Sort::Video && entry.bytes > 0);
    for path in videos.filter_map(|entry| entry.path.as_ref()) {
        let Ok(name) = path.name() else { continue };
        let (_, paths) = named.entry(key(&name)).or_insert_with(|| (name, BTreeSet::new()));
        paths.insert(path.text());
    }
    let several = named.into_values().filter(|(_, paths)| paths.len() > 1);
    let told = several.map(|(name, paths)| {
        let paths: Vec<String> = paths.iter().map(|path| crate::error::shown(path)).collect();
        let problem = format!("the name `{name}` is that of {}", paths.join(" and "));
        Violation::of_archive(Kind::Collision, problem)
    });
    told.take(MOST_VIOLATIONS).collect()
}
