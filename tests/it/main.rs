//! One binary of integration tests, by subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_site;
mod wire_codec;
mod wire_profiles;
