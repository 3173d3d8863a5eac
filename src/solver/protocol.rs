//! What crosses the pipe to the solver's process: messages of prost, each behind its length.
//!
//! A frame is a length (`u32`, little-endian, at most [`FRAME_MAX`]) and so many bytes of one message. Requests carry
//! an ascending id that the reply repeats. Field numbers are the contract; both ends are the same binary.

use std::io::{self, Read, Write};

use prost::Message;

use crate::dispatch::{Column, Problem, Request, Row, Solution, SolveError, SolveStatus};

/// Largest frame, bytes: a hundred times the reference park's programme.
pub const FRAME_MAX: usize = 64 << 20;

/// One programme to solve.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct SolveRequest {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(double, repeated, tag = "2")]
    pub cost: Vec<f64>,
    #[prost(double, repeated, tag = "3")]
    pub lower: Vec<f64>,
    #[prost(double, repeated, tag = "4")]
    pub upper: Vec<f64>,
    #[prost(bool, repeated, tag = "5")]
    pub integer: Vec<bool>,
    #[prost(double, repeated, tag = "6")]
    pub row_lower: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    pub row_upper: Vec<f64>,
    #[prost(uint32, repeated, tag = "8")]
    pub entry_row: Vec<u32>,
    #[prost(uint32, repeated, tag = "9")]
    pub entry_column: Vec<u32>,
    #[prost(double, repeated, tag = "10")]
    pub entry_value: Vec<f64>,
    #[prost(bool, tag = "11")]
    pub has_start: bool,
    #[prost(double, repeated, tag = "12")]
    pub start: Vec<f64>,
    #[prost(double, tag = "13")]
    pub relative_gap: f64,
    #[prost(uint32, optional, tag = "14")]
    pub node_limit: Option<u32>,
    #[prost(double, optional, tag = "15")]
    pub time_limit_s: Option<f64>,
}

/// How it went. `outcome` is a code of [`Outcome`].
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct SolveReply {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(enumeration = "Outcome", tag = "2")]
    pub outcome: i32,
    #[prost(string, tag = "3")]
    pub text: String,
    #[prost(double, repeated, tag = "4")]
    pub x: Vec<f64>,
    #[prost(double, repeated, tag = "5")]
    pub duals: Vec<f64>,
    #[prost(double, tag = "6")]
    pub objective: f64,
    #[prost(double, tag = "7")]
    pub bound: f64,
}

/// Codes of [`SolveReply::outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
#[allow(missing_docs)]
pub enum Outcome {
    Unspecified = 0,
    Optimal = 1,
    Feasible = 2,
    Infeasible = 3,
    Unbounded = 4,
    Deadline = 5,
    NoIncumbent = 6,
    Failed = 7,
    Malformed = 8,
}

/// A request as a message.
#[must_use]
pub fn request_message(id: u64, request: &Request<'_>) -> SolveRequest {
    let p = request.problem;
    // An index beyond 32 bits cannot occur within FRAME_MAX; saturated, the worker refuses it as out of range.
    let short = |i: usize| u32::try_from(i).unwrap_or(u32::MAX);
    SolveRequest {
        id,
        cost: p.columns.iter().map(|c| c.cost).collect(),
        lower: p.columns.iter().map(|c| c.lower).collect(),
        upper: p.columns.iter().map(|c| c.upper).collect(),
        integer: p.columns.iter().map(|c| c.integer).collect(),
        row_lower: p.rows.iter().map(|r| r.lower).collect(),
        row_upper: p.rows.iter().map(|r| r.upper).collect(),
        entry_row: p.entries.iter().map(|e| short(e.0)).collect(),
        entry_column: p.entries.iter().map(|e| short(e.1)).collect(),
        entry_value: p.entries.iter().map(|e| e.2).collect(),
        has_start: request.start.is_some(),
        start: request.start.map(<[f64]>::to_vec).unwrap_or_default(),
        relative_gap: request.relative_gap,
        node_limit: request.node_limit,
        time_limit_s: request.time_limit_s,
    }
}

impl SolveRequest {
    /// The programme in it.
    ///
    /// # Errors
    /// [`SolveError::Malformed`] where lists that belong together differ in length.
    pub fn problem(&self) -> Result<Problem, SolveError> {
        let (n, m, k) = (self.cost.len(), self.row_lower.len(), self.entry_row.len());
        let lengths = [
            (self.lower.len(), n),
            (self.upper.len(), n),
            (self.integer.len(), n),
            (self.row_upper.len(), m),
            (self.entry_column.len(), k),
            (self.entry_value.len(), k),
        ];
        if lengths.iter().any(|(a, b)| a != b) {
            return Err(SolveError::Malformed("lists of different length".to_owned()));
        }
        Ok(Problem {
            columns: (0..n)
                .map(|i| Column {
                    cost: self.cost[i],
                    lower: self.lower[i],
                    upper: self.upper[i],
                    integer: self.integer[i],
                })
                .collect(),
            rows: (0..m).map(|i| Row { lower: self.row_lower[i], upper: self.row_upper[i] }).collect(),
            entries: (0..k)
                .map(|i| (self.entry_row[i] as usize, self.entry_column[i] as usize, self.entry_value[i]))
                .collect(),
        })
    }
}

/// A result as a message.
#[must_use]
pub fn reply_message(id: u64, result: Result<Solution, SolveError>) -> SolveReply {
    let failed =
        |outcome: Outcome, text: String| SolveReply { id, outcome: outcome.into(), text, ..SolveReply::default() };
    match result {
        Ok(s) => SolveReply {
            id,
            outcome: match s.status {
                SolveStatus::Optimal => Outcome::Optimal,
                SolveStatus::Feasible => Outcome::Feasible,
            }
            .into(),
            text: String::new(),
            x: s.x,
            duals: s.duals,
            objective: s.objective,
            bound: s.bound,
        },
        Err(SolveError::Infeasible) => failed(Outcome::Infeasible, String::new()),
        Err(SolveError::Unbounded) => failed(Outcome::Unbounded, String::new()),
        Err(SolveError::Deadline) => failed(Outcome::Deadline, String::new()),
        Err(SolveError::NoIncumbent) => failed(Outcome::NoIncumbent, String::new()),
        Err(SolveError::Failed(text)) => failed(Outcome::Failed, text),
        Err(SolveError::Malformed(text)) => failed(Outcome::Malformed, text),
    }
}

impl SolveReply {
    /// The result in it.
    ///
    /// # Errors
    /// The [`SolveError`] that the worker met; [`SolveError::Failed`] for a code that does not exist.
    pub fn result(self) -> Result<Solution, SolveError> {
        let status = match self.outcome() {
            Outcome::Optimal => SolveStatus::Optimal,
            Outcome::Feasible => SolveStatus::Feasible,
            Outcome::Infeasible => return Err(SolveError::Infeasible),
            Outcome::Unbounded => return Err(SolveError::Unbounded),
            Outcome::Deadline => return Err(SolveError::Deadline),
            Outcome::NoIncumbent => return Err(SolveError::NoIncumbent),
            Outcome::Failed => return Err(SolveError::Failed(self.text)),
            Outcome::Malformed => return Err(SolveError::Malformed(self.text)),
            Outcome::Unspecified => return Err(SolveError::Failed(format!("outcome {} is unknown", self.outcome))),
        };
        Ok(Solution { status, x: self.x, duals: self.duals, objective: self.objective, bound: self.bound })
    }
}

/// Writes one frame and flushes.
///
/// # Errors
/// The pipe's; `InvalidInput` for a message larger than [`FRAME_MAX`].
pub fn write_frame(out: &mut impl Write, message: &impl Message) -> io::Result<()> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).ok().filter(|n| *n as usize <= FRAME_MAX);
    let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "frame too long"))?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&bytes)?;
    out.flush()
}

/// Reads one frame; `None` at a clean end between frames.
///
/// # Errors
/// The pipe's; `UnexpectedEof` within a frame; `InvalidData` for one too long or not a message.
pub fn read_frame<M: Message + Default>(from: &mut impl Read) -> io::Result<Option<M>> {
    let mut head = [0_u8; 4];
    let mut got = 0;
    while got < head.len() {
        match from.read(&mut head[got..]) {
            Ok(0) if got == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    let length = u32::from_le_bytes(head) as usize;
    if length > FRAME_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("frame of {length} bytes")));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    M::decode(bytes.as_slice()).map(Some).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_request_crosses_unchanged() {
        let problem = Problem {
            columns: vec![Column { cost: 1.5, lower: f64::NEG_INFINITY, upper: 2.0, integer: true }],
            rows: vec![Row { lower: 0.0, upper: f64::INFINITY }],
            entries: vec![(0, 0, -3.0)],
        };
        let start = [0.0];
        let request = Request {
            problem: &problem,
            start: Some(&start),
            relative_gap: 0.01,
            node_limit: Some(7),
            time_limit_s: None,
        };
        let mut wire = Vec::new();
        write_frame(&mut wire, &request_message(9, &request)).unwrap();
        let back: SolveRequest = read_frame(&mut wire.as_slice()).unwrap().unwrap();
        assert_eq!((back.id, back.has_start, back.node_limit), (9, true, Some(7)));
        assert_eq!(back.problem().unwrap(), problem);
    }

    #[test]
    fn a_clean_end_is_none_and_a_torn_or_huge_frame_an_error() {
        assert_eq!(read_frame::<SolveReply>(&mut [].as_slice()).unwrap(), None);
        assert!(read_frame::<SolveReply>(&mut [3, 0].as_slice()).is_err());
        assert!(read_frame::<SolveReply>(&mut [9, 0, 0, 0, 1].as_slice()).is_err());
        assert!(read_frame::<SolveReply>(&mut [0xFF; 8].as_slice()).is_err());
    }

    #[test]
    fn every_error_crosses_unchanged() {
        let errors = [
            SolveError::Infeasible,
            SolveError::Unbounded,
            SolveError::Deadline,
            SolveError::NoIncumbent,
            SolveError::Failed("a".to_owned()),
            SolveError::Malformed("b".to_owned()),
        ];
        for e in errors {
            assert_eq!(reply_message(1, Err(e.clone())).result(), Err(e));
        }
    }
}
