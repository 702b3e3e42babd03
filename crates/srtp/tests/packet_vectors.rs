//! Whole packets, from master key to wire, against values published by or checked with libsrtp.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::Value;
use support::{compound, hex, protect_rtcp, text, vectors};
use tsubame_srtp::{Profile, Protector, Unprotector};

/// The vectors of our profiles that use nothing we do not implement (MKI, RFC 6904, RFC 9335).
fn ours() -> Vec<(Profile, Value)> {
    let plain = |vector: &Value| {
        let no_mki = text(vector, "mki").is_empty();
        let no_cryptex = vector["cryptex"].as_bool() != Some(true);
        let headers = vector["encrypted_header_extension_ids"].as_array();
        no_mki && no_cryptex && headers.is_none_or(Vec::is_empty)
    };
    let file = vectors("srtp_packets");
    let packets = file["packets"].as_array().unwrap().iter().filter(|vector| plain(vector));
    packets.filter_map(|vector| Some((profile(vector)?, vector.clone()))).collect()
}

fn profile(vector: &Value) -> Option<Profile> {
    Some(match text(vector, "profile") {
        "AEAD_AES_128_GCM" => Profile::AeadAes128Gcm,
        "AEAD_AES_256_GCM" => Profile::AeadAes256Gcm,
        "AES_CM_128_HMAC_SHA1_80" => Profile::Aes128CmHmacSha1_80,
        "AES_CM_128_HMAC_SHA1_32" => Profile::Aes128CmHmacSha1_32,
        _ => return None,
    })
}

fn protector(profile: Profile, vector: &Value) -> Protector {
    Protector::new(profile, &hex(vector, "master_key"), &hex(vector, "master_salt")).unwrap()
}

fn unprotector(profile: Profile, vector: &Value) -> Unprotector {
    Unprotector::new(profile, &hex(vector, "master_key"), &hex(vector, "master_salt")).unwrap()
}

fn index(vector: &Value) -> u64 {
    vector["roc"].as_u64().unwrap() << 16 | vector["sequence_number"].as_u64().unwrap()
}

fn header_len(packet: &[u8]) -> usize {
    let csrcs = 12 + 4 * usize::from(packet[0] & 0x0f);
    if packet[0] & 0x10 == 0 {
        return csrcs;
    }
    csrcs + 4 + 4 * usize::from(u16::from_be_bytes([packet[csrcs + 2], packet[csrcs + 3]]))
}

#[test]
fn rtp_is_protected_to_the_published_octets() {
    let mut checked = 0;
    for (profile, vector) in ours().iter().filter(|(_, vector)| text(vector, "kind") == "rtp") {
        let plain = hex(vector, "plaintext_packet");
        let (header, payload) = plain.split_at(header_len(&plain));
        let mut out = [0; 2000];
        let mut protector = protector(*profile, vector);
        let len = protector.protect_rtp_into(index(vector), header, payload, &mut out).unwrap();
        assert_eq!(out[..len], hex(vector, "protected_packet"), "{}", text(vector, "id"));
        checked += 1;
    }
    assert_eq!(checked, 16);
}

#[test]
fn rtp_is_unprotected_from_the_published_octets() {
    let mut checked = 0;
    for (profile, vector) in ours().iter().filter(|(_, vector)| text(vector, "kind") == "rtp") {
        let id = text(vector, "id");
        let mut unprotector = unprotector(*profile, vector);
        match vector["roc"].as_u64().unwrap() {
            0 => {}
            1 => {
                // Its predecessor, of the same keys and SSRC, takes the receiver to the wrap.
                let before = id.replace("roc1_seq0", "roc0_seq65535");
                let all = ours();
                let (_, before) = all.iter().find(|(_, v)| text(v, "id") == before).unwrap();
                unprotector.unprotect_rtp(&mut hex(before, "protected_packet")).unwrap();
            }
            // The last roll-over counter is a unit test.
            _ => continue,
        }
        let plain = hex(vector, "plaintext_packet");
        let mut packet = hex(vector, "protected_packet");
        let opened = unprotector.unprotect_rtp(&mut packet).unwrap();
        assert_eq!(opened.index, index(vector), "{id}");
        assert_eq!(packet[..opened.len], plain, "{id}");
        checked += 1;
    }
    assert_eq!(checked, 13);
}

#[test]
fn rtcp_is_protected_to_the_published_octets() {
    let mut checked = 0;
    for (profile, vector) in ours().iter().filter(|(_, vector)| text(vector, "kind") == "rtcp") {
        let srtcp_index = vector["srtcp_index"].as_u64().unwrap();
        // The largest index is a unit test; a Protector always encrypts.
        if srtcp_index > 10 || vector["encryption_flag"] == false {
            continue;
        }
        let mut protector = protector(*profile, vector);
        for _ in 0..srtcp_index {
            protect_rtcp(&mut protector, &compound(1));
        }
        let protected = protect_rtcp(&mut protector, &hex(vector, "plaintext_packet"));
        assert_eq!(protected, hex(vector, "protected_packet"), "{}", text(vector, "id"));
        checked += 1;
    }
    assert_eq!(checked, 8);
}

#[test]
fn rtcp_is_unprotected_from_the_published_octets() {
    let mut checked = 0;
    for (profile, vector) in ours().iter().filter(|(_, vector)| text(vector, "kind") == "rtcp") {
        let mut packet = hex(vector, "protected_packet");
        let len = unprotector(*profile, vector).unprotect_rtcp(&mut packet).unwrap();
        assert_eq!(packet[..len], hex(vector, "plaintext_packet"), "{}", text(vector, "id"));
        checked += 1;
    }
    assert_eq!(checked, 14);
}

#[test]
fn exported_keying_material_opens_a_packet_of_a_browser() {
    let file = vectors("srtp_packets");
    let material = &file["keying_material"][0];
    let packets = file["packets"].as_array().unwrap();
    let id = text(material, "used_by_packet");
    let vector = packets.iter().find(|vector| text(vector, "id") == id).unwrap();
    let octets = hex(material, "keying_material");
    // RFC 5764 §4.2: client key, server key, client salt, server salt.
    let (key, salt) = (&octets[..16], &octets[32..46]);
    assert_eq!(text(material, "used_side"), "client");
    let mut unprotector = Unprotector::new(Profile::Aes128CmHmacSha1_80, key, salt).unwrap();
    let mut packet = hex(vector, "protected_packet");
    let len = unprotector.unprotect_rtcp(&mut packet).unwrap();
    assert_eq!(packet[..len], hex(vector, "plaintext_packet"));
}
