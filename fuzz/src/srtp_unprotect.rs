//! Any octets as SRTP and SRTCP under every profile: nothing authenticates, nothing grows.

use tsubame_srtp::{Profile, Unprotector};

/// See the module's documentation.
pub fn run(data: &[u8]) {
    for profile in Profile::ALL {
        let key = vec![9; profile.key_len()];
        let salt = vec![8; profile.salt_len()];
        let mut unprotector = Unprotector::new(profile, &key, &salt).expect("right lengths");
        let rtp = unprotector.unprotect_rtp(&mut data.to_vec());
        let rtcp = unprotector.unprotect_rtcp(&mut data.to_vec());
        // A tag of 32 bits can be guessed, the others cannot.
        assert!(rtp.is_err() || profile.rtp_overhead() == 4);
        assert!(rtcp.is_err());
        assert!(unprotector.ssrcs() == (0, 0) || rtp.is_ok());
    }
}
