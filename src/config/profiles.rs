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
