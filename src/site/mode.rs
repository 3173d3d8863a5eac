use serde::{Deserialize, Serialize};

/// Operating mode (IEEE 2030.7-2017, clause 5: two steady states and the transitions between them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The PCC is closed.
    GridConnected,
    /// The PCC is open; a grid-forming unit holds the bus.
    Islanded,
    /// On order from connected to islanded.
    PlannedIslanding,
    /// The PCC opened by itself.
    UnplannedIslanding,
    /// From islanded to connected.
    Reconnection,
    /// From nothing to islanded.
    BlackStart,
}

impl Mode {
    /// Name as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GridConnected => "grid_connected",
            Self::Islanded => "islanded",
            Self::PlannedIslanding => "planned_islanding",
            Self::UnplannedIslanding => "unplanned_islanding",
            Self::Reconnection => "reconnection",
            Self::BlackStart => "black_start",
        }
    }
}
