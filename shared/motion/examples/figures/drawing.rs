//! One figure for each angle: a body in three postures, with the directions between which the angle is
//! measured. The numbers in the figures are measured by this crate on the poses that are drawn.

use std::fmt::Write;

use marey_motion::{Angle, Filter, Landmark, Pose, Settings, Side, Space, analyze};

use crate::support::{Figure, Joints, ORIGIN_PX, SCALE_PX, even_s, recording};

#[path = "plans.rs"]
mod plans;

use plans::{PLANS, Plan};

const PANEL: [f64; 2] = [230.0, 250.0];
const CAPTION: f64 = 44.0;
const MARGIN: f64 = 12.0;

type Vector = [f64; 2];

/// The figures with their file names.
pub(crate) fn figures() -> Vec<(String, String)> {
    PLANS
        .iter()
        .map(|plan| (format!("{}.svg", plan.angle.id()), draw(plan)))
        .collect()
}

fn draw(plan: &Plan) -> String {
    let width = 3.0 * PANEL[0] + 4.0 * MARGIN;
    let height = PANEL[1] + CAPTION + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"Helvetica, Arial, sans-serif\">\n<title>{}: three postures with their values</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
        plan.angle.label()
    );
    for (index, (value_deg, caption)) in plan.values_deg.into_iter().zip(plan.captions).enumerate() {
        let left = MARGIN + index as f64 * (PANEL[0] + MARGIN);
        let pose = pose(plan.angle, value_deg);
        let panel = Panel { plan, pose: &pose };
        let _ = writeln!(
            svg,
            "<svg x=\"{left}\" y=\"{MARGIN}\" width=\"{}\" height=\"{}\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#f7f8fa\"/>\n{}</svg>",
            PANEL[0],
            PANEL[1],
            panel.draw(index == 1)
        );
        let measured_deg = panel.measured_deg();
        let _ = writeln!(
            svg,
            "<text x=\"{0:.1}\" y=\"{1:.1}\" text-anchor=\"middle\" font-size=\"17\" font-weight=\"bold\" fill=\"#a63a1e\">{2}</text>\n\
             <text x=\"{0:.1}\" y=\"{3:.1}\" text-anchor=\"middle\" font-size=\"13\" fill=\"#333333\">{caption}</text>",
            left + PANEL[0] / 2.0,
            MARGIN + PANEL[1] + 20.0,
            reading(plan.angle, measured_deg),
            MARGIN + PANEL[1] + 39.0,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A body with one angle at a value and the rest so that it is easy to see.
fn pose(angle: Angle, value_deg: f64) -> Pose {
    let joints = Joints::default();
    let figure = match angle {
        Angle::AnkleDorsiflexion | Angle::Foot => Figure::symmetric(Joints {
            ankle_deg: value_deg,
            ..joints
        }),
        Angle::KneeFlexion => Figure::symmetric(Joints {
            knee_deg: value_deg,
            ..joints
        }),
        Angle::HipFlexion => Figure::symmetric(Joints {
            hip_deg: value_deg,
            knee_deg: value_deg.max(0.0),
            ..joints
        }),
        Angle::ShoulderFlexion => Figure::symmetric(Joints {
            shoulder_deg: value_deg,
            ..joints
        }),
        Angle::ElbowFlexion => Figure::symmetric(Joints {
            elbow_deg: value_deg,
            ..joints
        }),
        Angle::WristFlexion | Angle::Hand => Figure::symmetric(Joints {
            elbow_deg: 90.0,
            wrist_deg: value_deg,
            ..joints
        }),
        Angle::Trunk => Figure {
            trunk_deg: value_deg,
            // The thighs stay upright.
            ..Figure::symmetric(Joints {
                hip_deg: value_deg,
                shoulder_deg: value_deg,
                ..joints
            })
        },
        Angle::Pelvis => Figure {
            pelvis_deg: value_deg,
            yaw_deg: 90.0,
            ..Figure::default()
        },
        Angle::Shoulders => return tilted(value_deg),
        Angle::Head => return nodding(90.0 - value_deg),
        Angle::Arm => Figure::symmetric(Joints {
            shoulder_deg: value_deg + 90.0,
            ..joints
        }),
        Angle::Forearm => Figure::symmetric(Joints {
            elbow_deg: value_deg + 90.0,
            ..joints
        }),
        Angle::Thigh => Figure::symmetric(Joints {
            hip_deg: value_deg + 90.0,
            knee_deg: (value_deg + 90.0).max(0.0),
            ..joints
        }),
        Angle::Shank => Figure::symmetric(Joints {
            hip_deg: (value_deg + 90.0).max(0.0),
            knee_deg: (-90.0 - value_deg).max(0.0),
            ..joints
        }),
    };
    figure.pose()
}

/// Standing, seen from the front, with everything above the hips leaning to a side.
fn tilted(angle_deg: f64) -> Pose {
    let standing = Figure {
        yaw_deg: 90.0,
        ..Figure::default()
    };
    turned_px(&standing.pose(), ORIGIN_PX, angle_deg, |landmark| {
        landmark.index() < Landmark::LeftHip.index()
    })
}

/// Standing, seen from the right, with the head bent forward about the middle of the shoulders.
fn nodding(forward_deg: f64) -> Pose {
    let pose = Figure::default().pose();
    let neck = &pose.points[Landmark::RightShoulder.index()];
    let neck_px = [f64::from(neck.x_px), f64::from(neck.y_px)];
    turned_px(&pose, neck_px, -forward_deg, |landmark| {
        landmark <= Landmark::MouthRight
    })
}

/// A pose of which some landmarks are turned anticlockwise in the image.
fn turned_px(pose: &Pose, about_px: Vector, angle_deg: f64, is_turned: impl Fn(Landmark) -> bool) -> Pose {
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    let mut turned = pose.clone();
    for landmark in Landmark::ALL.into_iter().filter(|&landmark| is_turned(landmark)) {
        let point = &mut turned.points[landmark.index()];
        let [x, y] = minus([f64::from(point.x_px), f64::from(point.y_px)], about_px);
        point.x_px = (about_px[0] + x * cos + y * sin) as f32;
        point.y_px = (about_px[1] + y * cos - x * sin) as f32;
    }
    turned
}

fn reading(angle: Angle, value_deg: f64) -> String {
    match value_deg.round() {
        value if matches!(angle, Angle::ElbowFlexion | Angle::WristFlexion) => format!("{value}\u{b0}"),
        value if value < 0.0 => format!("\u{2212}{}\u{b0}", -value),
        value if value > 0.0 => format!("+{value}\u{b0}"),
        _ => "0\u{b0}".to_owned(),
    }
}

/// One posture in its view.
struct Panel<'a> {
    plan: &'a Plan,
    pose: &'a Pose,
}

impl Panel<'_> {
    fn measured_deg(&self) -> f64 {
        let settings = Settings {
            filter: Filter::None,
            ..Settings::default()
        };
        let still = recording(even_s(3, 30.0), vec![Some(self.pose.clone()); 3]);
        let side = self.plan.angle.sides().last().copied().flatten();
        let analysis = analyze(&still, &settings).expect("the drawn pose is a sound recording");
        let series = analysis.people[0].series(self.plan.angle, side, Space::Image);
        series
            .and_then(|series| series.value_deg[0])
            .expect("every landmark of the drawn pose is trusted")
    }

    fn is_from_the_front(&self) -> bool {
        matches!(self.plan.angle, Angle::Pelvis | Angle::Shoulders)
    }

    /// Pixels of the panel per metre.
    fn scale(&self) -> f64 {
        PANEL[1] / self.plan.height_m
    }

    fn at(&self, landmark: Landmark) -> Vector {
        let point = &self.pose.points[landmark.index()];
        let image_px = [f64::from(point.x_px), f64::from(point.y_px)];
        std::array::from_fn(|axis| {
            let metres = (image_px[axis] - ORIGIN_PX[axis]) / SCALE_PX;
            PANEL[axis] / 2.0 + self.scale() * (metres - self.plan.middle_m[axis])
        })
    }

    fn between(&self, one: Landmark, other: Landmark) -> Vector {
        let (one, other) = (self.at(one), self.at(other));
        [f64::midpoint(one[0], other[0]), f64::midpoint(one[1], other[1])]
    }

    fn draw(&self, with_labels: bool) -> String {
        let mut svg = String::new();
        self.body(&mut svg);
        self.construction(&mut svg);
        if with_labels {
            for &(landmark, label) in self.plan.labels {
                self.label(&mut svg, landmark, label);
            }
        }
        svg
    }

    /// The body as plump limbs: the far side first and paler.
    fn body(&self, svg: &mut String) {
        use Landmark as L;
        let limbs = |side: Side| {
            let pick = |left: L, right: L| self.at(if side == Side::Left { left } else { right });
            let (shoulder, hip) = (pick(L::LeftShoulder, L::RightShoulder), pick(L::LeftHip, L::RightHip));
            let (elbow, wrist) = (pick(L::LeftElbow, L::RightElbow), pick(L::LeftWrist, L::RightWrist));
            let hand = match side {
                Side::Left => self.between(L::LeftIndex, L::LeftPinky),
                Side::Right => self.between(L::RightIndex, L::RightPinky),
            };
            let (knee, ankle) = (pick(L::LeftKnee, L::RightKnee), pick(L::LeftAnkle, L::RightAnkle));
            let (heel, toe) = (
                pick(L::LeftHeel, L::RightHeel),
                pick(L::LeftFootIndex, L::RightFootIndex),
            );
            (
                [
                    (hip, knee, 0.12),
                    (knee, ankle, 0.09),
                    (ankle, heel, 0.06),
                    (heel, toe, 0.055),
                ],
                [(shoulder, elbow, 0.08), (elbow, wrist, 0.065), (wrist, hand, 0.07)],
            )
        };
        let (far_leg, far_arm) = limbs(Side::Left);
        let (near_leg, near_arm) = limbs(Side::Right);
        // Seen from the front neither side is nearer.
        let from_the_front = self.is_from_the_front();
        for (from, to, width) in far_leg.into_iter().chain(far_arm) {
            self.limb(svg, from, to, width, if from_the_front { "#bcc5d1" } else { "#e3e7ed" });
        }
        let near = || near_leg.into_iter().chain(near_arm);
        if from_the_front {
            near().for_each(|(from, to, width)| self.limb(svg, from, to, width, "#bcc5d1"));
        }
        let (neck, hips) = (
            self.between(L::LeftShoulder, L::RightShoulder),
            self.between(L::LeftHip, L::RightHip),
        );
        let ears = self.between(L::LeftEar, L::RightEar);
        self.limb(svg, neck, ears, 0.1, "#cfd6df");
        for (left, right) in [(L::LeftShoulder, L::LeftHip), (L::RightShoulder, L::RightHip)] {
            self.limb(svg, self.at(left), self.at(right), 0.19, "#cfd6df");
        }
        self.limb(svg, neck, hips, 0.2, "#cfd6df");
        let radius = 0.115 * self.scale();
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\" fill=\"#cfd6df\"/>",
            ears[0], ears[1]
        );
        let nose = self.at(L::Nose);
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{:.1}\" fill=\"#bcc5d1\"/>",
            nose[0],
            nose[1],
            0.03 * self.scale()
        );
        if !from_the_front {
            near().for_each(|(from, to, width)| self.limb(svg, from, to, width, "#bcc5d1"));
        }
    }

    fn limb(&self, svg: &mut String, from: Vector, to: Vector, width_m: f64, colour: &str) {
        line(
            svg,
            from,
            to,
            &format!(
                "stroke=\"{colour}\" stroke-width=\"{:.1}\" stroke-linecap=\"round\"",
                width_m * self.scale()
            ),
        );
    }

    /// The segments that the angle is made of, the direction that is zero, and the arc between that and the moving
    /// segment.
    fn construction(&self, svg: &mut String) {
        use Landmark as L;
        let (shoulders, hips) = (
            self.between(L::LeftShoulder, L::RightShoulder),
            self.between(L::LeftHip, L::RightHip),
        );
        let knuckles = self.between(L::RightIndex, L::RightPinky);
        let at = |landmark| self.at(landmark);
        // The fixed segment if there is one, the moving segment, and the direction in which the moving one would read
        // zero.
        let (fixed, moving, zero) = match self.plan.angle {
            Angle::AnkleDorsiflexion => {
                let (shank, foot) = (
                    (at(L::RightAnkle), at(L::RightKnee)),
                    (at(L::RightHeel), at(L::RightFootIndex)),
                );
                let up = minus(shank.1, shank.0);
                (Some(shank), foot, [-up[1], up[0]])
            }
            Angle::KneeFlexion => chain(at(L::RightHip), at(L::RightKnee), at(L::RightAnkle)),
            Angle::HipFlexion => (
                Some((shoulders, hips)),
                (at(L::RightHip), at(L::RightKnee)),
                minus(hips, shoulders),
            ),
            Angle::ShoulderFlexion => (
                Some((shoulders, hips)),
                (at(L::RightShoulder), at(L::RightElbow)),
                minus(hips, shoulders),
            ),
            Angle::ElbowFlexion => chain(at(L::RightShoulder), at(L::RightElbow), at(L::RightWrist)),
            Angle::WristFlexion => chain(at(L::RightElbow), at(L::RightWrist), knuckles),
            Angle::Trunk => (None, (hips, shoulders), [0.0, -1.0]),
            Angle::Pelvis => (None, (at(L::RightHip), at(L::LeftHip)), [1.0, 0.0]),
            Angle::Shoulders => (None, (at(L::RightShoulder), at(L::LeftShoulder)), [1.0, 0.0]),
            Angle::Head => (None, (shoulders, self.between(L::LeftEar, L::RightEar)), [1.0, 0.0]),
            Angle::Arm => (None, (at(L::RightShoulder), at(L::RightElbow)), [1.0, 0.0]),
            Angle::Forearm => (None, (at(L::RightElbow), at(L::RightWrist)), [1.0, 0.0]),
            Angle::Hand => (None, (at(L::RightWrist), knuckles), [1.0, 0.0]),
            Angle::Thigh => (None, (at(L::RightHip), at(L::RightKnee)), [1.0, 0.0]),
            Angle::Shank => (None, (at(L::RightKnee), at(L::RightAnkle)), [1.0, 0.0]),
            Angle::Foot => (None, (at(L::RightHeel), at(L::RightFootIndex)), [1.0, 0.0]),
        };
        let segment = "stroke=\"#1d4f7c\" stroke-width=\"3.5\" stroke-linecap=\"round\"";
        if let Some((from, to)) = fixed {
            line(svg, from, to, segment);
        }
        let radius = self.plan.arc_m * self.scale();
        let reach = along(moving.0, zero, radius + 16.0);
        line(
            svg,
            moving.0,
            reach,
            "stroke=\"#a63a1e\" stroke-width=\"1.6\" stroke-dasharray=\"5 4\"",
        );
        line(svg, moving.0, moving.1, segment);
        arc(svg, moving.0, zero, minus(moving.1, moving.0), radius);
        for point in fixed.into_iter().chain([moving]).flat_map(|(from, to)| [from, to]) {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4.5\" fill=\"#ffffff\" stroke=\"#1d4f7c\" stroke-width=\"2\"/>",
                point[0], point[1]
            );
        }
    }

    fn label(&self, svg: &mut String, landmark: Landmark, label: &str) {
        let [x, y] = self.at(landmark);
        let toe = landmark == Landmark::RightFootIndex;
        let (x, y, anchor) = match self.plan.labels_left {
            Some(left) if !toe => (x - left, y + 4.0, "end"),
            _ if matches!(landmark, Landmark::LeftHip | Landmark::LeftShoulder) => (x - 8.0, y + 28.0, "start"),
            _ if self.is_from_the_front() => (x + 8.0, y + 28.0, "end"),
            _ => (x, y + 32.0, "middle"),
        };
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"13\" fill=\"#1d4f7c\" text-anchor=\"{anchor}\" \
             stroke=\"#f7f8fa\" stroke-width=\"3\" paint-order=\"stroke\">{label}</text>"
        );
    }
}

/// Two segments that meet: the first fixed, the second moving, and zero where they are in line.
fn chain(from: Vector, joint: Vector, to: Vector) -> (Option<(Vector, Vector)>, (Vector, Vector), Vector) {
    (Some((from, joint)), (joint, to), minus(joint, from))
}

fn minus(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1]]
}

fn along(from: Vector, direction: Vector, length: f64) -> Vector {
    let norm = direction[0].hypot(direction[1]);
    [
        from[0] + direction[0] / norm * length,
        from[1] + direction[1] / norm * length,
    ]
}

fn line(svg: &mut String, from: Vector, to: Vector, style: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {style}/>",
        from[0], from[1], to[0], to[1]
    );
}

/// A wedge from one direction to another with an arrow at its end; nothing where they are the same.
fn arc(svg: &mut String, centre: Vector, from: Vector, to: Vector, radius: f64) {
    let sweep = (from[0] * to[1] - from[1] * to[0]).atan2(from[0] * to[0] + from[1] * to[1]);
    if sweep.abs() < 0.02 {
        return;
    }
    let start = from[1].atan2(from[0]);
    let at = |angle: f64, radius: f64| [centre[0] + radius * angle.cos(), centre[1] + radius * angle.sin()];
    let (first, last) = (at(start, radius), at(start + sweep, radius));
    let flag = i32::from(sweep > 0.0);
    let path = format!(
        "M {:.1} {:.1} A {radius:.1} {radius:.1} 0 0 {flag} {:.1} {:.1}",
        first[0], first[1], last[0], last[1]
    );
    let _ = writeln!(
        svg,
        "<path d=\"{path} L {:.1} {:.1} Z\" fill=\"#e0512b\" fill-opacity=\"0.18\"/>\n\
         <path d=\"{path}\" fill=\"none\" stroke=\"#a63a1e\" stroke-width=\"2\"/>",
        centre[0], centre[1]
    );
    // The arrow's base lies on the arc a little before its end, so that it points along the curve.
    let base = start + sweep - sweep.signum() * (11.0 / radius).min(sweep.abs());
    let (inner, outer) = (at(base, radius - 4.5), at(base, radius + 4.5));
    let _ = writeln!(
        svg,
        "<path d=\"M {:.1} {:.1} L {:.1} {:.1} L {:.1} {:.1} Z\" fill=\"#a63a1e\"/>",
        last[0], last[1], inner[0], inner[1], outer[0], outer[1]
    );
}
