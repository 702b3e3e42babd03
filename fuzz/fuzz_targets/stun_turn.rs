#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tsubame_fuzz::stun_turn::run(data));
