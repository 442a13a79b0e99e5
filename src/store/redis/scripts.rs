//! The scripts that a server carries out in one step each. It learns them when a connection is made, and goes by their digest.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Add,
    Claim,
    Take,
    Scale,
    Push,
    Fill,
    Pail,
    Look,
    Weigh,
    Drop,
}

impl Script {
    /// All, in the order of their numbers.
    pub const ALL: [Script; 10] = [
        Script::Add,
        Script::Claim,
        Script::Take,
        Script::Scale,
        Script::Push,
        Script::Fill,
        Script::Pail,
        Script::Look,
        Script::Weigh,
        Script::Drop,
    ];

    /// What the server learns.
    pub fn text(self) -> &'static str {
        match self {
            Script::Add => include_str!("scripts/add.lua"),
            Script::Claim => include_str!("scripts/claim.lua"),
            Script::Take => include_str!("scripts/take.lua"),
            Script::Scale => include_str!("scripts/scale.lua"),
            Script::Push => include_str!("scripts/push.lua"),
            Script::Fill => include_str!("scripts/fill.lua"),
            Script::Pail => include_str!("scripts/pail.lua"),
            Script::Look => include_str!("scripts/look.lua"),
            Script::Weigh => include_str!("scripts/weigh.lua"),
            Script::Drop => include_str!("scripts/drop.lua"),
        }
    }

    /// Its place in [`Script::ALL`].
    pub fn number(self) -> usize {
        self as usize
    }
}
