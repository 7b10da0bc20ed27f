//! Places for labels: near their joint, inside the frame, clear of each other and of the body.

use crate::geometry::{Dot, Rect};

/// A label that wants a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// The joint that the label speaks of.
    pub(crate) anchor: Dot,
    /// The middle of the body, from which labels keep away.
    pub(crate) body: Dot,
    pub(crate) width: f32,
    pub(crate) height: f32,
    /// Least distance between joint and label.
    pub(crate) clearance: f32,
}

/// One of the places around a joint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot(u8);

const DIRECTIONS: u8 = 10;
const DISTANCES: u8 = 4;
/// Stored where a label has no place.
const NOWHERE: u8 = u8::MAX;

impl Spot {
    fn all() -> impl Iterator<Item = Self> {
        (0..DIRECTIONS * DISTANCES).map(Self)
    }

    fn distance(self) -> u8 {
        self.0 / DIRECTIONS
    }

    /// The label's rectangle at this place.
    pub(crate) fn rect(self, request: &Request) -> Rect {
        let turn = f32::from(self.0 % DIRECTIONS) / f32::from(DIRECTIONS) * std::f32::consts::TAU;
        let direction = Dot::towards(turn);
        let gap = request.clearance + f32::from(self.distance()) * request.height * 1.1;
        // The gap is measured from the joint to the label's edge in every direction.
        let reach = Dot::new(gap + request.width / 2.0, gap + request.height / 2.0);
        let centre = request.anchor + Dot::new(direction.x * reach.x, direction.y * reach.y);
        Rect::around(centre, request.width, request.height)
    }
}

/// The chosen places for every frame.
#[derive(Debug)]
pub(crate) struct Layout {
    frame: Rect,
    slots: usize,
    /// The first frame that is laid out.
    first: usize,
    /// `slots` numbers for each frame from there on.
    chosen: Vec<u8>,
}

impl Default for Layout {
    fn default() -> Self {
        Self::new(Rect::sized(0.0, 0.0, 0.0, 0.0), 0, 0)
    }
}

impl Layout {
    pub(crate) fn new(frame: Rect, slots: usize, first: usize) -> Self {
        Self {
            frame,
            slots,
            first,
            chosen: Vec::new(),
        }
    }

    /// The place of a label in a frame, or `None` where it has none.
    pub(crate) fn spot(&self, frame_index: usize, slot: usize) -> Option<Spot> {
        let row = frame_index.checked_sub(self.first)?.checked_mul(self.slots)?;
        let stored = *self.chosen.get(row.checked_add(slot)?)?;
        (slot < self.slots && stored != NOWHERE).then_some(Spot(stored))
    }

    /// Decides the next frame: labels in the order of their importance, each at its cheapest free place.
    pub(crate) fn place(&mut self, requests: &[Option<Request>], taken: &[Rect], bones: &[(Dot, Dot)]) {
        let mut occupied = taken.to_vec();
        let before = self.chosen.len().checked_sub(self.slots);
        for slot in 0..self.slots {
            let previous = before
                .and_then(|start| self.chosen.get(start + slot))
                .copied()
                .unwrap_or(NOWHERE);
            let best = requests.get(slot).copied().flatten().and_then(|request| {
                Spot::all()
                    .filter_map(|spot| Some((self.cost(spot, &request, previous, &occupied, bones)?, spot)))
                    .min_by(|(a, _), (b, _)| a.total_cmp(b))
                    .map(|(_, spot)| (spot, spot.rect(&request)))
            });
            if let Some((_, rect)) = best {
                occupied.push(rect);
            }
            self.chosen.push(best.map_or(NOWHERE, |(spot, _)| spot.0));
        }
    }

    /// How bad a place is, or `None` where a label must not stand.
    fn cost(
        &self,
        spot: Spot,
        request: &Request,
        previous: u8,
        occupied: &[Rect],
        bones: &[(Dot, Dot)],
    ) -> Option<f32> {
        let rect = spot.rect(request);
        let spaced = rect.grown(request.height * 0.12);
        if !self.frame.contains(rect) || occupied.iter().any(|other| other.overlaps(spaced)) {
            return None;
        }
        let covered: f32 = bones.iter().map(|&(from, to)| rect.length_inside(from, to)).sum();
        let away = (rect.centre() - request.anchor).normalized()?;
        let outwards = if request.anchor.x < request.body.x {
            -away.x
        } else {
            away.x
        };
        let moved = if spot.0 == previous { 0.0 } else { 1.6 };
        Some(2.0 * covered / request.height + 1.2 * f32::from(spot.distance()) - 0.6 * outwards + moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(x: f32, y: f32) -> Request {
        Request {
            anchor: Dot::new(x, y),
            body: Dot::new(100.0, 100.0),
            width: 40.0,
            height: 16.0,
            clearance: 8.0,
        }
    }

    #[test]
    fn labels_of_one_joint_do_not_overlap_and_stay_inside() {
        let frame = Rect::sized(0.0, 0.0, 200.0, 200.0);
        let mut layout = Layout::new(frame, 4, 0);
        let requests = [Some(request(195.0, 5.0)); 4];
        layout.place(&requests, &[], &[]);
        let rects: Vec<Rect> = (0..4)
            .filter_map(|slot| Some(layout.spot(0, slot)?.rect(&requests[slot]?)))
            .collect();
        assert!(rects.len() >= 2, "{rects:?}");
        for (index, rect) in rects.iter().enumerate() {
            assert!(frame.contains(*rect));
            assert!(rects[index + 1..].iter().all(|other| !other.overlaps(*rect)));
        }
    }

    #[test]
    fn a_label_keeps_its_place_when_little_changes() {
        let mut layout = Layout::new(Rect::sized(0.0, 0.0, 200.0, 200.0), 1, 0);
        for step in 0..10 {
            layout.place(&[Some(request(99.0 + step as f32 * 0.2, 100.0))], &[], &[]);
        }
        let first = layout.spot(0, 0).unwrap();
        assert!((1..10).all(|frame| layout.spot(frame, 0) == Some(first)));
    }

    #[test]
    fn without_room_there_is_no_label() {
        let mut layout = Layout::new(Rect::sized(0.0, 0.0, 30.0, 30.0), 1, 0);
        layout.place(&[Some(request(15.0, 15.0))], &[], &[]);
        assert_eq!(layout.spot(0, 0), None);
        assert_eq!(layout.spot(7, 3), None);
        assert_eq!(layout.spot(usize::MAX, usize::MAX), None);
    }
}
