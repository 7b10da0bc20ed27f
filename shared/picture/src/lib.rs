//! marey-picture
