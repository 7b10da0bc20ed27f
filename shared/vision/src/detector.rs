//! Finds people in a whole picture.

use std::time::Duration;

use crate::{
    ImageView, Models, OnnxRuntime, Region, VisionError,
    anchors::anchor_centers,
    nms::weighted_nms,
    refine::sigmoid,
    runtime::Network,
    warp::{Border, Warp},
};

const MODEL: &str = "pose_detection";
/// Side of the detector's input in pixels.
const SIZE: usize = 224;
/// Strides of the network's layers in pixels.
const STRIDES: [usize; 5] = [8, 16, 32, 32, 32];
const ANCHORS: usize = 2254;
const KEYPOINTS: usize = 4;
/// Numbers per candidate: centre, size, key points.
const BOX_LEN: usize = 4 + 2 * KEYPOINTS;
/// Candidates that overlap more than this mean the same person.
const SAME_PERSON_OVERLAP: f64 = 0.3;

/// A person that the detector found. The box is that of the face; the key points say where the body is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Probability in `0..=1` that this is a person.
    pub score: f32,
    /// Upper left corner of the face's box in pixels.
    pub min_px: [f64; 2],
    /// Lower right corner of the face's box in pixels.
    pub max_px: [f64; 2],
    /// Centre of the hips, a point on the circle around the whole person, centre of the shoulders, and a point on the
    /// circle around the upper body, in pixels.
    pub keypoints_px: [[f64; 2]; KEYPOINTS],
}

impl Detection {
    /// The region in which the landmark model looks for this person.
    pub fn region(&self) -> Region {
        Region::from_alignment(self.keypoints_px[0], self.keypoints_px[1])
    }
}

/// The person detector.
#[derive(Debug)]
pub struct PoseDetector {
    network: Network,
    warp: Warp,
    anchors: Vec<[f64; 2]>,
    min_score: f64,
    runs: u64,
}

impl PoseDetector {
    /// Prepares the detector to run on `threads` threads and to report what scores at least `min_score`, in `0..=1`.
    ///
    /// # Errors
    /// When the model is missing, or ONNX Runtime refuses it.
    pub fn new(runtime: &OnnxRuntime, models: &Models, threads: usize, min_score: f64) -> Result<Self, VisionError> {
        let warp = Warp::new(SIZE, -1.0, 1.0, Border::Zero);
        let outputs = [("boxes", ANCHORS * BOX_LEN), ("scores", ANCHORS)];
        Ok(Self {
            network: runtime.network(models.get(MODEL)?, threads, warp.len(), &outputs)?,
            warp,
            anchors: anchor_centers(SIZE, &STRIDES),
            min_score,
            runs: 0,
        })
    }

    /// The people in a picture, from the most to the least certain.
    ///
    /// # Errors
    /// When ONNX Runtime fails.
    pub fn detect(&mut self, image: ImageView<'_>) -> Result<Vec<Detection>, VisionError> {
        self.detect_in(image, &Region::around(image.width(), image.height()))
    }

    /// The people in a part of a picture, from the most to the least certain; in pixels of the whole picture. The smaller the
    /// part, the smaller may people be.
    ///
    /// # Errors
    /// When ONNX Runtime fails.
    pub fn detect_in(&mut self, image: ImageView<'_>, frame: &Region) -> Result<Vec<Detection>, VisionError> {
        self.warp.crop(image, frame, self.network.input());
        self.runs += 1;
        let outputs = self.network.run()?;
        let boxes = outputs.get("boxes", ANCHORS * BOX_LEN)?;
        let scores = outputs.get("scores", ANCHORS)?;
        let candidates = boxes
            .as_chunks::<BOX_LEN>()
            .0
            .iter()
            .zip(scores)
            .zip(&self.anchors)
            .filter_map(|((numbers, &logit), &anchor)| {
                let score = sigmoid(f64::from(logit));
                (score >= self.min_score).then(|| decode(numbers, score, anchor, frame))?
            })
            .collect();
        Ok(weighted_nms(candidates, SAME_PERSON_OVERLAP))
    }

    /// Time spent inside ONNX Runtime.
    pub(crate) fn inference_time(&self) -> Duration {
        self.network.time()
    }

    /// How often the detector ran.
    pub(crate) fn runs(&self) -> u64 {
        self.runs
    }
}

/// Turns a candidate's numbers into a detection; one of negative size is none.
///
/// In single precision, as MediaPipe does: a region that lies 0.0002 px elsewhere gives a crop in which one value of two
/// thousand differs.
fn decode(numbers: &[f32; BOX_LEN], score: f64, anchor: [f64; 2], frame: &Region) -> Option<Detection> {
    let place =
        |pair: usize| [0, 1].map(|axis| f64::from(numbers[2 * pair + axis] / SIZE as f32 + anchor[axis] as f32));
    let size = [2, 3].map(|index| f64::from(numbers[index] / SIZE as f32));
    if size[0] < 0.0 || size[1] < 0.0 {
        return None;
    }
    let [x, y] = place(0);
    Some(Detection {
        score: score as f32,
        min_px: frame.to_image(x - size[0] / 2.0, y - size[1] / 2.0),
        max_px: frame.to_image(x + size[0] / 2.0, y + size[1] / 2.0),
        keypoints_px: std::array::from_fn(|keypoint| {
            let [x, y] = place(2 + keypoint);
            frame.to_image(x, y)
        }),
    })
}
