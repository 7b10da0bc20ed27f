//! The keys under `segmentation`, and signals wherever they stand.

use super::decode::{Field, Table, one_of};
use super::{GaitSource, Stage};
use crate::repetitions::{AngleOf, Axis, Different, GaitCycles, Segmentation, Signal, Valley};
use crate::{Angle, Landmark, Side, Space};

/// Keys of `NeuroPose` that have another name here.
const RENAMED: [(&str, &str); 6] = [
    ("min_distance_seconds", "`minimum_distance_s`"),
    ("min_cycle_seconds", "`minimum_cycle_s`"),
    ("min_prominence", "`minimum_prominence`"),
    ("min_height", "`minimum_height`"),
    ("pad_seconds", "`pad_s`"),
    ("person_index", "`preprocessing.person`"),
];

const SPACES: [(&str, Space); 2] = [("image", Space::Image), ("world", Space::World)];

#[derive(Clone, Copy)]
enum Kind {
    Automatic,
    GaitCycles,
    GaitCyclesBilateral,
    Extractor,
}

pub(super) fn stage(field: &Field<'_>) -> Option<Stage> {
    let table = field.table()?;
    let kind = table.must("kind")?.choice(&[
        ("automatic", Kind::Automatic),
        ("gait_cycles", Kind::GaitCycles),
        ("gait_cycles_bilateral", Kind::GaitCyclesBilateral),
        ("extractor", Kind::Extractor),
    ])?;
    let stage = match kind {
        Kind::Automatic => Some(Stage::Automatic),
        Kind::GaitCycles => {
            let side = table.get("side").map_or(Some(Side::Right), |side| {
                side.choice(&[("left", Side::Left), ("right", Side::Right)])
            });
            let from = gait(&table);
            side.zip(from).map(|(side, from)| Stage::GaitCycles { side, from })
        }
        Kind::GaitCyclesBilateral => gait(&table).map(|from| Stage::GaitCyclesBilateral { from }),
        Kind::Extractor => extractor(&table),
    };
    table.finish(&RENAMED);
    stage
}

fn gait(table: &Table<'_>) -> Option<GaitSource> {
    let minimum_cycle_s = match table.get("minimum_cycle_s") {
        Some(field) => field.positive()?,
        None => GaitCycles::MINIMUM_CYCLE_S,
    };
    if minimum_cycle_s > GaitCycles::LONGEST_CYCLE_S {
        table.wrong(
            "minimum_cycle_s",
            format!("is {minimum_cycle_s}, above {}", GaitCycles::LONGEST_CYCLE_S),
        );
        return None;
    }
    let minimum_prominence = table.get("minimum_prominence").map(|field| field.amount());
    let is_from_height = match table.get("from") {
        Some(field) => field.choice(&[("heel_strikes", false), ("heel_height", true)])?,
        None => false,
    };
    if is_from_height {
        return Some(GaitSource::HeelHeight {
            minimum_cycle_s,
            minimum_prominence: minimum_prominence.unwrap_or(Some(0.0))?,
        });
    }
    if minimum_prominence.is_some() {
        table.wrong(
            "minimum_prominence",
            "goes with `from: heel_height` alone: heel strikes have none",
        );
        return None;
    }
    Some(GaitSource::HeelStrikes { minimum_cycle_s })
}

fn extractor(table: &Table<'_>) -> Option<Stage> {
    let label = match table.get("label") {
        Some(field) => label(&field),
        None => Some("repetitions".to_owned()),
    };
    let signal = table.must("extractor").and_then(|field| {
        let keys = field.table()?;
        let invert = keys.get("invert").map_or(Some(false), |invert| invert.flag());
        let signal = signal_of(&keys);
        keys.finish(&RENAMED);
        signal.zip(invert)
    });
    let amount = |key: &'static str| table.get(key).map_or(Some(0.0), |field| field.amount());
    let (distance_s, prominence) = (amount("minimum_distance_s"), amount("minimum_prominence"));
    let (duration_s, pad_s) = (amount("minimum_duration_s"), amount("pad_s"));
    let height = table.get("minimum_height").map(|field| field.number());
    let smooth = table.get("smooth_hz").map(|field| field.positive());
    let keep = table.get("keep_partial").map_or(Some(false), |field| field.flag());
    let valley = table
        .get("valley")
        .map_or(Some(Valley::default()), |field| valley(&field));
    let (signal, invert) = signal?;
    Some(Stage::Extractor {
        label: label?,
        how: Segmentation {
            invert,
            smooth_hz: smooth.map_or(Some(None), |value| value.map(Some))?,
            minimum_distance_s: distance_s?,
            minimum_prominence: prominence?,
            minimum_height: height.map_or(Some(None), |value| value.map(Some))?,
            minimum_duration_s: duration_s?,
            valley: valley?,
            pad_s: pad_s?,
            keep_partial: keep?,
            ..Segmentation::of(signal)
        },
    })
}

/// A word that can stand in a file's or a column's name.
fn label(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let is_sound = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    if text.len() > 64 || !text.chars().all(is_sound) {
        field.wrong("is not up to 64 letters, digits, `_` and `-`");
        return None;
    }
    Some(text.to_owned())
}

/// `nearest`, `rest`, or a table with the share of the latter.
fn valley(field: &Field<'_>) -> Option<Valley> {
    if field.node.value.kind() == "a text" {
        return field.choice(&[("nearest", Valley::Nearest), ("rest", Valley::default())]);
    }
    let table = field.table()?;
    let share = table.must("rest").and_then(|share| {
        let value = share.amount()?;
        if value > 0.5 {
            share.wrong(format!("is {value}, not in 0 to 0.5"));
            return None;
        }
        Some(value)
    });
    table.finish(&[]);
    Some(Valley::Rest { share: share? })
}

/// A signal under a key of its own, which cannot be inverted: statistics would lose their sign.
pub(super) fn signal(field: &Field<'_>) -> Option<Signal> {
    let table = field.table()?;
    let signal = signal_of(&table);
    table.finish(&[("invert", "nothing: only segmentation inverts a signal")]);
    signal
}

#[derive(Clone, Copy)]
enum SignalKind {
    Axis,
    Distance,
    Speed,
    Angle,
}

fn signal_of(table: &Table<'_>) -> Option<Signal> {
    let kind = table.must("kind")?.choice(&[
        ("joint_axis", SignalKind::Axis),
        ("joint_pair_distance", SignalKind::Distance),
        ("joint_speed", SignalKind::Speed),
        ("joint_angle", SignalKind::Angle),
    ])?;
    let space = space(table, Space::Image);
    match kind {
        SignalKind::Axis => {
            let landmark = table.must("joint").and_then(|joint| landmark(&joint));
            let axis = table
                .must("axis")
                .and_then(|axis| axis.choice(&[("x", Axis::X), ("y", Axis::Y), ("z", Axis::Z)]));
            Some(Signal::JointAxis {
                landmark: landmark?,
                axis: axis?,
                space: space?,
            })
        }
        SignalKind::Distance => {
            let landmarks = table.must("joints").and_then(|joints| different(&joints));
            Some(Signal::JointPairDistance {
                landmarks: landmarks?,
                space: space?,
            })
        }
        SignalKind::Speed => {
            let landmark = table.must("joint").and_then(|joint| landmark(&joint));
            Some(Signal::JointSpeed {
                landmark: landmark?,
                space: space?,
            })
        }
        SignalKind::Angle => angle_of(table, space).map(Signal::JointAngle),
    }
}

fn angle_of(table: &Table<'_>, space: Option<Space>) -> Option<AngleOf> {
    match (table.get("angle"), table.get("triplet")) {
        (Some(angle), None) => {
            let (angle, side) = named_angle(&angle)?;
            Some(AngleOf::Named {
                angle,
                side,
                space: space?,
            })
        }
        (None, Some(triplet)) => {
            let landmarks = different(&triplet)?;
            Some(AngleOf::Landmarks {
                landmarks,
                space: space?,
            })
        }
        (Some(_), Some(_)) => {
            table.wrong("triplet", "goes without `angle`: both name the angle");
            None
        }
        (None, None) => {
            table.wrong("angle", "is missing, or `triplet` for an angle of your own");
            None
        }
    }
}

pub(super) fn space(table: &Table<'_>, otherwise: Space) -> Option<Space> {
    table
        .get("space")
        .map_or(Some(otherwise), |space| space.choice(&SPACES))
}

/// An angle of the analysis, such as `left_knee_flexion` or `trunk`.
fn named_angle(field: &Field<'_>) -> Option<(Angle, Option<Side>)> {
    let text = field.text()?;
    let angles = || {
        Angle::ALL
            .into_iter()
            .flat_map(|angle| angle.sides().iter().map(move |&side| (angle, side)))
    };
    let name = |(angle, side): (Angle, Option<Side>)| match side {
        Some(side) => format!("{}_{}", side.id(), angle.id()),
        None => angle.id().to_owned(),
    };
    let found = angles().find(|&angle| name(angle) == text);
    if found.is_none() {
        let names: Vec<String> = angles().map(name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        field.wrong(format!("is `{text}`, no angle of Marey's; {}", one_of(text, &names)));
    }
    found
}

pub(super) fn landmark(field: &Field<'_>) -> Option<Landmark> {
    if field.node.value.kind() == "a number" {
        field.wrong("is a number: write the landmark's name, such as `right_wrist`");
        return None;
    }
    let text = field.text()?;
    let found = Landmark::from_name(text);
    if found.is_none() {
        let names: Vec<&str> = Landmark::ALL.into_iter().map(Landmark::name).collect();
        field.wrong(format!("is `{text}`, no landmark; {}", one_of(text, &names)));
    }
    found
}

/// So many landmarks, no two of them the same.
pub(super) fn different<const N: usize>(field: &Field<'_>) -> Option<Different<N>> {
    let fields = field.list()?;
    if fields.len() != N {
        field.wrong(format!("has {} landmarks, not {N}", fields.len()));
        return None;
    }
    let landmarks: Vec<_> = fields.iter().map(landmark).collect();
    let landmarks = <[Landmark; N]>::try_from(landmarks.into_iter().collect::<Option<Vec<_>>>()?).ok()?;
    let different = Different::new(landmarks);
    if different.is_none() {
        field.wrong("has the same landmark twice");
    }
    different
}
