//! Where the detector's candidates are centred.

/// Centres of a single-shot detector's candidates in the unit square, in the order of its outputs: MediaPipe's
/// `SsdAnchorsCalculator` with fixed anchor size and two anchors per cell and layer.
///
/// `strides` has one entry per layer of the network, in pixels of an input of `size` pixels; neighbouring layers of the
/// same stride share one grid. Layers of stride 0 are left out.
pub fn anchor_centers(size: usize, strides: &[usize]) -> Vec<[f64; 2]> {
    let mut centers = Vec::new();
    for layers in strides.chunk_by(|a, b| a == b) {
        let cells = match layers[0] {
            0 => continue,
            stride => size.div_ceil(stride),
        };
        let center = |cell: usize| (cell as f64 + 0.5) / cells as f64;
        for row in 0..cells {
            for column in 0..cells {
                centers.extend(std::iter::repeat_n([center(column), center(row)], 2 * layers.len()));
            }
        }
    }
    centers
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what must not change must be the same to the bit")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_pose_detector_has_2254_candidates() {
        let centers = anchor_centers(224, &[8, 16, 32, 32, 32]);
        assert_eq!(centers.len(), 28 * 28 * 2 + 14 * 14 * 2 + 7 * 7 * 6);
        assert_eq!(centers[0], [0.5 / 28.0, 0.5 / 28.0]);
        assert_eq!(centers[2], [1.5 / 28.0, 0.5 / 28.0], "columns come before rows");
        assert_eq!(centers[2253], [6.5 / 7.0, 6.5 / 7.0]);
    }

    #[test]
    fn the_face_detector_has_896_candidates() {
        assert_eq!(anchor_centers(128, &[8, 16, 16, 16]).len(), 896);
    }

    proptest! {
        #[test]
        fn centers_lie_inside_and_balance(size in 1_usize..300, strides in prop::collection::vec(1_usize..64, 1..5)) {
            let centers = anchor_centers(size, &strides);
            prop_assert!(centers.iter().flatten().all(|&value| value > 0.0 && value < 1.0));
            let count = centers.len() as f64;
            for axis in 0..2 {
                let mean = centers.iter().map(|center| center[axis]).sum::<f64>() / count;
                prop_assert!((mean - 0.5).abs() < 1e-9);
            }
        }
    }
}
