//! Assets that name other assets, or make no sense without them.

use super::super::assets::Draft;
use super::super::document::Document;
use super::super::suggest;
use crate::site::Kind;

/// Whether it burns something whose CO2 leaves through a stack.
const fn burns(kind: &Kind) -> bool {
    matches!(kind, Kind::Chp(_) | Kind::Boiler(_) | Kind::Genset(_))
}

/// What holds between the assets of a site.
pub(in crate::config) fn check(doc: &mut Document<'_>, drafts: &[Draft]) {
    let burners: Vec<&str> = drafts.iter().filter(|d| burns(&d.kind)).map(|d| d.id.as_str()).collect();
    for draft in drafts {
        match &draft.kind {
            Kind::CarbonCapture(k) => {
                let at = draft.at.key("source");
                if k.source.is_empty() {
                    doc.mistake(&at, "no exhaust to take CO2 from", "name engines, boilers or gensets of the site");
                }
                for (i, name) in k.source.iter().enumerate() {
                    if !burners.contains(&name.as_str()) {
                        let message = match drafts.iter().find(|d| d.id == *name) {
                            Some(other) => format!("`{name}` is a {}: it has no exhaust", other.kind.name()),
                            None => format!("there is no asset `{name}`"),
                        };
                        doc.mistake(&at.item(i), message, suggest::for_name(name, "engine or boiler", &burners));
                    }
                }
            }
            Kind::HydrogenOfftake(k) if k.hourly_matching => {
                let makes = |d: &Draft| matches!(&d.kind, Kind::Electrolyser(e) if e.hydrogen_bus == k.bus);
                let renewable = |d: &Draft| matches!(d.kind, Kind::Pv(_) | Kind::Wind(_));
                if !(drafts.iter().any(makes) && drafts.iter().any(renewable)) {
                    let message = "hydrogen made in hours of renewable generation, without an electrolyser on this bus \
                                   and PV or wind in the park, is never there";
                    doc.mistake(&draft.at.key("hourly_matching"), message, "add them, or write false");
                }
            }
            _ => {}
        }
    }
}
