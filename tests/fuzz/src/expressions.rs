//! Any text as an expression, and as a composite's.

use torwart::base::expr::Expression;
use torwart::engine::composite::{Composite, Policy};

/// One input.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(expression) = Expression::parse(text) {
        let atoms = expression.atoms().len();
        for value in [0.0, 1.0] {
            let _ = expression.value(|atom| {
                assert!(atom < atoms, "an atom that is there");
                value
            });
        }
        let _ = expression.value(|atom| if atom % 2 == 0 { 1.0 } else { 0.0 });
    }
    let _ = Composite::parse("ANY", text, Policy::default());
}
