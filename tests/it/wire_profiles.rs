//! Profiles: all built-in ones prove themselves, and every mistake is named with its line and remedy.

use std::collections::BTreeSet;

use hexad::devices::profile::file::Kind;
use hexad::devices::profile::{Profile, ProfileError, ProfileStore, Sample, Source, json_schema, parse};
use hexad::devices::{modbus, mqtt};
use hexad::site::{DeviceIx, Point, Reversion};

const PCS: &str = include_str!("../../config/profiles/ref-pcs-250.toml");
const INVERTER: &str = include_str!("../../config/profiles/sunspec-inverter.toml");
const DALI: &str = include_str!("../../config/profiles/ref-dali-gateway.toml");

fn store() -> ProfileStore {
    ProfileStore::built_in().unwrap_or_else(|e| panic!("{}", e.iter().map(|e| format!("{e}\n")).collect::<String>()))
}

fn refused(text: &str) -> Vec<ProfileError> {
    parse("x", "x.toml", text).err().unwrap_or_default()
}

#[test]
fn every_vector_of_every_profile_holds() {
    let store = store();
    let mut walked = 0;
    for name in store.names() {
        let profile = store.get(name).unwrap();
        for v in &profile.vectors {
            let point = &profile.points[v.point];
            let got = match (&v.sample, &point.source) {
                (Sample::Registers(words), _) => {
                    let block = modbus::codec::single(profile, v.point).unwrap();
                    modbus::codec::decode(profile, &block, words)
                }
                (Sample::Payload(text), Source::Topic(t)) => {
                    let topic = t.topic.as_deref().unwrap();
                    mqtt::codec::decode_message(profile, topic, text.as_bytes(), false)
                }
                // Whole devices are put together and resolved when the profile is loaded; below they are shown to fail.
                (Sample::Image(_), Source::Model(_)) => continue,
                other => panic!("{name}: {other:?}"),
            };
            let got = got.into_iter().find(|(n, _)| *n == v.point).unwrap().1;
            match (got, v.expect) {
                (Ok(a), Ok(b)) => assert!((a - b).abs() < 1e-4, "{name} {:?}: {a} is not {b}", point.point),
                (a, b) => assert_eq!(a, b, "{name} {:?}", point.point),
            }
            walked += 1;
        }
    }
    assert!(walked > 130, "only {walked} vectors");
}

#[test]
fn the_reference_park_finds_all_its_profiles() {
    let site = include_str!("../../config/sites/suzhou-six-in-one.toml");
    let store = store();
    let named: BTreeSet<_> = site.lines().filter_map(|l| l.strip_prefix("profile = \"")?.strip_suffix('"')).collect();
    assert!(named.len() > 20);
    for name in named {
        assert!(store.get(name).is_some(), "no profile {name}");
    }
}

#[test]
fn signs_are_injection_and_fallbacks_are_the_manuals() {
    let store = store();
    let safe = |name: &str| store.get(name).unwrap().safe_values().collect::<Vec<_>>();
    assert_eq!(safe("ref-chp-400"), [(Point::WSet, 200.0), (Point::On, 0.0)]);
    assert_eq!(safe("ref-genset-100"), [(Point::WSet, 30.0), (Point::On, 0.0)]);
    assert_eq!(safe("ref-dump-cooler"), [(Point::HeatSet, 0.0)]);
    assert_eq!(safe("ref-feeder-relay"), [(Point::On, 1.0)]);
    let reversion = |name: &str| store.get(name).unwrap().reversion();
    assert_eq!(reversion("ref-pcs-250"), Reversion::Register(10));
    assert_eq!(reversion("ref-wind-60"), Reversion::Fixed(20));
    assert_eq!(reversion("ref-dali-gateway"), Reversion::Ttl(15));
    assert_eq!(reversion("ref-feeder-relay"), Reversion::None);
    let specs = store.get("ref-dump-cooler").unwrap().point_specs(DeviceIx(3));
    assert!(specs.iter().all(|s| s.device == DeviceIx(3)));
    let set = specs.iter().find(|s| s.point == Point::HeatSet).unwrap();
    assert_eq!(set.valid, (-450.0, 0.0));
}

#[test]
fn reads_are_merged_and_stay_inside_the_limits() {
    let store = store();
    let blocks = |name: &str| {
        let p: &Profile = store.get(name).unwrap();
        let fast = modbus::codec::plan_reads(p, hexad::site::Poll::Fast);
        fast.into_iter().map(|b| (b.kind, b.address, b.count)).collect::<Vec<_>>()
    };
    assert_eq!(blocks("ref-pcs-250"), [(Kind::Input, 82, 9), (Kind::Holding, 999, 3)]);
    assert_eq!(blocks("ref-heat-pump-300"), [(Kind::Holding, 100, 9), (Kind::Holding, 120, 3)]);
    // The manual answers exception 2 for undefined addresses: no gap is read over.
    assert_eq!(
        blocks("janitza-umg96rm-grid"),
        [(Kind::Holding, 19026, 2), (Kind::Holding, 19042, 2), (Kind::Holding, 19050, 2)]
    );
}

#[test]
fn a_misspelt_key_is_named_with_line_and_remedy() {
    let e = &refused(&PCS.replace("not_implemented = 0xFFFF", "not_implementd = 0xFFFF"))[0];
    assert_eq!(e.key, "not_implementd");
    let line = PCS.lines().position(|l| l == "not_implemented = 0xFFFF").unwrap() + 1;
    assert_eq!(e.line, line);
    assert!(e.message.contains("did you mean `not_implemented`?"), "{}", e.message);
    assert!(e.to_string().starts_with(&format!("x.toml:{line}: not_implementd: ")));
}

#[test]
fn mistakes_are_refused_one_by_one() {
    let line_of = |text: &str, what: &str| text.lines().position(|l| l == what).unwrap() + 1;
    let cases: &[(&str, &str, &str, &str)] = &[
        ("[point.SoH]", "[point.Soh]", "Soh", "did you mean `SoH`"),
        ("protocol = \"modbus\"", "protocol = \"modbuss\"", "protocol", "write \"modbus\", \"sunspec\" or \"mqtt\""),
        ("protocol = \"modbus\"\n", "", "protocol", "missing"),
        ("class = \"battery\"", "class = \"batery\"", "batery", "did you mean `battery`"),
        ("address = 84", "address = 83", "point.SoC.address", "overlaps [point.W]"),
        ("type = \"i32\"", "type = \"i33\"", "i33", "i32"),
        ("sign = -1\n", "sign = -2\n", "point.W.sign", "1 or -1"),
        ("scale = 10.0", "scale = nan", "point.W.scale", "finite"),
        ("scale = 10.0", "scale = 0.0", "point.W.scale", "other than 0"),
        ("unit = \"%\"", "unit = \"kW\"", "point.SoC.unit", "converts to %"),
        ("unit = \"%\"\n", "", "point.SoC.unit", "converts to %"),
        ("valid = [0.0, 100.0]\nnot", "valid = [100.0, 0.0]\nnot", "point.SoC.valid", "lower one first"),
        ("valid = [0.0, 100.0]\nnot", "valid = [0.0, inf]\nnot", "point.SoC.valid", "finite"),
        ("valid = [0.0, 100.0]\nnot", "not", "point.SoC.valid", "missing"),
        ("WSet = 0.0", "WSet = 400.0", "safe.WSet", "outside `valid`"),
        ("WSet = 0.0", "", "safe", "missing WSet"),
        ("WSet = 0.0", "WSet = 0.0\nOn = 1", "safe.On", "no such point"),
        (
            "valid = [-2.5e5, 2.5e5]\naccess = \"rw\"",
            "valid = [-2.5e5, 2.5e5]\naccess = \"r\"",
            "point.WSet.access",
            "must be written",
        ),
        ("write_function = 16", "write_function = 6", "point.WSet.write_function", "6 (one register)"),
        ("write_function = 16", "write = \"flash\"\nwrites_per_day = 20", "point.WSet.write", "wear out flash"),
        ("s = 10 }", "s = 0 }", "reversion", "1 to 3600"),
        ("point = \"RvrtTms\", s", "s", "reversion", "name the timer"),
        ("reversion = { kind = \"register\", point = \"RvrtTms\", s = 10 }\n", "", "reversion", "missing"),
        (
            "valid = [0.0, 3600.0]\naccess = \"rw\"",
            "valid = [0.0, 3600.0]",
            "point.RvrtTms.access",
            "needs access = \"rw\"",
        ),
        (
            "point = \"DCV\"\nregisters = [7504]\nvalue = 750.4",
            "point = \"DCV\"\nregisters = [7504]\nvalue = 7504",
            "vector#11.point",
            "reads as 750.4",
        ),
        ("[[vector]]\npoint = \"DCV\"\nregisters = [7504]\nvalue = 750.4\n", "", "point.DCV", "not proven"),
        ("value = 750.4", "value_kw = 750.4", "vector#11.value_kw", "write value"),
        ("length = 4, ", "", "identify", "length"),
        ("states = {", "#", "point.St.states", "missing"),
    ];
    for (from, to, key, message) in cases {
        assert!(PCS.contains(from), "{from}");
        let text = PCS.replacen(from, to, 1);
        let errors = refused(&text);
        let found = errors.iter().find(|e| e.key == *key && e.message.contains(message));
        assert!(found.is_some(), "{from} -> {to}: {errors:?}");
        let header = format!("[{}]", key.rsplit_once('.').map_or("", |(t, _)| t));
        if text.lines().any(|l| l == header) {
            assert!(found.unwrap().line >= line_of(&text, &header), "{errors:?}");
        }
    }
}

#[test]
fn mqtt_mistakes_are_refused_one_by_one() {
    let cases: &[(&str, &str, &str, &str)] = &[
        (", ttl = \"ttl_s\"", "", "point.WMax.command", "go together"),
        ("topic = \"set\"", "topic = \"set/#\"", "point.WMax.command", "without wildcards"),
        ("topic = \"status\"\njson = \"power_w\"", "json = \"power_w\"", "point.W.topic", "has a topic"),
        ("access = \"rw\"\n", "", "point.WMax.access", "must be written"),
        (
            "kind = \"ttl\", s = 15",
            "kind = \"register\", point = \"RvrtTms\", s = 15",
            "reversion",
            "no timer register",
        ),
        ("\"ttl_s\":15", "\"ttl_s\":16", "vector#4.point", "the vector says"),
    ];
    for (from, to, key, message) in cases {
        assert!(DALI.contains(from), "{from}");
        let errors = refused(&DALI.replacen(from, to, 1));
        assert!(errors.iter().any(|e| e.key == *key && e.message.contains(message)), "{from}: {errors:?}");
    }
}

#[test]
fn sunspec_mistakes_are_refused_one_by_one() {
    let cases: &[(&str, &str, &str, &str)] = &[
        ("\"701:W\"", "\"700:W\"", "point.W.point", "model 700 is not known; known are 1, 101"),
        ("\"103:VAr\"", "\"103:Var_\"", "point.VAr.point", "did you mean \"103:VAr\"?"),
        ("\"701:Hz\"", "\"701.Hz\"", "point.Hz.point", "write \"103:W\""),
        ("\"701:Hz\"", "\"701#0:Hz\"", "point.Hz.point", "write \"103:W\""),
        ("\"701:Hz\"", "\"701:VL1\"", "point.Hz.point", "cannot be given in Hz"),
        ("\"701:W\"", "\"1:Mn\"", "point.W.point", "cannot be given in kW"),
        ("\"701:InvSt\"", "\"701:ConnSt\"", "point.St.point", "no operating states"),
        ("\"704:WMaxLimPct\"", "\"704:WSet\"", "point.WMax.point", "write [point.WSet]"),
        ("\"704:WMaxLimPct\"", "\"701:W\"", "point.WMax.point", "\"123:WMaxLimPct\" or \"704:WMaxLimPct\""),
        ("\"704:WMaxLimPctRvrtTms\", \"123", "\"704:WSetRvrtTms\", \"123", "point.RvrtTms.point", "ends no command"),
        ("\"704:WMaxLimPctRvrtTms\", ", "", "point.RvrtTms.point", "ends no command"),
        ("reversion = {", "registers_per_read_max = 100\nreversion = {", "registers_per_read_max", "701:W and what"),
        ("reversion = {", "write_function = 5\nreversion = {", "write_function", "6 or 16"),
        ("value_kw = 30.25", "value_kw = 30.5", "vector#21.point", "reads as 30.25"),
        ("\"103:W\" = -120", "\"103:Watt\" = -120", "vector#2.raw", "did you mean \"103:"),
        ("WMax = 10000.0", "", "safe", "missing WMax"),
    ];
    for (from, to, key, message) in cases {
        assert!(INVERTER.contains(from), "{from}");
        let errors = refused(&INVERTER.replacen(from, to, 1));
        assert!(errors.iter().any(|e| e.key == *key && e.message.contains(message)), "{from}: {errors:?}");
    }
}

#[test]
fn conventional_addresses_are_warned_about() {
    let text = PCS.replace("address = 82", "address = 40083").replace("address = 84", "address = 40085");
    let profile = parse("x", "x.toml", &text).unwrap();
    assert_eq!(profile.warnings.len(), 2);
    assert!(profile.warnings[0].message.contains("0-based"));
}

#[test]
fn a_directory_replaces_built_in_profiles_and_names_its_mistakes() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ref-pcs-250.toml"), PCS.replace("s = 10 }", "s = 20 }")).unwrap();
    std::fs::write(dir.path().join("acme.toml"), PCS).unwrap();
    let store = ProfileStore::load(&[dir.path().to_owned()]).unwrap();
    assert_eq!(store.get("ref-pcs-250").unwrap().reversion(), Reversion::Register(20));
    assert!(store.names().any(|n| n == "acme"));
    std::fs::write(dir.path().join("acme.toml"), "class = 1").unwrap();
    let errors = ProfileStore::load(&[dir.path().to_owned()]).unwrap_err();
    assert!(errors[0].file.ends_with("acme.toml"));
    assert!(ProfileStore::load(&[dir.path().join("nowhere")]).is_err());
}

#[test]
fn the_schema_names_both_protocols() {
    let text = json_schema().to_string();
    assert!(text.contains("registers_per_read_max") && text.contains("ignore_retained"));
}
