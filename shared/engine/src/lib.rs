//! marey-engine
