//! The keys of the operators' interface while the daemon runs: read anew when their files change and on SIGHUP, and what is
//! wrong with them told as alarms. Control never waits for any of it, and goes on whatever is wrong (F42).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::Shared;
use crate::clock::{self, Wall};
use crate::site::{AlarmKind, Report, Severity};
use crate::transport::tls::{self, Certificate, Files, Keys, Term, TlsError};

/// The files are looked at this often.
const LOOK: Duration = Duration::from_secs(5);
/// ... and those that are only shown, this often.
const WATCH: Duration = Duration::from_secs(60);

/// The keys of these files, looked at from now on; at once when `now` says so.
pub(super) fn follow(files: Files, shared: Arc<Shared>, now: Arc<Notify>) -> Arc<Keys> {
    let keys = Arc::new(Keys::new(files, Arc::new(clock::wall)));
    tokio::spawn(look(Arc::clone(&keys), shared, now));
    keys
}

async fn look(keys: Arc<Keys>, shared: Arc<Shared>, now: Arc<Notify>) {
    let mut told = BTreeSet::new();
    let mut last = None;
    loop {
        let looking = Arc::clone(&keys);
        // A disk that hangs holds up this task alone.
        if let Ok(found) = tokio::task::spawn_blocking(move || looking.look()).await {
            if last.as_ref() != Some(&found) {
                log(&keys, &found);
            }
            tell(&shared, &mut told, standing(&keys, found.as_ref().err()));
            // True is news once.
            last = Some(found.map(|_| false));
        }
        if tokio::time::timeout(LOOK, now.notified()).await.is_ok() {
            last = None;
        }
    }
}

/// Looks at certificates that others show or believe, until it is dropped.
pub(super) async fn watch(files: Vec<PathBuf>, shared: Arc<Shared>) {
    let mut told = BTreeSet::new();
    while !files.is_empty() {
        let looked = files.clone();
        let found = tokio::task::spawn_blocking(move || looked.iter().filter_map(|f| of_file(f)).collect::<Vec<_>>());
        if let Ok(reports) = found.await {
            tell(&shared, &mut told, reports);
        }
        tokio::time::sleep(WATCH).await;
    }
}

/// What there is to say of the certificate in `file` that ends first.
fn of_file(file: &Path) -> Option<Report> {
    let subject = file.display().to_string();
    let (severity, text) = match tls::certificates(file) {
        Ok(all) => judged(all.iter().min_by_key(|c| c.not_after)?, clock::wall())?,
        Err(wrong) => (Severity::Critical, wrong.to_string()),
    };
    Some(Report { kind: AlarmKind::Certificate, severity, subject, text })
}

fn log(keys: &Keys, found: &Result<bool, TlsError>) {
    match found {
        Ok(true) => {
            if let Some(held) = keys.held() {
                let until = held.own.not_after.to_string();
                tracing::info!(name = held.own.name, serial = held.own.serial, until, "new connections use these keys");
            }
        }
        Ok(false) => tracing::info!("the keys in force are those in the files"),
        Err(wrong) => tracing::error!("{}", refused(keys, wrong)),
    }
}

fn refused(keys: &Keys, wrong: &TlsError) -> String {
    match keys.held() {
        Some(_) => format!("{wrong}; the keys read before stay in force"),
        None => format!("{wrong}; until then the operators' interface is not served"),
    }
}

/// All that is wrong with the keys now, by subject.
fn standing(keys: &Keys, wrong: Option<&TlsError>) -> Vec<Report> {
    let report = |severity, subject: &str, text| Report {
        kind: AlarmKind::Certificate,
        severity,
        subject: subject.to_owned(),
        text,
    };
    let held = keys.held();
    let mut out = Vec::new();
    if let Some(wrong) = wrong {
        let severity = if held.is_some() { Severity::Warning } else { Severity::Critical };
        out.push(report(severity, "tls", refused(keys, wrong)));
    }
    let Some(held) = held else { return out };
    let now = (keys.wall())();
    let files = keys.files();
    let own = judged(&held.own, now).map(|j| (files.certificate.display().to_string(), j));
    // Of several authorities the one that ends first.
    let first = held.authority.iter().min_by_key(|c| c.not_after);
    let authority = first.and_then(|c| judged(c, now)).map(|j| (files.authority.display().to_string(), j));
    out.extend(own.into_iter().chain(authority).map(|(file, (severity, text))| report(severity, &file, text)));
    out
}

/// What there is to say of a certificate.
fn judged(certificate: &Certificate, now: Wall) -> Option<(Severity, String)> {
    let severity = match certificate.term(now.time) {
        Term::Good => return None,
        Term::Within30Days => Severity::Notice,
        Term::Within14Days => Severity::Warning,
        Term::Within3Days | Term::NotYet | Term::Ended => Severity::Critical,
    };
    let text = format!("the certificate of \"{}\" {}", certificate.name, certificate.term_in_words(now.time));
    if !now.synchronised {
        let text = format!("by a clock that is not synchronised, {text}: set the clock before anything is made of it");
        return Some((Severity::Notice, text));
    }
    Some((severity, text + "; issue another with `hexctl pki`"))
}

/// Lets these stand, and takes back what else was told before.
fn tell(shared: &Shared, told: &mut BTreeSet<(AlarmKind, String)>, standing: Vec<Report>) {
    shared.reports.send_if_modified(|all| {
        let before = all.clone();
        all.retain(|subject, _| !told.contains(subject));
        *told = standing.iter().map(|r| (r.kind, r.subject.clone())).collect();
        all.extend(standing.into_iter().map(|r| ((r.kind, r.subject.clone()), r)));
        *all != before
    });
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn at(days: i64, synchronised: bool) -> Option<(Severity, String)> {
        let second = |s| Timestamp::from_second(s).unwrap();
        let certificate = Certificate {
            name: "park".into(),
            unit: String::new(),
            serial: "01".into(),
            not_before: second(0),
            not_after: second(400 * 86_400),
            authority: false,
            hosts: vec![],
            purposes: None,
        };
        judged(&certificate, Wall { time: second(days * 86_400), synchronised })
    }

    #[test]
    fn f42_people_are_told_at_30_14_and_3_days() {
        let severity = |days| at(days, true).map(|(s, _)| s);
        assert_eq!(severity(369), None);
        assert_eq!(severity(370), Some(Severity::Notice));
        assert_eq!(severity(386), Some(Severity::Warning));
        assert_eq!(severity(397), Some(Severity::Critical));
        assert!(at(370, true).unwrap().1.contains("\"park\" ends at 1971-02-05T00:00:00Z, in 30 days"));
        assert!(at(401, true).unwrap().1.contains("ended at 1971-02-05T00:00:00Z, 1 day ago"));
        assert_eq!(severity(-1), Some(Severity::Critical));
        assert!(at(-1, true).unwrap().1.contains("is not in force before 1970-01-01T00:00:00Z"));
    }

    #[test]
    fn a_clock_in_doubt_raises_no_false_alarm() {
        let (severity, text) = at(-1, false).unwrap();
        assert_eq!(severity, Severity::Notice);
        assert!(text.contains("by a clock that is not synchronised"), "{text}");
        assert_eq!(at(10, false), None);
    }
}
