#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marey_fuzz::movement::movement(bytes));
