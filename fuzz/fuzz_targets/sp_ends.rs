#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ginnel_fuzz_checks::sp_ends(data));
