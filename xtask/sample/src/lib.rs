//! marey-sample
