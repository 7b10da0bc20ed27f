//! marey-vision
