//! Who goes with whom at the least cost.

/// Pairs rows with columns so that the sum of the costs is least, where leaving a row alone costs `alone`; pairs without a cost are
/// impossible. The answer is the column of each row.
///
/// The Hungarian method with potentials (Kuhn 1955, "The Hungarian method for the assignment problem"; as Jonker and Volgenant 1987
/// grow one shortest path per row).
pub(crate) fn assign(costs: &[Vec<Option<f64>>], alone: f64) -> Vec<Option<usize>> {
    /// Dearer than any sum of possible pairs.
    const IMPOSSIBLE: f64 = 1e9;
    let rows = costs.len();
    let columns = costs.iter().map(Vec::len).max().unwrap_or(0);
    // Each row has a column of its own for being alone.
    let places = columns + rows;
    let cost = |row: usize, place: usize| {
        if place >= columns {
            return if place - columns == row { alone } else { IMPOSSIBLE };
        }
        let cost = costs[row].get(place).copied().flatten();
        cost.filter(|cost| cost.is_finite())
            .map_or(IMPOSSIBLE, |cost| cost.clamp(0.0, IMPOSSIBLE))
    };
    // Numbered from 1; 0 stands for the row that is being placed.
    let mut row_potential = vec![0.0; rows + 1];
    let mut place_potential = vec![0.0; places + 1];
    let mut owner = vec![0_usize; places + 1];
    for row in 1..=rows {
        owner[0] = row;
        let mut least = vec![f64::INFINITY; places + 1];
        let mut came_from = vec![0_usize; places + 1];
        let mut is_reached = vec![false; places + 1];
        let mut at = 0;
        while owner[at] != 0 {
            is_reached[at] = true;
            let (current, mut step, mut next) = (owner[at], f64::INFINITY, 0);
            for place in 1..=places {
                if is_reached[place] {
                    continue;
                }
                let reduced = cost(current - 1, place - 1) - row_potential[current] - place_potential[place];
                if reduced < least[place] {
                    (least[place], came_from[place]) = (reduced, at);
                }
                if least[place] < step {
                    (step, next) = (least[place], place);
                }
            }
            for place in 0..=places {
                if is_reached[place] {
                    row_potential[owner[place]] += step;
                    place_potential[place] -= step;
                } else {
                    least[place] -= step;
                }
            }
            at = next;
        }
        while at != 0 {
            owner[at] = owner[came_from[at]];
            at = came_from[at];
        }
    }
    let mut assigned = vec![None; rows];
    for place in 0..columns {
        let row = owner[place + 1];
        if row > 0 && cost(row - 1, place) < alone {
            assigned[row - 1] = Some(place);
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_nearest_is_not_taken_where_all_are_better_off_otherwise() {
        // Both are nearest to the first.
        let costs = [vec![Some(0.1), Some(0.2)], vec![Some(0.15), Some(0.9)]];
        assert_eq!(assign(&costs, 1.0), [Some(1), Some(0)]);
        assert_eq!(assign(&costs, 0.18), [Some(0), None]);
        assert_eq!(assign(&[vec![None, Some(f64::NAN)]], 1.0), [None]);
        assert_eq!(assign(&[], 1.0), []);
        assert_eq!(assign(&[Vec::new(), Vec::new()], 1.0), [None, None]);
    }

    /// The least cost of all pairings, by trying every one.
    fn least(costs: &[Vec<Option<f64>>], taken: &mut Vec<bool>, alone: f64) -> f64 {
        let Some((row, rest)) = costs.split_first() else {
            return 0.0;
        };
        let mut best = alone + least(rest, taken, alone);
        for (place, cost) in row.iter().enumerate() {
            if let (Some(cost), false) = (cost, taken[place]) {
                taken[place] = true;
                best = best.min(cost + least(rest, taken, alone));
                taken[place] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn no_pairing_is_cheaper(
            rows in 0..5_usize,
            columns in 0..5_usize,
            values in prop::collection::vec(prop::option::weighted(0.8, 0.0..2.0_f64), 25),
            alone in 0.1..2.0_f64,
        ) {
            let costs: Vec<Vec<_>> = (0..rows).map(|row| values[row * 5..row * 5 + columns].to_vec()).collect();
            let assigned = assign(&costs, alone);
            let mut taken = vec![false; columns];
            let mut sum = 0.0;
            for (row, place) in assigned.iter().enumerate() {
                sum += match place {
                    Some(place) => {
                        prop_assert!(!std::mem::replace(&mut taken[*place], true), "a place for two");
                        costs[row][*place].unwrap()
                    }
                    None => alone,
                };
            }
            let wanted = least(&costs, &mut vec![false; columns], alone);
            prop_assert!((sum - wanted).abs() < 1e-9, "{} {}", sum, wanted);
        }
    }
}
