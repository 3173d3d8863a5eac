//! From points of models to registers, for the models one device has.

use std::collections::BTreeMap;

use super::chain::Found;
use super::models::{self, Item};
use super::reference::{Command, Reference, command};
use crate::devices::profile::file::{FileUnit, Kind, WordOrder};
use crate::devices::profile::{
    Conversion, Lever, Profile, ProfilePoint, Register, Rule, Source, SunspecWire, Timer, Wire,
};
use crate::site::{Point, Unit, Write};

/// `written` for a device with these models. A point of a model the device does not have stays a [`Source::Model`].
#[must_use]
pub fn resolve(written: &Profile, wire: &SunspecWire, chain: &[Found]) -> Profile {
    let seconds = match written.reversion {
        Rule::Register { s, .. } => Some(s),
        _ => None,
    };
    let map = Map { chain, write_function: wire.write_function, seconds };
    let mut profile = written.clone();
    profile.wire = Wire::Modbus(wire.modbus.clone());
    for p in &mut profile.points {
        let Source::Model(at) = &p.source else { continue };
        if let Some((conversion, register)) = at.iter().find_map(|r| map.point(p, r)) {
            (p.conversion, p.source) = (conversion, Source::Register(register));
        }
    }
    profile
}

/// The rating that the percentages of a command refer to, canonical unit.
pub fn rate(point: &mut ProfilePoint, full: Option<f64>) {
    if let Source::Register(Register { lever: Some(lever), .. }) = &mut point.source
        && !lever.share_of.is_empty()
    {
        lever.full = full;
        point.conversion.factor = full.map_or(1.0, |f| f / 100.0);
    }
}

/// From an item's scaled number to the canonical unit of `point`; `None` where the units do not fit.
#[must_use]
pub fn factor(point: Point, at: &Reference) -> Option<f64> {
    if command(at).is_some_and(|c| !c.share_of.is_empty()) {
        // Follows from a rating that only the device knows.
        return (point.unit() == Unit::Kw).then_some(1.0);
    }
    let (unit, factor) = at.item.unit.map_or((Unit::One, 1.0), FileUnit::canonical);
    match (point, unit) {
        // Some models count the power factor in percent.
        (Point::PF, Unit::Percent) => Some(0.01),
        (p, u) if p.unit() == u => Some(factor),
        _ => None,
    }
}

struct Map<'a> {
    chain: &'a [Found],
    write_function: u8,
    seconds: Option<u32>,
}

impl Map<'_> {
    fn point(&self, p: &ProfilePoint, at: &Reference) -> Option<(Conversion, Register)> {
        let factor = factor(p.point, at)? * p.conversion.factor.signum();
        Some((Conversion { scale: 1.0, offset: 0.0, factor }, self.register(at)?))
    }

    /// Address of an item of the same model, if the model is long enough on this device.
    fn place(&self, at: &Reference, item: &Item) -> Option<u16> {
        let mut same = self.chain.iter().filter(|f| f.model == at.model);
        let found = same.nth(usize::from(at.nth).checked_sub(1)?)?;
        let fits = item.at.checked_add(item.form.words())? <= found.length.checked_add(2)?;
        let address = found.at.checked_add(item.at).filter(|_| fits)?;
        // A device may say of a model that it runs over the end of the table.
        address.checked_add(item.form.words() - 1).map(|_| address)
    }

    fn beside(&self, at: &Reference, name: &str) -> Option<(u16, &'static Item)> {
        let item = models::find(at.model, name)?;
        Some((self.place(at, item)?, item))
    }

    fn register(&self, at: &Reference) -> Option<Register> {
        let address = self.place(at, at.item)?;
        let scale_factor = match at.item.scale {
            "" => None,
            // Without its scale factor a number means nothing.
            name => Some(self.beside(at, name)?.0),
        };
        let lever = match command(at) {
            None => None,
            Some(c) => Some(Box::new(self.lever(at, c)?)),
        };
        let ty = at.item.form.ty();
        let states = models::states(at.model, at.item.name).iter().map(|(n, s)| (i64::from(*n), *s));
        Some(Register {
            address,
            kind: Kind::Holding,
            ty,
            word_order: WordOrder::Big,
            bits: None,
            sum: Vec::new(),
            not_implemented: Some(at.item.form.not_implemented()),
            states: states.collect::<BTreeMap<_, _>>(),
            write: Write::Volatile,
            writes_per_day: None,
            write_function: if ty.words() == 1 { self.write_function } else { 16 },
            write_length: 1,
            scale_factor,
            lever,
        })
    }

    fn lever(&self, at: &Reference, c: &Command) -> Option<Lever> {
        let mode = match c.mode {
            None => None,
            Some((name, value)) => Some((self.beside(at, name)?.0, value)),
        };
        let timer = match self.seconds {
            None => None,
            Some(s) => {
                let (address, item) = self.beside(at, c.timer)?;
                Some(Timer { address, ty: item.form.ty(), s })
            }
        };
        let rating = |(model, name): &(u16, &str)| {
            let item = models::find(*model, name)?;
            self.register(&Reference { model: *model, nth: at.nth, item })
        };
        let share_of: Vec<_> = c.share_of.iter().filter_map(rating).collect();
        if share_of.is_empty() && !c.share_of.is_empty() {
            // A share of nothing known is no power.
            return None;
        }
        Some(Lever {
            enable: self.beside(at, c.enable)?.0,
            mode,
            timer,
            window: c.window.and_then(|name| Some(self.beside(at, name)?.0)),
            share_of,
            full: None,
            write_function: self.write_function,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::modbus::codec::plan_reads;
    use crate::devices::profile::ProfileStore;
    use crate::site::Poll;

    #[test]
    fn f07_a_model_that_is_said_to_run_over_the_end_of_the_table_has_no_point_there() {
        let store = ProfileStore::load(&[]).unwrap();
        let profile = store.get("sunspec-inverter").unwrap();
        let Wire::Sunspec(wire) = &profile.wire else { panic!() };
        for at in 65_480..65_534 {
            let found = resolve(profile, wire, &[Found { model: 113, at, length: 60 }]);
            for block in plan_reads(&found, Poll::Fast).into_iter().chain(plan_reads(&found, Poll::Slow)) {
                assert!(u32::from(block.address) + u32::from(block.count) <= 65_536, "{block:?}");
            }
        }
    }
}
