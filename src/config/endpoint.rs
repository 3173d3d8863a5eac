//! Where a device is reached.

use super::document::{Document, Place};
use super::site_file::DeviceTable;

/// Splits `host:port`; the error says what is wrong.
pub(super) fn host_port(address: &str) -> Result<(&str, u16), String> {
    let Some((host, port)) = address.rsplit_once(':') else {
        return Err(format!("`{address}` has no port"));
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || host.contains(char::is_whitespace) || host.contains('/') || (host.contains(':') && !bracketed)
    {
        return Err(format!("`{host}` is not a host"));
    }
    match port.parse::<u16>() {
        Ok(p) if p > 0 => Ok((host, p)),
        _ => Err(format!("`{port}` is not a port")),
    }
}

/// `host:port`, with or without a scheme: `mqtt://` is what none means, `mqtts://` is over TLS.
pub(super) fn broker(address: &str) -> Result<(&str, u16), String> {
    match address.split_once("://") {
        None | Some(("mqtt" | "mqtts", _)) => host_port(address.split_once("://").map_or(address, |(_, rest)| rest)),
        Some((scheme, _)) => Err(format!("`{scheme}` is no way to reach a broker")),
    }
}

/// Address, unit and topic of one device. Whether it speaks `modbus` is not known when the profile is not.
pub(super) fn check(doc: &mut Document<'_>, at: &Place, table: &DeviceTable, modbus: Option<bool>) {
    let mqtt = modbus == Some(false);
    let parsed = if mqtt { broker(&table.address) } else { host_port(&table.address) };
    if let Err(message) = parsed {
        let remedy = if mqtt {
            "write \"host:port\" such as \"10.0.0.5:1883\", or \"mqtts://host:8883\" for TLS"
        } else {
            "write \"host:port\" with a port from 1 to 65535, such as \"10.0.0.5:502\""
        };
        doc.mistake(&at.key("address"), message, remedy);
    }
    if let Some(unit) = table.unit
        && (248..=254).contains(&unit)
    {
        doc.mistake(
            &at.key("unit"),
            format!("unit {unit} is reserved"),
            "write 0 to 247, or 255 for a device without units",
        );
    }
    if let Some(topic) = &table.topic
        && (topic.contains(['+', '#']) || topic.starts_with('/') || topic.ends_with('/'))
    {
        doc.mistake(
            &at.key("topic"),
            format!("`{topic}` cannot be a topic prefix"),
            "write it without wildcards and without / at its ends",
        );
    }
    let profile = &table.profile;
    match modbus {
        Some(true) => {
            if table.unit.is_none() {
                let message = format!("profile `{profile}` speaks Modbus and needs a unit id");
                doc.mistake(&at.key("unit"), message, "add `unit = 1`, or the number set in the device");
            }
            if table.topic.is_some() {
                let message = format!("profile `{profile}` speaks Modbus and knows no topic");
                doc.mistake(&at.key("topic"), message, "remove it");
            }
        }
        Some(false) => {
            if table.topic.is_none() {
                let message = format!("profile `{profile}` speaks MQTT and needs a topic prefix");
                doc.mistake(&at.key("topic"), message, "add `topic = \"...\"`");
            }
            if table.unit.is_some() {
                let message = format!("profile `{profile}` speaks MQTT and knows no unit id");
                doc.mistake(&at.key("unit"), message, "remove it");
            }
        }
        None => {}
    }
}

/// No two devices answer at the same place, unless they are `parts` of one that names its own points.
pub(super) fn unique(
    doc: &mut Document<'_>,
    tables: &[DeviceTable],
    parts: impl Fn(&DeviceTable, &DeviceTable) -> bool,
) {
    for (i, t) in tables.iter().enumerate() {
        let same = |b: &&DeviceTable| b.address == t.address && b.unit == t.unit && b.topic == t.topic;
        let Some(before) = tables.iter().take(i).find(|b| same(b) && !parts(b, t)) else { continue };
        let (key, what) = if t.topic.is_some() { ("topic", "topic") } else { ("unit", "unit") };
        let message = format!("device `{}` has the same address and {what}", before.id);
        doc.mistake(
            &Place::table("device", i).key(key),
            message,
            format!("give each device a {what} or an address of its own"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{broker, host_port};

    #[test]
    fn addresses() {
        assert_eq!(host_port("10.0.0.1:502"), Ok(("10.0.0.1", 502)));
        assert_eq!(host_port("[::1]:502"), Ok(("[::1]", 502)));
        for wrong in ["10.0.0.1", ":502", "a b:1", "h:0", "h:65536", "h:", "::1:502", "tcp://h:1", ""] {
            assert!(host_port(wrong).is_err(), "{wrong}");
        }
        assert_eq!(broker("mqtts://b.example:8883"), Ok(("b.example", 8883)));
        assert_eq!(broker("mqtt://b.example:1883"), broker("b.example:1883"));
        for wrong in ["https://h:1", "mqtts://h", "mqtts://:1", "mqtts://mqtts://h:1", "tcp://h:1"] {
            assert!(broker(wrong).is_err(), "{wrong}");
        }
    }
}
