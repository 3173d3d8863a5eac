//! The programme of one plan: a balance per bus and interval, the elements' own constraints, and what is needed to
//! read the answer back.
//!
//! A balance is `sum of injections + short - surplus = 0` in kW, so its dual divided by the interval's hours is the
//! price of one more kWh taken. Every injection passes through [`Build::inject`], which feeds the balance and the
//! read-out alike: what a plan shows is what was balanced.

use std::collections::BTreeMap;

use super::elements::Element;
use super::known::Known;
use super::mapping::{elements, potential};
use super::model::{Col, Expr, Model, RowIx};
use super::values::{Worth, worth};
use super::{Inputs, Problem};
use crate::site::kinds::Tier;
use crate::site::{AssetIx, BusIx, Carrier};

/// A commitment of the first hour that differs from the last plan's costs this much: less than any real
/// saving, more than the noise of a re-solve.
pub(super) const CHURN: f64 = 0.5;
pub(super) const CHURN_H: f64 = 0.3;
/// Without the grid, load lost an hour later counts this share less: by then the grid may be back. Were all hours alike, a
/// plan for what cannot be carried through would put off serving anybody, and so would the next.
const LATER: f64 = 0.01;
/// But never less than this share.
const LATEST: f64 = 0.5;

/// A slack of the programme and what it means.
#[derive(Debug)]
pub(super) struct Relief {
    pub col: Col,
    pub interval: usize,
    pub what: String,
    pub price: f64,
}

/// Where an asset's answers are.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Per port and interval.
    pub ports: Vec<Vec<Expr>>,
    /// What a source could give, or a steerable consumer wants (negative); empty for all others.
    pub potential: Vec<f64>,
    /// Per interval; empty without commitment.
    pub on: Vec<Col>,
    /// Per interval; empty for all but stores.
    pub energy: Vec<Col>,
    /// Rows of the stored energy, parallel to `energy`.
    pub state: Vec<RowIx>,
    /// Fuel burned from a tank of its own, kW per interval; empty for machines without one.
    pub fuel: Vec<Expr>,
    /// All rows that the asset's elements made.
    pub rows: std::ops::Range<usize>,
}

/// A programme being built.
pub(super) struct Build<'a> {
    pub input: &'a Inputs<'a>,
    pub known: &'a Known,
    /// Commitment is whole for intervals that begin within so many hours; beyond it is relaxed ("LP tail").
    pub whole_h: f64,
    pub model: Model,
    /// Per bus and interval.
    pub balance: Vec<Vec<RowIx>>,
    pub places: Vec<Places>,
    pub reliefs: Vec<Relief>,
    /// Import over the PCC by interval; empty without one.
    pub import: Vec<Vec<(Col, f64)>>,
    /// What the park emits by interval, kg/h; who captures takes off.
    pub emission: Vec<Expr>,
    /// Part of the cost that is decided already.
    pub offset: f64,
    /// Values for integer columns, from the last plan.
    pub hints: BTreeMap<usize, f64>,
}

/// A programme and how to read its answer.
pub(super) struct Formulation {
    pub problem: Problem,
    pub balance: Vec<Vec<RowIx>>,
    pub places: Vec<Places>,
    pub reliefs: Vec<Relief>,
    pub emission: Vec<Expr>,
    pub start: Option<Vec<f64>>,
    /// Of the assets.
    pub names: Vec<String>,
}

/// Builds the programme, its commitments whole for `whole_h` hours.
pub(super) fn formulate(input: &Inputs<'_>, known: &Known, whole_h: f64) -> Formulation {
    valued(input, known, &worth(input, known), whole_h)
}

/// The same with given values of what is left in store.
pub(super) fn valued(input: &Inputs<'_>, known: &Known, worth: &Worth, whole_h: f64) -> Formulation {
    let mut b = Build {
        input,
        known,
        whole_h,
        model: Model::default(),
        balance: Vec::new(),
        places: Vec::new(),
        reliefs: Vec::new(),
        import: Vec::new(),
        emission: vec![Expr::default(); known.len()],
        offset: 0.0,
        hints: BTreeMap::new(),
    };
    b.balances();
    let mut captures = Vec::new();
    for ix in 0..input.site.assets.len() {
        let ports = vec![vec![Expr::default(); known.len()]; input.site.assets[ix].ports.len()];
        let potential = potential(input, known, AssetIx(ix));
        let first = b.model.rows();
        b.places.push(Places { ports, potential, ..Places::default() });
        for element in elements(input, known, worth, AssetIx(ix)) {
            match element {
                Element::Source(e) => super::source::build(&mut b, AssetIx(ix), &e),
                Element::Sink(e) => super::sink::build(&mut b, AssetIx(ix), &e),
                Element::Store(e) => super::store::build(&mut b, AssetIx(ix), &e),
                Element::Converter(e) => super::converter::build(&mut b, AssetIx(ix), &e),
                Element::Capture(e) => {
                    let flow = super::capture::build(&mut b, AssetIx(ix), &e);
                    captures.push((e, flow));
                }
            }
        }
        b.places[ix].rows = first..b.model.rows();
        // The order of columns steers the search: here it takes a tenth less than at the end.
        if input.site.pcc() == Some(AssetIx(ix)) && !known.bare {
            super::demand::build(&mut b);
        }
    }
    // What links an asset to others, once all of them stand.
    for (element, flow) in &captures {
        super::capture::exhaust(&mut b, element, flow);
    }
    super::matching::build(&mut b);
    super::co2::build(&mut b);
    if !known.bare {
        super::reserve::build(&mut b);
        super::survival::build(&mut b);
    }
    b.finish()
}

impl Build<'_> {
    /// A 0/1 column of this interval, relaxed where it is far ahead.
    pub fn binary(&mut self, t: usize) -> Col {
        self.model.binary(0.0, self.known.begin[t] < self.whole_h)
    }
    pub fn hours(&self, t: usize) -> f64 {
        self.known.hours[t]
    }
    pub fn len(&self) -> usize {
        self.known.len()
    }
    pub fn id(&self, asset: AssetIx) -> &str {
        &self.input.site.assets[asset.0].id
    }

    /// A balance per bus and interval, each with a priced way out in both directions.
    fn balances(&mut self) {
        let values = &self.input.site.values;
        for (ix, bus) in self.input.site.buses.iter().enumerate() {
            let lost = values.lost(bus.carrier, Tier::Critical);
            let rows = (0..self.len()).map(|_| self.model.row(0.0, 0.0, &[])).collect();
            self.balance.push(rows);
            for t in 0..self.len() {
                let short = self.relief(t, lost, || format!("bus {}: more is taken than can be served", bus.id));
                self.balance_term(BusIx(ix), t, short, 1.0);
                // Nothing keeps CO2 in a pipe: what nobody takes is emitted after all.
                let surplus = if bus.carrier == Carrier::Co2 {
                    // Its price comes with its emission.
                    let vented =
                        self.relief_for(0.0, t, values.co2_per_kg, || format!("bus {}: CO2 is vented", bus.id));
                    self.emit(t, &[(vented, 1.0)], 0.0);
                    vented
                } else {
                    self.relief(t, values.surplus_per_kwh, || format!("bus {}: more is injected than taken", bus.id))
                };
                self.balance_term(BusIx(ix), t, surplus, -1.0);
            }
        }
    }

    /// A slack in kW at `price` per kWh.
    pub fn relief(&mut self, t: usize, price: f64, what: impl FnOnce() -> String) -> Col {
        self.relief_for(self.hours(t), t, price, what)
    }

    /// A slack that lasts `hours`, shown at interval `t`, at `price` per unit and hour.
    pub fn relief_for(&mut self, hours: f64, t: usize, price: f64, what: impl FnOnce() -> String) -> Col {
        let col = self.model.col(price * hours, 0.0, f64::INFINITY);
        self.reliefs.push(Relief { col, interval: t, what: what(), price });
        col
    }

    /// Load of a bus that is not served, in kW at `price` per kWh.
    pub fn lost(&mut self, bus: BusIx, t: usize, price: f64, what: impl FnOnce() -> String) -> Col {
        let electric = self.input.site.buses[bus.0].carrier == Carrier::Electricity;
        let away = electric && !self.known.bare && !self.known.grid[t];
        let share = if away { (1.0 - LATER * self.known.begin[t]).max(LATEST) } else { 1.0 };
        let col = self.model.col(share * price * self.hours(t), 0.0, f64::INFINITY);
        self.reliefs.push(Relief { col, interval: t, what: what(), price });
        col
    }

    pub fn balance_term(&mut self, bus: BusIx, t: usize, col: Col, factor: f64) {
        let row = self.balance[bus.0][t];
        self.model.add(row, col, factor);
    }

    /// Adds an injection of the asset's port: `constant + sum of terms`, kW.
    pub fn inject(&mut self, asset: AssetIx, port: usize, t: usize, terms: &[(Col, f64)], constant: f64) {
        let bus = self.input.site.assets[asset.0].ports[port].bus;
        for (col, factor) in terms {
            self.balance_term(bus, t, *col, *factor);
        }
        self.model.shift(self.balance[bus.0][t], constant);
        let place = &mut self.places[asset.0].ports[port][t];
        place.constant += constant;
        place.terms.extend_from_slice(terms);
    }

    /// Adds to what the park emits, kg/h: `constant + sum of terms`; who captures CO2 adds it with a minus. The
    /// price is put on the sum, so no element's cost holds it.
    pub fn emit(&mut self, t: usize, terms: &[(Col, f64)], constant: f64) {
        let emission = &mut self.emission[t];
        emission.constant += constant;
        emission.terms.extend_from_slice(terms);
    }

    fn finish(mut self) -> Formulation {
        // The decided part as a fixed column: a relative gap is then relative to the whole cost.
        self.model.col(self.offset, 1.0, 1.0);
        let integers = self.model.integers();
        let start = (!self.hints.is_empty() && !integers.is_empty()).then(|| {
            integers
                .iter()
                .map(|i| {
                    let (low, high) = (self.model.lower(Col(*i)), self.model.upper(Col(*i)));
                    self.hints.get(i).copied().unwrap_or(low).clamp(low, high)
                })
                .collect()
        });
        Formulation {
            problem: self.model.finish(),
            balance: self.balance,
            places: self.places,
            reliefs: self.reliefs,
            emission: self.emission,
            start,
            names: self.input.site.assets.iter().map(|a| a.id.clone()).collect(),
        }
    }
}
