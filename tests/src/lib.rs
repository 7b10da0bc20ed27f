//! End-to-end tests against the deployed local stack.
