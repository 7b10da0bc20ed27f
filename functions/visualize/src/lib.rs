//! The visualize function.
