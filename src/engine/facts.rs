//! What rules of one message leave for later rules of the same message: one typed value a kind. Nothing of it reaches the verdict.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Typed findings of one message.
#[derive(Default)]
pub struct Facts(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Facts {
    /// Leaves a finding; one of the same type replaces the earlier.
    pub fn leave<T: Send + Sync + 'static>(&self, fact: T) {
        let mut facts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        facts.insert(TypeId::of::<T>(), Arc::new(fact));
    }

    /// The finding of a type, where an earlier rule left one.
    pub fn find<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let facts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        facts.get(&TypeId::of::<T>()).cloned()?.downcast().ok()
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Facts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_a_type() {
        let facts = Facts::default();
        assert!(facts.find::<u8>().is_none());
        facts.leave(1_u8);
        facts.leave("text");
        facts.leave(2_u8);
        assert_eq!(
            (facts.find::<u8>().as_deref(), facts.find::<&str>().as_deref()),
            (Some(&2), Some(&"text"))
        );
    }
}
