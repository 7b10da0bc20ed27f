//! The channel between two rows of boxes: who runs on which track, and where edges end.

use super::layout::{Place, Way};

/// Columns between the ends of two edges at a box.
const APART: usize = 4;
/// Up to so many tracks, every order is tried.
const FEW: usize = 6;

/// All edges of one node in a channel.
#[derive(Debug, Clone)]
pub(super) struct Net {
    /// The node they come from.
    pub(super) node: usize,
    /// The column in which they come down.
    pub(super) top: usize,
    /// The nodes below at which they end, and in which column.
    pub(super) ends: Vec<(usize, usize)>,
    /// The column in which they go on, if some do.
    pub(super) lane: Option<usize>,
    /// The row of the channel in which they run sideways, if they do.
    pub(super) track: Option<usize>,
}

impl Net {
    /// The columns in which it leaves its track downwards.
    fn bottoms(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        self.ends.iter().map(|end| end.1).chain(self.lane)
    }

    fn runs_sideways(&self) -> bool {
        self.bottoms().any(|column| column != self.top)
    }

    /// Its leftmost and rightmost column.
    fn span(&self) -> (usize, usize) {
        let all = self.bottoms().chain([self.top]);
        (all.clone().min().unwrap_or(self.top), all.max().unwrap_or(self.top))
    }
}

/// The nets of a channel, with their tracks.
#[derive(Debug)]
pub(super) struct Channel {
    nets: Vec<Net>,
    tracks: usize,
}

impl Channel {
    /// Decides where edges end at the boxes below and in which order they run.
    pub(super) fn new(mut nets: Vec<Net>, below: &[usize], places: &[Place]) -> Self {
        for node in below {
            find_ends(&mut nets, *node, places[*node]);
        }
        let sideways: Vec<usize> = (0..nets.len()).filter(|net| nets[*net].runs_sideways()).collect();
        let order = best_order(&nets, sideways);
        for (track, net) in order.iter().enumerate() {
            nets[*net].track = Some(track);
        }
        Self {
            nets,
            tracks: order.len(),
        }
    }

    /// Rows: the tracks, and one for the arrows.
    pub(super) fn height(&self) -> usize {
        self.tracks + 1
    }

    /// Leads every edge through the channel that begins at row `y`, below the row `row` of boxes.
    pub(super) fn lead(&self, y: usize, ways: &mut [Way], places: &[Place], row_of: &[usize], row: usize) {
        for net in &self.nets {
            for way in ways
                .iter_mut()
                .filter(|way| way.from == net.node && row_of[way.to] > row)
            {
                let end = net.ends.iter().find(|end| end.0 == way.to).map(|end| end.1);
                let Some(column) = end.or(net.lane) else { continue };
                if way.corners.is_empty() {
                    way.corners.push((net.top, places[net.node].bottom()));
                }
                if let Some(track) = net.track.filter(|_| column != net.top) {
                    way.corners.extend([(net.top, y + track), (column, y + track)]);
                }
                if end.is_some() {
                    way.corners.push((column, y + self.tracks));
                }
            }
        }
    }
}

/// Gives each edge that ends at a node a column of its own: straight down if it can be, the others beside it in the order
/// in which they come, and none below another net's way down.
fn find_ends(nets: &mut [Net], node: usize, place: Place) {
    let mut coming: Vec<usize> = (0..nets.len())
        .filter(|net| nets[*net].ends.iter().any(|end| end.0 == node))
        .collect();
    coming.sort_by_key(|net| nets[*net].top);
    let columns = place.x + 1..place.x + place.width - 1;
    let spread = (APART * coming.len().saturating_sub(1)) as isize;
    let straight = coming.iter().position(|net| columns.contains(&nets[*net].top));
    let leftmost = match straight {
        Some(straight) => nets[coming[straight]].top as isize - (straight * APART) as isize,
        None => (place.x + place.width / 2) as isize - spread / 2,
    };
    // What would end beside the box moves, even if nothing is straight then.
    let leftmost = leftmost
        .min(columns.end as isize - 2 - spread)
        .max(columns.start as isize + 1);
    let mut taken: Vec<usize> = Vec::new();
    for (at, net) in coming.iter().enumerate() {
        let wanted = leftmost + (at * APART) as isize;
        let is_free = |column: &usize| {
            let others = nets.iter().enumerate().filter(|(other, _)| other != net);
            !taken.contains(column) && !others.map(|(_, other)| other.top).any(|top| top == *column)
        };
        let distance = |column: &usize| (*column as isize - wanted).unsigned_abs();
        let column = columns
            .clone()
            .filter(is_free)
            .min_by_key(distance)
            .unwrap_or(place.x + place.width / 2);
        taken.push(column);
        for end in nets[*net].ends.iter_mut().filter(|end| end.0 == node) {
            end.1 = column;
        }
    }
}

/// The order of tracks from above with the fewest crossings.
fn best_order(nets: &[Net], mut order: Vec<usize>) -> Vec<usize> {
    let mut best = (crossings(nets, &order), order.clone());
    if order.len() <= FEW {
        permute(&mut order, 0, &mut |order| {
            let count = crossings(nets, order);
            if count < best.0 {
                best = (count, order.to_vec());
            }
        });
        return best.1;
    }
    let mut is_better = true;
    while is_better {
        is_better = false;
        for at in 1..best.1.len() {
            let mut order = best.1.clone();
            order.swap(at - 1, at);
            let count = crossings(nets, &order);
            if count < best.0 {
                best = (count, order);
                is_better = true;
            }
        }
    }
    best.1
}

/// How often a way down crosses a track of another net.
fn crossings(nets: &[Net], order: &[usize]) -> usize {
    let mut count = 0;
    for (track, net) in order.iter().enumerate() {
        let (left, right) = nets[*net].span();
        let crosses = |column: usize| left < column && column < right;
        for (other_track, other) in order.iter().enumerate() {
            if other_track > track {
                count += usize::from(crosses(nets[*other].top));
            } else if other_track < track {
                count += nets[*other].bottoms().filter(|column| crosses(*column)).count();
            }
        }
    }
    count
}

/// Calls `see` with every order of what follows `from`.
fn permute(order: &mut [usize], from: usize, see: &mut dyn FnMut(&[usize])) {
    if from >= order.len() {
        see(order);
        return;
    }
    for at in from..order.len() {
        order.swap(from, at);
        permute(order, from + 1, see);
        order.swap(from, at);
    }
}
