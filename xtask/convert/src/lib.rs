//! marey-convert
