//! The turn, shift and size that lay one set of points onto another with the least sum of squared distances.
//!
//! In three dimensions the rotation is Horn's (1987, doi:10.1364/JOSAA.4.000629): the eigenvector of the greatest
//! eigenvalue of a symmetric 4 × 4 matrix is the rotation as a quaternion. It is the same rotation as that of Kabsch
//! (1976, doi:10.1107/S0567739476001873) by singular values, but can be no reflection, so that no sign needs mending,
//! and a symmetric 4 × 4 matrix takes a page of Jacobi's method and no library. In two dimensions the angle is that of
//! the complex product sum. The size is Umeyama's (1991, doi:10.1109/34.88573), equations 41 to 43.

use serde::{Deserialize, Serialize};

use crate::MotionError;

/// Below this share of the greatest possible, a difference between two rotations' fits is rounding.
const LEAST_SHARE: f64 = 1e-10;

/// Where a point goes: turned, then sized, then shifted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transform<const D: usize> {
    /// Rows of the rotation matrix; its determinant is 1.
    pub rotation: [[f64; D]; D],
    /// Size of the result over size of the source; above 0.
    pub scale: f64,
    /// Added last, in the unit of the target.
    pub translation: [f64; D],
}

/// A transform and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alignment<const D: usize> {
    /// Where the points of the source go.
    pub transform: Transform<D>,
    /// Root of the mean squared distance that is left between a point and its target, in the unit of the target.
    pub residual_rms: f64,
    /// Angle of the rotation in degrees, in `0..=180`, about whatever axis.
    pub rotation_deg: f64,
    /// Whether a mirror image of the source would have fitted better: often a sign of exchanged sides.
    pub mirror_fits_better: bool,
    /// Whether one rotation fits better than every other. Points that all lie on a line, or in one place, have many.
    pub unique: bool,
    /// Number of pairs.
    pub points: usize,
}

/// What is told of one or many alignments, for a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlignmentSummary {
    /// Number of transforms: one, or one for each frame that had enough points.
    pub transforms: usize,
    /// Root of the mean squared distance that is left over all points.
    pub residual_rms: f64,
    /// Mean angle of rotation in degrees.
    pub rotation_deg: f64,
    /// Greatest angle of rotation in degrees.
    pub greatest_rotation_deg: f64,
    /// Mean scale; 1 where none was asked for.
    pub scale: f64,
    /// Number of transforms for which a mirror image would have fitted better.
    pub mirrored: usize,
    /// Number of transforms whose rotation is one of many.
    pub ambiguous: usize,
}

impl AlignmentSummary {
    /// Sums up; `None` without an alignment.
    pub fn of<const D: usize>(alignments: &[Alignment<D>]) -> Option<Self> {
        let points: usize = alignments.iter().map(|one| one.points).sum();
        if points == 0 {
            return None;
        }
        let mean =
            |value: fn(&Alignment<D>) -> f64| alignments.iter().map(value).sum::<f64>() / alignments.len() as f64;
        let squares: f64 = alignments
            .iter()
            .map(|one| one.residual_rms * one.residual_rms * one.points as f64)
            .sum();
        Some(Self {
            transforms: alignments.len(),
            residual_rms: (squares / points as f64).sqrt(),
            rotation_deg: mean(|one| one.rotation_deg),
            greatest_rotation_deg: alignments.iter().map(|one| one.rotation_deg).fold(0.0, f64::max),
            scale: mean(|one| one.transform.scale),
            mirrored: alignments.iter().filter(|one| one.mirror_fits_better).count(),
            ambiguous: alignments.iter().filter(|one| !one.unique).count(),
        })
    }
}

impl<const D: usize> Transform<D> {
    /// Where a point goes.
    pub fn apply(&self, point: [f64; D]) -> [f64; D] {
        std::array::from_fn(|axis| self.scale * dot(&self.rotation[axis], &point) + self.translation[axis])
    }
}

/// Lays the first points of pairs onto the second. `scale` also fits the size; else it stays.
///
/// If all points of either side lie in one place they are only shifted.
///
/// # Errors
///
/// [`MotionError::NotComparable`] without a pair, [`MotionError::NotFinite`] if a coordinate is not finite.
pub fn align<const D: usize>(pairs: &[([f64; D], [f64; D])], scale: bool) -> Result<Alignment<D>, MotionError>
where
    [[f64; D]; D]: Rotation,
{
    if pairs.is_empty() {
        return Err(MotionError::NotComparable(
            "there are no points in common to align".to_owned(),
        ));
    }
    if pairs
        .iter()
        .any(|(source, target)| source.iter().chain(target).any(|value| !value.is_finite()))
    {
        return Err(MotionError::NotFinite("a coordinate to align".to_owned()));
    }
    let count = pairs.len() as f64;
    let source_mean: [f64; D] = std::array::from_fn(|axis| pairs.iter().map(|pair| pair.0[axis]).sum::<f64>() / count);
    let target_mean: [f64; D] = std::array::from_fn(|axis| pairs.iter().map(|pair| pair.1[axis]).sum::<f64>() / count);
    let mut products = [[0.0; D]; D];
    let (mut source_spread, mut target_spread) = (0.0, 0.0);
    for (source, target) in pairs {
        let source: [f64; D] = std::array::from_fn(|axis| source[axis] - source_mean[axis]);
        let target: [f64; D] = std::array::from_fn(|axis| target[axis] - target_mean[axis]);
        for (row, &ahead) in products.iter_mut().zip(&target) {
            for (product, &from) in row.iter_mut().zip(&source) {
                *product += ahead * from;
            }
        }
        source_spread += dot(&source, &source);
        target_spread += dot(&target, &target);
    }
    // What the sum of products is at most (Cauchy and Schwarz).
    let most = (source_spread * target_spread).sqrt();
    let best = if most > 0.0 {
        Rotation::best(&products, most)
    } else {
        Best::still()
    };
    let size = if scale && best.gain > LEAST_SHARE * most {
        best.gain / source_spread
    } else {
        1.0
    };
    let mut transform = Transform {
        rotation: best.rotation,
        scale: size,
        translation: [0.0; D],
    };
    let turned = transform.apply(source_mean);
    transform.translation = std::array::from_fn(|axis| target_mean[axis] - turned[axis]);
    let left: f64 = pairs
        .iter()
        .map(|(source, target)| squared_distance(&transform.apply(*source), target))
        .sum();
    Ok(Alignment {
        transform,
        residual_rms: (left / count).sqrt(),
        rotation_deg: best.angle_deg,
        mirror_fits_better: best.mirror_fits_better,
        unique: best.unique,
        points: pairs.len(),
    })
}

/// The best rotation there is, and what is to be known of it.
#[derive(Debug, Clone, Copy)]
pub struct Best<R> {
    rotation: R,
    /// The sum of products of turned source and target.
    gain: f64,
    angle_deg: f64,
    mirror_fits_better: bool,
    unique: bool,
}

impl<const D: usize> Best<[[f64; D]; D]> {
    fn still() -> Self {
        Self {
            rotation: std::array::from_fn(|row| std::array::from_fn(|column| f64::from(u8::from(row == column)))),
            gain: 0.0,
            angle_deg: 0.0,
            mirror_fits_better: false,
            unique: false,
        }
    }
}

/// Rotation matrices of two and three dimensions.
pub trait Rotation: Sized + sealed::Sealed {
    /// The rotation that turns the source most into the target, given the sums of the products of their coordinates
    /// (row: target, column: source) and the most that these can be.
    #[doc(hidden)]
    fn best(products: &Self, most: f64) -> Best<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for [[f64; 2]; 2] {}
    impl Sealed for [[f64; 3]; 3] {}
}

impl Rotation for [[f64; 2]; 2] {
    fn best(products: &Self, most: f64) -> Best<Self> {
        let [[xx, xy], [yx, yy]] = *products;
        let (sine, cosine) = (yx - xy, xx + yy);
        let gain = sine.hypot(cosine);
        if gain <= LEAST_SHARE * most {
            return Best {
                mirror_fits_better: true,
                ..Best::still()
            };
        }
        let (sin, cos) = (sine / gain, cosine / gain);
        Best {
            rotation: [[cos, -sin], [sin, cos]],
            gain,
            angle_deg: sine.atan2(cosine).abs().to_degrees(),
            mirror_fits_better: (xx - yy).hypot(xy + yx) > gain + LEAST_SHARE * most,
            unique: true,
        }
    }
}

impl Rotation for [[f64; 3]; 3] {
    fn best(products: &Self, most: f64) -> Best<Self> {
        // Horn's sums run from source to target: S_xy is the product of the source's x and the target's y.
        let [[xx, yx, zx], [xy, yy, zy], [xz, yz, zz]] = *products;
        let (values, vectors) = eigen([
            [xx + yy + zz, yz - zy, zx - xz, xy - yx],
            [yz - zy, xx - yy - zz, xy + yx, zx + xz],
            [zx - xz, xy + yx, yy - xx - zz, yz + zy],
            [xy - yx, zx + xz, yz + zy, zz - xx - yy],
        ]);
        let mut order = [0, 1, 2, 3];
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let gain = values[order[0]];
        let [w, x, y, z] = vectors.map(|row| row[order[0]]);
        let determinant = xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx);
        Best {
            rotation: [
                [
                    1.0 - 2.0 * (y * y + z * z),
                    2.0 * (x * y - w * z),
                    2.0 * (x * z + w * y),
                ],
                [
                    2.0 * (x * y + w * z),
                    1.0 - 2.0 * (x * x + z * z),
                    2.0 * (y * z - w * x),
                ],
                [
                    2.0 * (x * z - w * y),
                    2.0 * (y * z + w * x),
                    1.0 - 2.0 * (x * x + y * y),
                ],
            ],
            gain,
            angle_deg: 2.0 * (x * x + y * y + z * z).sqrt().atan2(w.abs()).to_degrees(),
            // Of points in a plane the mirror image is a rotation.
            mirror_fits_better: determinant < -LEAST_SHARE * most * most * most,
            unique: gain - values[order[1]] > LEAST_SHARE * most,
        }
    }
}

/// Eigenvalues of a symmetric matrix, and its eigenvectors of length one as columns, by Jacobi's cyclic rotations (Golub
/// and Van Loan, Matrix Computations, 4th ed., §8.5.3). A 4 × 4 matrix takes four or five sweeps.
fn eigen(mut matrix: [[f64; 4]; 4]) -> ([f64; 4], [[f64; 4]; 4]) {
    const MOST_SWEEPS: usize = 30;
    let mut vectors = Best::<[[f64; 4]; 4]>::still().rotation;
    for _ in 0..MOST_SWEEPS {
        let off: f64 = (0..4)
            .flat_map(|p| (p + 1..4).map(move |q| (p, q)))
            .map(|(p, q)| matrix[p][q].abs())
            .sum();
        let on: f64 = (0..4).map(|p| matrix[p][p].abs()).sum();
        if off <= f64::EPSILON * f64::EPSILON * on || off == 0.0 {
            break;
        }
        for p in 0..4 {
            for q in p + 1..4 {
                turn(&mut matrix, &mut vectors, p, q);
            }
        }
    }
    (std::array::from_fn(|p| matrix[p][p]), vectors)
}

/// One of Jacobi's rotations: makes the element at `(p, q)` zero.
fn turn(matrix: &mut [[f64; 4]; 4], vectors: &mut [[f64; 4]; 4], p: usize, q: usize) {
    if matrix[p][q] == 0.0 {
        return;
    }
    let slope = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
    let tangent = slope.signum() / (slope.abs() + slope.hypot(1.0));
    let cos = 1.0 / tangent.hypot(1.0);
    let sin = tangent * cos;
    for row in matrix.iter_mut() {
        (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
    }
    let (from, to) = (matrix[p], matrix[q]);
    matrix[p] = std::array::from_fn(|k| cos * from[k] - sin * to[k]);
    matrix[q] = std::array::from_fn(|k| sin * from[k] + cos * to[k]);
    for row in vectors.iter_mut() {
        (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
    }
}

fn dot<const D: usize>(a: &[f64; D], b: &[f64; D]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn squared_distance<const D: usize>(a: &[f64; D], b: &[f64; D]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
