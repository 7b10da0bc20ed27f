//! Which instants of a movement to show, and how to arrange them.

use marey_motion::{Landmark, PersonAnalysis, Pose};

/// How the figures of a chronophotograph stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrangement {
    /// All on one background, for movement through the picture.
    OnePlate,
    /// Each in its own strip, for movement on the spot.
    SideBySide,
}

/// Figures on one plate stand at least this share of a body's width apart.
const SPACING: f32 = 0.62;
/// Whoever travels less than this many body widths stays on the spot.
const TRAVEL: f32 = 1.6;

/// Where a person is in a frame.
#[derive(Debug, Clone, Copy)]
struct Place {
    frame_index: usize,
    time_s: f64,
    x_px: f32,
    width_px: f32,
}

/// Whether the person travels far enough through the picture for one plate.
pub fn arrangement(person: &PersonAnalysis, time_s: &[f64]) -> Arrangement {
    let places = places(person, time_s);
    let low = places.iter().map(|place| place.x_px).fold(f32::INFINITY, f32::min);
    let high = places.iter().map(|place| place.x_px).fold(f32::NEG_INFINITY, f32::max);
    if high - low >= TRAVEL * body_width(&places) && !places.is_empty() {
        Arrangement::OnePlate
    } else {
        Arrangement::SideBySide
    }
}

/// At most `count` frames to show, in the order of time.
///
/// Evenly in time from the first to the last frame in which the person was found. For [`Arrangement::OnePlate`] fewer are
/// taken if figures would stand closer than about two thirds of a body's width; where the person stops or turns back, so
/// that no even rhythm keeps them apart, each next frame is the first that stands clear of all before.
pub fn select_instants(person: &PersonAnalysis, time_s: &[f64], count: usize) -> Vec<usize> {
    let places = places(person, time_s);
    if count == 0 || places.is_empty() {
        return Vec::new();
    }
    if arrangement(person, time_s) == Arrangement::SideBySide {
        return indices(&evenly(&places, count));
    }
    let distance = SPACING * body_width(&places);
    let fewest = count.div_ceil(2).max(3);
    let rhythmic = (fewest..=count)
        .rev()
        .map(|number| evenly(&places, number))
        .find(|chosen| stand_apart(chosen, distance));
    if let Some(chosen) = rhythmic {
        return indices(&chosen);
    }
    let mut clear: Vec<Place> = Vec::new();
    for place in &places {
        if clear.iter().all(|other| (other.x_px - place.x_px).abs() >= distance) {
            clear.push(*place);
        }
    }
    indices(&spread(&clear, count))
}

fn indices(places: &[Place]) -> Vec<usize> {
    places.iter().map(|place| place.frame_index).collect()
}

fn stand_apart(places: &[Place], distance: f32) -> bool {
    places.iter().enumerate().all(|(index, place)| {
        places[index + 1..]
            .iter()
            .all(|other| (other.x_px - place.x_px).abs() >= distance)
    })
}

/// `count` of the places with even spaces of time between them, fewer where several fall on the same frame.
fn evenly(places: &[Place], count: usize) -> Vec<Place> {
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return Vec::new();
    };
    let mut chosen: Vec<Place> = Vec::with_capacity(count.min(places.len()));
    for step in 0..count.min(places.len().saturating_mul(2)) {
        let share = if count == 1 {
            0.5
        } else {
            step as f64 / (count - 1) as f64
        };
        let wanted = first.time_s + share * (last.time_s - first.time_s);
        let after = places
            .partition_point(|place| place.time_s < wanted)
            .min(places.len() - 1);
        let before = after.saturating_sub(1);
        let nearer_before = wanted - places[before].time_s < places[after].time_s - wanted;
        let place = places[if nearer_before { before } else { after }];
        if chosen
            .last()
            .is_none_or(|previous| previous.frame_index < place.frame_index)
        {
            chosen.push(place);
        }
    }
    chosen
}

/// `count` of the places, from the first to the last, with even numbers left out between them.
fn spread(places: &[Place], count: usize) -> Vec<Place> {
    if places.len() <= count {
        return places.to_vec();
    }
    (0..count)
        .map(|step| places[step * (places.len() - 1) / (count - 1).max(1)])
        .collect()
}

fn places(person: &PersonAnalysis, time_s: &[f64]) -> Vec<Place> {
    person
        .poses
        .iter()
        .zip(time_s)
        .enumerate()
        .filter(|(_, (_, time_s))| time_s.is_finite())
        .filter_map(|(frame_index, (pose, &time_s))| {
            let (x_px, width_px) = place_of(pose.as_ref()?)?;
            Some(Place {
                frame_index,
                time_s,
                x_px,
                width_px,
            })
        })
        .collect()
}

/// The hips' middle and the width of the whole pose, or `None` where either is not a number.
fn place_of(pose: &Pose) -> Option<(f32, f32)> {
    let left = pose.points.get(Landmark::LeftHip.index())?.x_px;
    let right = pose.points.get(Landmark::RightHip.index())?.x_px;
    let (low, high) = pose
        .points
        .iter()
        .filter(|point| !point.is_missing())
        .map(|point| point.x_px)
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        });
    let hips = f32::midpoint(left, right);
    (hips.is_finite() && (high - low).is_finite()).then_some((hips, high - low))
}

/// The median width of the person.
fn body_width(places: &[Place]) -> f32 {
    let mut widths: Vec<f32> = places.iter().map(|place| place.width_px).collect();
    widths.sort_by(f32::total_cmp);
    widths.get(widths.len() / 2).copied().unwrap_or(0.0).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use marey_motion::Point;

    /// A person 40 pixels wide whose hips are at the given places, one frame each tenth of a second.
    fn person(hips_px: &[Option<f32>]) -> (PersonAnalysis, Vec<f64>) {
        let pose = |x: f32| Pose {
            score: 1.0,
            points: (0..33)
                .map(|index| Point {
                    x_px: x + [0.0, 20.0, -20.0][usize::from(index == 15) + 2 * usize::from(index == 16)],
                    y_px: 50.0,
                    z_px: 0.0,
                    x_m: 0.0,
                    y_m: 0.0,
                    z_m: 0.0,
                    visibility: 1.0,
                    presence: 1.0,
                })
                .collect(),
        };
        let analysis = PersonAnalysis {
            id: 0,
            frames_seen: hips_px.iter().flatten().count(),
            poses: hips_px.iter().map(|hips| hips.map(pose)).collect(),
            angles: Vec::new(),
            camera_plane: None,
            findings: marey_motion::Findings::default(),
        };
        (analysis, (0..hips_px.len()).map(|index| index as f64 / 10.0).collect())
    }

    #[test]
    fn a_walker_is_shown_at_even_times() {
        let (walker, time_s) = person(&(0..101).map(|step| Some(step as f32 * 6.0)).collect::<Vec<_>>());
        assert_eq!(arrangement(&walker, &time_s), Arrangement::OnePlate);
        assert_eq!(select_instants(&walker, &time_s, 5), [0, 25, 50, 75, 100]);
        let many = select_instants(&walker, &time_s, 40);
        assert!(many.len() >= 20 && many.len() < 40, "{}", many.len());
        assert!(many.windows(2).all(|pair| pair[1] - pair[0] >= 4), "{many:?}");
    }

    #[test]
    fn someone_who_stops_or_turns_back_does_not_cover_himself() {
        let hips = (0..200).map(|step| {
            Some(if step < 100 {
                step as f32 * 4.0
            } else {
                800.0 - step as f32 * 4.0
            })
        });
        let (walker, time_s) = person(&hips.collect::<Vec<_>>());
        let chosen = select_instants(&walker, &time_s, 8);
        assert!(chosen.len() >= 6, "{chosen:?}");
        let x = |index: usize| walker.poses[index].as_ref().unwrap().points[23].x_px;
        for (position, &index) in chosen.iter().enumerate() {
            assert!(
                chosen[position + 1..]
                    .iter()
                    .all(|&other| (x(other) - x(index)).abs() >= 24.0)
            );
        }
    }

    #[test]
    fn on_the_spot_instants_are_even_and_gaps_are_skipped() {
        let mut hips = vec![Some(300.0); 90];
        hips[40..50].fill(None);
        let (squatter, time_s) = person(&hips);
        assert_eq!(arrangement(&squatter, &time_s), Arrangement::SideBySide);
        let chosen = select_instants(&squatter, &time_s, 9);
        assert_eq!((chosen.len(), chosen[0], chosen[8]), (9, 0, 89));
        assert!(chosen.iter().all(|&index| squatter.poses[index].is_some()));
    }

    #[test]
    fn nobody_and_nonsense_give_nothing() {
        let (nobody, time_s) = person(&[None, None]);
        assert!(select_instants(&nobody, &time_s, 5).is_empty());
        let (broken, time_s) = person(&[Some(f32::NAN), Some(f32::INFINITY)]);
        assert!(select_instants(&broken, &time_s, 5).is_empty());
        let (one, time_s) = person(&[Some(3.0)]);
        assert_eq!(select_instants(&one, &time_s, usize::MAX), [0]);
        assert!(select_instants(&one, &time_s, 0).is_empty());
        assert!(select_instants(&one, &[], 4).is_empty());
    }
}
