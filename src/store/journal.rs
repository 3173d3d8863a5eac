//! What happened, and why: entries told from consecutive snapshots, kept in memory and in files whose every record is
//! checked. "Who moved this and why" is answered from them.
//!
//! Everything is bounded: entries per asset and in all by token buckets ([`Deriver`]; what is left out is counted in an
//! entry), memory by number ([`Book`]), the disk by size and number of files ([`Bounds`]).

mod book;
mod derive;
mod entry;
mod files;
mod moves;
mod pace;
mod record;
mod search;
mod writer;

pub use book::{Book, KEPT_MAX};
pub use derive::Deriver;
pub use entry::{Draft, Entry, EntryKind, Facts};
pub use files::{Bounds, Files, Found};
pub use search::{Answer, Query};
pub use writer::{Trouble, Writer};
