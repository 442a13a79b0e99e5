//! The room as a whole: texts in, settings or drawn errors out.

use super::*;

fn options() -> LoadOptions {
    LoadOptions {
        environment: Box::new(|name| (name == "LEVEL").then(|| "debug".to_owned())),
        ..LoadOptions::default()
    }
}

fn config(text: &str) -> Config {
    load_text("test.toml", text, &options())
        .unwrap_or_else(|report| panic!("{report}"))
        .config
}

#[test]
fn the_reference_configuration_is_the_defaults() {
    let loaded = load_text("torwart.toml", include_str!("../../config/torwart.toml"), &options()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.warnings, []);
    assert_eq!(config(""), Config::default());
}
