#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tsubame_fuzz::sfu_media::run(data));
