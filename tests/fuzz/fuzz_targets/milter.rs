//! See `milter` of the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| torwart_fuzz::milter::run(data));
