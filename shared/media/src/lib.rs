//! marey-media
