//! `hexad backtest` and `hexad compare`: opens the files, draws the progress, calls [`hexad::backtest`].

#[path = "picture.rs"]
mod picture;
#[path = "plot.rs"]
mod plot;
#[path = "table.rs"]
mod table;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use hexad::backtest::{Policy, Report, Run, Series, Tools, bound, run};
use hexad::clock::Clock;
use hexad::site::Site;
use hexad::solver::InProcess;
use hexad::units::Park;

use crate::{print, refuse, site_of};

#[derive(Debug, Args)]
struct Source {
    /// The site file.
    #[arg(long)]
    site: PathBuf,
    /// Directory of device profiles beside the built-in ones; may be given several times.
    #[arg(long = "profiles", value_name = "DIR")]
    profile_dirs: Vec<PathBuf>,
    /// The series: a CSV table with a first column `time` (RFC 3339) and columns `<asset>.<quantity>`.
    #[arg(long, value_name = "FILE.csv")]
    series: PathBuf,
    /// First step (RFC 3339); what lies before it is history that forecasts learn from.
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
    /// End of the last step (RFC 3339).
    #[arg(long, value_name = "TIME")]
    to: Option<jiff::Timestamp>,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `hexad backtest`.
#[derive(Debug, Args)]
pub struct Backtest {
    #[command(flatten)]
    source: Source,
    /// Who decides.
    #[arg(long, default_value = "rolling")]
    policy: Named,
    /// What the rolling policy is told of the future.
    #[arg(long, default_value = "own")]
    forecast: Forecast,
    /// A row per step: powers, stored energy, prices.
    #[arg(long, value_name = "FILE.csv")]
    trace: Option<PathBuf>,
}

/// Arguments of `hexad compare`.
#[derive(Debug, Args)]
pub struct Compare {
    #[command(flatten)]
    source: Source,
    /// The costs as a picture: SVG or PNG by the ending of its name.
    #[arg(long, value_name = "FILE.svg|png")]
    plot: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Named {
    /// The house's plans, made anew each step.
    Rolling,
    /// The same plans, told the true future.
    Perfect,
    /// The house's rules, without foresight.
    Rules,
    /// No controller.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Forecast {
    /// The house's own forecasts.
    Own,
    /// The true future.
    Perfect,
}

const fn policy_of(named: Named, forecast: Forecast) -> Policy {
    match (named, forecast) {
        (Named::Rolling, Forecast::Own) => Policy::Rolling { perfect: false },
        (Named::Rolling, Forecast::Perfect) | (Named::Perfect, _) => Policy::Rolling { perfect: true },
        (Named::Rules, _) => Policy::Rules,
        (Named::None, _) => Policy::None,
    }
}

/// What a run walks through.
struct Ground {
    site: Site,
    series: Series,
    steps: std::ops::Range<usize>,
}

impl Ground {
    fn of(source: &Source) -> Result<Self, Vec<String>> {
        let (site, _) = site_of(&source.site, &source.profile_dirs)?;
        let shown = source.series.display();
        let file = File::open(&source.series).map_err(|e| vec![format!("{shown}: {e}")])?;
        let series = Series::read(file, &site).map_err(|e| vec![format!("{shown}: {e}")])?;
        let steps =
            series.steps(source.from.map(Park), source.to.map(Park)).map_err(|e| vec![format!("--from, --to: {e}")])?;
        Ok(Self { site, series, steps })
    }

    fn run(&self, policy: Policy) -> Run<'_> {
        Run { site: &self.site, series: &self.series, steps: self.steps.clone(), policy }
    }

    /// Walks under a policy, telling `bar`.
    fn walk(&self, policy: Policy, bar: &ProgressBar, trace: Option<&Path>) -> std::io::Result<Report> {
        let mut file = trace.map(File::create).transpose()?.map(BufWriter::new);
        let clock = Clock::real();
        let report = run(
            &self.run(policy),
            &mut Tools {
                solve: &mut InProcess,
                clock_ms: &|| clock.mono().seconds() * 1e3,
                progress: &mut |_| bar.inc(1),
                trace: file.as_mut().map(|f| f as &mut dyn std::io::Write),
            },
        )?;
        if let Some(file) = &mut file {
            file.flush()?;
        }
        Ok(report)
    }

    /// The proven bound, or why there is none.
    fn bound(&self, bar: &ProgressBar) -> Option<f64> {
        let mut before = 0;
        let bounded = bound(&self.run(Policy::None), &mut InProcess, &mut |done| {
            bar.inc((done - before) as u64);
            before = done;
        });
        bounded.map_err(|e| eprintln!("no bound: {e}")).ok()
    }
}

/// Steps done and the time left, on stderr; nothing where that is no terminal.
fn bar(steps: usize) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} steps, {eta} left") {
        bar.set_style(style);
    }
    bar
}

/// Runs `hexad backtest`.
pub fn backtest(arguments: &Backtest) -> ExitCode {
    let ground = match Ground::of(&arguments.source) {
        Ok(ground) => ground,
        Err(mistakes) => return refuse(&mistakes),
    };
    let bar = bar(2 * ground.steps.len());
    let policy = policy_of(arguments.policy, arguments.forecast);
    let mut report = match ground.walk(policy, &bar, arguments.trace.as_deref()) {
        Ok(report) => report,
        Err(e) => return refuse(&[format!("--trace: {e}")]),
    };
    report.bound = ground.bound(&bar);
    bar.finish_and_clear();
    if arguments.source.json { json(&report) } else { print(&table::of(&ground.site, &[(name(policy), &report)])) }
}

const fn name(policy: Policy) -> &'static str {
    match policy {
        Policy::None => "none",
        Policy::Rules => "rules",
        Policy::Rolling { perfect: false } => "rolling",
        Policy::Rolling { perfect: true } => "perfect",
    }
}

/// Runs `hexad compare`: two at a time.
pub fn compare(arguments: &Compare) -> ExitCode {
    if let Some(path) = arguments.plot.as_deref().filter(|p| !is_png(p) && p.extension().is_none_or(|e| e != "svg")) {
        return refuse(&[format!("--plot {}: name it .svg or .png", path.display())]);
    }
    let ground = match Ground::of(&arguments.source) {
        Ok(ground) => ground,
        Err(mistakes) => return refuse(&mistakes),
    };
    let bar = bar(5 * ground.steps.len());
    let walk = |policy: Policy| ground.walk(policy, &bar, None).unwrap_or_default();
    let (none, rules, rolling, perfect, bound) = std::thread::scope(|scope| {
        let other = scope.spawn(|| (walk(Policy::Rolling { perfect: true }), ground.bound(&bar)));
        let rolling = walk(Policy::Rolling { perfect: false });
        let (none, rules) = (walk(Policy::None), walk(Policy::Rules));
        let (perfect, bound) = other.join().unwrap_or_default();
        (none, rules, rolling, perfect, bound)
    });
    bar.finish_and_clear();
    let mut reports = [("none", none), ("rules", rules), ("rolling", rolling), ("perfect", perfect)];
    for (_, report) in &mut reports {
        report.bound = bound;
    }
    let closed = regret_closed(&reports[1].1, &reports[2].1, &reports[3].1);
    let columns: Vec<(&str, &Report)> = reports.iter().map(|(name, r)| (*name, r)).collect();
    let words = match closed {
        Some(share) => format!("regret closed: {:.1} % of what foresight is worth over rules", 100.0 * share),
        None => "regret closed: foresight is worth nothing over rules here".to_owned(),
    };
    if let Some(path) = &arguments.plot {
        let (from, to) = (ground.series.time(ground.steps.start), ground.series.time(ground.steps.end));
        let headline = [ground.site.id.clone(), format!("{from} to {to}; {words}")];
        let picture = plot::of(&ground.site.currency, &columns, &headline);
        let bytes = if is_png(path) { picture.png() } else { picture.svg().into_bytes() };
        if let Err(e) = std::fs::write(path, bytes) {
            return refuse(&[format!("--plot {}: {e}", path.display())]);
        }
    }
    if arguments.source.json {
        let mut all = serde_json::Map::new();
        for (name, report) in &reports {
            all.insert((*name).to_owned(), serde_json::to_value(report).unwrap_or_default());
        }
        all.insert("regret_closed".to_owned(), closed.into());
        all.insert("bound".to_owned(), bound.into());
        return json(&all);
    }
    print(&format!("{}\n{words}\n", table::of(&ground.site, &columns)))
}

fn is_png(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"))
}

/// (rules - rolling) / (rules - perfect); none where perfect foresight gains nothing.
fn regret_closed(rules: &Report, rolling: &Report, perfect: &Report) -> Option<f64> {
    let worth = rules.cost_total - perfect.cost_total;
    (worth > 1e-6).then(|| (rules.cost_total - rolling.cost_total) / worth)
}

fn json<T: serde::Serialize>(value: &T) -> ExitCode {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&format!("{text}\n")),
        Err(e) => refuse(&[e.to_string()]),
    }
}
