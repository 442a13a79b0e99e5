//! Numbers that look drawn and are the same at every run.

/// Begins with any number.
pub struct Dice(pub u64);

impl Dice {
    /// A number below the end; nought where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}
