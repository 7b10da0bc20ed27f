//! Finds the landmarks of one person in a region.

use std::time::Duration;

use marey_motion::Model;

use crate::{
    ImageView, Models, OnnxRuntime, Region, VisionError,
    refine::{HEATMAP_SIDE, refine, sigmoid},
    runtime::Network,
    warp::{Border, Warp},
};

const MODEL: &str = "pose_landmark_full";
/// The name under which recordings know the model.
const MODEL_NAME: &str = "blazepose_full";
/// Side of the landmark model's input in pixels.
const SIZE: usize = 256;

/// Landmarks of the body.
pub const BODY: usize = 33;
/// Points that the model gives: the body's, then those that the next region comes from.
pub const POINTS: usize = 39;
/// Point at the centre of the hips.
pub(crate) const HIPS: usize = 33;
/// Point on the circle around the whole person.
pub(crate) const REACH: usize = 34;

const NUMBERS_PER_POINT: usize = 5;
const HEATMAP_LEN: usize = HEATMAP_SIDE * HEATMAP_SIDE * POINTS;

const OUTPUTS: [(&str, usize); 4] = [
    ("landmarks", POINTS * NUMBERS_PER_POINT),
    ("presence", 1),
    ("heatmap", HEATMAP_LEN),
    ("world", POINTS * 3),
];

/// What the landmark model sees in one region.
#[derive(Debug, Clone, PartialEq)]
pub struct CropLandmarks {
    /// Probability in `0..=1` that a person is in the region.
    pub score: f32,
    /// Points in the region's unit square, before the heat maps have been looked at.
    pub coarse: [[f64; 2]; POINTS],
    /// Points in the region's unit square.
    pub points: [[f64; 2]; POINTS],
    /// Depth in sides of the region, relative to the hips; negative is nearer to the camera.
    pub depth: [f64; POINTS],
    /// Probability in `0..=1` that each point is in the picture and not occluded.
    pub visibility: [f64; POINTS],
    /// Probability in `0..=1` that each point is in the picture.
    pub presence: [f64; POINTS],
    /// Body landmarks in metres from the hips' centre: right, down, away from the camera, upright like the picture.
    pub world_m: [[f64; 3]; BODY],
}

/// The landmark model.
#[derive(Debug)]
pub struct LandmarkModel {
    network: Network,
    warp: Warp,
    model: Model,
}

impl LandmarkModel {
    /// Prepares the model to run on `threads` threads.
    ///
    /// # Errors
    /// When the model is missing, or ONNX Runtime refuses it.
    pub fn new(runtime: &OnnxRuntime, models: &Models, threads: usize) -> Result<Self, VisionError> {
        let warp = Warp::new(SIZE, 0.0, 1.0, Border::Replicate);
        let file = models.get(MODEL)?;
        Ok(Self {
            network: runtime.network(file, threads, warp.len(), &OUTPUTS)?,
            warp,
            model: Model {
                name: MODEL_NAME.to_owned(),
                sha256: file.sha256.clone(),
            },
        })
    }

    /// What recordings say about the model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The landmarks in a region of a picture; whether there is a person at all, the score says.
    ///
    /// # Errors
    /// When ONNX Runtime fails.
    pub fn find(&mut self, image: ImageView<'_>, region: &Region) -> Result<CropLandmarks, VisionError> {
        self.warp.crop(image, region, self.network.input());
        let outputs = self.network.run()?;
        let numbers = outputs.get("landmarks", POINTS * NUMBERS_PER_POINT)?;
        let number = |point: usize, index: usize| f64::from(numbers[point * NUMBERS_PER_POINT + index]);
        let coarse = std::array::from_fn(|point| [0, 1].map(|axis| number(point, axis) / SIZE as f64));
        let mut points = coarse;
        refine(&mut points, outputs.get("heatmap", HEATMAP_LEN)?);
        Ok(CropLandmarks {
            score: outputs.get("presence", 1)?[0],
            coarse,
            points,
            depth: std::array::from_fn(|point| number(point, 2) / SIZE as f64),
            visibility: std::array::from_fn(|point| sigmoid(number(point, 3))),
            presence: std::array::from_fn(|point| sigmoid(number(point, 4))),
            world_m: upright(outputs.get("world", POINTS * 3)?, region.rotation_rad),
        })
    }

    /// Time spent inside ONNX Runtime.
    pub(crate) fn inference_time(&self) -> Duration {
        self.network.time()
    }
}

/// Turns world landmarks, which the model gives as the crop shows them, back upright.
fn upright(world: &[f32], rotation_rad: f64) -> [[f64; 3]; BODY] {
    let (sin, cos) = rotation_rad.sin_cos();
    std::array::from_fn(|point| {
        let [x, y, z] = [0, 1, 2].map(|axis| f64::from(world[point * 3 + axis]));
        [cos * x - sin * y, sin * x + cos * y, z]
    })
}
