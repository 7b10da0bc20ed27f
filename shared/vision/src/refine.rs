//! Sharpens landmarks with the model's heat maps.

/// Side of a heat map in cells.
pub const HEATMAP_SIDE: usize = 64;

/// How far the window reaches to each side of the landmark's cell. MediaPipe's graph asks for a window of 7 cells, but
/// what 0.10.21 does is 9: with 7 the difference to it is 0.6 pixels, with 9 it is 0.01.
const REACH: usize = 4;

/// A window whose strongest cell is below this says nothing, in `0..=1`.
const MIN_CONFIDENCE: f64 = 0.5;

/// Moves each point to the weighted mean of the heat map around it: MediaPipe's
/// `RefineLandmarksFromHeatmapCalculator`.
///
/// `points` are in the unit square of the crop; `heatmap` holds, for every cell of [`HEATMAP_SIDE`]² in row-major order,
/// one logit per point. Points outside the crop, and points whose window is weak, stay where they are. The mean is that
/// of cell indices, not of cell centres, as MediaPipe has it.
pub fn refine(points: &mut [[f64; 2]], heatmap: &[f32]) {
    let count = points.len();
    if heatmap.len() < HEATMAP_SIDE * HEATMAP_SIDE * count {
        return;
    }
    for (index, point) in points.iter_mut().enumerate() {
        let (Some(columns), Some(rows)) = (window(point[0]), window(point[1])) else {
            continue;
        };
        let (mut total, mut strongest, mut sum) = (0.0, 0.0_f64, [0.0; 2]);
        for row in rows {
            for column in columns.clone() {
                let weight = sigmoid(f64::from(heatmap[(row * HEATMAP_SIDE + column) * count + index]));
                total += weight;
                strongest = strongest.max(weight);
                sum[0] += weight * column as f64;
                sum[1] += weight * row as f64;
            }
        }
        if strongest >= MIN_CONFIDENCE {
            *point = sum.map(|sum| sum / total / HEATMAP_SIDE as f64);
        }
    }
}

/// The cells around a coordinate, or `None` when it lies outside the map.
fn window(coordinate: f64) -> Option<std::ops::Range<usize>> {
    let cell = (coordinate * HEATMAP_SIDE as f64).trunc();
    // Truncation, not rounding down: a coordinate just below 0 still belongs to cell 0.
    if !(0.0..HEATMAP_SIDE as f64).contains(&cell) {
        return None;
    }
    let cell = cell as usize;
    Some(cell.saturating_sub(REACH)..(cell + REACH + 1).min(HEATMAP_SIDE))
}

/// The logistic function.
pub(crate) fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what must not change must be the same to the bit")]
mod tests {
    use super::*;

    /// A heat map of one point that is cold but for some cells.
    fn heatmap(hot: &[(usize, usize, f32)]) -> Vec<f32> {
        let mut map = vec![-30.0; HEATMAP_SIDE * HEATMAP_SIDE];
        for &(column, row, logit) in hot {
            map[row * HEATMAP_SIDE + column] = logit;
        }
        map
    }

    fn refined(point: [f64; 2], map: &[f32]) -> [f64; 2] {
        let mut points = [point];
        refine(&mut points, map);
        points[0]
    }

    #[test]
    fn a_point_moves_to_the_hot_cell_in_its_window() {
        let [x, y] = refined([20.5 / 64.0, 30.5 / 64.0], &heatmap(&[(23, 28, 20.0)]));
        assert!((x - 23.0 / 64.0).abs() < 1e-6 && (y - 28.0 / 64.0).abs() < 1e-6);
    }

    #[test]
    fn two_hot_cells_pull_equally() {
        let [x, _] = refined([20.5 / 64.0, 30.5 / 64.0], &heatmap(&[(18, 30, 20.0), (22, 30, 20.0)]));
        assert!((x - 20.0 / 64.0).abs() < 1e-6);
    }

    #[test]
    fn cells_beyond_the_window_do_not_count() {
        let point = [20.5 / 64.0, 30.5 / 64.0];
        assert_eq!(refined(point, &heatmap(&[(25, 30, 20.0)])), point);
        assert_ne!(refined(point, &heatmap(&[(24, 30, 20.0)])), point);
    }

    #[test]
    fn weak_windows_and_points_outside_change_nothing() {
        let map = heatmap(&[(0, 0, -0.1), (63, 63, 20.0)]);
        for point in [[0.5 / 64.0, 0.5 / 64.0], [-0.5, 0.2], [1.0, 0.5], [f64::NAN, 0.5]] {
            let moved = refined(point, &map);
            assert_eq!(moved.map(f64::to_bits), point.map(f64::to_bits));
        }
    }

    #[test]
    fn windows_are_clipped_at_the_edges() {
        assert_eq!(window(0.0), Some(0..5));
        assert_eq!(window(-0.01), Some(0..5), "truncated towards zero");
        assert_eq!(window(0.999), Some(59..64));
        assert_eq!(window(1.0), None);
    }
}
