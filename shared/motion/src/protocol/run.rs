//! Carrying an analysis file out on recordings that were analysed.

use std::collections::BTreeMap;
use std::ops::Range;

use super::report::{Distances, InputSummary, Pair, REPORT_SCHEMA_VERSION, Report, Results, Spread, Statistics};
use super::{Comparison, GaitSource, Protocol, ProtocolError, Representation, Stage, Task, Who};
use crate::compare::{self, Cost, Rotation, Warp, WarpSettings, warp_all, warp_per_joint, warp_relation};
use crate::findings::Repetitions;
use crate::repetitions::{Configuration, Movement, Signal, choose, gait_cycles, segment};
use crate::{Analysis, Landmark, MotionError, PersonAnalysis, Side, Space};

/// A recording with its analysis, made with [`Protocol::cleaning`] and with its poses still in it.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The name by which the recording was called for.
    pub name: &'a str,
    /// SHA-256 of its file in lower-case hexadecimal.
    pub sha256: &'a str,
    /// What was measured on it.
    pub analysis: &'a Analysis,
}

/// The name of what is not cut.
const FULL_TRIAL: &str = "full_trial";

/// Carries an analysis out. `created_at` is the moment that the report shall state.
///
/// # Errors
///
/// [`ProtocolError::Unfit`] if the person is not in a recording, or a reference is missing or given without need;
/// [`ProtocolError::Motion`] if two movements cannot be compared, as [`compare`] says, or poses were taken out of an analysis.
pub fn run(
    protocol: &Protocol,
    primary: &Input<'_>,
    reference: Option<&Input<'_>>,
    created_at: &str,
) -> Result<Report, ProtocolError> {
    if matches!(protocol.analysis, Task::Dtw { .. }) != reference.is_some() {
        return Err(ProtocolError::Unfit(
            "a reference goes with a comparison, and only with it".to_owned(),
        ));
    }
    let primary = Subject::of(primary, protocol.person)?;
    let reference = reference
        .map(|reference| Subject::of(reference, protocol.person))
        .transpose()?;
    let stage = protocol.segmentation.as_ref();
    let segmentations = stage.map_or(Ok(BTreeMap::new()), |stage| primary.cut(stage))?;
    let theirs = match (stage, &reference) {
        (Some(stage), Some(reference)) => reference.cut_like(stage, &segmentations)?,
        _ => BTreeMap::new(),
    };
    let mut notes = Vec::new();
    let results = match (&protocol.analysis, &reference) {
        (Task::Stats { extractor }, _) => stats(*extractor, &primary, stage.is_some(), &segmentations, &mut notes),
        (Task::Dtw { .. }, Some(reference)) => {
            let pairs = pairs(
                &primary,
                reference,
                stage.is_some(),
                &segmentations,
                &theirs,
                &mut notes,
            );
            dtw(&protocol.analysis, &primary, reference, &pairs)?
        }
        (Task::None | Task::Dtw { .. }, _) => Results::None,
    };
    Ok(Report {
        schema_version: REPORT_SCHEMA_VERSION,
        marey_version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: created_at.to_owned(),
        seed: None,
        config: protocol.clone(),
        primary: primary.summary(),
        reference: reference.as_ref().map(Subject::summary),
        segmentations,
        reference_segmentations: theirs,
        results,
        notes,
    })
}

/// The person who is measured in a recording.
struct Subject<'a> {
    input: &'a Input<'a>,
    person: &'a PersonAnalysis,
}

impl<'a> Subject<'a> {
    fn of(input: &'a Input<'a>, who: Who) -> Result<Self, ProtocolError> {
        let people = &input.analysis.people;
        let person = match who {
            // Of several that are seen equally often the first.
            Who::Foremost => people.iter().rev().max_by_key(|person| person.frames_seen),
            Who::Number(id) => people.iter().find(|person| person.id == id),
        };
        let person = person.ok_or_else(|| {
            let numbers: Vec<String> = people.iter().map(|person| person.id.to_string()).collect();
            let has = if numbers.is_empty() {
                "nobody".to_owned()
            } else {
                format!("people {}", numbers.join(", "))
            };
            let wanted = match who {
                Who::Foremost => "a person".to_owned(),
                Who::Number(id) => format!("person {id}"),
            };
            ProtocolError::Unfit(format!("{wanted} is asked for, and `{}` has {has}", input.name))
        })?;
        if person.poses.len() != input.analysis.time_s.len() {
            let why = "its poses were taken out".to_owned();
            return Err(MotionError::InvalidAnalysis(why).into());
        }
        Ok(Self { input, person })
    }

    fn movement(&self) -> Movement<'a> {
        Movement::of(self.input.analysis, self.person)
    }

    fn frames(&self) -> usize {
        self.input.analysis.time_s.len()
    }

    fn minimum_visibility(&self) -> f32 {
        self.input.analysis.settings.minimum_visibility
    }

    fn summary(&self) -> InputSummary {
        let analysis = self.input.analysis;
        let duration_s = match analysis.time_s.as_slice() {
            [first, .., last] => last - first,
            _ => 0.0,
        };
        InputSummary {
            name: self.input.name.to_owned(),
            sha256: self.input.sha256.to_owned(),
            model: analysis.model.clone(),
            frames: analysis.time_s.len(),
            duration_s,
            person: self.person.id,
            frames_seen: self.person.frames_seen,
            notes: analysis.notes.clone(),
        }
    }

    /// The segments under the names that `NeuroPose` gives them.
    fn cut(&self, stage: &Stage) -> Result<BTreeMap<String, Repetitions>, ProtocolError> {
        let movement = self.movement();
        let gait = |from: &GaitSource, side: Side| match from.of(side) {
            Ok(cycles) => gait_cycles(&movement, &self.person.findings.events, &cycles),
            Err(how) => segment(&movement, &how),
        };
        let strikes = |side: Side| format!("{}_heel_strikes", side.id());
        Ok(match stage {
            Stage::Automatic => [(
                "repetitions".to_owned(),
                choose(&movement, &self.person.findings.events),
            )]
            .into(),
            Stage::GaitCycles { side, from } => [(strikes(*side), gait(from, *side)?)].into(),
            Stage::GaitCyclesBilateral { from } => {
                let left = (strikes(Side::Left), gait(from, Side::Left)?);
                [left, (strikes(Side::Right), gait(from, Side::Right)?)].into()
            }
            Stage::Extractor { label, how } => [(label.clone(), segment(&movement, how)?)].into(),
        })
    }

    /// The same for a reference: where the signal was chosen, it is that of the recording.
    fn cut_like(
        &self,
        stage: &Stage,
        primary: &BTreeMap<String, Repetitions>,
    ) -> Result<BTreeMap<String, Repetitions>, ProtocolError> {
        if *stage != Stage::Automatic {
            return self.cut(stage);
        }
        let movement = self.movement();
        let mut theirs = BTreeMap::new();
        for (name, found) in primary {
            let cut = match &found.configuration {
                Some(Configuration::ValleyToValleyV1(how)) => segment(&movement, how)?,
                Some(Configuration::HeelStrikesV1(how)) => gait_cycles(&movement, &self.person.findings.events, how)?,
                None => continue,
            };
            theirs.insert(name.clone(), cut);
        }
        Ok(theirs)
    }
}

fn stats(
    signal: Signal,
    subject: &Subject<'_>,
    is_cut: bool,
    segmentations: &BTreeMap<String, Repetitions>,
    notes: &mut Vec<String>,
) -> Results {
    let values = signal.values(&subject.movement());
    let mut segments = Vec::new();
    for (label, frames) in ranges(is_cut, segmentations, subject.frames()) {
        let known: Vec<f64> = values[frames].iter().flatten().copied().collect();
        match Spread::of(&known) {
            Some(spread) => segments.push(Statistics { label, spread }),
            None => notes.push(format!(
                "{label} has no value of {signal}: its landmarks were not seen."
            )),
        }
    }
    Results::Stats {
        signal: signal.to_string(),
        unit: signal.unit().to_owned(),
        segments,
    }
}

/// The segments with their labels, or the whole movement if it is not cut.
fn ranges(is_cut: bool, segmentations: &BTreeMap<String, Repetitions>, frames: usize) -> Vec<(String, Range<usize>)> {
    if !is_cut {
        return vec![(FULL_TRIAL.to_owned(), 0..frames)];
    }
    let of = |(name, found): (&String, &Repetitions)| {
        let name = name.clone();
        let segments = found.segments.clone().into_iter().enumerate();
        segments.map(move |(index, one)| (format!("{name}[{index}]"), one.start..one.end))
    };
    segmentations.iter().flat_map(of).collect()
}

/// Segments paired by name and number, as far as both recordings have them.
type Pairs = Vec<(String, Range<usize>, Range<usize>)>;

fn pairs(
    primary: &Subject<'_>,
    reference: &Subject<'_>,
    is_cut: bool,
    ours: &BTreeMap<String, Repetitions>,
    theirs: &BTreeMap<String, Repetitions>,
    notes: &mut Vec<String>,
) -> Pairs {
    let counterparts: BTreeMap<_, _> = ranges(is_cut, theirs, reference.frames()).into_iter().collect();
    for (name, found) in ours {
        let (count, other) = (
            found.segments.len(),
            theirs.get(name).map_or(0, |found| found.segments.len()),
        );
        if count != other {
            notes.push(format!(
                "{name}: the recording has {count} segments and the reference {other}; the first {} of each are compared.",
                count.min(other)
            ));
        }
    }
    let ours = ranges(is_cut, ours, primary.frames()).into_iter();
    ours.filter_map(|(label, frames)| {
        let counterpart = counterparts.get(&label)?.clone();
        Some((label, frames, counterpart))
    })
    .collect()
}

fn dtw(task: &Task, primary: &Subject<'_>, reference: &Subject<'_>, pairs: &Pairs) -> Result<Results, ProtocolError> {
    let Task::Dtw {
        comparison,
        align,
        space,
        nan_policy,
        search,
        ..
    } = task
    else {
        return Ok(Results::None);
    };
    let settings = WarpSettings {
        method: *search,
        cost: Cost::Euclidean,
        missing: *nan_policy,
        align: *align,
        scale: false,
    };
    for subject in [primary, reference] {
        if !subject.input.analysis.spaces.has(*space) {
            let why = format!("`{}` has no positions in the {} space", subject.input.name, space.id());
            return Err(ProtocolError::Unfit(why));
        }
    }
    let compared = pairs.iter().map(|(label, ours, theirs)| {
        let warps = match space {
            Space::Image => {
                let of = |subject: &Subject<'_>, frames: &Range<usize>| {
                    let poses = &subject.person.poses[frames.clone()];
                    compare::Movement::image_px(subject.input.analysis.skeleton, poses, subject.minimum_visibility())
                };
                warps(comparison, &of(primary, ours), &of(reference, theirs), &settings)
            }
            Space::World => {
                let of = |subject: &Subject<'_>, frames: &Range<usize>| {
                    let poses = &subject.person.poses[frames.clone()];
                    compare::Movement::world_m(subject.input.analysis.skeleton, poses, subject.minimum_visibility())
                };
                warps(comparison, &of(primary, ours), &of(reference, theirs), &settings)
            }
        };
        Ok(pair(label, comparison, warps?))
    });
    let pairs: Vec<Pair> = compared.collect::<Result<_, MotionError>>()?;
    let distances: Vec<f64> = pairs.iter().map(|pair| pair.distance).collect();
    let unit = match (comparison, space) {
        (Comparison::All(Representation::Angles { .. }) | Comparison::PerJoint(Representation::Angles { .. }), _) => {
            "rad"
        }
        (_, Space::Image) => "px",
        (_, Space::World) => "m",
    };
    Ok(Results::Dtw {
        unit: unit.to_owned(),
        pairs,
        summary: Distances::of(&distances),
    })
}

/// One path, or one for each landmark or angle.
fn warps<const D: usize>(
    comparison: &Comparison,
    ours: &compare::Movement<D>,
    theirs: &compare::Movement<D>,
    settings: &WarpSettings,
) -> Result<Vec<Warp>, MotionError>
where
    [[f64; D]; D]: Rotation,
{
    let (Comparison::All(representation) | Comparison::PerJoint(representation)) = comparison else {
        let Comparison::Relation { joints } = comparison else {
            return Ok(Vec::new());
        };
        let [from, to] = joints.get().map(Landmark::index);
        return Ok(vec![warp_relation(ours, theirs, from, to, settings)?]);
    };
    let triplets: Vec<[usize; 3]> = match representation {
        Representation::Coords => Vec::new(),
        Representation::Angles { angle_triplets } => angle_triplets
            .iter()
            .map(|triplet| triplet.get().map(Landmark::index))
            .collect(),
    };
    let representation = match representation {
        Representation::Coords => compare::Representation::Coordinates,
        Representation::Angles { .. } => compare::Representation::Angles(&triplets),
    };
    match comparison {
        Comparison::PerJoint(_) => warp_per_joint(ours, theirs, representation, settings),
        _ => Ok(vec![warp_all(ours, theirs, representation, settings)?]),
    }
}

fn pair(label: &str, comparison: &Comparison, warps: Vec<Warp>) -> Pair {
    let names: Vec<String> = match comparison {
        Comparison::PerJoint(Representation::Coords) => Landmark::ALL
            .iter()
            .map(|landmark| landmark.name().to_owned())
            .collect(),
        Comparison::PerJoint(Representation::Angles { angle_triplets }) => {
            let name = |triplet: &crate::repetitions::Different<3>| triplet.get().map(Landmark::name).join("+");
            angle_triplets.iter().map(name).collect()
        }
        Comparison::All(_) | Comparison::Relation { .. } => Vec::new(),
    };
    let count = warps.len().max(1) as f64;
    Pair {
        label: label.to_owned(),
        distance: warps.iter().map(|warp| warp.distance).sum(),
        mean_cost: warps.iter().map(Warp::mean_cost).sum::<f64>() / count,
        per_joint: names
            .iter()
            .cloned()
            .zip(warps.iter().map(|warp| warp.distance))
            .collect(),
        path: match (names.is_empty(), warps.into_iter().next()) {
            (true, Some(warp)) => warp.path,
            _ => Vec::new(),
        },
    }
}
