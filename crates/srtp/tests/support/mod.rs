//! What the tests share: keys, packets, vectors.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

pub(crate) mod golden;
pub(crate) mod libsrtp;

use serde_json::Value;
use tsubame_srtp::{Profile, Protector, Unprotector, WindowSize};

pub(crate) const SSRC: u32 = 0xcafe_babe;

/// A profile with fixed keys, so that both directions fit each other.
pub(crate) fn pair(profile: Profile) -> (Protector, Unprotector) {
    pair_with_window(profile, WindowSize::default())
}

pub(crate) fn pair_with_window(profile: Profile, window: WindowSize) -> (Protector, Unprotector) {
    let key: Vec<u8> = (0..profile.key_len() as u8).collect();
    let salt: Vec<u8> = (100..100 + profile.salt_len() as u8).collect();
    let protector = Protector::with_window(profile, &key, &salt, window).unwrap();
    let unprotector = Unprotector::with_window(profile, &key, &salt, window).unwrap();
    (protector, unprotector)
}

pub(crate) fn header(ssrc: u32, index: u64) -> [u8; 12] {
    let mut header = [0; 12];
    header[0] = 0x80;
    header[1] = 96;
    header[2..4].copy_from_slice(&(index as u16).to_be_bytes());
    header[8..].copy_from_slice(&ssrc.to_be_bytes());
    header
}

pub(crate) fn protect(protector: &mut Protector, ssrc: u32, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 12 + payload.len() + protector.profile().rtp_overhead()];
    let header = header(ssrc, index);
    let len = protector.protect_rtp_into(index, &header, payload, &mut out).unwrap();
    assert_eq!(len, out.len());
    out
}

/// A receiver report without blocks.
pub(crate) fn report(ssrc: u32) -> [u8; 8] {
    let mut report = [0x80, 201, 0, 1, 0, 0, 0, 0];
    report[4..].copy_from_slice(&ssrc.to_be_bytes());
    report
}

/// A receiver report and a PLI: something to encrypt.
pub(crate) fn compound(ssrc: u32) -> Vec<u8> {
    let mut compound = report(ssrc).to_vec();
    compound.extend([0x81, 206, 0, 2]);
    compound.extend(ssrc.to_be_bytes());
    compound.extend(0x1234_5678u32.to_be_bytes());
    compound
}

pub(crate) fn protect_rtcp(protector: &mut Protector, packet: &[u8]) -> Vec<u8> {
    let mut out = vec![0; packet.len() + protector.profile().rtcp_overhead()];
    let len = protector.protect_rtcp_into(packet, &mut out).unwrap();
    assert_eq!(len, out.len());
    out
}

/// The E flag clear.
pub(crate) fn authenticate_rtcp(protector: &mut Protector, packet: &[u8]) -> Vec<u8> {
    let mut out = vec![0; packet.len() + protector.profile().rtcp_overhead()];
    let len = protector.authenticate_rtcp_into(packet, &mut out).unwrap();
    assert_eq!(len, out.len());
    out
}

pub(crate) fn vectors(file: &str) -> Value {
    let path = format!("{}/tests/vectors/{file}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

pub(crate) fn hex(value: &Value, key: &str) -> Vec<u8> {
    hex::decode(text(value, key)).unwrap()
}
