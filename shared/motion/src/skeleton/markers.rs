//! Which skeleton a file's markers are, by their names.

use super::{Skeleton, berkeley};

/// Files with fewer markers of a skeleton than this are not taken for one of it.
const LEAST_MARKERS: usize = 4;

/// A file's markers as landmarks of a skeleton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MarkerSet {
    pub(crate) skeleton: Skeleton,
    /// For each marker the subject's number in `subjects` and the landmark's index; `None` for markers that are not of the skeleton.
    pub(crate) places: Vec<Option<(usize, usize)>>,
    /// Names of the subjects in the order of their first marker; one without a name where names have no `subject:`.
    pub(crate) subjects: Vec<String>,
}

impl MarkerSet {
    fn matches(&self) -> usize {
        self.places.iter().flatten().count()
    }
}

/// The skeleton that has the most of a file's markers, or the wanted one; `None` if it has too few.
///
/// Names are compared without case, spaces, `_`, `-` and `.`: `RBigToe`, `r_big_toe` and `right_big_toe` are one. A subject's name before a
/// colon tells people apart, as in `Anna:RKnee`. Of several markers of one name the first counts.
pub(crate) fn recognise(names: &[&str], wanted: Option<Skeleton>) -> Option<MarkerSet> {
    let least = if wanted.is_some() { 1 } else { LEAST_MARKERS };
    let candidates = Skeleton::ALL
        .into_iter()
        .filter(|skeleton| wanted.is_none_or(|wanted| wanted == *skeleton))
        .map(|skeleton| set(names, skeleton));
    // Of equals the first, which has the landmarks that Marey measures on.
    let best = candidates.fold(None::<MarkerSet>, |best, next| match best {
        Some(best) if best.matches() >= next.matches() => Some(best),
        _ => Some(next),
    })?;
    (best.matches() >= least).then_some(best)
}

fn set(names: &[&str], skeleton: Skeleton) -> MarkerSet {
    let known: Vec<Vec<String>> = skeleton.landmark_names().iter().map(|name| spellings(name)).collect();
    let mut set = MarkerSet {
        skeleton,
        places: Vec::with_capacity(names.len()),
        subjects: Vec::new(),
    };
    // As many places as markers are searched for each marker: files have some hundreds at most, which readers make sure of.
    for name in names {
        let (subject, marker) = name.rsplit_once(':').unwrap_or(("", name));
        let plain = plain(marker);
        let landmark = known.iter().position(|spellings| spellings.contains(&plain));
        let place = landmark.and_then(|landmark| {
            let subject_index = set.subjects.iter().position(|known| known == subject);
            let subject_index = subject_index.unwrap_or_else(|| {
                set.subjects.push(subject.to_owned());
                set.subjects.len() - 1
            });
            let place = (subject_index, landmark);
            (!set.places.contains(&Some(place))).then_some(place)
        });
        set.places.push(place);
    }
    set
}

fn plain(name: &str) -> String {
    let kept = name.chars().filter(|c| !c.is_whitespace() && !"_-.".contains(*c));
    kept.flat_map(char::to_lowercase).collect()
}

/// How the landmark may be written: as Marey does, and as OpenPose and Pose2Sim do (`RBigToe`, `MidHip`). The hips' middle is also
/// `Hip` or `CHip` (Pose2Sim's `skeletons.py`).
fn spellings(name: &str) -> Vec<String> {
    let mut spellings = vec![plain(name)];
    if berkeley::NAMES.contains(&name) {
        // These are short already, and `head` is a marker on the head and not its top.
        return spellings;
    }
    for (side, letter) in [("left_", "l"), ("right_", "r")] {
        if let Some(part) = name.strip_prefix(side) {
            spellings.push(format!("{letter}{}", plain(part)));
        }
    }
    if name == "mid_hip" {
        spellings.extend(["hip".to_owned(), "chip".to_owned()]);
    }
    spellings
}
