//! How somebody's clothes look: what tells people apart who meet in one place.

use serde::{Deserialize, Serialize};

/// Places along each of the two axes of colour, and along that of light.
const COLOURS: usize = 5;
const LIGHTS: usize = 4;

/// Bins for one part of the body.
const PART: usize = COLOURS * COLOURS * LIGHTS;
const ALL: usize = 2 * PART;

/// Colours beyond this are as colourful as clothes get, along either axis.
const MOST_COLOUR: f64 = 90.0;

/// White, along the axis of light: √3 · 255.
const MOST_LIGHT: f64 = 441.67;

/// A part of the body with clothes of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyPart {
    /// Between shoulders and hips.
    Trunk,
    /// Between hips and knees.
    Thighs,
}

/// How often each colour is seen on somebody's trunk and thighs, as two histograms.
///
/// The axes are those of opponent colours, red against green, blue against yellow, and light (Swain and Ballard 1991, "Color
/// indexing", §3.1); a colour between the middles of bins belongs to all of them in part, so that no light is at an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct Appearance {
    /// Shares of each part's colours in 255ths.
    bins: [u8; ALL],
}

impl Appearance {
    /// How different two people's clothes look, from 0 for the same to 1 for nothing in common: the distance of Bhattacharyya,
    /// √(1 − Σ√(p·q)) (Comaniciu, Ramesh and Meer 2003, "Kernel-based object tracking", equation 11), its mean over the parts that are
    /// seen of both. `None` where there is no such part.
    pub fn distance(&self, other: &Self) -> Option<f64> {
        let parts = self.bins.chunks_exact(PART).zip(other.bins.chunks_exact(PART));
        let distances: Vec<f64> = parts
            .filter_map(|(a, b)| {
                let sum = |bins: &[u8]| bins.iter().map(|&bin| f64::from(bin)).sum::<f64>();
                let both = (sum(a) * sum(b)).sqrt();
                let common: f64 = a
                    .iter()
                    .zip(b)
                    .map(|(&a, &b)| (f64::from(a) * f64::from(b)).sqrt())
                    .sum();
                (both > 0.0).then(|| (1.0 - common / both).max(0.0).sqrt())
            })
            .collect();
        (!distances.is_empty()).then(|| distances.iter().sum::<f64>() / distances.len() as f64)
    }
}

impl From<Appearance> for Vec<u8> {
    fn from(appearance: Appearance) -> Self {
        appearance.bins.to_vec()
    }
}

impl TryFrom<Vec<u8>> for Appearance {
    type Error = String;

    fn try_from(bins: Vec<u8>) -> Result<Self, String> {
        let count = bins.len();
        let bins = bins
            .try_into()
            .map_err(|_| format!("an appearance has {ALL} numbers and not {count}"))?;
        Ok(Self { bins })
    }
}

/// Gathers colours, or appearances, until there is enough for one appearance.
#[derive(Debug, Clone, PartialEq)]
pub struct Colours {
    bins: [f32; ALL],
}

impl Default for Colours {
    fn default() -> Self {
        Self { bins: [0.0; ALL] }
    }
}

impl Colours {
    /// Takes in a pixel, red, green and blue, of a part of the body.
    pub fn add(&mut self, part: BodyPart, [red, green, blue]: [u8; 3]) {
        let (red, green, blue) = (f64::from(red), f64::from(green), f64::from(blue));
        let colour = |value: f64| (value / MOST_COLOUR).clamp(-1.0, 1.0).midpoint(1.0);
        let axes = [
            spread(colour((red - green) / 2.0_f64.sqrt()), COLOURS),
            spread(colour((red + green - 2.0 * blue) / 6.0_f64.sqrt()), COLOURS),
            spread((red + green + blue) / 3.0_f64.sqrt() / MOST_LIGHT, LIGHTS),
        ];
        let first = if part == BodyPart::Trunk { 0 } else { PART };
        for (a, share_a) in axes[0] {
            for (b, share_b) in axes[1] {
                for (c, share_c) in axes[2] {
                    self.bins[first + (a * COLOURS + b) * LIGHTS + c] += (share_a * share_b * share_c) as f32;
                }
            }
        }
    }

    /// Takes in how somebody looked, as if his colours were seen once more.
    pub fn add_appearance(&mut self, appearance: &Appearance) {
        for (sum, &bin) in self.bins.iter_mut().zip(&appearance.bins) {
            *sum += f32::from(bin) / 255.0;
        }
    }

    /// Lets what was taken in so far count less, by a factor.
    pub fn fade(&mut self, factor: f32) {
        for bin in &mut self.bins {
            *bin *= factor;
        }
    }

    /// The mean of all that was taken in; `None` if that is nothing.
    pub fn appearance(&self) -> Option<Appearance> {
        let mut bins = [0; ALL];
        for (bins, sums) in bins.chunks_exact_mut(PART).zip(self.bins.chunks_exact(PART)) {
            let total: f32 = sums.iter().sum();
            if total > 0.0 {
                for (bin, sum) in bins.iter_mut().zip(sums) {
                    *bin = (255.0 * sum / total).round() as u8;
                }
            }
        }
        bins.iter().any(|&bin| bin > 0).then_some(Appearance { bins })
    }
}

/// The two bins beside a place in `0..=1`, and how much of it belongs to each.
fn spread(place: f64, bins: usize) -> [(usize, f64); 2] {
    let place = place.clamp(0.0, 1.0) * (bins - 1) as f64;
    let lower = (place as usize).min(bins - 2);
    let share = place - lower as f64;
    [(lower, 1.0 - share), (lower + 1, share)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wearing(shirt: [u8; 3], shorts: [u8; 3]) -> Appearance {
        let mut colours = Colours::default();
        for shade in 0..20_u8 {
            colours.add(BodyPart::Trunk, shirt.map(|value| value.saturating_sub(shade)));
            colours.add(BodyPart::Thighs, shorts.map(|value| value.saturating_sub(shade)));
        }
        colours.appearance().unwrap()
    }

    #[test]
    fn the_same_clothes_look_the_same_in_other_light_and_other_clothes_do_not() {
        let coral = wearing([226, 96, 72], [84, 104, 158]);
        let shaded = wearing([206, 84, 62], [74, 92, 140]);
        let moss = wearing([108, 140, 84], [70, 70, 76]);
        assert!(coral.distance(&coral).unwrap() < 1e-6);
        assert!(coral.distance(&shaded).unwrap() < 0.35, "{:?}", coral.distance(&shaded));
        assert!(coral.distance(&moss).unwrap() > 0.6, "{:?}", coral.distance(&moss));
        assert_eq!(coral.distance(&moss), moss.distance(&coral));
    }

    #[test]
    fn only_what_is_seen_of_both_counts() {
        let (mut trunk, mut thighs) = (Colours::default(), Colours::default());
        trunk.add(BodyPart::Trunk, [200, 10, 10]);
        thighs.add(BodyPart::Thighs, [200, 10, 10]);
        let (trunk, thighs) = (trunk.appearance().unwrap(), thighs.appearance().unwrap());
        assert_eq!(trunk.distance(&thighs), None);
        assert_eq!(trunk.distance(&trunk), Some(0.0));
        assert_eq!(Colours::default().appearance(), None);
    }

    #[test]
    fn an_appearance_comes_back_from_json() {
        let coral = wearing([226, 96, 72], [84, 104, 158]);
        let text = serde_json::to_string(&coral).unwrap();
        assert_eq!(serde_json::from_str::<Appearance>(&text).unwrap(), coral);
        assert!(serde_json::from_str::<Appearance>("[1,2]").is_err());
    }
}
