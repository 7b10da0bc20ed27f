//! chronophotograph
