//! The body: a posture dressed in flesh and clothes, as solids, and the coarse capsules that shade its neighbourhood.
//!
//! Pose models recognise a rendered person by the face (without it left and right are confused), by the volume of trunk and
//! limbs, and by the contrast of clothes and skin; so these are modelled with some care, and the rest is simple.

use crate::outfit::Material::{self, Eye, Flush, Hair, Iris, Lip, Shirt, Shoe, Shorts, Skin, Sock, Sole, Trim};
use crate::sdf::{Capsule, Joining, Solid};
use crate::skeleton::{Arm, Leg, Posture, Side};
use crate::vector::{Axes, Vec3};

/// Parts of a figure; see [`Joining`].
const TRUNK: u16 = 0;
const HEAD: u16 = 1;
const ARMS: u16 = 2;
const LEGS: u16 = 4;

/// Collects the solids of one figure.
struct Modeller<'a> {
    solids: &'a mut Vec<Solid>,
    figure: u16,
    part: u16,
}

impl Modeller<'_> {
    fn add(&mut self, solid: Solid) {
        self.solids.push(solid);
    }

    fn joining(&self, blend: f64, root: f64) -> Joining {
        Joining {
            part: self.part,
            blend: blend as f32,
            root: root as f32,
        }
    }

    fn cone(&self, material: Material, a: Vec3, b: Vec3, radii: [f64; 2], blend: f64) -> Solid {
        Solid::cone(self.figure, self.joining(blend, 0.0), material, [a, b], radii)
    }

    /// A cone that also blends with the trunk.
    fn root(&self, material: Material, a: Vec3, b: Vec3, radii: [f64; 2], blend: f64, root: f64) -> Solid {
        Solid::cone(self.figure, self.joining(blend, root), material, [a, b], radii)
    }

    fn ellipsoid(&self, material: Material, axes: Axes, radii: [f64; 3], blend: f64) -> Solid {
        Solid::ellipsoid(self.figure, self.joining(blend, 0.0), material, &axes, radii)
    }
}

/// Adds the solids of a figure.
pub(crate) fn model(posture: &Posture, figure: u16, solids: &mut Vec<Solid>) {
    let mut modeller = Modeller {
        solids,
        figure,
        part: TRUNK,
    };
    trunk(&mut modeller, posture);
    modeller.part = HEAD;
    skull(&mut modeller, &posture.head);
    face(&mut modeller, &posture.head);
    for side in Side::BOTH {
        modeller.part = ARMS + side.index() as u16;
        arm(&mut modeller, &posture.arms[side.index()]);
        modeller.part = LEGS + side.index() as u16;
        leg(&mut modeller, &posture.legs[side.index()], &posture.pelvis);
    }
}

fn trunk(m: &mut Modeller<'_>, posture: &Posture) {
    let (pelvis, chest) = (&posture.pelvis, &posture.chest);
    let spine = (chest.origin - pelvis.origin).normalized();
    let middle = Axes {
        forward: chest.right.cross(-spine).normalized(),
        up: spine,
        right: chest.right,
        ..*pelvis
    };
    let hem = pelvis.origin + spine * 0.035;

    m.add(m.ellipsoid(
        Shorts,
        pelvis.at(pelvis.point(-0.008, 0.015, 0.0)),
        [0.118, 0.115, 0.158],
        0.04,
    ));
    for side in Side::BOTH {
        let buttock = pelvis.at(pelvis.point(-0.055, -0.03, side.sign() * 0.068));
        m.add(m.ellipsoid(Shorts, buttock, [0.078, 0.088, 0.080], 0.05));
    }
    let waist = middle.at(pelvis.origin + spine * 0.155 + middle.forward * 0.002);
    m.add(
        m.ellipsoid(Shirt, waist, [0.106, 0.185, 0.142], 0.05)
            .cut(hem, spine, Shorts),
    );
    let ribs = middle.at(pelvis.origin + spine * 0.315);
    m.add(m.ellipsoid(Shirt, ribs, [0.116, 0.175, 0.160], 0.06));
    for side in Side::BOTH {
        let lateral = side.sign() * 0.072;
        m.add(m.ellipsoid(
            Shirt,
            chest.at(chest.point(0.062, -0.115, lateral)),
            [0.052, 0.068, 0.078],
            0.06,
        ));
        m.add(m.ellipsoid(
            Shirt,
            chest.at(chest.point(-0.055, -0.085, lateral)),
            [0.050, 0.095, 0.075],
            0.06,
        ));
        let shoulder = posture.arms[side.index()].shoulder;
        let neck = chest.point(-0.012, 0.040, side.sign() * 0.035);
        m.add(m.cone(Shirt, neck, shoulder.lerp(neck, 0.15), [0.040, 0.042], 0.05));
        let yoke = (
            chest.point(0.0, -0.04, 0.0),
            shoulder.lerp(chest.origin, 0.12) - chest.up * 0.012,
        );
        m.add(m.cone(Shirt, yoke.0, yoke.1, [0.072, 0.052], 0.05));
    }
    let throat = (chest.point(-0.004, -0.02, 0.0), posture.head.point(-0.018, -0.075, 0.0));
    m.add(m.cone(Skin, throat.0, throat.1, [0.058, 0.052], 0.02));
    let collar = (throat.0.lerp(throat.1, 0.36), throat.0.lerp(throat.1, 0.48));
    m.add(
        m.cone(Trim, collar.0, collar.1, [0.0640, 0.0600], 0.012)
            .ended(collar.1, (throat.1 - throat.0).normalized()),
    );
}

fn skull(m: &mut Modeller<'_>, head: &Axes) {
    let at = |forward, up, right| head.at(head.point(forward, up, right));
    m.add(m.ellipsoid(Skin, at(-0.005, 0.020, 0.0), [0.095, 0.105, 0.076], 0.02));
    m.add(m.ellipsoid(Skin, at(0.020, -0.055, 0.0), [0.068, 0.068, 0.056], 0.04));
    m.add(m.cone(
        Skin,
        head.point(0.068, -0.105, -0.012),
        head.point(0.068, -0.105, 0.012),
        [0.018, 0.018],
        0.03,
    ));
    m.add(m.ellipsoid(Hair, at(-0.022, 0.050, 0.0), [0.099, 0.092, 0.083], 0.0));
    m.add(m.ellipsoid(Hair, at(-0.050, 0.0, 0.0), [0.060, 0.082, 0.075], 0.03));
    m.add(m.ellipsoid(Hair, at(0.040, 0.098, -0.015).pitched(0.5), [0.058, 0.026, 0.058], 0.03));
}

fn face(m: &mut Modeller<'_>, head: &Axes) {
    let point = |forward, up, right| head.point(forward, up, right);
    m.add(m.cone(
        Skin,
        point(0.088, 0.018, 0.0),
        point(0.106, -0.020, 0.0),
        [0.0085, 0.0135],
        0.014,
    ));
    for side in Side::BOTH {
        let s = side.sign();
        m.add(m.ellipsoid(
            Flush,
            head.at(point(-0.005, -0.005, s * 0.077)),
            [0.018, 0.030, 0.009],
            0.006,
        ));
        m.add(m.ellipsoid(
            Eye,
            head.at(point(0.0825, 0.018, s * 0.032)),
            [0.010, 0.0085, 0.0150],
            0.0,
        ));
        m.add(m.ellipsoid(
            Iris,
            head.at(point(0.0900, 0.018, s * 0.032)),
            [0.0055, 0.0066, 0.0066],
            0.0,
        ));
        let (inner, peak, outer) = (
            point(0.0905, 0.040, s * 0.017),
            point(0.088, 0.044, s * 0.034),
            point(0.081, 0.039, s * 0.048),
        );
        m.add(m.cone(Hair, inner, peak, [0.0042, 0.0038], 0.0));
        m.add(m.cone(Hair, peak, outer, [0.0038, 0.0028], 0.0));
        m.add(m.cone(
            Lip,
            point(0.083, -0.062, 0.0),
            point(0.078, -0.0575, s * 0.022),
            [0.0080, 0.0048],
            0.004,
        ));
    }
}

fn arm(m: &mut Modeller<'_>, arm: &Arm) {
    let Arm {
        shoulder, elbow, hand, ..
    } = *arm;
    let wrist = hand.origin;
    let along = (elbow - shoulder).normalized();
    let hem = shoulder.lerp(elbow, 0.50);
    let sleeve = m.root(Shirt, shoulder, shoulder.lerp(elbow, 0.56), [0.055, 0.056], 0.03, 0.05);
    m.add(sleeve.cut(shoulder.lerp(elbow, 0.44), -along, Trim).ended(hem, along));
    m.add(m.cone(Skin, shoulder, elbow, [0.046, 0.037], 0.0));
    m.add(m.cone(
        Skin,
        shoulder.lerp(elbow, 0.55),
        shoulder.lerp(elbow, 0.75),
        [0.044, 0.041],
        0.02,
    ));
    m.add(m.cone(Skin, elbow, wrist, [0.038, 0.026], 0.015));
    m.add(m.cone(
        Skin,
        elbow.lerp(wrist, 0.08),
        elbow.lerp(wrist, 0.36),
        [0.041, 0.039],
        0.03,
    ));
    palm(m, &hand, arm.thumb_side);
}

/// The hand; `thumb` is the sign of the thumb's side along the right axis.
fn palm(m: &mut Modeller<'_>, hand: &Axes, thumb: f64) {
    m.add(m.ellipsoid(Skin, hand.at(hand.point(0.055, 0.0, 0.0)), [0.058, 0.016, 0.036], 0.015));
    for (finger, across) in [0.027, 0.009, -0.009, -0.027].into_iter().enumerate() {
        let length = 0.166 - 0.011 * (finger as f64 - 1.2).abs();
        let (knuckle, bend) = (
            hand.point(0.085, 0.0, across * thumb),
            hand.point(0.125, -0.004, across * 1.08 * thumb),
        );
        m.add(m.cone(Skin, knuckle, bend, [0.0095, 0.0085], 0.004));
        m.add(m.cone(
            Skin,
            bend,
            hand.point(length, -0.016, across * 1.1 * thumb),
            [0.0085, 0.007],
            0.003,
        ));
    }
    let (base, tip) = (
        hand.point(0.030, -0.004, 0.028 * thumb),
        hand.point(0.088, -0.012, 0.060 * thumb),
    );
    m.add(m.cone(Skin, base, tip, [0.012, 0.008], 0.010));
}

fn leg(m: &mut Modeller<'_>, leg: &Leg, pelvis: &Axes) {
    let Leg { hip, knee, foot, toes } = *leg;
    let ankle = foot.origin;
    let down = (knee - hip).normalized();
    let hem = hip.lerp(knee, 0.68);
    let outward = pelvis.right * pelvis.right.dot(hip - pelvis.origin).signum();
    m.add(
        m.root(Shorts, hip + outward * 0.004, hem, [0.097, 0.086], 0.02, 0.06)
            .ended(hem, down),
    );
    m.add(
        m.cone(Shorts, hip.lerp(knee, 0.2), hip.lerp(knee, 0.74), [0.088, 0.080], 0.03)
            .ended(hem, down),
    );
    m.add(m.cone(Skin, hip, knee, [0.083, 0.052], 0.0));
    m.add(m.cone(Skin, hip.lerp(knee, 0.5), hip.lerp(knee, 0.75), [0.072, 0.062], 0.03));

    // The calf is behind the shank: away from where the knee points.
    let along = (ankle - knee).normalized();
    let shin = (foot.forward - along * along.dot(foot.forward)).normalized();
    let cap = knee + (shin.lerp(-down, 0.2)) * 0.012;
    m.add(m.cone(Skin, cap, knee, [0.042, 0.048], 0.02));
    m.add(m.cone(Skin, knee, ankle, [0.048, 0.035], 0.02));
    let calf = knee.lerp(ankle, 0.30) - shin * 0.020;
    m.add(m.cone(Skin, knee.lerp(ankle, 0.10) - shin * 0.008, calf, [0.042, 0.048], 0.03));
    m.add(m.cone(Skin, calf, knee.lerp(ankle, 0.78), [0.048, 0.036], 0.03));
    let cuff = knee.lerp(ankle, 0.84);
    m.add(m.cone(Sock, cuff, ankle, [0.0405, 0.040], 0.004).ended(cuff, -along));

    let sole = foot.point(0.0, -0.063, 0.0);
    m.add(
        m.cone(
            Shoe,
            foot.point(-0.042, -0.045, 0.0),
            foot.point(0.110, -0.051, 0.0),
            [0.040, 0.036],
            0.0,
        )
        .cut(sole, foot.up, Sole),
    );
    m.add(
        m.cone(
            Shoe,
            foot.point(-0.010, -0.012, 0.0),
            foot.point(0.085, -0.040, 0.0),
            [0.044, 0.036],
            0.03,
        )
        .cut(sole, foot.up, Sole),
    );
    let toe_sole = toes.point(0.0, -0.010, 0.0);
    m.add(
        m.cone(
            Shoe,
            toes.point(0.0, 0.004, 0.0),
            toes.point(0.048, -0.001, 0.0),
            [0.036, 0.029],
            0.02,
        )
        .cut(toe_sole, toes.up, Sole),
    );
}

/// The coarse shape of a figure, for ambient occlusion.
pub(crate) fn coarse(posture: &Posture, capsules: &mut Vec<Capsule>) {
    let mut add = |a: Vec3, b: Vec3, radius: f32| {
        capsules.push(Capsule {
            a: a.single(),
            b: b.single(),
            radius,
        });
    };
    let (pelvis, chest) = (&posture.pelvis, &posture.chest);
    add(pelvis.origin, chest.point(0.0, -0.10, 0.0), 0.125);
    add(
        posture.head.point(0.0, -0.04, 0.0),
        posture.head.point(-0.01, 0.03, 0.0),
        0.085,
    );
    for side in Side::BOTH {
        let arm = &posture.arms[side.index()];
        add(arm.shoulder, arm.elbow, 0.045);
        add(arm.elbow, arm.hand.point(0.08, 0.0, 0.0), 0.034);
        let leg = &posture.legs[side.index()];
        add(leg.hip, leg.knee, 0.075);
        add(leg.knee, leg.foot.origin, 0.045);
        add(
            leg.foot.point(-0.04, -0.045, 0.0),
            leg.toes.point(0.04, 0.0, 0.0),
            0.040,
        );
    }
}
