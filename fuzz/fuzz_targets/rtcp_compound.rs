#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tsubame_fuzz::rtcp_compound::run(data));
