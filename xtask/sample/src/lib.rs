//! The project's own sample: a rendered video of a moving person whose joint angles are known.
//!
//! A [`Scene`] says who moves how and from where it is seen. [`render()`] gives its frames, [`truth()`] gives the place of each
//! landmark and each joint's angle in every frame, from the same postures that the frames were drawn from. Both are functions of the
//! scene alone: the same scene gives the same bytes, on any number of threads.
//!
//! Nothing here reads a file or writes one, and there is no model of a body's dynamics: the motions are kinematic.

mod body;
mod camera;
mod light;
pub mod motion;
mod noise;
mod outfit;
mod render;
mod room;
mod scene;
mod sdf;
pub mod skeleton;
mod trace;
pub mod truth;
pub mod vector;

pub use camera::Camera;
pub use motion::{Motion, Squat, Walk};
pub use outfit::{Material, Outfit};
pub use render::{Frame, Frames, Renderer, render, render_frame};
pub use scene::{Figure, LARGEST_SIDE_PX, MOST_FRAMES, Scene, SceneError};
pub use truth::{Truth, TruthJoint, truth};
