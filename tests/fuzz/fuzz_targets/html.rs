//! See `html` of the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| torwart_fuzz::html::run(data));
