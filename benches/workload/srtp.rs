//! Media packets of three sizes, the keys of two directions, and both directions' work.

use tsubame_srtp::{Profile, Protector, Unprotector};

/// Octets of the packet before protection, header and all: speech, a small frame, a full packet of video.
pub(crate) const SIZES: [usize; 3] = [80, 200, 1200];
/// Octets of the header, without CSRCs and extension.
pub(crate) const HEADER: usize = 12;
/// Most octets that protection adds.
pub(crate) const OVERHEAD: usize = 16;
pub(crate) const SSRC: u32 = 0xcafe_babe;

/// The header of the packet with this index.
pub(crate) fn header(index: u64) -> [u8; HEADER] {
    let [.., high, low] = index.to_be_bytes();
    let [a, b, c, d] = SSRC.to_be_bytes();
    [0x80, 96, high, low, 0, 1, 0x5f, 0x90, a, b, c, d]
}

/// A whole plaintext packet.
pub(crate) fn packet(index: u64, size: usize) -> Vec<u8> {
    let mut packet = header(index).to_vec();
    packet.resize(size, 0x5a);
    packet
}

/// Master key and salt.
pub(crate) fn keys(profile: Profile) -> (Vec<u8>, Vec<u8>) {
    let octets = |from: u8, length: usize| (from..).take(length).collect();
    (octets(1, profile.key_len()), octets(101, profile.salt_len()))
}

pub(crate) fn protector(profile: Profile) -> Protector {
    let (key, salt) = keys(profile);
    Protector::new(profile, &key, &salt).expect("lengths fit")
}

pub(crate) fn unprotector(profile: Profile) -> Unprotector {
    let (key, salt) = keys(profile);
    Unprotector::new(profile, &key, &salt).expect("lengths fit")
}
