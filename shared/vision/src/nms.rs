//! Merges candidates that mean the same person.

use crate::Detection;

/// Weighted non-maximum suppression (Bazarevsky et al. 2019, arXiv:1907.05047, §3.4): the best candidate and
/// all that overlap it by more than `threshold` (intersection over union) become their mean, weighted by score, with the
/// best one's score; then the same with what is left. The result is ordered from best to worst.
pub fn weighted_nms(mut candidates: Vec<Detection>, threshold: f64) -> Vec<Detection> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut merged = Vec::new();
    while let Some(best) = candidates.first().copied() {
        let (same, others): (Vec<_>, Vec<_>) = candidates
            .into_iter()
            .partition(|candidate| overlap(candidate, &best) > threshold);
        if same.is_empty() {
            // A box without area overlaps nothing, not even itself.
            merged.push(best);
            candidates = others.into_iter().skip(1).collect();
        } else {
            merged.push(weighted_mean(&same, best.score));
            candidates = others;
        }
    }
    merged
}

/// Intersection over union of two boxes; 0 when they do not overlap.
pub fn overlap(a: &Detection, b: &Detection) -> f64 {
    let side = |axis: usize| a.max_px[axis].min(b.max_px[axis]) - a.min_px[axis].max(b.min_px[axis]);
    let (width, height) = (side(0), side(1));
    if width <= 0.0 || height <= 0.0 {
        return 0.0;
    }
    let area = |d: &Detection| (d.max_px[0] - d.min_px[0]) * (d.max_px[1] - d.min_px[1]);
    let both = width * height;
    both / (area(a) + area(b) - both)
}

fn weighted_mean(detections: &[Detection], score: f32) -> Detection {
    let total: f64 = detections.iter().map(|detection| f64::from(detection.score)).sum();
    let mean = |value: &dyn Fn(&Detection) -> [f64; 2]| {
        [0, 1].map(|axis| {
            let sum: f64 = detections.iter().map(|d| value(d)[axis] * f64::from(d.score)).sum();
            sum / total
        })
    };
    Detection {
        score,
        min_px: mean(&|d| d.min_px),
        max_px: mean(&|d| d.max_px),
        keypoints_px: std::array::from_fn(|keypoint| mean(&|d| d.keypoints_px[keypoint])),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn square(score: f32, x: f64, y: f64, side: f64) -> Detection {
        Detection {
            score,
            min_px: [x, y],
            max_px: [x + side, y + side],
            keypoints_px: [[x, y]; 4],
        }
    }

    #[test]
    fn overlapping_candidates_become_their_weighted_mean() {
        let merged = weighted_nms(vec![square(0.6, 1.0, 0.0, 10.0), square(0.9, 0.0, 0.0, 10.0)], 0.3);
        assert_eq!(merged.len(), 1);
        assert!((merged[0].score - 0.9).abs() < f32::EPSILON);
        assert!((merged[0].min_px[0] - 0.4).abs() < 1e-6);
        assert!((merged[0].keypoints_px[3][0] - 0.4).abs() < 1e-6);
    }

    #[test]
    fn candidates_apart_stay_apart() {
        let merged = weighted_nms(vec![square(0.6, 50.0, 0.0, 10.0), square(0.9, 0.0, 0.0, 10.0)], 0.3);
        assert_eq!(merged, [square(0.9, 0.0, 0.0, 10.0), square(0.6, 50.0, 0.0, 10.0)]);
    }

    proptest! {
        #[test]
        fn merging_ends_and_keeps_its_promises(
            boxes in prop::collection::vec((0.5_f32..1.0, -20.0..20.0_f64, -20.0..20.0_f64, 0.0..15.0_f64), 0..30),
        ) {
            let candidates: Vec<Detection> = boxes.iter().map(|&(s, x, y, side)| square(s, x, y, side)).collect();
            let merged = weighted_nms(candidates.clone(), 0.3);
            prop_assert!(merged.len() <= candidates.len());
            prop_assert_eq!(merged.is_empty(), candidates.is_empty());
            prop_assert!(merged.is_sorted_by(|a, b| a.score >= b.score));
            let best = candidates.iter().map(|d| d.score).fold(0.0, f32::max);
            prop_assert!(merged.first().is_none_or(|first| first.score.to_bits() == best.to_bits()));
            for detection in &merged {
                // A mean lies within the hull of what it is the mean of.
                prop_assert!((-20.0..20.0).contains(&detection.min_px[0]) && detection.max_px[0] < 35.0);
            }
        }

        #[test]
        fn overlap_is_symmetric_and_a_share(
            (x1, y1, s1) in (-9.0..9.0_f64, -9.0..9.0_f64, 0.1..9.0_f64),
            (x2, y2, s2) in (-9.0..9.0_f64, -9.0..9.0_f64, 0.1..9.0_f64),
        ) {
            let (a, b) = (square(0.9, x1, y1, s1), square(0.8, x2, y2, s2));
            prop_assert!((overlap(&a, &b) - overlap(&b, &a)).abs() < 1e-12);
            prop_assert!((0.0..=1.0 + 1e-12).contains(&overlap(&a, &b)));
            prop_assert!((overlap(&a, &a) - 1.0).abs() < 1e-12);
        }
    }
}
