//! The chain of models: a marker, then each model's number and length, up to the end mark.

/// "SunS".
pub const MARKER: [u16; 2] = [0x5375, 0x6E53];
/// Where it may stand.
pub const BASES: [u16; 3] = [40_000, 50_000, 0];
/// Longer chains are cut off.
pub const MODELS_MAX: usize = 60;
/// Instead of a model's number.
const END: u16 = 0xFFFF;

/// A model a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub model: u16,
    /// Address of its first register, which holds the number.
    pub at: u16,
    /// Registers after number and length.
    pub length: u16,
}

impl Found {
    /// Address of the next model, if there can be one.
    #[must_use]
    pub fn next(&self) -> Option<u16> {
        self.at.checked_add(2)?.checked_add(self.length)
    }
}

/// The model whose first two registers are these; none at the end of the chain.
#[must_use]
pub fn step(at: u16, header: &[u16]) -> Option<Found> {
    match *header {
        [END | 0, _] => None,
        [model, length] => Some(Found { model, at, length }),
        _ => None,
    }
}

/// All models of `image`, the registers from the marker on, as at address 0.
#[must_use]
pub fn walk(image: &[u16]) -> Vec<Found> {
    let mut chain = Vec::new();
    let mut at = Some(2);
    while let Some(found) = at.and_then(|at| step(at, image.get(usize::from(at)..usize::from(at) + 2)?)) {
        chain.push(found);
        at = found.next().filter(|_| chain.len() < MODELS_MAX);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_ends_at_its_mark_at_the_end_of_the_table_and_in_any_case() {
        let image = [MARKER[0], MARKER[1], 1, 2, 7, 7, 203, 0, 0xFFFF, 0, 9, 9];
        let found = |model, at, length| Found { model, at, length };
        assert_eq!(walk(&image), [found(1, 2, 2), found(203, 6, 0)]);
        assert_eq!(walk(&[MARKER[0], MARKER[1], 1, 66]), [found(1, 2, 66)], "cut off within a model");
        assert_eq!(walk(&[]), []);
        assert_eq!(walk(&[1; 1000]).len(), MODELS_MAX);
        assert_eq!(found(1, 65_000, 600).next(), None);
    }
}
