//! Every truncation and every single bit flip of every golden message: no panic, no state.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod common;

use common::{Lite, all_vectors, bytes, client, epoch, ice_vector, mutations, path, server};
use serde_json::Value;
use tsubame_stun::attribute::{ErrorCode, PasswordAlgorithm};
use tsubame_stun::ice::{Candidate, ControllingAgent, ControllingConfig, peek_username};
use tsubame_stun::turn::{
    AddressErrorCode, AddressFamily, ChannelNumber, EvenPort, Icmp, RequestedTransport,
};
use tsubame_stun::{
    AttributeType, BuildError, Class, Message, MessageBuilder, Method, TransactionId, is_stun,
};

fn goldens() -> Vec<(Value, Vec<u8>)> {
    all_vectors().into_iter().map(|vector| (vector.clone(), bytes(&vector["message"]))).collect()
}

/// Messages with every attribute of TURN, and with those of RFC 8489 that no vector has.
fn further_goldens() -> Vec<Vec<u8>> {
    let id = TransactionId(*b"0123456789ab");
    let address = common::addr("[2001:db8::1]:3478");
    let write = |class, fill: &dyn Fn(&mut MessageBuilder<'_>) -> Result<(), BuildError>| {
        let mut out = [0; 512];
        let mut builder = MessageBuilder::new(&mut out, class, Method::ALLOCATE, id).unwrap();
        fill(&mut builder).unwrap();
        builder.integrity_sha256(KEY).unwrap().fingerprint().unwrap();
        let length = builder.finish();
        out[..length].to_vec()
    };
    let request = write(Class::Request, &|builder| {
        builder.requested_transport(RequestedTransport::UDP)?.lifetime(600)?.dont_fragment()?;
        builder.requested_address_family(AddressFamily::V6)?;
        builder.even_port(EvenPort { reserve_next: true })?.reservation_token(b"token678")?;
        builder.additional_address_family(AddressFamily::V6)?;
        builder.channel_number(ChannelNumber::MIN)?.xor_peer_address(address)?.data(b"data")?;
        builder.password_algorithms(&[PasswordAlgorithm::SHA256, PasswordAlgorithm::MD5])?;
        builder.nonce("nonce")?.realm("realm")?.username("user")?;
        Ok(())
    });
    let response = write(Class::ErrorResponse, &|builder| {
        let error = ErrorCode::TRY_ALTERNATE;
        builder.error_code(error)?.alternate_server(address)?.alternate_domain("example.org")?;
        builder.address_error_code(AddressErrorCode { family: AddressFamily::V4, error })?;
        builder.icmp(Icmp { icmp_type: 3, code: 4, data: 1280 })?.mapped_address(address)?;
        builder.xor_relayed_address(address)?.unknown_attributes([AttributeType::DATA])?;
        Ok(())
    });
    vec![request, response]
}

const KEY: &[u8] = b"the key of further goldens";

/// Calls whatever reads.
fn read_everything(message: &Message<'_>) {
    let _ = format!("{message:?}");
    let _ = (message.username(), message.realm(), message.nonce(), message.software());
    let _ = (message.xor_mapped_address(), message.mapped_address(), message.error_code());
    let _ = (message.userhash(), message.password_algorithm(), message.priority());
    let _ = (message.ice_controlled(), message.ice_controlling(), message.use_candidate());
    let _ = message.password_algorithms().map(Iterator::count);
    let _ = message.unknown_attributes().map(Iterator::count);
    let _ = message.unknown_required().count();
    let _ = (message.alternate_server(), message.alternate_domain(), message.network_info());
    let _ = (message.channel_number(), message.lifetime(), message.data(), message.icmp());
    let _ = (message.xor_peer_address(), message.xor_relayed_address(), message.even_port());
    let _ = (message.requested_address_family(), message.additional_address_family());
    let _ = (message.address_error_code(), message.requested_transport());
    let _ = (message.dont_fragment(), message.reservation_token());
    let _ = (message.xor_peer_addresses().count(), message.xor_relayed_addresses().count());
}

#[test]
fn readers_survive_every_mutation() {
    let goldens = goldens().into_iter().map(|(_, golden)| golden);
    for golden in goldens.chain(further_goldens()) {
        for mutation in mutations(&golden) {
            let _ = is_stun(&mutation);
            let _ = peek_username(&mutation);
            if let Ok(message) = Message::parse(&mutation) {
                read_everything(&message);
                let _ = message.verify_integrity(b"key");
                let _ = message.verify_fingerprint();
            }
        }
    }
}

#[test]
fn a_truncated_message_is_no_message() {
    let goldens = goldens().into_iter().map(|(_, golden)| golden);
    for golden in goldens.chain(further_goldens()) {
        for length in 0..golden.len() {
            assert!(Message::parse(&golden[..length]).is_err());
        }
        let mut longer = golden.clone();
        longer.push(0);
        assert!(Message::parse(&longer).is_err());
    }
}

/// Integrity and CRC together leave no octet uncovered.
#[test]
fn no_single_bit_can_be_flipped_unnoticed() {
    let mut tried = 0;
    for (vector, golden) in goldens() {
        if vector["valid"] == false || vector["fingerprint"].is_null() {
            continue;
        }
        let key = vector["credentials"]["password"].as_str().unwrap().as_bytes();
        for mutation in mutations(&golden) {
            tried += 1;
            let holds = Message::parse(&mutation).is_ok_and(|message| {
                message.verify_integrity(key).is_ok() && message.verify_fingerprint().is_ok()
            });
            assert!(!holds, "{}: {}", vector["id"], hex::encode(mutation));
        }
    }
    for golden in further_goldens() {
        Message::parse(&golden).unwrap().verify_integrity(KEY).unwrap();
        for mutation in mutations(&golden) {
            tried += 1;
            let holds = Message::parse(&mutation).is_ok_and(|message| {
                message.verify_integrity(KEY).is_ok() && message.verify_fingerprint().is_ok()
            });
            assert!(!holds, "{}", hex::encode(mutation));
        }
    }
    assert!(tried > 8000);
}

#[test]
fn no_mutation_moves_a_lite_agent() {
    for id in ["controlling_check", "controlling_nomination"] {
        let golden = bytes(&ice_vector(id)["message"]);
        let mut lite = Lite::answered();
        for mutation in mutations(&golden) {
            lite.assert_ignored("198.51.100.7:5000", &mutation, id);
        }
        // And it still listens.
        assert_eq!(lite.feed(path("198.51.100.7:5000"), &golden).len(), 1);
    }
}

#[test]
fn no_mutation_moves_a_lite_agent_that_is_in_use() {
    let mut lite = Lite::answered();
    lite.nominate("198.51.100.7:5000", 7);
    lite.now += common::ms(9000);
    // A flipped bit can mend a broken message, so those are left out.
    for (_, golden) in goldens().into_iter().filter(|(vector, _)| vector["valid"] != false) {
        for mutation in mutations(&golden) {
            lite.assert_ignored("198.51.100.7:5000", &mutation, "from the selected path");
            lite.assert_ignored("203.0.113.9:9", &mutation, "from elsewhere");
        }
    }
}

#[test]
fn no_mutation_moves_a_controlling_agent() {
    let now = epoch();
    let mut agent = ControllingAgent::new(now, client(), [7; 32], ControllingConfig::default());
    agent.set_remote(now, server(), true);
    agent.add_local_candidate(now, common::addr("198.51.100.7:5000"));
    agent.add_remote_candidate(now, &Candidate::host(common::addr("192.0.2.1:3478"), 65_535));
    let mut out = [0; 1500];
    let transmit = agent.poll_transmit(&mut out).unwrap();
    let response = {
        let mut lite = Lite::answered();
        let asked = path("198.51.100.7:5000");
        lite.feed(asked, &out[..transmit.len]).remove(0).1
    };
    let due = agent.poll_timeout();
    for mutation in mutations(&response) {
        agent.handle_datagram(now, transmit.path, &mutation);
        assert_eq!(agent.poll_timeout(), due);
        assert!(agent.poll_transmit(&mut out).is_none());
        assert_eq!(agent.round_trip(), None);
    }
    agent.handle_datagram(now, transmit.path, &response);
    assert!(agent.round_trip().is_some(), "the true response counts");
}

#[test]
fn framing_errors_are_named() {
    use tsubame_stun::ParseError;
    let golden = bytes(&ice_vector("controlling_check")["message"]);
    let with = |index: usize, octet: u8| {
        let mut message = golden.clone();
        message[index] = octet;
        Message::parse(&message).map(drop)
    };
    assert_eq!(Message::parse(&golden[..19]).map(drop), Err(ParseError::Truncated { length: 19 }));
    assert_eq!(with(0, 0x40), Err(ParseError::NotStun));
    assert_eq!(with(0, 0x80), Err(ParseError::NotStun));
    assert_eq!(with(4, 0x20), Err(ParseError::WrongCookie));
    assert_eq!(with(3, 76), Err(ParseError::WrongLength { field: 76, actual: 80 }));
    assert_eq!(with(22, 0xff), Err(ParseError::AttributeOverrun { offset: 20 }));
}

#[test]
fn nothing_but_the_fingerprint_follows_the_sha256_integrity() {
    let mut lite = Lite::answered();
    let check = common::Check { sha256: true, fingerprint: false, ..lite.check() };
    let mut octets = check.build();
    let attributes = Message::parse(&octets).unwrap().attributes().count();
    common::append(&mut octets, 0x001c, &[0; 32]);
    common::append(&mut octets, 0x0008, &[0; 20]);
    common::append_fingerprint(&mut octets);
    let message = Message::parse(&octets).unwrap();
    assert_eq!(message.attributes().count(), attributes + 1);
    assert!(message.verify_integrity(server().pwd.as_bytes()).is_ok());
}
