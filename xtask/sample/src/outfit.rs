//! Materials and the colours that a figure wears.

use crate::vector::Vec3f;

/// What a part of the body is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Material {
    /// Skin.
    Skin,
    /// Skin that is a little redder: ears, nose.
    Flush,
    /// Shirt.
    Shirt,
    /// Collar and sleeve hems of the shirt.
    Trim,
    /// Shorts.
    Shorts,
    /// Socks.
    Sock,
    /// Upper of the shoe.
    Shoe,
    /// Sole of the shoe.
    Sole,
    /// Hair and brows.
    Hair,
    /// White of the eye.
    Eye,
    /// Iris and pupil.
    Iris,
    /// Lips.
    Lip,
}

impl Material {
    pub(crate) const ALL: [Self; 12] = [
        Self::Skin,
        Self::Flush,
        Self::Shirt,
        Self::Trim,
        Self::Shorts,
        Self::Sock,
        Self::Shoe,
        Self::Sole,
        Self::Hair,
        Self::Eye,
        Self::Iris,
        Self::Lip,
    ];
}

/// Colours as they appear on a screen (sRGB, 8 bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outfit {
    /// Skin.
    pub skin: [u8; 3],
    /// Shirt.
    pub shirt: [u8; 3],
    /// Collar and hems.
    pub trim: [u8; 3],
    /// Shorts.
    pub shorts: [u8; 3],
    /// Shoes.
    pub shoe: [u8; 3],
    /// Hair.
    pub hair: [u8; 3],
}

impl Outfit {
    /// A coral shirt over blue shorts.
    pub const fn coral() -> Self {
        Self {
            skin: [232, 184, 154],
            shirt: [226, 96, 72],
            trim: [250, 232, 214],
            shorts: [84, 104, 158],
            shoe: [46, 120, 128],
            hair: [58, 38, 28],
        }
    }

    /// A moss-green shirt over grey shorts.
    pub const fn moss() -> Self {
        Self {
            skin: [168, 116, 84],
            shirt: [108, 140, 84],
            trim: [238, 226, 168],
            shorts: [70, 70, 76],
            shoe: [214, 150, 60],
            hair: [30, 24, 22],
        }
    }

    /// The linear colours of all materials, by [`Material`] as a number.
    pub(crate) fn palette(&self) -> [Vec3f; Material::ALL.len()] {
        Material::ALL.map(|material| self.linear(material))
    }

    fn linear(&self, material: Material) -> Vec3f {
        let [r, g, b] = match material {
            Material::Skin => self.skin,
            Material::Flush => blend(self.skin, [214, 120, 104], 3),
            Material::Shirt => self.shirt,
            Material::Trim => self.trim,
            Material::Shorts => self.shorts,
            Material::Sock | Material::Sole => [240, 240, 236],
            Material::Shoe => self.shoe,
            Material::Hair => self.hair,
            Material::Eye => [244, 244, 242],
            Material::Iris => [44, 30, 24],
            Material::Lip => blend(self.skin, [170, 64, 66], 6),
        };
        Vec3f::new(from_srgb(r), from_srgb(g), from_srgb(b))
    }
}

/// Mixes tenths of `b` into `a`.
fn blend(a: [u8; 3], b: [u8; 3], tenths: u16) -> [u8; 3] {
    std::array::from_fn(|i| ((u16::from(a[i]) * (10 - tenths) + u16::from(b[i]) * tenths) / 10) as u8)
}

/// Linear intensity of an sRGB value (IEC 61966-2-1).
pub(crate) fn from_srgb(value: u8) -> f32 {
    let v = f32::from(value) / 255.0;
    if v <= 0.04045 {
        v / 12.92
    } else {
        ((v + 0.055) / 1.055).powf(2.4)
    }
}

/// sRGB value in `0.0..=255.0` of a linear intensity (IEC 61966-2-1).
pub(crate) fn to_srgb(linear: f32) -> f32 {
    let v = linear.clamp(0.0, 1.0);
    255.0
        * if v <= 0.003_130_8 {
            v * 12.92
        } else {
            1.055 * v.powf(1.0 / 2.4) - 0.055
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palette_is_indexed_by_the_material() {
        for (index, material) in Material::ALL.into_iter().enumerate() {
            assert_eq!(material as usize, index);
        }
    }

    #[test]
    fn srgb_goes_there_and_back() {
        for value in 0..=255 {
            assert!((to_srgb(from_srgb(value)) - f32::from(value)).abs() < 0.01);
        }
    }
}
