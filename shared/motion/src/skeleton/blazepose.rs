//! BlazePose's 33 landmarks, in which Marey measures: other skeletons are converted to them first.

/// A landmark of [`BlazePose33`](super::Skeleton::BlazePose33); the discriminant is its index in a pose.
///
/// Left and right are the subject's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the anatomy")]
pub enum Landmark {
    Nose,
    LeftEyeInner,
    LeftEye,
    LeftEyeOuter,
    RightEyeInner,
    RightEye,
    RightEyeOuter,
    LeftEar,
    RightEar,
    MouthLeft,
    MouthRight,
    LeftShoulder,
    RightShoulder,
    LeftElbow,
    RightElbow,
    LeftWrist,
    RightWrist,
    LeftPinky,
    RightPinky,
    LeftIndex,
    RightIndex,
    LeftThumb,
    RightThumb,
    LeftHip,
    RightHip,
    LeftKnee,
    RightKnee,
    LeftAnkle,
    RightAnkle,
    LeftHeel,
    RightHeel,
    LeftFootIndex,
    RightFootIndex,
}

impl Landmark {
    /// All landmarks in the order of a pose's points.
    pub const ALL: [Self; 33] = [
        Self::Nose,
        Self::LeftEyeInner,
        Self::LeftEye,
        Self::LeftEyeOuter,
        Self::RightEyeInner,
        Self::RightEye,
        Self::RightEyeOuter,
        Self::LeftEar,
        Self::RightEar,
        Self::MouthLeft,
        Self::MouthRight,
        Self::LeftShoulder,
        Self::RightShoulder,
        Self::LeftElbow,
        Self::RightElbow,
        Self::LeftWrist,
        Self::RightWrist,
        Self::LeftPinky,
        Self::RightPinky,
        Self::LeftIndex,
        Self::RightIndex,
        Self::LeftThumb,
        Self::RightThumb,
        Self::LeftHip,
        Self::RightHip,
        Self::LeftKnee,
        Self::RightKnee,
        Self::LeftAnkle,
        Self::RightAnkle,
        Self::LeftHeel,
        Self::RightHeel,
        Self::LeftFootIndex,
        Self::RightFootIndex,
    ];

    /// The landmark's name in recordings, in `snake_case`.
    pub const fn name(self) -> &'static str {
        NAMES[self.index()]
    }

    /// The landmark's index in a pose of [`BlazePose33`](super::Skeleton::BlazePose33).
    pub const fn index(self) -> usize {
        self as usize
    }
}

pub(super) const NAMES: [&str; 33] = [
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
];

/// MediaPipe's `POSE_CONNECTIONS` (`mediapipe/python/solutions/pose_connections.py`).
pub(super) const BONES: [(usize, usize); 35] = [
    (0, 1),
    (1, 2),
    (2, 3),
    (3, 7),
    (0, 4),
    (4, 5),
    (5, 6),
    (6, 8),
    (9, 10),
    (11, 12),
    (11, 13),
    (13, 15),
    (15, 17),
    (15, 19),
    (15, 21),
    (17, 19),
    (12, 14),
    (14, 16),
    (16, 18),
    (16, 20),
    (16, 22),
    (18, 20),
    (11, 23),
    (12, 24),
    (23, 24),
    (23, 25),
    (24, 26),
    (25, 27),
    (26, 28),
    (27, 29),
    (28, 30),
    (29, 31),
    (30, 32),
    (27, 31),
    (28, 32),
];
