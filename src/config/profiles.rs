use crate::devices::profile::{ProfileStore, Wire};
use crate::site::{DeviceIx, PointSpec, Reversion};

/// What the site file's checks need to know of a device profile.
#[derive(Clone, Debug)]
pub struct ProfileFacts {
    /// Class of device: `battery`, `meter` ...
    pub class: String,
    /// Addressed by Modbus unit id (else by MQTT topic).
    pub has_units: bool,
    /// Its points, as those of the device asked for.
    pub points: Vec<PointSpec>,
    /// How its commands end by themselves.
    pub reversion: Reversion,
}

/// Where device profiles are looked up.
pub trait Profiles {
    /// The profile of this name, its points made out to `device`.
    fn facts(&self, name: &str, device: DeviceIx) -> Option<ProfileFacts>;
    /// All names, for "did you mean".
    fn names(&self) -> Vec<String>;
}

impl Profiles for ProfileStore {
    fn facts(&self, name: &str, device: DeviceIx) -> Option<ProfileFacts> {
        let profile = self.get(name)?;
        Some(ProfileFacts {
            class: serde_json::to_value(profile.class).ok()?.as_str()?.to_owned(),
            has_units: matches!(profile.wire, Wire::Modbus(_)),
            points: profile.point_specs(device),
            reversion: profile.reversion(),
        })
    }
    fn names(&self) -> Vec<String> {
        self.names().map(str::to_owned).collect()
    }
}
