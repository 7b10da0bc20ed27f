//! chronogram
