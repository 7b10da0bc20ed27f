//! marey-cloud
