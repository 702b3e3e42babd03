//! The messages of RFC 5769, RFC 8489 B.1 (with its erratum) and stun_ice.json: read, verified, written again.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod common;

use common::{all_vectors, bytes, document, ice_vector, vectors};
use serde_json::Value;
use tsubame_stun::attribute::{ErrorCode, NetworkInfo, PasswordAlgorithm};
use tsubame_stun::{
    Attribute, AttributeType, IntegrityAlgorithm, IntegrityError, Message, MessageBuilder,
    long_term_key, userhash,
};

/// Vectors that are to hold.
fn valid() -> Vec<Value> {
    all_vectors().into_iter().filter(|vector| vector["valid"] != false).collect()
}

fn key(vector: &Value) -> Vec<u8> {
    let sha1 = &vector["message_integrity"]["key"];
    if sha1.is_string() { bytes(sha1) } else { bytes(&vector["message_integrity_sha256"]["key"]) }
}

#[test]
fn every_message_is_read_as_described() {
    assert_eq!(all_vectors().len(), 5 + vectors("stun_ice").len());
    for vector in all_vectors() {
        let octets = bytes(&vector["message"]);
        let message = Message::parse(&octets).unwrap();
        assert_eq!(format!("{:?}", message.transaction_id()), vector["transaction_id"]);
        let expected = vector["attributes"].as_array().unwrap();
        let read: Vec<Attribute<'_>> = message.attributes().collect();
        assert_eq!(read.len(), expected.len(), "{}", vector["id"]);
        for (attribute, expected) in read.iter().zip(expected) {
            assert_eq!(format!("{:04x}", attribute.kind.number()), expected["type"]);
            assert_eq!(attribute.value, bytes(&expected["value"]));
            if let Some(name) = attribute.kind.name() {
                assert_eq!(name, expected["name"]);
            }
        }
    }
}

#[test]
fn typed_values_are_those_of_the_description() {
    let (mut addresses, mut errors, mut nominations, mut networks) = (0, 0, 0, 0);
    for vector in valid() {
        let octets = bytes(&vector["message"]);
        let message = Message::parse(&octets).unwrap();
        let credentials = &vector["credentials"];
        assert_eq!(
            message.username(),
            text_if(&message, AttributeType::USERNAME, &credentials["username"])
        );
        assert_eq!(message.realm(), credentials["realm"].as_str());
        assert_eq!(message.nonce(), credentials["nonce"].as_str());
        assert_eq!(message.software(), vector["software"].as_str());
        assert_eq!(message.priority().map(u64::from), vector["priority"].as_u64());
        let tie_breaker =
            |field: &str| vector[field].as_str().map(|text| u64::from_str_radix(text, 16).unwrap());
        assert_eq!(message.ice_controlled(), tie_breaker("ice_controlled"));
        assert_eq!(message.ice_controlling(), tie_breaker("ice_controlling"));
        assert_eq!(message.use_candidate(), vector["use_candidate"] == true);
        let attributes = vector["attributes"].as_array().unwrap();
        let info = attributes.iter().find(|attribute| attribute["type"] == "c057");
        assert_eq!(message.network_info(), info.map(|_| NetworkInfo { id: 0, cost: 10 }));
        networks += u32::from(info.is_some());
        nominations += u32::from(message.use_candidate());
        if let Some(address) = message.xor_mapped_address() {
            addresses += 1;
            let expected = &vector["xor_mapped_address"];
            assert_eq!(address.ip().to_string(), expected["ip"].as_str().unwrap());
            assert_eq!(u64::from(address.port()), expected["port"].as_u64().unwrap());
        } else {
            assert!(vector["xor_mapped_address"].is_null());
        }
        if let Some(error) = message.error_code() {
            errors += 1;
            assert_eq!(u64::from(error.code), vector["error_code"].as_u64().unwrap());
            assert_eq!(error.reason, vector["reason"]);
        }
    }
    assert!(addresses >= 4 && errors >= 1 && nominations >= 1 && networks >= 2);
}

/// Credentials may name a user the message names by hash only.
fn text_if<'a>(message: &Message<'_>, kind: AttributeType, value: &'a Value) -> Option<&'a str> {
    message.attribute(kind).and_then(|_| value.as_str())
}

#[test]
fn integrity_and_fingerprint_hold() {
    for vector in valid() {
        let octets = bytes(&vector["message"]);
        let message = Message::parse(&octets).unwrap();
        let algorithm = if vector["message_integrity"].is_object() {
            IntegrityAlgorithm::Sha1
        } else {
            IntegrityAlgorithm::Sha256
        };
        let mut key = key(&vector);
        assert_eq!(message.verify_integrity(&key), Ok(algorithm), "{}", vector["id"]);
        key[0] ^= 1;
        assert_eq!(message.verify_integrity(&key), Err(IntegrityError::Wrong));
        assert_eq!(message.verify_fingerprint().is_ok(), vector["fingerprint"].is_object());
    }
}

#[test]
fn broken_messages_fail_where_they_are_broken() {
    let wrong_integrity = ice_vector("wrong_integrity");
    let octets = bytes(&wrong_integrity["message"]);
    let message = Message::parse(&octets).unwrap();
    let key = wrong_integrity["credentials"]["password"].as_str().unwrap().as_bytes();
    assert_eq!(message.verify_integrity(key), Err(IntegrityError::Wrong));
    assert!(message.verify_fingerprint().is_ok());

    let octets = bytes(&ice_vector("wrong_fingerprint")["message"]);
    let message = Message::parse(&octets).unwrap();
    assert!(message.verify_integrity(key).is_ok());
    assert!(message.verify_fingerprint().is_err());

    // RFC 8489 B.1 before erratum 6268: the length field counts the header too.
    assert!(Message::parse(&bytes(&document("rfc8489")["uncorrected"]["message"])).is_err());
}

#[test]
fn long_term_keys_and_userhash_are_those_of_the_rfcs() {
    let rfc5769 = &vectors("rfc5769")[3];
    let rfc8489 = &vectors("rfc8489")[0];
    for (vector, algorithm) in
        [(rfc5769, PasswordAlgorithm::MD5), (rfc8489, PasswordAlgorithm::SHA256)]
    {
        let field = |name: &str| vector["credentials"][name].as_str().unwrap();
        let key = long_term_key(algorithm, field("username"), field("realm"), field("password"));
        assert_eq!(key.unwrap().as_ref(), self::key(vector));
    }
    let field = |name: &str| rfc8489["credentials"][name].as_str().unwrap();
    let hash = userhash(field("username"), field("realm"));
    assert_eq!(hash.as_slice(), bytes(&rfc8489["userhash"]));
    let octets = bytes(&rfc8489["message"]);
    let message = Message::parse(&octets).unwrap();
    assert_eq!(message.userhash(), Some(hash));
    assert_eq!(message.password_algorithm(), Some(PasswordAlgorithm::SHA256));
    let unknown = PasswordAlgorithm { number: 3, parameters: &[] };
    assert_eq!(long_term_key(unknown, "a", "b", "c"), None);
}

/// Writes the message again by its typed values.
fn rebuild(message: &Message<'_>, key: &[u8]) -> Vec<u8> {
    let mut out = [0; 512];
    let mut builder =
        MessageBuilder::new(&mut out, message.class(), message.method(), message.transaction_id())
            .unwrap();
    for attribute in message.attributes() {
        match attribute.kind {
            AttributeType::USERNAME => match message.username().unwrap().split_once(':') {
                Some((receiver, sender)) => builder.ice_username(receiver, sender),
                None => builder.username(message.username().unwrap()),
            },
            AttributeType::REALM => builder.realm(message.realm().unwrap()),
            AttributeType::NONCE => builder.nonce(message.nonce().unwrap()),
            AttributeType::SOFTWARE => builder.software(message.software().unwrap()),
            AttributeType::PRIORITY => builder.priority(message.priority().unwrap()),
            AttributeType::USE_CANDIDATE => builder.use_candidate(),
            AttributeType::ICE_CONTROLLED => {
                builder.ice_controlled(message.ice_controlled().unwrap())
            }
            AttributeType::ICE_CONTROLLING => {
                builder.ice_controlling(message.ice_controlling().unwrap())
            }
            AttributeType::XOR_MAPPED_ADDRESS => {
                builder.xor_mapped_address(message.xor_mapped_address().unwrap())
            }
            AttributeType::ERROR_CODE => builder.error_code(message.error_code().unwrap()),
            AttributeType::USERHASH => builder.userhash(&message.userhash().unwrap()),
            AttributeType::PASSWORD_ALGORITHM => {
                builder.password_algorithm(message.password_algorithm().unwrap())
            }
            AttributeType::MESSAGE_INTEGRITY => builder.integrity(key),
            AttributeType::MESSAGE_INTEGRITY_SHA256 => builder.integrity_sha256(key),
            AttributeType::FINGERPRINT => builder.fingerprint(),
            other => builder.attribute(other, attribute.value),
        }
        .unwrap();
    }
    let length = builder.finish();
    out[..length].to_vec()
}

#[test]
fn messages_are_written_octet_for_octet() {
    let mut exact = 0;
    for vector in valid() {
        let octets = bytes(&vector["message"]);
        let message = Message::parse(&octets).unwrap();
        let written = rebuild(&message, &key(&vector));
        // RFC 5769 pads with spaces, which RFC 8489 forbids senders: those differ in padding and what covers it.
        if vector["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|a| a["padding"].as_str().unwrap().contains("20"))
        {
            assert_eq!(written.len(), octets.len());
            continue;
        }
        assert_eq!(hex::encode(written), hex::encode(&octets), "{}", vector["id"]);
        exact += 1;
    }
    assert!(exact >= 7, "{exact}");
}

#[test]
fn role_conflict_is_the_error_of_the_vector() {
    let octets = bytes(&ice_vector("role_conflict_response")["message"]);
    assert_eq!(Message::parse(&octets).unwrap().error_code(), Some(ErrorCode::ROLE_CONFLICT));
}
