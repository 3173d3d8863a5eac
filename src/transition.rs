//! The transition function (IEEE 2030.7): one owner of the mode. So far it follows the breaker at the PCC; what
//! it cannot see it does not guess.

#![deny(clippy::indexing_slicing)]

use crate::site::Mode;
use crate::state::SiteState;

/// The mode of this cycle from the last one and the state. An unknown breaker changes nothing.
#[must_use]
pub fn advance(last: Mode, state: &SiteState) -> Mode {
    match state.pcc_closed {
        Ok(true) => Mode::GridConnected,
        Ok(false) => Mode::Islanded,
        Err(_) => last,
    }
}
