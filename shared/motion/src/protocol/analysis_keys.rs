//! The keys under `analysis`.

use super::decode::{Field, Table};
use super::segmentation_keys::{different, landmark, signal, space};
use super::{Comparison, Representation, Task};
use crate::Space;
use crate::compare::{Align, Band, Method, Missing};
use crate::repetitions::Different;

#[derive(Clone, Copy)]
enum Kind {
    None,
    Stats,
    Dtw,
}

#[derive(Clone, Copy)]
enum How {
    All,
    PerJoint,
    Relation,
}

/// What is measured. A comparison without a reference is told elsewhere, where `inputs` are looked at.
pub(super) fn task(field: &Field<'_>, reference: Option<&str>) -> Option<Task> {
    let table = field.table()?;
    let kind = table
        .must("kind")?
        .choice(&[("none", Kind::None), ("stats", Kind::Stats), ("dtw", Kind::Dtw)])?;
    let task = match kind {
        Kind::None => Some(Task::None),
        Kind::Stats => table
            .must("extractor")
            .and_then(|field| signal(&field))
            .map(|extractor| Task::Stats { extractor }),
        Kind::Dtw => dtw(&table, reference),
    };
    table.finish(&[]);
    task
}

fn dtw(table: &Table<'_>, reference: Option<&str>) -> Option<Task> {
    let comparison = comparison(table);
    let align = table.get("align").map_or(Some(Align::default()), |align| {
        align.choice(&[
            ("none", Align::None),
            ("procrustes_per_frame", Align::ProcrustesPerFrame),
            ("procrustes_per_sequence", Align::ProcrustesPerSequence),
        ])
    });
    let nan_policy = table.get("nan_policy").map_or(Some(Missing::default()), |policy| {
        policy.choice(&[
            ("propagate", Missing::Propagate),
            ("interpolate", Missing::Interpolate),
            ("drop", Missing::Drop),
        ])
    });
    let space = space(table, Space::World);
    let search = search(table);
    Some(Task::Dtw {
        // Empty only in what is thrown away, with the problem that the reference is missing.
        reference: reference.unwrap_or_default().to_owned(),
        comparison: comparison?,
        align: align?,
        space: space?,
        nan_policy: nan_policy?,
        search: search?,
    })
}

fn comparison(table: &Table<'_>) -> Option<Comparison> {
    let how = table.get("method").map_or(Some(How::All), |method| {
        method.choice(&[
            ("dtw_all", How::All),
            ("dtw_per_joint", How::PerJoint),
            ("dtw_relation", How::Relation),
        ])
    })?;
    if let How::Relation = how {
        return relation(table);
    }
    for key in ["joint_i", "joint_j"] {
        if table.get(key).is_some() {
            table.wrong(key, "goes with `method: dtw_relation` alone");
        }
    }
    let representation = representation(table)?;
    Some(match how {
        How::PerJoint => Comparison::PerJoint(representation),
        _ => Comparison::All(representation),
    })
}

fn relation(table: &Table<'_>) -> Option<Comparison> {
    if table
        .get("representation")
        .is_some_and(|field| field.text() != Some("coords"))
    {
        table.wrong(
            "representation",
            "must be `coords` with `method: dtw_relation`: a vector between two landmarks is no angle",
        );
    }
    if table.get("angle_triplets").is_some() {
        table.wrong("angle_triplets", "goes without `method: dtw_relation`");
    }
    let joint = |key: &'static str| table.must(key).and_then(|field| landmark(&field));
    let (from, to) = (joint("joint_i"), joint("joint_j"));
    let joints = Different::new([from?, to?]);
    if joints.is_none() {
        table.wrong("joint_j", "is the same landmark as `joint_i`");
    }
    Some(Comparison::Relation { joints: joints? })
}

fn representation(table: &Table<'_>) -> Option<Representation> {
    let has_angles = table.get("representation").map_or(Some(false), |field| {
        field.choice(&[("coords", false), ("angles", true)])
    })?;
    let triplets = table.get("angle_triplets");
    if !has_angles {
        if triplets.is_some() {
            table.wrong("angle_triplets", "goes with `representation: angles` alone");
            return None;
        }
        return Some(Representation::Coords);
    }
    let Some(triplets) = triplets else {
        table.wrong("angle_triplets", "is missing, and `representation` is `angles`");
        return None;
    };
    let fields = triplets.list()?;
    if fields.is_empty() {
        triplets.wrong("is empty: at least one angle is needed");
        return None;
    }
    let angles: Vec<_> = fields.iter().map(different).collect();
    Some(Representation::Angles {
        angle_triplets: angles.into_iter().collect::<Option<_>>()?,
    })
}

/// Exact by default, where `NeuroPose` has only the approximation.
fn search(table: &Table<'_>) -> Option<Method> {
    let is_fast = table
        .get("search")
        .map_or(Some(false), |field| field.choice(&[("exact", false), ("fast", true)]))?;
    let (window, radius) = (table.get("window"), table.get("radius"));
    let frames = |field: &Field<'_>| field.whole(1_000_000).map(|frames| frames as usize);
    if is_fast {
        if window.is_some() {
            table.wrong("window", "goes with `search: exact` alone");
        }
        let radius = radius.map_or(Some(1), |field| frames(&field))?;
        return Some(Method::Fast { radius });
    }
    if radius.is_some() {
        table.wrong("radius", "goes with `search: fast` alone");
    }
    let band = match window {
        Some(field) => Some(Band {
            radius: frames(&field)?,
        }),
        None => None,
    };
    Some(Method::Exact { band })
}
