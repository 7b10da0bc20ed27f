//! The pose function.
