//! A row per step: every port's power, every store's energy, every bus's price.

use std::io::{self, Write};

use crate::dispatch::Plan;
use crate::site::Site;
use crate::units::Park;

pub(super) struct Trace<'a> {
    to: &'a mut dyn Write,
    stores: Vec<bool>,
}

impl<'a> Trace<'a> {
    /// Writes the header: `<asset>.kw` for the principal port, `<asset>.<bus>.kw` for the others, `<asset>.kwh` for the
    /// energy in store as the step ends, `<bus>.price`.
    pub fn new(to: &'a mut dyn Write, site: &Site) -> io::Result<Self> {
        write!(to, "time")?;
        for asset in &site.assets {
            write!(to, ",{}.kw", asset.id)?;
            for port in asset.ports.iter().skip(1) {
                write!(to, ",{}.{}.kw", asset.id, site.buses[port.bus.0].id)?;
            }
        }
        let stores: Vec<bool> = site.assets.iter().map(|a| a.kind.capacity().is_some()).collect();
        for (asset, _) in site.assets.iter().zip(&stores).filter(|(_, is)| **is) {
            write!(to, ",{}.kwh", asset.id)?;
        }
        for bus in &site.buses {
            write!(to, ",{}.price", bus.id)?;
        }
        writeln!(to)?;
        Ok(Self { to, stores })
    }

    /// The plan's first interval, which happened. What is not known is left empty.
    pub fn row(&mut self, at: Park, plan: &Plan) -> io::Result<()> {
        write!(self.to, "{at}")?;
        for kw in plan.assets.iter().flat_map(|a| &a.power_kw).map(|p| p.first()) {
            self.cell(kw)?;
        }
        for (asset, _) in plan.assets.iter().zip(self.stores.clone()).filter(|(_, is)| *is) {
            self.cell(asset.energy_kwh.first())?;
        }
        for bus in &plan.buses {
            self.cell(bus.price.first())?;
        }
        writeln!(self.to)
    }

    fn cell(&mut self, value: Option<&f64>) -> io::Result<()> {
        match value {
            // Adding zero makes a negative zero an ordinary one.
            Some(v) => write!(self.to, ",{}", (v * 1e4).round() / 1e4 + 0.0),
            None => write!(self.to, ","),
        }
    }
}
