//! Every store against the same suite.

pub mod suite;

use torwart::store::Memory;

#[tokio::test]
async fn memory_passes_the_suite() {
    suite::run(&Memory::new()).await;
}
