//! The biomechanics function.
