//! `hexad-hil series`: the park's life without a controller, as a file.

use super::files;
use anyhow::Context;
use clap::Args;
use hexad_hil::SeriesOptions;
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;

/// What to write down, and where.
#[derive(Args)]
pub struct SeriesArgs {
    /// Site file; any shape of site will do.
    #[arg(long)]
    site: PathBuf,
    /// Seed of weather, demand and outages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of a row, 1m to 1h.
    #[arg(long, default_value = "1h")]
    step: SignedDuration,
    /// Length of the series.
    #[arg(long, default_value_t = 365)]
    days: u32,
    /// Begin of the first row, RFC 3339 [default: 2026-01-01 00:00 in the site's zone].
    #[arg(long)]
    start: Option<Timestamp>,
    /// Outages of the grid per year, each of half an hour to six hours.
    #[arg(long, default_value_t = 0)]
    outages: u32,
    /// CSV file to write.
    #[arg(long)]
    out: PathBuf,
}

/// Writes the series whole or not at all.
pub fn series(args: &SeriesArgs) -> anyhow::Result<()> {
    let site = std::fs::read_to_string(&args.site).with_context(|| format!("reading {}", args.site.display()))?;
    let named = || args.site.display().to_string();
    let start = match args.start {
        Some(start) => start,
        None => hexad_hil::default_series_start(&site).with_context(named)?,
    };
    let options = SeriesOptions { seed: args.seed, start, step: args.step, days: args.days, outages: args.outages };
    files::write_atomically(&args.out, &hexad_hil::series(&site, &options).with_context(named)?)
}
