//! One record a line: `J1 <checksum before> <checksum> <entry as JSON>`. The checksum (CRC-32) covers the one before it and
//! the entry: a record proves itself, and that none was taken out before it. It is no signature.

use super::Entry;

const MARK: &[u8] = b"J1 ";
/// Mark, two checksums of eight digits, two blanks.
const HEAD: usize = MARK.len() + 8 + 1 + 8 + 1;

/// A record whose checksum holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub before: u32,
    pub checksum: u32,
    pub json: &'a [u8],
}

/// The line of `entry` behind a record of checksum `before`, and its own checksum.
pub(super) fn encode(entry: &Entry, before: u32) -> Result<(Vec<u8>, u32), serde_json::Error> {
    let json = serde_json::to_vec(entry)?;
    let checksum = checksum(before, &json);
    let mut line = format!("J1 {before:08x} {checksum:08x} ").into_bytes();
    line.extend_from_slice(&json);
    line.push(b'\n');
    Ok((line, checksum))
}

fn checksum(before: u32, json: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&before.to_be_bytes());
    hasher.update(json);
    hasher.finalize()
}

/// What a file says, in its order; damaged places between good records are counted, never believed, and never hide what
/// comes after them.
#[derive(Debug, Default)]
pub(super) struct Scan<'a> {
    pub records: Vec<Record<'a>>,
    /// Places that are no record.
    pub damaged: usize,
    /// Records that do not follow the one before them although nothing between is damaged: some were taken out.
    pub breaks: usize,
    /// The file ends within a line.
    pub torn: bool,
}

/// Reads a file that begins after a record of checksum `before`, if that is known.
pub(super) fn scan(bytes: &[u8], before: Option<u32>) -> Scan<'_> {
    let mut found = Scan { torn: bytes.last().is_some_and(|b| *b != b'\n'), ..Scan::default() };
    let mut last = before;
    for line in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let (records, damaged) = records_in(line);
        for record in records {
            if last.is_some_and(|last| last != record.before) {
                found.breaks += 1;
            }
            last = Some(record.checksum);
            found.records.push(record);
        }
        if damaged {
            found.damaged += 1;
            last = None;
        }
    }
    found
}

/// The records of one line: one, if all is well; if not, whatever stands whole in it.
fn records_in(line: &[u8]) -> (Vec<Record<'_>>, bool) {
    if let Some(whole) = parse(line) {
        return (vec![whole], false);
    }
    // A line end that is damaged has made one line of two, each of them whole but for the byte between.
    let starts: Vec<usize> = (0..line.len()).filter(|i| line.get(*i..).is_some_and(|l| l.starts_with(MARK))).collect();
    let mut records = Vec::new();
    for (n, start) in starts.iter().enumerate() {
        let next = starts.get(n + 1).map(|next| next - 1);
        let ends = next.into_iter().chain([line.len(), line.len().saturating_sub(1)]);
        records.extend(ends.filter_map(|end| parse(line.get(*start..end)?)).next());
    }
    (records, true)
}

fn parse(line: &[u8]) -> Option<Record<'_>> {
    let rest = line.strip_prefix(MARK)?;
    let before = hex(rest.get(..8)?)?;
    let sum = hex(rest.get(9..17)?)?;
    let blanks = (rest.get(8)?, rest.get(17)?) == (&b' ', &b' ');
    let json = line.get(HEAD..)?;
    (blanks && checksum(before, json) == sum).then_some(Record { before, checksum: sum, json })
}

/// Eight digits as they are written: a capital would be another byte for the same number.
fn hex(digits: &[u8]) -> Option<u32> {
    let lower = digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if lower { u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::journal::{Draft, EntryKind};
    use crate::units::{Mono, Now, Park};

    fn entry(seq: u64) -> Entry {
        let now = Now { mono: Mono(0), park: Park::from_unix(1_782_956_800), synchronised: true };
        let text = format!("entry {seq}: -> \"so\"\nand so");
        Entry { seq, said: Draft::new(now, seq, EntryKind::Mode, "park", "changed", text) }
    }

    fn file(records: u64) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut before, mut ends) = (Vec::new(), 0, Vec::new());
        for seq in 1..=records {
            let (line, checksum) = encode(&entry(seq), before).unwrap();
            before = checksum;
            bytes.extend(line);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn seqs(found: &Scan<'_>) -> Vec<u64> {
        let parsed = found.records.iter().map(|r| serde_json::from_slice::<Entry>(r.json).unwrap());
        parsed.inspect(|e| assert_eq!(*e, entry(e.seq))).map(|e| e.seq).collect()
    }

    #[test]
    fn f52_every_cut_leaves_what_was_whole_before_it() {
        let (bytes, ends) = file(4);
        for cut in 0..=bytes.len() {
            let found = scan(&bytes[..cut], Some(0));
            // A record is whole without its line end.
            let whole = ends.iter().filter(|end| **end - 1 <= cut).count() as u64;
            assert_eq!(seqs(&found), (1..=whole).collect::<Vec<_>>(), "cut at {cut}");
            assert_eq!(found.torn, cut > 0 && !ends.contains(&cut), "cut at {cut}");
        }
    }

    #[test]
    fn f52_every_flipped_bit_is_noticed_and_costs_one_record_at_most() {
        let (bytes, ends) = file(4);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let found = scan(&flipped, Some(0));
            let hit = ends.iter().position(|end| bit / 8 < *end).unwrap() as u64 + 1;
            let at_line_end = ends.contains(&(bit / 8 + 1));
            let left = seqs(&found);
            let expected: Vec<u64> = (1..=4).filter(|seq| at_line_end || *seq != hit).collect();
            assert_eq!(left, expected, "bit {bit}");
            assert!(found.damaged > 0 || (found.torn && at_line_end), "bit {bit}");
        }
    }

    #[test]
    fn f52_what_comes_after_a_torn_record_is_read() {
        let (bytes, ends) = file(3);
        let (line, _) = encode(&entry(4), 0).unwrap();
        for cut in ends[1]..ends[2] - 1 {
            let mut torn = bytes[..cut].to_vec();
            torn.push(b'\n');
            torn.extend(&line);
            assert_eq!(seqs(&scan(&torn, None)), [1, 2, 4], "cut at {cut}");
        }
    }

    #[test]
    fn a_record_that_was_taken_out_is_noticed() {
        let (bytes, ends) = file(4);
        let without = [&bytes[..ends[0]], &bytes[ends[1]..]].concat();
        let found = scan(&without, Some(0));
        assert_eq!((seqs(&found), found.damaged, found.breaks), (vec![1, 3, 4], 0, 1));
        assert_eq!(scan(&bytes[ends[0]..], Some(0)).breaks, 1, "the first, too");
        let swapped =
            [&bytes[..ends[0]], &bytes[ends[1]..ends[2]], &bytes[ends[0]..ends[1]], &bytes[ends[2]..]].concat();
        assert!(scan(&swapped, Some(0)).breaks > 0);
    }
}
