//! From names to indices: buses, members, devices, and what refers to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::assets::{self, Draft};
use super::document::{Document, Place};
use super::site_file::{BusTable, DeviceTable, SiteFile, SiteTable};
use super::{FileError, duties, endpoint, machines, physics, suggest, tariff};
use crate::devices::profile::file::Class;
use crate::devices::profile::{Profile, ProfileStore, Wire};
use crate::site::{AssetIx, Bus, BusIx, Carrier, Device, DeviceIx, Member, PointSpec, Reversion, Site};

/// The checks of meaning over one document.
pub(super) struct Resolver<'t, 's> {
    pub(super) doc: Document<'t>,
    profiles: &'s ProfileStore,
    pub(super) buses: Vec<Bus>,
    pub(super) devices: Vec<Device>,
    pub(super) members: Vec<Member>,
    pub(super) points: Vec<PointSpec>,
    /// Class of each device's profile; `None` where the profile is unknown (already a mistake).
    pub(super) classes: Vec<Option<Class>>,
}

impl<'t, 's> Resolver<'t, 's> {
    pub(super) fn new(doc: Document<'t>, profiles: &'s ProfileStore) -> Self {
        Self { doc, profiles, buses: vec![], devices: vec![], members: vec![], points: vec![], classes: vec![] }
    }

    /// Resolves everything, or says all that is wrong.
    pub(super) fn site(mut self, file: SiteFile) -> Result<Site, Vec<FileError>> {
        let zone = self.zone(&file.site);
        let drafts = self.in_file_order(assets::drafts(&file));
        self.unique_ids(&file, &drafts);
        self.members =
            file.member.iter().map(|m| Member { id: m.id.clone(), role: m.role.name().to_owned() }).collect();
        self.bus_tables(&file.bus);
        self.device_tables(&file.device);
        tariff::check(&mut self.doc, &file.tariff);
        duties::check(&mut self.doc, &file);
        let weather =
            file.site.weather.as_ref().and_then(|w| self.device_ref(&Place::root().key("site").key("weather"), w));
        for draft in &drafts {
            physics::check(&mut self.doc, draft, &self.buses);
            machines::check(&mut self.doc, draft, &self.buses);
        }
        physics::linked(&mut self.doc, &drafts);
        let assets = self.assets(drafts);
        self.closers(&file.bus, &assets);
        let (Some(zone), true) = (zone, self.doc.is_clean()) else { return Err(self.doc.into_mistakes()) };
        let SiteTable { id, name, latitude_deg, longitude_deg, currency, .. } = file.site;
        Ok(Site {
            id,
            name,
            zone,
            latitude_deg,
            longitude_deg,
            currency,
            weather,
            assets,
            values: file.values,
            tariff: file.tariff,
            co2: file.co2,
            reserve: file.reserve,
            survival: file.survival,
            members: self.members,
            buses: self.buses,
            devices: self.devices,
            points: self.points,
        })
    }

    fn zone(&mut self, site: &SiteTable) -> Option<jiff::tz::TimeZone> {
        let at = Place::root().key("site");
        if site.currency.len() != 3 || !site.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            let message = format!("`{}` is not a currency code", site.currency);
            self.doc.mistake(
                &at.key("currency"),
                message,
                "write the three capital letters of ISO 4217, such as \"CNY\"",
            );
        }
        let zone = jiff::tz::TimeZone::get(&site.zone).ok();
        if zone.is_none() {
            let message = format!("unknown time zone `{}`", site.zone);
            self.doc.mistake(&at.key("zone"), message, "write an IANA name such as \"Asia/Shanghai\" or \"UTC\"");
        }
        zone
    }

    /// The kinds are read table by table; people expect their assets in the order they wrote them.
    fn in_file_order(&self, mut drafts: Vec<Draft>) -> Vec<Draft> {
        drafts.sort_by_key(|d| self.doc.offset(&d.at.key("id")));
        drafts
    }

    fn unique_ids(&mut self, file: &SiteFile, drafts: &[Draft]) {
        let mut all: Vec<(Place, &str)> = Vec::new();
        all.extend(file.member.iter().enumerate().map(|(i, m)| (Place::table("member", i), m.id.as_str())));
        all.extend(file.bus.iter().enumerate().map(|(i, b)| (Place::table("bus", i), b.id.as_str())));
        all.extend(file.device.iter().enumerate().map(|(i, d)| (Place::table("device", i), d.id.as_str())));
        all.extend(drafts.iter().map(|d| (d.at.clone(), d.id.as_str())));
        let mut first: BTreeMap<&str, Place> = BTreeMap::new();
        all.sort_by_key(|(at, _)| self.doc.offset(&at.key("id")));
        for (at, id) in all {
            let at = at.key("id");
            if let Some(before) = first.get(id) {
                let message = format!("`{id}` is already the name of something in line {}", self.doc.line(before));
                self.doc.mistake(&at, message, "give each bus, device, member and asset a name of its own");
            } else {
                first.insert(id, at.clone());
            }
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if id.len() > 64 || !id.chars().all(plain) {
                let message = format!("`{id}` cannot be a name");
                self.doc.mistake(&at, message, "use up to 64 letters, digits, `_` and `-`");
            }
        }
    }

    fn bus_tables(&mut self, tables: &[BusTable]) {
        for (i, t) in tables.iter().enumerate() {
            let at = Place::table("bus", i);
            physics::bus_levels(&mut self.doc, t, &at);
            if t.carrier != Carrier::Electricity && t.closed_by_islanded.is_some() {
                let message = format!("a {} bus knows no islanding", t.carrier.name());
                self.doc.mistake(
                    &at.key("closed_by_islanded"),
                    message,
                    "remove it; only electricity buses are islanded",
                );
            }
            self.buses.push(Bus {
                id: t.id.clone(),
                carrier: t.carrier,
                supply_c: t.supply_c,
                return_c: t.return_c,
                closed_by: None,
                closed_by_islanded: None,
            });
        }
    }

    fn device_tables(&mut self, tables: &[DeviceTable]) {
        for (i, t) in tables.iter().enumerate() {
            let at = Place::table("device", i);
            let profile = self.profiles.get(&t.profile);
            if profile.is_none() {
                let known: Vec<&str> = self.profiles.names().collect();
                let remedy = suggest::for_name(&t.profile, "device profile", &known);
                self.doc.mistake(&at.key("profile"), format!("unknown profile `{}`", t.profile), remedy);
            }
            endpoint::check(&mut self.doc, &at, t, profile.map(|p| !matches!(p.wire, Wire::Mqtt(_))));
            let start = self.points.len();
            self.points.extend(profile.iter().flat_map(|p| p.point_specs(DeviceIx(i))));
            self.classes.push(profile.map(|p| p.class));
            self.devices.push(Device {
                id: t.id.clone(),
                profile: t.profile.clone(),
                address: t.address.clone(),
                unit: t.unit.unwrap_or_default(),
                topic: t.topic.clone(),
                stop: t.stop,
                points: start..self.points.len(),
                reversion: profile.map_or(Reversion::None, |p| p.reversion()),
            });
        }
        // The models of one SunSpec device: its meters beside its inverter. Only one of them is commanded.
        let profiles = self.profiles;
        endpoint::unique(&mut self.doc, tables, |a, b| {
            let found = [profiles.get(&a.profile), profiles.get(&b.profile)];
            let commanded = |p: &&Arc<Profile>| p.points.iter().any(|p| p.point.is_command());
            a.profile != b.profile
                && found.iter().flatten().filter(|p| matches!(p.wire, Wire::Sunspec(_))).count() == 2
                && found.iter().flatten().filter(|p| commanded(p)).count() < 2
        });
    }

    /// Resolves the name of a device written at `at`.
    pub(super) fn device_ref(&mut self, at: &Place, name: &str) -> Option<DeviceIx> {
        let found = self.devices.iter().position(|d| d.id == name).map(DeviceIx);
        if found.is_none() {
            let known: Vec<&str> = self.devices.iter().map(|d| d.id.as_str()).collect();
            self.doc.mistake(at, format!("there is no device `{name}`"), suggest::for_name(name, "device", &known));
        }
        found
    }

    /// Resolves the name of a bus written at `at`.
    pub(super) fn bus_ref(&mut self, at: &Place, name: &str) -> Option<BusIx> {
        let found = self.buses.iter().position(|b| b.id == name).map(BusIx);
        if found.is_none() {
            let known: Vec<&str> = self.buses.iter().map(|b| b.id.as_str()).collect();
            self.doc.mistake(at, format!("there is no bus `{name}`"), suggest::for_name(name, "bus", &known));
        }
        found
    }

    /// Resolves who closes each bus, once the assets are known.
    fn closers(&mut self, tables: &[BusTable], assets: &[crate::site::Asset]) {
        for (i, t) in tables.iter().enumerate() {
            let at = Place::table("bus", i);
            let closed_by = self.closer(&at.key("closed_by"), &t.closed_by, BusIx(i), assets);
            let islanded = t.closed_by_islanded.as_ref();
            let key = at.key("closed_by_islanded");
            let islanded = islanded.and_then(|name| self.closer(&key, name, BusIx(i), assets));
            if let Some(a) = islanded.and_then(|ix| assets.get(ix.0))
                && a.kind.name() == "grid"
            {
                self.doc.mistake(
                    &key,
                    "the grid is what is missing on an island",
                    "name a grid-forming unit such as the battery",
                );
            }
            if let Some(bus) = self.buses.get_mut(i) {
                bus.closed_by = closed_by;
                bus.closed_by_islanded = islanded;
            }
        }
    }

    fn closer(&mut self, at: &Place, name: &str, bus: BusIx, assets: &[crate::site::Asset]) -> Option<AssetIx> {
        let on_bus: Vec<&str> =
            assets.iter().filter(|a| a.ports.iter().any(|p| p.bus == bus)).map(|a| a.id.as_str()).collect();
        let found = assets.iter().position(|a| a.id == name);
        match found {
            Some(ix) if on_bus.contains(&name) => return Some(AssetIx(ix)),
            Some(_) => {
                let remedy = format!("name an asset on this bus: {}", on_bus.join(", "));
                self.doc.mistake(at, format!("`{name}` is not connected to this bus"), remedy);
            }
            None => {
                let remedy = suggest::for_name(name, "asset", &on_bus);
                self.doc.mistake(at, format!("there is no asset `{name}`"), remedy);
            }
        }
        None
    }
}
