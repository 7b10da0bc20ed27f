//! Landmarks by name, and sets of landmarks that are different ones.

use serde::{Deserialize, Serialize};

use crate::Landmark;

impl Landmark {
    /// The landmark of a name such as `left_wrist`, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|landmark| landmark.name() == name)
    }
}

impl Serialize for Landmark {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Landmark {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom(format!("there is no landmark `{name}`")))
    }
}

/// `N` landmarks, no two of them the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Different<const N: usize>([Landmark; N]);

impl<const N: usize> Different<N> {
    /// The landmarks, or `None` if one is there twice.
    pub fn new(landmarks: [Landmark; N]) -> Option<Self> {
        let is_new = |(index, landmark): (usize, &Landmark)| !landmarks[..index].contains(landmark);
        landmarks.iter().enumerate().all(is_new).then_some(Self(landmarks))
    }

    /// The landmarks in the order in which they were given.
    pub const fn get(&self) -> [Landmark; N] {
        self.0
    }
}

impl<const N: usize> Serialize for Different<N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(serializer)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Different<N> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let landmarks = Vec::<Landmark>::deserialize(deserializer)?;
        let landmarks = <[Landmark; N]>::try_from(landmarks).ok().and_then(Self::new);
        landmarks.ok_or_else(|| serde::de::Error::custom(format!("{N} different landmarks are needed")))
    }
}
