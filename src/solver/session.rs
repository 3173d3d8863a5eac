//! The client's end of the protocol over any pair of pipes: framing and ids, no processes and no time.

use std::io::{self, Read, Write};

use super::protocol::{SolveReply, SolveRequest, read_frame, write_frame};

/// One conversation with a solver process. An error ends it: the other end may be anywhere in its work.
#[derive(Debug)]
pub struct Session<R, W> {
    from: R,
    to: W,
}

impl<R: Read, W: Write> Session<R, W> {
    /// A conversation over these pipes.
    pub const fn new(from: R, to: W) -> Self {
        Self { from, to }
    }

    /// Sends a request and waits for its reply; blocks as long as the pipes do.
    ///
    /// # Errors
    /// The pipes'; `UnexpectedEof` where the other end is gone; `InvalidData` for a reply to another request.
    pub fn ask(&mut self, request: &SolveRequest) -> io::Result<SolveReply> {
        write_frame(&mut self.to, request)?;
        let reply: SolveReply = read_frame(&mut self.from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if reply.id == request.id {
            Ok(reply)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, format!("reply to {} instead of {}", reply.id, request.id)))
        }
    }
}
