//! Generated types, nothing else. A new package under `proto/` is one more module here.

#![allow(missing_docs, clippy::all, clippy::pedantic)]

/// Package `hexad.v1`: the operators' interface.
pub mod v1 {
    tonic::include_proto!("hexad.v1");
}

/// All packages as an encoded `FileDescriptorSet`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
