//! use_srtp (RFC 5764 §4.1) with what WebRTC does not use: MKIs, and profiles that are unknown.

use std::sync::Arc;

use super::script::{Script, US};
use crate::config::{Config, Role};
use crate::srtp::SrtpProfile;
use crate::v12::group::NamedGroup;
use crate::v12::message::{ClientOffer, HandshakeType, ServerHello, UseSrtp};
use crate::v12::suite::CipherSuite;
use crate::wire::with_length;

/// A ClientHello whose last extension is use_srtp with this content.
fn hello(use_srtp: &[u8]) -> Vec<u8> {
    let mut body = ClientOffer {
        session_id: b"",
        ticket: None,
        random: [6; 32],
        cookie: &[],
        suites: &CipherSuite::ALL,
        groups: &NamedGroup::ALL,
        srtp_profiles: &[],
    }
    .encode();
    // Version, random, no session, no cookie, suites, compression.
    let fixed = 2 + 32 + 1 + 1 + 2 + 2 * CipherSuite::ALL.len() + 2;
    let extensions = body.split_off(fixed);
    with_length::<2>(&mut body, |out| {
        out.extend_from_slice(&extensions[2..]);
        out.extend_from_slice(&[0, 14]);
        with_length::<2>(out, |out| out.extend_from_slice(use_srtp));
    });
    body
}

/// What the server answers to it; `None` when it does not answer at all.
fn answer(use_srtp: &[u8]) -> Option<Option<UseSrtp>> {
    let mut script = Script::new(Role::Server, Config::new(Arc::clone(&US)));
    script.send(0, HandshakeType::CLIENT_HELLO, &hello(use_srtp)).unwrap();
    script.receive();
    if script.received.is_empty() {
        return None;
    }
    let body = script.last_body(HandshakeType::SERVER_HELLO);
    Some(ServerHello::read(&body).unwrap().use_srtp)
}

fn chosen(profile: SrtpProfile) -> Option<Option<UseSrtp>> {
    Some(Some(UseSrtp { profiles: vec![profile.id()], has_mki: false }))
}

/// RFC 5764 §4.1.3: a server that does not support MKIs ignores the client's and answers with an empty one.
#[test]
fn an_mki_is_tolerated_and_not_answered() {
    for mki in [&[0][..], &[1, 9], &[4, 1, 2, 3, 4]] {
        let offer = [&[0, 4, 0, 1, 0, 7], mki].concat();
        assert_eq!(answer(&offer), chosen(SrtpProfile::AeadAes128Gcm), "{mki:?}");
    }
    let longest = [&[0, 2, 0, 1, 255][..], &[7; 255]].concat();
    assert_eq!(answer(&longest), chosen(SrtpProfile::Aes128CmSha1_80));
}

#[test]
fn unknown_profiles_are_passed_over() {
    // GREASE, SRTP_NULL_HMAC_SHA1_80, and one of AES-192.
    let offer = [0, 8, 0x0a, 0x0a, 0, 5, 0, 9, 0, 2, 0];
    assert_eq!(answer(&offer), chosen(SrtpProfile::Aes128CmSha1_32));
    // RFC 5764 §4.1.1: none in common is no reason to fail; the extension is left out.
    assert_eq!(answer(&[0, 4, 0x0a, 0x0a, 0, 5, 0]), Some(None));
}

#[test]
fn what_does_not_parse_is_noise() {
    // No profiles' length; half a profile; no MKI; an MKI longer than the extension; something behind it.
    for offer in
        [&[][..], &[0, 3, 0, 7, 0, 0], &[0, 2, 0, 7], &[0, 2, 0, 7, 2, 1], &[0, 2, 0, 7, 0, 0]]
    {
        assert_eq!(answer(offer), None, "{offer:?}");
    }
}
