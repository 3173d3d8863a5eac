//! Assets: which buses they meet, which device steers them, what measures them.

use super::document::Place;
use super::resolve::Resolver;
use super::site_file::SiteFile;
use super::{fit, suggest};
use crate::devices::profile::file::Class;
use crate::site::{Asset, Carrier, DeviceIx, Kind, Measure, Point, PointIx, Port};
use crate::units::Power;

/// One asset as written.
pub(super) struct Draft {
    pub(super) at: Place,
    pub(super) id: String,
    member: Option<String>,
    device: Option<String>,
    breaker: Option<String>,
    measured_by: Vec<String>,
    residual: bool,
    pub(super) kind: Kind,
}

macro_rules! drafts {
    ($file:expr; $($table:ident => $kind:ident),+ $(,)?) => {{
        let mut all = Vec::new();
        $(for (i, k) in $file.$table.iter().enumerate() {
            all.push(Draft {
                at: Place::table(stringify!($table), i),
                id: k.id.clone(),
                member: k.member.clone(),
                device: k.device.clone(),
                breaker: None,
                measured_by: k.measured_by.clone(),
                residual: k.residual,
                kind: Kind::$kind(k.clone()),
            });
        })+
        all
    }};
}

/// All assets of the file, kind by kind.
pub(super) fn drafts(file: &SiteFile) -> Vec<Draft> {
    let mut all = drafts!(file;
        grid => Grid, gas_supply => GasSupply, pv => Pv, wind => Wind, battery => Battery, heat_tank => HeatTank,
        cold_tank => ColdTank, chp => Chp, boiler => Boiler, heat_pump => HeatPump, chiller => Chiller,
        absorption_chiller => AbsorptionChiller, heat_exchanger => HeatExchanger, dump_cooler => DumpCooler,
        load => Load, flexible_load => FlexibleLoad, ev_charger => EvCharger, heat_supply => HeatSupply,
        waste_heat => WasteHeat, genset => Genset, hydrogen_tank => HydrogenTank, electrolyser => Electrolyser,
        fuel_cell => FuelCell, hydrogen_offtake => HydrogenOfftake, carbon_capture => CarbonCapture,
        co2_buffer => Co2Buffer, co2_hub => Co2Hub, batch => Batch, room => Room,
    );
    for draft in &mut all {
        if let Kind::Grid(k) = &draft.kind {
            draft.breaker.clone_from(&k.breaker);
        }
    }
    all
}

/// The carrier whose power a point measures.
const fn carrier_of(point: Point) -> Option<Carrier> {
    match point {
        Point::W => Some(Carrier::Electricity),
        Point::HeatW | Point::HeatInW | Point::JacketW => Some(Carrier::Heat),
        Point::CoolW => Some(Carrier::Cooling),
        Point::GasW => Some(Carrier::Gas),
        Point::HydrogenW => Some(Carrier::Hydrogen),
        Point::Co2Flow => Some(Carrier::Co2),
        _ => None,
    }
}

/// The power point of a consumer on a bus of `carrier`.
const fn load_point(carrier: Carrier) -> Point {
    match carrier {
        Carrier::Electricity => Point::W,
        Carrier::Heat => Point::HeatW,
        Carrier::Cooling => Point::CoolW,
        Carrier::Gas => Point::GasW,
        Carrier::Hydrogen => Point::HydrogenW,
        Carrier::Co2 => Point::Co2Flow,
    }
}

impl Resolver<'_, '_> {
    /// Resolves all assets and what holds between them.
    pub(super) fn assets(&mut self, drafts: Vec<Draft>) -> Vec<Asset> {
        if drafts.is_empty() {
            self.doc.mistake(&Place::root(), "the site has no asset", "add `[[grid]]`, `[[load]]`, `[[pv]]` ...");
        }
        let places: Vec<Place> = drafts.iter().map(|d| d.at.clone()).collect();
        let assets: Vec<Asset> = drafts.into_iter().map(|d| self.asset(d)).collect();
        let listed: Vec<(&Place, &Asset)> = places.iter().zip(&assets).collect();
        self.one_pcc(&listed);
        self.one_master(&listed);
        self.one_residual(&listed);
        self.counted_once(&listed);
        assets
    }

    fn asset(&mut self, d: Draft) -> Asset {
        let member = d.member.as_ref().and_then(|name| self.member_ref(&d.at.key("member"), name));
        let device = d.device.as_ref().and_then(|name| self.device_ref(&d.at.key("device"), name));
        let breaker = d.breaker.as_ref().and_then(|name| self.device_ref(&d.at.key("breaker"), name));
        let ports = self.ports(&d, device);
        if let Some(device) = device {
            self.fits(&d, device, ports.first().map(|p| p.point));
        }
        if let Some(b) = breaker
            && self.known_class(b).is_some()
            && self.point_of(b, Point::Closed).is_none()
        {
            let message = format!("profile `{}` has no point Closed", self.profile_of(b));
            self.doc.mistake(&d.at.key("breaker"), message, "name a device that reads the breaker");
        }
        if d.device.is_none() && d.measured_by.is_empty() && !d.residual {
            let message = "neither steered nor measured: its power would never be known";
            let remedy = "add `device = \"...\"`, `measured_by = [\"device.Point\"]` or `residual = true`";
            self.doc.mistake(&d.at.key("device"), message, remedy);
        }
        if d.residual && !d.measured_by.is_empty() {
            let message = "an asset that is measured is not the balance of the others";
            self.doc.mistake(&d.at.key("residual"), message, "remove `residual` or `measured_by`");
        }
        Asset { id: d.id, kind: d.kind, member, device, breaker, ports }
    }

    fn member_ref(&mut self, at: &Place, name: &str) -> Option<usize> {
        let found = self.members.iter().position(|m| m.id == name);
        if found.is_none() {
            let known: Vec<&str> = self.members.iter().map(|m| m.id.as_str()).collect();
            self.doc.mistake(at, format!("there is no member `{name}`"), suggest::for_name(name, "member", &known));
        }
        found
    }

    fn ports(&mut self, d: &Draft, device: Option<DeviceIx>) -> Vec<Port> {
        let terms = self.measures(d);
        let mut ports = Vec::new();
        let written = d.kind.ports();
        let count = written.len();
        for (key, name, point, min, max) in written {
            let Some(bus) = self.bus_ref(&d.at.key(key), name) else { continue };
            let Some(carrier) = self.buses.get(bus.0).map(|b| b.carrier) else { continue };
            let any = matches!(d.kind, Kind::Load(_) | Kind::Batch(_) | Kind::Room(_));
            let point = if any { load_point(carrier) } else { point };
            if carrier_of(point) != Some(carrier) {
                let wanted = carrier_of(point).map_or("another carrier", Carrier::name);
                let of_kind: Vec<&str> =
                    self.buses.iter().filter(|b| Some(b.carrier) == carrier_of(point)).map(|b| b.id.as_str()).collect();
                let remedy = format!("name a bus of {wanted}: {}", of_kind.join(", "));
                self.doc.mistake(
                    &d.at.key(key),
                    format!("bus `{name}` carries {}, not {wanted}", carrier.name()),
                    remedy,
                );
            }
            let residual = d.residual && ports.is_empty();
            let mut measured: Vec<Measure> = terms.iter().filter(|(p, _)| *p == point).map(|(_, m)| *m).collect();
            if measured.is_empty() && !residual {
                let own = device.and_then(|ix| self.point_of(ix, point));
                measured.extend(own.map(|point| Measure { point, sign: 1.0 }));
            }
            let power = Power::from_kw;
            ports.push(Port {
                bus,
                point,
                rating: power(min.abs().max(max.abs())),
                min: power(min),
                max: power(max),
                measured,
                residual,
            });
        }
        if ports.len() == count {
            self.terms_used(d, &terms, &ports);
        }
        ports
    }

    /// The terms of `measured_by`, each with the point it reads.
    fn measures(&mut self, d: &Draft) -> Vec<(Point, Measure)> {
        let at = d.at.key("measured_by");
        let mut terms = Vec::new();
        for (i, term) in d.measured_by.iter().enumerate() {
            let at = at.item(i);
            let (sign, name) = term.strip_prefix('-').map_or((1.0, term.as_str()), |rest| (-1.0, rest.trim_start()));
            let Some((device, point)) = name.split_once('.') else {
                self.doc.mistake(
                    &at,
                    format!("`{term}` names no point"),
                    "write \"device.Point\", such as \"m-pcc.W\", or \"-m-pcc.W\" to subtract",
                );
                continue;
            };
            let Some(device) = self.device_ref(&at, device) else { continue };
            if self.known_class(device).is_none() {
                continue;
            }
            let found = Point::from_name(point).and_then(|p| self.point_of(device, p).map(|ix| (p, ix)));
            if let Some((p, point)) = found {
                terms.push((p, Measure { point, sign }));
            } else {
                let has = self.point_names(device);
                let has: Vec<&str> = has.iter().map(String::as_str).collect();
                let message = format!("profile `{}` has no point `{point}`", self.profile_of(device));
                self.doc.mistake(&at, message, suggest::for_name(point, "point", &has));
            }
        }
        terms
    }

    fn terms_used(&mut self, d: &Draft, terms: &[(Point, Measure)], ports: &[Port]) {
        for (i, (point, _)) in terms.iter().enumerate() {
            if !ports.iter().any(|p| p.point == *point) {
                let wanted: Vec<&str> = ports.iter().map(|p| p.point.name()).collect();
                let message = format!("{} is not a power of this asset", point.name());
                let remedy = format!("sum points named {}", wanted.join(" or "));
                self.doc.mistake(&d.at.key("measured_by").item(i), message, remedy);
            }
        }
    }

    /// The device can do for the asset what the asset needs.
    fn fits(&mut self, d: &Draft, device: DeviceIx, power: Option<Point>) {
        let Some(class) = self.known_class(device) else { return };
        let at = d.at.key("device");
        let profile = self.profile_of(device);
        let classes = fit::classes(&d.kind);
        if !classes.contains(&class) {
            let names: Vec<String> = classes.iter().map(|c| fit::class_name(*c)).collect();
            let message = format!("profile `{profile}` is of class {}, no {}", fit::class_name(class), d.kind.name());
            self.doc.mistake(&at, message, format!("name a device of class {}", names.join(" or ")));
            return;
        }
        let measured_here = d.measured_by.is_empty() && !d.residual;
        let power = power.filter(|_| measured_here);
        let needs = fit::needs(&d.kind, class).iter().copied();
        let missing: Vec<&str> =
            needs.chain(power).filter(|p| self.point_of(device, *p).is_none()).map(Point::name).collect();
        if !missing.is_empty() {
            let message = format!("profile `{profile}` has no point {}", missing.join(", "));
            let remedy = format!(
                "name a device that has them, or add them to the profile; a {} cannot do without",
                d.kind.name()
            );
            self.doc.mistake(&at, message, remedy);
        }
    }

    fn one_pcc(&mut self, assets: &[(&Place, &Asset)]) {
        let grids = assets.iter().filter(|(_, a)| matches!(a.kind, Kind::Grid(_)));
        for (at, _) in grids.skip(1) {
            self.doc.mistake(
                &at.key("id"),
                "a second point of common coupling",
                "keep one `[[grid]]`; a park has one for now",
            );
        }
    }

    fn one_master(&mut self, assets: &[(&Place, &Asset)]) {
        for (i, (at, asset)) in assets.iter().enumerate() {
            let Some(device) = asset.device else { continue };
            let steers =
                self.device_points(device).any(|ix| self.points.get(ix.0).is_some_and(|p| p.point.is_command()));
            let before = assets.iter().take(i).find(|(_, a)| a.device == Some(device));
            if let (true, Some((_, other))) = (steers, before) {
                let message = format!("`{}` is already steered by this device", other.id);
                self.doc.mistake(
                    &at.key("device"),
                    message,
                    "give each asset a device of its own; only read-only devices are shared",
                );
            }
        }
    }

    fn one_residual(&mut self, assets: &[(&Place, &Asset)]) {
        for (i, (at, asset)) in assets.iter().enumerate() {
            let Some(port) = asset.ports.iter().find(|p| p.residual) else { continue };
            let same = |a: &Asset| a.ports.iter().any(|p| p.residual && p.bus == port.bus);
            if let Some((_, other)) = assets.iter().take(i).find(|(_, a)| same(a)) {
                let message = format!("`{}` is already the balance of this bus", other.id);
                self.doc.mistake(&at.key("residual"), message, "measure one of the two");
            }
        }
    }

    /// The same reading stands for one asset of a bus only, or the balance counts it twice.
    fn counted_once(&mut self, assets: &[(&Place, &Asset)]) {
        for (i, (at, asset)) in assets.iter().enumerate() {
            for port in asset.ports.iter().filter(|p| !p.measured.is_empty()) {
                let same = |a: &Asset| a.ports.iter().any(|p| p.bus == port.bus && p.measured == port.measured);
                if let Some((_, other)) = assets.iter().take(i).find(|(_, a)| same(a)) {
                    let key = if self.doc.has(&at.key("measured_by")) { "measured_by" } else { "device" };
                    let message = format!("`{}` is already measured by the same {}", other.id, port.point.name());
                    self.doc.mistake(
                        &at.key(key),
                        message,
                        "write as a difference of meters, or `residual = true` for one of them",
                    );
                }
            }
        }
    }

    fn device_points(&self, device: DeviceIx) -> impl Iterator<Item = PointIx> + use<> {
        self.devices.get(device.0).map(|d| d.points.clone()).unwrap_or_default().map(PointIx)
    }

    fn point_of(&self, device: DeviceIx, point: Point) -> Option<PointIx> {
        self.device_points(device).find(|ix| self.points.get(ix.0).is_some_and(|p| p.point == point))
    }

    fn point_names(&self, device: DeviceIx) -> Vec<String> {
        let specs = self.device_points(device).filter_map(|ix| self.points.get(ix.0));
        specs.map(|p| p.point.name().to_owned()).collect()
    }

    fn profile_of(&self, device: DeviceIx) -> String {
        self.devices.get(device.0).map(|d| d.profile.clone()).unwrap_or_default()
    }

    fn known_class(&self, device: DeviceIx) -> Option<Class> {
        *self.classes.get(device.0)?
    }
}
