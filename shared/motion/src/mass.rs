//! Where the body's mass is: the segments' shares of it, and their centres.
//!
//! Masses and centres are those of de Leva 1996 (Journal of Biomechanics 29(9), 1223–1230, table 4), which adjust
//! Zatsiorsky and Seluyanov's to joint centres, as pose models find them. The head with the neck above the seventh cervical vertebra has no
//! landmarks at the ends that the table asks for; its centre is put at the ear canal, where Winter has it (Biomechanics and Motor
//! Control of Human Movement, 4th ed., table 4.1).

use crate::Sex;
use crate::body::{Body, Mark, Place};
use crate::definitions::{ARM, FOOT, FOREARM, HAND, SHANK, Segment, THIGH, TRUNK_DOWN};
use crate::{Angle, Side};

/// The least share of the body's mass that must be seen for a centre of mass: a hand, a forearm or an arm may be missing, a leg not.
pub(crate) const LEAST_MASS_SHARE: f64 = 0.9;

/// A segment of the body. Women's and men's numbers, in this order.
struct Part {
    segment: Segment,
    sides: &'static [Option<Side>],
    /// Share of the body's mass in percent.
    mass_percent: [f64; 2],
    /// How far along the segment its centre of mass lies, in percent of its length.
    centre_percent: [f64; 2],
}

const HEAD: Segment = Segment {
    from: Mark::Ears,
    to: Mark::Ears,
};
const BOTH: &[Option<Side>] = Angle::KneeFlexion.sides();
const MIDDLE: &[Option<Side>] = Angle::Trunk.sides();

const fn part(
    segment: Segment,
    sides: &'static [Option<Side>],
    mass_percent: [f64; 2],
    centre_percent: [f64; 2],
) -> Part {
    Part {
        segment,
        sides,
        mass_percent,
        centre_percent,
    }
}

/// Table 4 of de Leva 1996; the trunk between the middles of shoulders and hips and the shank to the ankle's centre are
/// those of its lower part, the hand reaches to the third knuckle.
const PARTS: [Part; 8] = [
    part(HEAD, MIDDLE, [6.68, 6.94], [0.0, 0.0]),
    part(TRUNK_DOWN, MIDDLE, [42.57, 43.46], [37.82, 43.10]),
    part(ARM, BOTH, [2.55, 2.71], [57.54, 57.72]),
    part(FOREARM, BOTH, [1.38, 1.62], [45.59, 45.74]),
    part(HAND, BOTH, [0.56, 0.61], [74.74, 79.00]),
    part(THIGH, BOTH, [14.78, 14.16], [36.12, 40.95]),
    part(SHANK, BOTH, [4.81, 4.33], [43.52, 43.95]),
    part(FOOT, BOTH, [1.29, 1.37], [40.14, 44.15]),
];

impl Sex {
    /// The number of a table that has one for women and one for men.
    pub(crate) const fn pick(self, female: f64, male: f64) -> f64 {
        match self {
            Self::Mean => f64::midpoint(female, male),
            Self::Female => female,
            Self::Male => male,
        }
    }
}

/// Where the centre of mass is in one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CentreOfMass {
    /// Right of the picture's left edge and below its top edge, in pixels.
    pub(crate) at_px: [f64; 2],
    /// Which segments were seen, a bit for each: what comes or goes moves the centre, though nothing moved.
    pub(crate) seen: u16,
}

/// The segments of a body of a sex, worked out once for all frames.
pub(crate) struct Masses {
    parts: Vec<Mass>,
    /// What all of them are together; about one.
    whole_share: f64,
}

/// A segment on its side.
struct Mass {
    from: Place,
    to: Place,
    /// Share of the body's mass.
    share: f64,
    /// How far along the segment its centre lies, as a share of its length.
    along: f64,
}

impl Masses {
    pub(crate) fn of(sex: Sex) -> Self {
        let pick = |[female, male]: [f64; 2]| sex.pick(female, male) / 100.0;
        let on = |part: &Part, side: Option<Side>| Mass {
            from: part.segment.from.on(side),
            to: part.segment.to.on(side),
            share: pick(part.mass_percent),
            along: pick(part.centre_percent),
        };
        let sides = PARTS
            .iter()
            .flat_map(|part| part.sides.iter().map(move |&side| (part, side)));
        let parts: Vec<Mass> = sides.map(|(part, side)| on(part, side)).collect();
        Self {
            whole_share: parts.iter().map(|part| part.share).sum(),
            parts,
        }
    }

    /// The centre of mass of the segments that are seen, or `None` where they are less than [`LEAST_MASS_SHARE`] of the body.
    pub(crate) fn centre(&self, body: &Body<'_>) -> Option<CentreOfMass> {
        let (mut seen, mut seen_share, mut moment) = (0_u16, 0.0, [0.0; 2]);
        for (index, part) in self.parts.iter().enumerate() {
            if let (Some(from), Some(to)) = (body.seen_px(part.from), body.seen_px(part.to)) {
                for axis in 0..2 {
                    moment[axis] += part.share * (from[axis] + part.along * (to[axis] - from[axis]));
                }
                seen_share += part.share;
                seen |= 1 << index;
            }
        }
        (seen_share >= LEAST_MASS_SHARE * self.whole_share).then(|| CentreOfMass {
            at_px: moment.map(|moment| moment / seen_share),
            seen,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_segments_make_up_the_whole_body() {
        for sex in [Sex::Female, Sex::Male, Sex::Mean] {
            let percent: f64 = PARTS
                .iter()
                .map(|part| part.sides.len() as f64 * sex.pick(part.mass_percent[0], part.mass_percent[1]))
                .sum();
            assert!((percent - 100.0).abs() < 0.02, "{sex:?}: {percent}");
        }
    }
}
