//! Which skeleton a file's markers are, by their names.

use std::collections::{HashMap, HashSet};

use super::{Skeleton, berkeley};

/// Files with fewer markers of a skeleton than this are not taken for one of it.
const LEAST_MARKERS: usize = 4;

/// A file's markers as landmarks of a skeleton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MarkerSet {
    pub(crate) skeleton: Skeleton,
    /// For each marker the subject's number and the landmark's index; `None` for markers that are not of the skeleton.
    pub(crate) places: Vec<Option<(usize, usize)>>,
    /// How many subjects there are, numbered in the order of their first marker.
    pub(crate) subjects: usize,
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
    let landmarks = skeleton.landmark_names().iter().enumerate();
    let known: HashMap<String, usize> = landmarks
        .flat_map(|(index, name)| spellings(name).into_iter().map(move |spelling| (spelling, index)))
        .collect();
    let mut subjects: HashMap<&str, usize> = HashMap::new();
    let mut taken = HashSet::new();
    let places = names.iter().map(|name| {
        let (subject, marker) = name.rsplit_once(':').unwrap_or(("", name));
        let landmark = *known.get(&plain(marker))?;
        let next = subjects.len();
        let place = (*subjects.entry(subject).or_insert(next), landmark);
        taken.insert(place).then_some(place)
    });
    let places = places.collect();
    MarkerSet {
        skeleton,
        places,
        subjects: subjects.len(),
    }
}

fn plain(name: &str) -> String {
    let kept = name.chars().filter(|c| !c.is_whitespace() && !"_-.".contains(*c));
    kept.flat_map(char::to_lowercase).collect()
}

/// How the landmark may be written: as Marey does, and as OpenPose and `Pose2Sim` do (`RBigToe`, `MidHip`). The hips' middle is also
/// `Hip` or `CHip` (`Pose2Sim`'s `skeletons.py`).
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

/// The name of a landmark in a file of markers. Halpe's and OpenPose's are those of `Pose2Sim`, whose models for `OpenSim` know them;
/// others have Marey's own.
pub(crate) fn marker_name(skeleton: Skeleton, name: &str) -> String {
    match (skeleton, name) {
        (Skeleton::Halpe26, "mid_hip") => "Hip".to_owned(),
        (Skeleton::Body25, "mid_hip") => "CHip".to_owned(),
        (Skeleton::Halpe26 | Skeleton::Body25, name) => {
            let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
            let part = |letter: &str, part: &str| letter.to_owned() + &part.split('_').map(capital).collect::<String>();
            let sides = [("left_", "L"), ("right_", "R")];
            let sided = sides
                .iter()
                .find_map(|(side, letter)| name.strip_prefix(side).map(|rest| part(letter, rest)));
            sided.unwrap_or_else(|| part("", name))
        }
        (Skeleton::BlazePose33 | Skeleton::Coco17 | Skeleton::BerkeleyMhad43, name) => name.to_owned(),
    }
}
