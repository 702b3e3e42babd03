//! Whole packets, from master key to wire, against values published by or checked with libsrtp.

mod support;

use support::golden::{Extra, Golden, golden, header_len, ours};
use support::{compound, hex, protect_rtcp, text, vectors};
use tsubame_srtp::{Profile, Unprotector};

#[test]
fn rtp_is_protected_to_the_published_octets() {
    let mut checked = 0;
    for packet in ours().iter().filter(|packet| packet.is_rtp) {
        let (header, payload) = packet.plain.split_at(header_len(&packet.plain));
        let mut out = [0; 2000];
        let len =
            packet.protector().protect_rtp_into(packet.index, header, payload, &mut out).unwrap();
        assert_eq!(out[..len], without_mki(packet), "{}", packet.id);
        checked += 1;
    }
    assert_eq!(checked, 18);
}

#[test]
fn rtp_is_unprotected_from_the_published_octets() {
    let mut checked = 0;
    // A receiver does not get to roll-over counter 2^32 - 1: that is a unit test.
    for packet in ours().iter().filter(|packet| packet.is_rtp && packet.is_reachable()) {
        let mut octets = packet.protected.clone();
        let opened = packet.receiver().unprotect_rtp(&mut octets).unwrap();
        assert_eq!(opened.index, packet.index, "{}", packet.id);
        assert_eq!(octets[..opened.len], packet.plain, "{}", packet.id);
        checked += 1;
    }
    assert_eq!(checked, 15);
}

#[test]
fn rtcp_is_protected_to_the_published_octets() {
    let mut checked = 0;
    // The largest index is a unit test.
    for packet in ours().iter().filter(|packet| !packet.is_rtp && packet.index < 1 << 20) {
        let mut protector = packet.protector();
        for _ in 0..packet.index {
            protect_rtcp(&mut protector, &compound(1));
        }
        let mut out = [0; 200];
        let len = if packet.is_encrypted {
            protector.protect_rtcp_into(&packet.plain, &mut out).unwrap()
        } else {
            protector.authenticate_rtcp_into(&packet.plain, &mut out).unwrap()
        };
        assert_eq!(out[..len], without_mki(packet), "{}", packet.id);
        checked += 1;
    }
    assert_eq!(checked, 12);
}

#[test]
fn rtcp_is_unprotected_from_the_published_octets() {
    let mut checked = 0;
    for packet in ours().iter().filter(|packet| !packet.is_rtp) {
        let opened = packet.open(&mut packet.unprotector(), &packet.protected);
        assert_eq!(opened.as_ref(), Ok(&packet.plain), "{}", packet.id);
        checked += 1;
    }
    assert_eq!(checked, 15);
}

/// RFC 9335 A.1 and A.2.
#[test]
fn cryptex_goes_both_ways_to_the_published_octets() {
    let mut checked = 0;
    for packet in golden().iter().filter(|packet| packet.extra == Some(Extra::Cryptex)) {
        let (header, payload) = packet.plain.split_at(header_len(&packet.plain));
        let mut out = [0; 200];
        let len = packet
            .protector()
            .protect_rtp_cryptex_into(packet.index, header, payload, &mut out)
            .unwrap();
        assert_eq!(out[..len], packet.protected, "{}", packet.id);

        let mut receiver = packet.unprotector();
        receiver.accept_cryptex();
        let opened = packet.open(&mut receiver, &packet.protected);
        assert_eq!(opened.as_ref(), Ok(&packet.plain), "{}", packet.id);
        checked += 1;
    }
    assert_eq!(checked, 12);
}

/// RFC 6904 is not implemented: such a packet is authentic, and only what it hides stays hidden.
#[test]
fn encrypted_header_extensions_stay_encrypted() {
    let mut checked = 0;
    for packet in golden() {
        if packet.extra != Some(Extra::EncryptedExtensions) {
            continue;
        }
        let opened = packet.open(&mut packet.unprotector(), &packet.protected);
        let header_len = header_len(&packet.plain);
        if packet.profile == Profile::AeadAes128Gcm {
            // RFC 7714 §8.2 has the header as it is sent as associated data, and so has libsrtp.
            assert_eq!(opened.as_ref().map(Vec::len), Ok(packet.plain.len()), "{}", packet.id);
        }
        let opened = opened.unwrap();
        assert_eq!(opened[header_len..], packet.plain[header_len..], "{}", packet.id);
        assert_eq!(opened[..16], packet.plain[..16], "{}", packet.id);
        assert_eq!(opened[16..header_len], packet.protected[16..header_len], "{}", packet.id);
        checked += 1;
    }
    assert_eq!(checked, 2);
}

/// Packets of other profiles (AES-192, NULL) are unit tests of the primitives, and every packet's
/// session keys are one of the derivation.
#[test]
fn no_packet_of_the_collection_is_passed_over() {
    let file = vectors("srtp_packets");
    let all = file["packets"].as_array().unwrap();
    let of_others = ["NULL_HMAC_SHA1_80", "AES_192_CM_HMAC_SHA1_80"];
    let others = all.iter().filter(|vector| of_others.contains(&text(vector, "profile"))).count();
    assert_eq!(golden().len() + others, all.len());
    assert_eq!(golden().iter().filter(|packet| packet.extra == Some(Extra::Cryptex)).count(), 12);
    assert_eq!(others, 3);
}

#[test]
fn exported_keying_material_opens_a_packet_of_a_browser() {
    let file = vectors("srtp_packets");
    let material = &file["keying_material"][0];
    let octets = hex(material, "keying_material");
    // RFC 5764 §4.2: client key, server key, client salt, server salt.
    let (keys, salts) = octets.split_at(32);
    assert_eq!(keys[..16], hex(material, "client_write_master_key"));
    assert_eq!(keys[16..], hex(material, "server_write_master_key"));
    assert_eq!(salts[..14], hex(material, "client_write_master_salt"));
    assert_eq!(salts[14..], hex(material, "server_write_master_salt"));
    let id = text(material, "used_by_packet");
    let packet = golden().into_iter().find(|packet| packet.id == id).unwrap();
    assert_eq!(text(material, "used_side"), "client");
    let profile = Profile::from_name(text(material, "profile")).unwrap();
    let mut client = Unprotector::new(profile, &keys[..16], &salts[..14]).unwrap();
    assert_eq!(packet.open(&mut client, &packet.protected), Ok(packet.plain.clone()));
    let mut server = Unprotector::new(profile, &keys[16..], &salts[14..]).unwrap();
    assert!(packet.open(&mut server, &packet.protected).is_err());
}

/// Our Protector sends no master key identifier; nothing else changes with one.
fn without_mki(packet: &Golden) -> Vec<u8> {
    // HMAC-SHA1 alone has vectors with one: it stands before the 10 octets of tag.
    let tag = packet.protected.len() - 10;
    let mut octets = packet.protected.clone();
    octets.drain(tag - packet.mki.len()..tag);
    octets
}
