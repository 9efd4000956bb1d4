#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tower_livebadge_fuzz::run("template", bytes));
