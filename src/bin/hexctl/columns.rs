//! A table of forecasts in a CSV file: a column of times and one of values per subject.

use jiff::Timestamp;

/// What one subject is forecast to be.
#[derive(Debug, PartialEq)]
pub(crate) struct Column {
    pub subject: String,
    pub start: Timestamp,
    pub step_s: u32,
    pub values: Vec<f64>,
    pub p10: Vec<f64>,
    pub p90: Vec<f64>,
}

/// Reads the table.
///
/// # Errors
/// What is wrong in which line.
pub(crate) fn read(text: &str) -> Result<Vec<Column>, String> {
    let mut lines = text.lines().map(str::trim_end).enumerate().filter(|(_, l)| !l.is_empty());
    let (_, head) = lines.next().ok_or("the file is empty; its first line names the columns")?;
    let names: Vec<&str> = head.split(',').map(str::trim).collect();
    if names.first() != Some(&"time") || names.len() < 2 {
        return Err("line 1: the first column is `time`, the others are subjects such as `pv.available_kw`".to_owned());
    }
    let (mut times, mut rows) = (Vec::new(), Vec::new());
    for (n, line) in lines {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        if cells.len() != names.len() {
            return Err(format!("line {}: {} cells under {} headings", n + 1, cells.len(), names.len()));
        }
        let at = cells.first().copied().unwrap_or_default();
        let at: Timestamp =
            at.parse().map_err(|_| format!("line {}: \"{at}\" is no time; write 2026-07-20T00:00:00+08:00", n + 1))?;
        let numbers = cells.iter().skip(1).map(|cell| match *cell {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| format!("line {}: \"{text}\" is no number", n + 1)),
        });
        times.push((n + 1, at));
        rows.push(numbers.collect::<Result<Vec<Option<f64>>, String>>()?);
    }
    let step_s = step(&times)?;
    let of = |name: &str| -> Option<Vec<Option<f64>>> {
        let at = names.iter().skip(1).position(|n| *n == name)?;
        Some(rows.iter().map(|r| r.get(at).copied().flatten()).collect())
    };
    let quantile = |name: &&&str| name.ends_with(".p10") || name.ends_with(".p90");
    let subjects = names.iter().skip(1).filter(|n| !quantile(n));
    subjects.map(|subject| column(subject, &times, step_s, of)).collect()
}

fn step(times: &[(usize, Timestamp)]) -> Result<u32, String> {
    let seconds = |a: &(usize, Timestamp), b: &(usize, Timestamp)| b.1.as_second() - a.1.as_second();
    let [first, second, ..] = times else { return Err("at least two lines of values tell the step".to_owned()) };
    let step = seconds(first, second);
    let uneven = times.iter().zip(times.iter().skip(1)).find(|(a, b)| seconds(a, b) != step);
    match (uneven, u32::try_from(step)) {
        (Some((a, b)), _) => {
            Err(format!("line {}: {} s after the line before; all others {step} s", b.0, seconds(a, b)))
        }
        (None, Ok(step)) => Ok(step),
        (None, Err(_)) => Err(format!("line {}: times must ascend", second.0)),
    }
}

fn column(
    subject: &str,
    times: &[(usize, Timestamp)],
    step_s: u32,
    of: impl Fn(&str) -> Option<Vec<Option<f64>>>,
) -> Result<Column, String> {
    let all = of(subject).unwrap_or_default();
    let first = all.iter().position(Option::is_some).ok_or_else(|| format!("column {subject} has no value"))?;
    let end = all.iter().rposition(Option::is_some).map_or(0, |n| n + 1);
    let cut = |list: &[Option<f64>], name: &str| -> Result<Vec<f64>, String> {
        let known = list.iter().zip(times).take(end).skip(first);
        known.map(|(v, (line, _))| v.ok_or_else(|| format!("line {line}: column {name} has no value"))).collect()
    };
    let band = |which: &str| {
        let name = format!("{subject}.{which}");
        of(&name).map_or(Ok(Vec::new()), |list| cut(&list, &name))
    };
    let start = times.get(first).map(|(_, at)| *at).unwrap_or_default();
    let (values, p10, p90) = (cut(&all, subject)?, band("p10")?, band("p90")?);
    Ok(Column { subject: subject.to_owned(), start, step_s, values, p10, p90 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_with_their_quantiles_and_empty_ends() {
        let text = "time,pv.available_kw,pv.available_kw.p10,pv.available_kw.p90,grid.import_price\n\
            2026-07-20T00:00:00+08:00,1,0.5,2,\n2026-07-20T00:15:00+08:00,3,2,4,0.4\n\n2026-07-20T00:30:00+08:00,5,4,6,\n";
        let read = read(text).unwrap();
        assert_eq!((read[0].subject.as_str(), read[0].step_s), ("pv.available_kw", 900));
        assert_eq!(
            (&read[0].values, &read[0].p10, &read[0].p90),
            (&vec![1.0, 3.0, 5.0], &vec![0.5, 2.0, 4.0], &vec![2.0, 4.0, 6.0])
        );
        assert_eq!(
            (read[1].values.as_slice(), read[1].start.to_string().as_str()),
            (&[0.4][..], "2026-07-19T16:15:00Z")
        );
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, part) in [
            ("", "empty"),
            ("when,pv.available_kw\n", "line 1"),
            ("time,a.power_kw\n2026-07-20T00:00:00Z,1\n", "at least two lines"),
            ("time,a.power_kw\nnoon,1\n", "line 2: \"noon\""),
            ("time,a.power_kw\n2026-07-20T00:00:00Z,1,2\n", "line 2: 3 cells"),
            ("time,a.power_kw\n2026-07-20T00:00:00Z,x\n", "\"x\" is no number"),
            ("time,a.power_kw\n2026-07-20T01:00:00Z,1\n2026-07-20T00:00:00Z,1\n", "ascend"),
            (
                "time,a.power_kw\n2026-07-20T00:00:00Z,1\n2026-07-20T01:00:00Z,\n2026-07-20T02:00:00Z,1\n",
                "line 3: column a.power_kw has no value",
            ),
            (
                "time,a.power_kw\n2026-07-20T00:00:00Z,1\n2026-07-20T01:00:00Z,1\n2026-07-20T03:00:00Z,1\n",
                "line 4: 7200 s",
            ),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(part), "{said} does not say {part}");
        }
    }
}
