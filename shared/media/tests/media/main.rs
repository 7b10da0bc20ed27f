//! The crate against the real programs, with inputs that they generate. Without ffmpeg these tests say so and pass.

#[cfg(test)]
mod encoding;
#[cfg(test)]
mod footage;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod joining;
#[cfg(test)]
mod lifetime;
#[cfg(test)]
mod probing;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod real;
