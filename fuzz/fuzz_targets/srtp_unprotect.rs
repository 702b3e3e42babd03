//! Any octets as SRTP and SRTCP under every profile: nothing authenticates, nothing grows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsubame_srtp::{Profile, Unprotector};

fuzz_target!(|data: &[u8]| {
    for profile in [
        Profile::AeadAes128Gcm,
        Profile::AeadAes256Gcm,
        Profile::Aes128CmHmacSha1_80,
        Profile::Aes128CmHmacSha1_32,
    ] {
        let key = vec![9; profile.key_len()];
        let salt = vec![8; profile.salt_len()];
        let mut unprotector = Unprotector::new(profile, &key, &salt).expect("right lengths");
        // A 32-bit tag can be guessed, the others cannot.
        let rtp = unprotector.unprotect_rtp(&mut data.to_vec());
        let rtcp = unprotector.unprotect_rtcp(&mut data.to_vec());
        if profile != Profile::Aes128CmHmacSha1_32 {
            assert!(rtp.is_err() && rtcp.is_err());
            assert_eq!(unprotector.ssrcs(), (0, 0));
        }
    }
});
