//! The journal on disk and over a real socket: whatever was cut, flipped or not written, what is good is read and what comes
//! later goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use hexad::proto::v1;
use hexad::proto::v1::alarm_service_client::AlarmServiceClient;
use hexad::proto::v1::entry_or_gap::Kind;
use hexad::proto::v1::journal_service_client::JournalServiceClient;
use hexad::store::journal::{Book, Bounds, Draft, Entry, EntryKind, Files, Query, Writer};
use hexad::units::{Mono, Now, Park};
use tonic::Code;

use crate::rpc_park::{START, Served, soon};

const ALL: usize = 100_000;

fn now(s: i64) -> Now {
    Now { mono: Mono(s as u64 * 1_000_000), park: Park::from_unix(START + s), synchronised: true }
}

fn draft(s: i64, subject: &str) -> Draft {
    Draft::new(now(s), s as u64, EntryKind::Setpoint, subject, "moved", format!("{subject}: moved at {s}"))
}

fn entry(seq: u64) -> Entry {
    Entry { seq, said: draft(seq as i64, "battery") }
}

fn write(dir: &Path, bounds: Bounds, seqs: impl IntoIterator<Item = u64>) {
    let mut files = Files::new(dir, bounds);
    seqs.into_iter().for_each(|seq| files.append(&entry(seq)).unwrap());
    files.sync().unwrap();
}

/// The book over `dir`, and what is wrong with the files.
fn read(dir: &Path) -> (Vec<u64>, usize, usize) {
    let book = Book::new(Some(dir), ALL);
    let found = book.load().unwrap();
    let all = book.find(&Query { limit: ALL, oldest_first: true, ..Query::default() }).unwrap();
    for e in &all.entries {
        assert_eq!(*e, entry(e.seq), "what is read is what was written");
    }
    (all.entries.iter().map(|e| e.seq).collect(), found.damaged, found.breaks)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = fs::read_dir(dir.join("journal")).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn f52_after_a_cut_anywhere_the_rest_is_read_and_the_journal_goes_on() {
    let whole = tempfile::tempdir().unwrap();
    write(whole.path(), Bounds::default(), 1..=4);
    let bytes = fs::read(&files(whole.path())[0]).unwrap();
    let ends: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i] == b'\n').collect();
    for cut in 0..=bytes.len() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), Bounds::default(), [1]);
        fs::write(&files(dir.path())[0], &bytes[..cut]).unwrap();
        write(dir.path(), Bounds::default(), [5, 6]);
        let mut left: Vec<u64> = (1..=4).filter(|seq| ends[*seq as usize - 1] <= cut).collect();
        left.extend([5, 6]);
        assert_eq!(read(dir.path()).0, left, "cut at {cut}");
    }
}

#[test]
fn f52_a_flipped_bit_anywhere_costs_its_record_and_nothing_that_comes_later() {
    let whole = tempfile::tempdir().unwrap();
    write(whole.path(), Bounds::default(), 1..=3);
    let path = files(whole.path()).remove(0);
    let bytes = fs::read(&path).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        write(whole.path(), Bounds::default(), [4]);
        let (left, damaged, _) = read(whole.path());
        assert!(left.len() >= 3 && left.last() == Some(&4), "bit {bit}: {left:?}");
        assert!(damaged > 0, "bit {bit} is not noticed");
    }
}

#[test]
fn a_record_or_a_whole_file_taken_out_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let small = Bounds { file_bytes: 600, files: 100 };
    write(dir.path(), small, 1..=20);
    assert_eq!(read(dir.path()), ((1..=20).collect(), 0, 0));
    let all = files(dir.path());
    assert!(all.len() >= 4, "{all:?}");
    let first = fs::read_to_string(&all[0]).unwrap();
    fs::write(&all[0], first.lines().skip(1).map(|l| format!("{l}\n")).collect::<String>()).unwrap();
    assert_eq!(read(dir.path()).2, 0, "what came before the first that is kept is not known");
    fs::write(&all[0], first).unwrap();
    let second = fs::read_to_string(&all[1]).unwrap();
    fs::write(&all[1], second.lines().skip(1).map(|l| format!("{l}\n")).collect::<String>()).unwrap();
    assert_eq!(read(dir.path()).2, 1, "a record");
    fs::remove_file(&all[1]).unwrap();
    assert_eq!(read(dir.path()).2, 1, "a file");
}

#[test]
fn f51_a_file_that_was_begun_on_a_full_disk_is_no_record_taken_out() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), Bounds::default(), 1..=3);
    fs::write(dir.path().join("journal").join(format!("{:020}.log", 4)), b"").unwrap();
    write(dir.path(), Bounds::default(), 4..=5);
    assert_eq!(read(dir.path()), (vec![1, 2, 3, 4, 5], 0, 0));
}

#[test]
fn the_files_are_bounded_and_what_is_asked_for_is_found_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let bounds = Bounds { file_bytes: 4000, files: 5 };
    // As after many restarts: each time the files are opened anew.
    for part in 0..20 {
        write(dir.path(), bounds, part * 10 + 1..=part * 10 + 10);
    }
    let sizes: Vec<u64> = files(dir.path()).iter().map(|p| p.metadata().unwrap().len()).collect();
    assert!(sizes.len() == 5 && sizes.iter().all(|s| *s <= 4000), "{sizes:?}");
    let (left, damaged, breaks) = read(dir.path());
    assert!(*left.last().unwrap() == 200 && left.len() > 40 && damaged + breaks == 0, "{left:?}");
    // Little in memory: the rest comes from the files, once and in order.
    let book = Book::new(Some(dir.path()), 5);
    book.load().unwrap();
    assert_eq!(book.add(draft(201, "battery")).seq, 201, "the numbers go on");
    let seqs = |query: Query| -> Vec<u64> { book.find(&query).unwrap().entries.iter().map(|e| e.seq).collect() };
    let expected: Vec<u64> = left.iter().copied().chain([201]).collect();
    assert_eq!(seqs(Query { limit: ALL, oldest_first: true, ..Query::default() }), expected);
    assert_eq!(seqs(Query { limit: 3, until: Some(now(190).park), ..Query::default() }), [190, 189, 188]);
    let since = Query { since: Some(now(195).park), limit: 3, oldest_first: true, ..Query::default() };
    assert_eq!(seqs(since), [195, 196, 197]);
    assert_eq!(seqs(Query { limit: 2, ..Query::default() }), [201, 200]);
    let (told, _) = book.why("battery", None, now(180).park).unwrap().unwrap();
    assert_eq!(told.seq, 180);
}

/// Runs a writer over `dir` with the entries of `feed`, until both are done; what it told of trouble.
fn written(dir: &Path, feed: impl FnOnce(&mpsc::Sender<Entry>, &mpsc::Receiver<bool>)) -> Vec<bool> {
    let (entries, waiting) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let writer = Writer::new(Files::new(dir, Bounds::default()));
    let thread = std::thread::spawn(move || {
        let mut all = Vec::new();
        writer.run(&waiting, |how| {
            all.push(how.is_some());
            tell.send(how.is_some()).ok();
        });
        all
    });
    feed(&entries, &told);
    drop(entries);
    thread.join().unwrap()
}

#[test]
fn f51_a_disk_that_does_not_take_it_costs_nothing_once_it_does() {
    let dir = tempfile::tempdir().unwrap();
    // A file where the directory must be: no user, not even root, can write there.
    let blocked = dir.path().join("journal");
    fs::write(&blocked, "").unwrap();
    let told = written(dir.path(), |entries, told| {
        (1..=3).for_each(|seq| entries.send(entry(seq)).unwrap());
        assert!(told.recv_timeout(Duration::from_secs(60)).unwrap(), "trouble is told");
        fs::remove_file(&blocked).unwrap();
        while told.recv_timeout(Duration::from_secs(60)).unwrap() {}
        entries.send(entry(4)).unwrap();
    });
    assert_eq!((told.first(), told.last()), (Some(&true), Some(&false)));
    assert_eq!(read(dir.path()), (vec![1, 2, 3, 4], 0, 0));
}

async fn served(kept_max: usize) -> (Served, JournalServiceClient<tonic::transport::Channel>) {
    let served = Served::start_with(std::sync::Arc::new(Book::new(None, kept_max))).await;
    served.cycle(1);
    let client = JournalServiceClient::new(served.channel().await);
    (served, client)
}

fn filter(kinds: &[&str], subject: &str) -> Option<v1::EntryFilter> {
    Some(v1::EntryFilter { kinds: kinds.iter().map(|k| (*k).to_owned()).collect(), subject: subject.into() })
}

#[tokio::test]
async fn entries_are_listed_by_kind_subject_time_and_number() {
    let (served, mut client) = served(100).await;
    for s in 1..=10 {
        served.journal.add(draft(s, if s % 2 == 0 { "battery" } else { "ev" }));
    }
    let stamp = |s: i64| Some(prost_types::Timestamp { seconds: START + s, nanos: 0 });
    let ask = |filter, since, until, limit, oldest_first| v1::ListEntriesRequest {
        filter,
        since,
        until,
        limit,
        oldest_first,
    };
    let mut seqs = async |request| {
        let found = soon(client.list_entries(request)).await.unwrap().into_inner();
        (found.entries.iter().map(|e| e.seq).collect::<Vec<_>>(), found.more)
    };
    assert_eq!(seqs(ask(None, None, None, 3, false)).await, (vec![10, 9, 8], true));
    assert_eq!(seqs(ask(None, None, None, 3, true)).await, (vec![1, 2, 3], true));
    assert_eq!(seqs(ask(filter(&["setpoint"], "battery"), stamp(4), stamp(8), 0, true)).await, (vec![4, 6, 8], false));
    assert_eq!(seqs(ask(filter(&["alarm", "mode"], ""), None, None, 0, true)).await, (vec![], false));
    let wrong = soon(client.list_entries(ask(filter(&["moves"], ""), None, None, 0, true))).await.unwrap_err();
    assert!(wrong.code() == Code::InvalidArgument && wrong.message().contains("setpoint"), "{wrong}");
    let wrong = ask(None, Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }), None, 0, true);
    assert_eq!(soon(client.list_entries(wrong)).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn f51_what_memory_knows_does_not_wait_for_a_disk_that_hangs() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), Bounds::default(), 1..=20);
    let book = std::sync::Arc::new(Book::new(Some(dir.path()), 10));
    book.load().unwrap();
    let served = Served::start_with(book).await;
    served.cycle(1);
    let mut client = JournalServiceClient::new(served.channel().await);
    // A file that does not answer, as on a disk that hangs.
    let file = files(dir.path()).remove(0);
    fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    let ask = |oldest_first| v1::ListEntriesRequest { limit: 3, oldest_first, ..v1::ListEntriesRequest::default() };
    let mut other = client.clone();
    let hangs = tokio::spawn(async move { other.list_entries(ask(true)).await.map(drop) });
    let own = file.clone();
    let disk = soon(tokio::task::spawn_blocking(move || fs::File::options().write(true).open(own))).await;
    let disk = disk.unwrap().unwrap();
    let newest = soon(client.list_entries(ask(false))).await;
    fs::remove_file(&file).unwrap();
    drop(disk);
    let newest = newest.unwrap().into_inner();
    assert_eq!(newest.entries.iter().map(|e| e.seq).collect::<Vec<_>>(), [20, 19, 18]);
    soon(hangs).await.unwrap().ok();
}

#[tokio::test]
async fn why_names_what_it_knows_and_what_it_does_not() {
    let (served, mut client) = served(100).await;
    served.journal.add(draft(5, "battery"));
    let ask = |asset: &str, s| v1::WhyRequest {
        asset: asset.into(),
        at: Some(prost_types::Timestamp { seconds: START + s, nanos: 0 }),
    };
    let told = soon(client.why(ask("battery", 7))).await.unwrap().into_inner();
    assert_eq!(told.entry.unwrap().text, "battery: moved at 5");
    assert_eq!(soon(client.why(ask("battery", 4))).await.unwrap_err().code(), Code::NotFound);
    let wrong = soon(client.why(ask("batery", 7))).await.unwrap_err();
    assert!(wrong.code() == Code::InvalidArgument && wrong.message().contains("battery"), "{wrong}");
}

#[tokio::test]
async fn f53_who_follows_slowly_is_told_how_many_were_missed() {
    let (served, mut client) = served(5).await;
    served.journal.add(draft(1, "before"));
    let request = v1::StreamEntriesRequest { filter: filter(&[], "battery") };
    let mut stream = soon(client.stream_entries(request)).await.unwrap().into_inner();
    served.journal.add(draft(2, "ev"));
    served.journal.add(draft(3, "battery"));
    let mut next = async || soon(stream.message()).await.unwrap().unwrap().kind.unwrap();
    assert!(matches!(next().await, Kind::Entry(e) if e.seq == 3), "not what was before, not what is not asked for");
    // More at once than memory holds: nobody on this thread runs between.
    (4..=23).for_each(|s| drop(served.journal.add(draft(s, "battery"))));
    assert!(matches!(next().await, Kind::Missed(15)));
    for seq in 19..=23 {
        assert!(matches!(next().await, Kind::Entry(e) if e.seq == seq));
    }
    served.stop.cancel();
    assert_eq!(soon(stream.message()).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn alarms_are_listed_as_in_the_snapshot() {
    let (served, _) = served(5).await;
    let mut client = AlarmServiceClient::new(served.channel().await);
    let alarms = soon(client.list_alarms(v1::ListAlarmsRequest {})).await.unwrap().into_inner().alarms;
    assert_eq!((alarms[0].kind.as_str(), alarms[0].state.as_str()), ("device_lost", "unacknowledged"));
    assert!(!alarms[0].id.is_empty());
    let junk = v1::AcknowledgeRequest { id: "?".into(), identity: "anna".into(), note: String::new() };
    assert_eq!(soon(client.acknowledge(junk)).await.unwrap_err().code(), Code::InvalidArgument);
}
