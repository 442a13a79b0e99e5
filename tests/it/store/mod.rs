//! Every store against the same suite.

mod damage;
mod kill;
mod large;
pub mod suite;
mod victim;

use std::path::Path;
use torwart::store::{Embedded, Folder, Memory};

fn embedded(folder: &Path) -> Embedded {
    Embedded::open(Folder::open(folder).unwrap()).unwrap()
}

#[tokio::test]
async fn memory_passes_the_suite() {
    suite::run(&Memory::new()).await;
}

#[tokio::test]
async fn embedded_passes_the_suite_and_again_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        suite::run(&embedded(folder.path())).await;
    }
}
