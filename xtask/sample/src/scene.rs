//! Scenes: who moves how, and how the camera looks at it.

use crate::motion::{Motion, Squat, Walk};
use crate::outfit::Outfit;
use crate::skeleton::Posture;
use crate::vector::{Axes, Vec3};

/// The most pixels a frame may have along one side.
pub const LARGEST_SIDE_PX: u32 = 8192;
/// The most frames a scene may have.
pub const MOST_FRAMES: usize = 100_000;

/// A person in a scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// What the person does.
    pub motion: Motion,
    /// Where the person faces against the scene's own direction, in degrees to the left; 180 turns around.
    pub heading_deg: f64,
    /// Where the motion's origin lies in the scene: forward and to the right of the scene's direction, in metres.
    pub offset_m: [f64; 2],
    /// Colours of clothes, skin and hair.
    pub outfit: Outfit,
}

impl Figure {
    /// A person at the scene's origin who faces in its direction.
    pub fn new(motion: Motion) -> Self {
        Self {
            motion,
            heading_deg: 0.0,
            offset_m: [0.0, 0.0],
            outfit: Outfit::coral(),
        }
    }
}

/// A video to be rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// The people in it.
    pub figures: Vec<Figure>,
    /// The direction of the scene against the line to the camera, in degrees: 0 looks at the camera, 90 is a side view of
    /// the right side (to the right in the picture), 180 shows the back. Any number is allowed.
    pub view_yaw_deg: f64,
    /// Width of a frame in pixels.
    pub width: u32,
    /// Height of a frame in pixels.
    pub height: u32,
    /// Frames per second as numerator and denominator.
    pub frame_rate: (u32, u32),
    /// Length of the clip in seconds.
    pub duration_s: f64,
    /// Seed of everything random: the sensor's noise and the grain of the floor.
    pub seed: u64,
    /// Standard deviation of the sensor's noise in steps of 8 bits.
    pub noise_levels: f64,
}

/// Why a scene cannot be rendered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SceneError {
    /// A side has no pixels or too many.
    #[error("a frame of {width}x{height} pixels cannot be rendered: each side takes 1 to {LARGEST_SIDE_PX} pixels")]
    Size {
        /// Width asked for, in pixels.
        width: u32,
        /// Height asked for, in pixels.
        height: u32,
    },
    /// The frame rate has a zero in it.
    #[error("{0}/{1} is no frame rate: both numbers must be positive")]
    FrameRate(u32, u32),
    /// The clip would have no frame, or more than [`MOST_FRAMES`].
    #[error("{duration_s} s gives {frames} frames: 1 to {MOST_FRAMES} can be rendered")]
    Duration {
        /// Duration asked for, in seconds.
        duration_s: f64,
        /// Frames that it would take.
        frames: usize,
    },
    /// Nobody is in the scene.
    #[error("the scene has no figure")]
    NoFigure,
    /// A number is infinite, not a number, or outside what a body can do.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// The index is past the last frame.
    #[error("frame {index} does not exist: the scene has {frames}")]
    NoSuchFrame {
        /// Frame asked for.
        index: usize,
        /// Frames that there are.
        frames: usize,
    },
}

impl SceneError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Size { .. } => "SAMPLE_SIZE",
            Self::FrameRate(..) => "SAMPLE_FRAME_RATE",
            Self::Duration { .. } => "SAMPLE_DURATION",
            Self::NoFigure => "SAMPLE_NO_FIGURE",
            Self::OutOfRange(_) => "SAMPLE_OUT_OF_RANGE",
            Self::NoSuchFrame { .. } => "SAMPLE_NO_SUCH_FRAME",
        }
    }
}

impl Scene {
    /// Three squats to 100 degrees of knee flexion, seen from the side: 640×480, 30 frames per second, 6 s.
    pub fn squat() -> Self {
        Self::of(vec![Figure::new(Motion::Squat(Squat::default()))], 640, 480, 6.0)
    }

    /// A walk across the picture, seen from the side: 1280×720, 30 frames per second, 4 s.
    pub fn walk() -> Self {
        Self::of(vec![Figure::new(Motion::Walk(Walk::default()))], 1280, 720, 4.0)
    }

    /// Two people who walk past each other, seen from the side: 1280×720, 30 frames per second, 4 s.
    pub fn crossing() -> Self {
        let near = Figure {
            offset_m: [0.0, 0.45],
            ..Figure::new(Motion::Walk(Walk::default()))
        };
        let far = Figure {
            motion: Motion::Walk(Walk {
                stride_time_s: 1.16,
                start_phase: 0.55,
            }),
            heading_deg: 180.0,
            offset_m: [0.0, -0.45],
            outfit: Outfit::moss(),
        };
        Self::of(vec![near, far], 1280, 720, 4.0)
    }

    /// The same crossing of two who wear the same: nothing but their movement tells them apart.
    pub fn twins() -> Self {
        let mut scene = Self::crossing();
        for figure in &mut scene.figures {
            figure.outfit = Outfit::coral();
        }
        scene
    }

    fn of(figures: Vec<Figure>, width: u32, height: u32, duration_s: f64) -> Self {
        Self {
            figures,
            view_yaw_deg: 90.0,
            width,
            height,
            frame_rate: (30, 1),
            duration_s,
            seed: 1882,
            noise_levels: 0.8,
        }
    }

    /// The same scene from another direction; see [`Scene::view_yaw_deg`].
    #[must_use]
    pub fn seen_from(self, view_yaw_deg: f64) -> Self {
        Self { view_yaw_deg, ..self }
    }

    /// The same scene in another size.
    #[must_use]
    pub fn sized(self, width: u32, height: u32) -> Self {
        Self { width, height, ..self }
    }

    /// How many frames the clip has.
    pub fn frame_count(&self) -> usize {
        let (numerator, denominator) = self.frame_rate;
        (self.duration_s * f64::from(numerator) / f64::from(denominator) + 1e-9).floor() as usize
    }

    /// Presentation time of a frame in seconds.
    pub fn time_s(&self, index: usize) -> f64 {
        index as f64 * f64::from(self.frame_rate.1) / f64::from(self.frame_rate.0)
    }

    /// Says whether the scene can be rendered.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn validate(&self) -> Result<(), SceneError> {
        let (width, height) = (self.width, self.height);
        if !(1..=LARGEST_SIDE_PX).contains(&width) || !(1..=LARGEST_SIDE_PX).contains(&height) {
            return Err(SceneError::Size { width, height });
        }
        if self.frame_rate.0 == 0 || self.frame_rate.1 == 0 {
            return Err(SceneError::FrameRate(self.frame_rate.0, self.frame_rate.1));
        }
        let frames = self.frame_count();
        if !self.duration_s.is_finite() || !(1..=MOST_FRAMES).contains(&frames) {
            return Err(SceneError::Duration {
                duration_s: self.duration_s,
                frames,
            });
        }
        if self.figures.is_empty() {
            return Err(SceneError::NoFigure);
        }
        let claims = [
            (self.view_yaw_deg.is_finite(), "view_yaw_deg"),
            ((0.0..=64.0).contains(&self.noise_levels), "noise_levels"),
        ];
        let figures = self.figures.iter().flat_map(Figure::claims);
        match claims.into_iter().chain(figures).find(|(holds, _)| !holds) {
            Some((_, name)) => Err(SceneError::OutOfRange(name)),
            None => Ok(()),
        }
    }

    /// The postures of all figures at a frame, in the room's axes: x to the right in the picture, y up, z towards the camera.
    pub(crate) fn postures(&self, index: usize) -> Vec<Posture> {
        let time_s = self.time_s(index);
        let yaw = self.view_yaw_deg.to_radians();
        let (sin, cos) = yaw.sin_cos();
        let room = Axes {
            origin: Vec3::default(),
            forward: Vec3::new(sin, 0.0, cos),
            up: Vec3::new(0.0, 1.0, 0.0),
            right: Vec3::new(-cos, 0.0, sin),
        };
        self.figures
            .iter()
            .map(|figure| {
                let place = room
                    .at(room.point(figure.offset_m[0], 0.0, figure.offset_m[1]))
                    .turned_left(figure.heading_deg.to_radians());
                figure.motion.posture(time_s, self.duration_s).within(&place)
            })
            .collect()
    }
}

impl Figure {
    /// What must hold for the figure to be drawn, with the name of the field that each claim is about.
    fn claims(&self) -> [(bool, &'static str); 4] {
        let motion = match self.motion {
            Motion::Squat(squat) => [
                ((0.0..=120.0).contains(&squat.depth_deg), "depth_deg"),
                ((0.0..=120.0).contains(&squat.standing_deg), "standing_deg"),
            ],
            Motion::Walk(walk) => [
                ((0.2..=20.0).contains(&walk.stride_time_s), "stride_time_s"),
                ((-1e6..=1e6).contains(&walk.start_phase), "start_phase"),
            ],
        };
        let [first, second] = motion;
        let near = |metres: f64| (-50.0..=50.0).contains(&metres);
        [
            first,
            second,
            (self.heading_deg.is_finite(), "heading_deg"),
            (self.offset_m.into_iter().all(near), "offset_m"),
        ]
    }
}
