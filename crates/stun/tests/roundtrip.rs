//! What is built is parsed as it was; what is random never panics.

use std::net::{IpAddr, SocketAddr};

use proptest::collection::vec;
use proptest::prelude::*;
use tsubame_stun::attribute::{ErrorCode, PasswordAlgorithm};
use tsubame_stun::ice::{
    Candidate, CandidateAddress, CandidateKind, CandidateTransport, TcpType, peek_username,
};
use tsubame_stun::{
    AttributeType, BuildError, Class, IntegrityAlgorithm, Message, MessageBuilder, Method,
    TransactionId, is_stun,
};

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        Just(Class::Request),
        Just(Class::Indication),
        Just(Class::SuccessResponse),
        Just(Class::ErrorResponse)
    ]
}

fn method() -> impl Strategy<Value = Method> {
    (0..=Method::MAX).prop_filter_map("twelve bits", Method::new)
}

fn address() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

/// Attributes that have no meaning of their own to the parser.
fn ordinary() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let closing = [0x0008, 0x001c, 0x8028];
    let kind = any::<u16>().prop_filter("closing", move |kind| !closing.contains(kind));
    (kind, vec(any::<u8>(), 0..40))
}

proptest! {
    #[test]
    fn any_attributes(
        (class, method, id) in (class(), method(), any::<[u8; 12]>()),
        attributes in vec(ordinary(), 0..12),
        key in vec(any::<u8>(), 0..80),
        (sha1, sha256, fingerprint) in any::<(bool, bool, bool)>(),
    ) {
        let mut out = [0xee; 2048];
        let mut builder = MessageBuilder::new(&mut out, class, method, TransactionId(id)).unwrap();
        for (kind, value) in &attributes {
            builder.attribute(AttributeType::new(*kind), value).unwrap();
        }
        if sha1 { builder.integrity(&key).unwrap(); }
        if sha256 { builder.integrity_sha256(&key).unwrap(); }
        if fingerprint { builder.fingerprint().unwrap(); }
        let length = builder.finish();
        let message = Message::parse(&out[..length]).unwrap();
        prop_assert!(is_stun(&out[..length]) == (out[0] <= 3));
        prop_assert_eq!(message.class(), class);
        prop_assert_eq!(message.method(), method);
        prop_assert_eq!(message.transaction_id(), TransactionId(id));
        let read: Vec<_> = message.attributes().map(|a| (a.kind.number(), a.value.to_vec())).collect();
        prop_assert_eq!(&read[..attributes.len()], &attributes[..]);
        let closing = usize::from(sha1) + usize::from(sha256) + usize::from(fingerprint);
        prop_assert_eq!(read.len(), attributes.len() + closing);
        prop_assert_eq!(message.verify_integrity_sha1(&key).is_ok(), sha1);
        prop_assert_eq!(message.verify_integrity_sha256(&key).is_ok(), sha256);
        prop_assert_eq!(message.verify_fingerprint().is_ok(), fingerprint);
        let algorithm = match (sha1, sha256) {
            (_, true) => Some(IntegrityAlgorithm::Sha256),
            (true, false) => Some(IntegrityAlgorithm::Sha1),
            _ => None,
        };
        prop_assert_eq!(message.verify_integrity(&key).ok(), algorithm);
        prop_assert!(out[length..].iter().all(|octet| *octet == 0xee), "nothing beyond the end");
    }

    #[test]
    fn typed_attributes(
        id in any::<[u8; 12]>(),
        (mapped, xor_mapped) in (address(), address()),
        (username, realm, nonce, software) in (".{0,40}", ".{0,40}", ".{0,40}", ".{0,40}"),
        (priority, controlling, controlled) in any::<(u32, u64, u64)>(),
        (code, reason) in (300u16..700, ".{0,40}"),
        unknown in vec(any::<u16>(), 0..20),
        hash in any::<[u8; 32]>(),
        parameters in vec(any::<u8>(), 0..20),
    ) {
        let mut out = [0; 2048];
        let mut builder =
            MessageBuilder::new(&mut out, Class::Request, Method::BINDING, TransactionId(id)).unwrap();
        let algorithm = PasswordAlgorithm { number: 77, parameters: &parameters };
        let algorithms = [algorithm, PasswordAlgorithm::SHA256, PasswordAlgorithm::MD5];
        builder
            .mapped_address(mapped).unwrap()
            .xor_mapped_address(xor_mapped).unwrap()
            .username(&username).unwrap()
            .realm(&realm).unwrap()
            .nonce(&nonce).unwrap()
            .software(&software).unwrap()
            .priority(priority).unwrap()
            .ice_controlling(controlling).unwrap()
            .ice_controlled(controlled).unwrap()
            .use_candidate().unwrap()
            .error_code(ErrorCode { code, reason: &reason }).unwrap()
            .unknown_attributes(unknown.iter().copied().map(AttributeType::new)).unwrap()
            .userhash(&hash).unwrap()
            .password_algorithm(algorithm).unwrap()
            .password_algorithms(&algorithms).unwrap();
        let length = builder.finish();
        let message = Message::parse(&out[..length]).unwrap();
        prop_assert_eq!(message.mapped_address(), Some(mapped));
        prop_assert_eq!(message.xor_mapped_address(), Some(xor_mapped));
        prop_assert_eq!(message.username(), Some(username.as_str()));
        prop_assert_eq!(message.realm(), Some(realm.as_str()));
        prop_assert_eq!(message.nonce(), Some(nonce.as_str()));
        prop_assert_eq!(message.software(), Some(software.as_str()));
        prop_assert_eq!(message.priority(), Some(priority));
        prop_assert_eq!(message.ice_controlling(), Some(controlling));
        prop_assert_eq!(message.ice_controlled(), Some(controlled));
        prop_assert!(message.use_candidate());
        prop_assert_eq!(message.error_code(), Some(ErrorCode { code, reason: &reason }));
        let named: Vec<_> = message.unknown_attributes().unwrap().map(AttributeType::number).collect();
        prop_assert_eq!(named, unknown);
        prop_assert_eq!(message.userhash(), Some(hash));
        prop_assert_eq!(message.password_algorithm(), Some(algorithm));
        prop_assert_eq!(message.password_algorithms().unwrap().collect::<Vec<_>>(), algorithms);
        prop_assert_eq!(message.unknown_required().count(), 0);
    }

    #[test]
    fn a_small_buffer_fails_and_leaves_a_message(size in 0usize..200, values in vec(ordinary(), 1..6)) {
        let mut out = vec![0; size];
        let id = TransactionId([1; 12]);
        let Ok(mut builder) = MessageBuilder::new(&mut out, Class::Request, Method::BINDING, id) else {
            prop_assert!(size < 20);
            return Ok(());
        };
        let mut fitted = 0;
        for (kind, value) in &values {
            match builder.attribute(AttributeType::new(*kind), value) {
                Ok(_) => fitted += 1,
                Err(BuildError::BufferTooSmall { needed, available }) => {
                    prop_assert!(needed > available && available == size);
                    break;
                }
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
        let length = builder.finish();
        prop_assert_eq!(Message::parse(&out[..length]).unwrap().attributes().count(), fitted);
    }

    #[test]
    fn random_octets_never_panic(mut octets in vec(any::<u8>(), 0..300)) {
        for dressed in [false, true] {
            if dressed && octets.len() >= 20 {
                octets.truncate(octets.len() / 4 * 4);
                octets[0] &= 0x3f;
                octets[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
                let length = u16::try_from(octets.len() - 20).unwrap();
                octets[2..4].copy_from_slice(&length.to_be_bytes());
            }
            let _ = peek_username(&octets);
            if let Ok(message) = Message::parse(&octets) {
                let _ = format!("{message:?}");
                let _ = message.verify_integrity(b"key");
                let _ = message.verify_fingerprint();
                for attribute in message.attributes() {
                    let _ = ErrorCode::decode(attribute.value);
                    let _ = tsubame_stun::attribute::decode_address(attribute.value);
                    let _ = PasswordAlgorithm::decode(attribute.value);
                }
            }
        }
    }

    #[test]
    fn candidates(
        foundation in "[A-Za-z0-9+/]{1,32}",
        component in 1u16..=256,
        priority in 1u32..=0x7fff_ffff,
        address in prop_oneof![
            address().prop_map(CandidateAddress::Ip),
            ("[a-z][a-z0-9-]{0,30}\\.local", any::<u16>())
                .prop_map(|(host, port)| CandidateAddress::Name { host, port }),
        ],
        related in proptest::option::of(address()),
        transport in prop_oneof![
            Just(CandidateTransport::Udp),
            Just(CandidateTransport::Tcp(TcpType::Active)),
            Just(CandidateTransport::Tcp(TcpType::Passive)),
            Just(CandidateTransport::Tcp(TcpType::SimultaneousOpen)),
        ],
        kind in prop_oneof![
            Just(CandidateKind::Host),
            Just(CandidateKind::ServerReflexive),
            Just(CandidateKind::PeerReflexive),
            Just(CandidateKind::Relay),
        ],
        extensions in vec(("x-[a-z0-9]{1,10}", "[!-~]{1,20}"), 0..6),
    ) {
        let candidate =
            Candidate { foundation, component, transport, priority, address, kind, related, extensions };
        prop_assert_eq!(candidate.to_string().parse::<Candidate>(), Ok(candidate));
    }

    #[test]
    fn random_text_never_panics(text in ".{0,200}") {
        let _ = text.parse::<Candidate>();
        let _ = format!("candidate:{text}").parse::<Candidate>();
    }
}

#[test]
fn nothing_is_added_after_its_place() {
    let mut out = [0; 256];
    let id = TransactionId([0; 12]);
    let mut builder = MessageBuilder::new(&mut out, Class::Request, Method::BINDING, id).unwrap();
    let out_of_order = |result: Result<&mut MessageBuilder<'_>, BuildError>| {
        matches!(result, Err(BuildError::OutOfOrder { .. }))
    };
    assert!(out_of_order(builder.attribute(AttributeType::MESSAGE_INTEGRITY, &[0; 20])));
    assert!(out_of_order(builder.attribute(AttributeType::FINGERPRINT, &[0; 4])));
    builder.integrity(b"key").unwrap();
    assert!(out_of_order(builder.use_candidate()));
    assert!(out_of_order(builder.username("late")));
    assert!(out_of_order(builder.integrity(b"key")));
    builder.integrity_sha256(b"key").unwrap();
    assert!(out_of_order(builder.integrity_sha256(b"key")));
    builder.fingerprint().unwrap();
    assert!(out_of_order(builder.fingerprint()));
    assert_eq!(builder.finish(), 20 + 24 + 36 + 8);
}

#[test]
fn limits_of_values() {
    let mut out = vec![0; 70_000];
    let id = TransactionId([0; 12]);
    let mut builder = MessageBuilder::new(&mut out, Class::Request, Method::BINDING, id).unwrap();
    let text = "x".repeat(509);
    let ufrag = "u".repeat(256);
    assert!(builder.username(&text[..508]).is_ok());
    assert!(matches!(builder.username(&text[..509]), Err(BuildError::TooLong { .. })));
    assert!(builder.ice_username(&ufrag, &ufrag).is_ok());
    let code = |code| ErrorCode { code, reason: "" };
    assert!(matches!(builder.error_code(code(299)), Err(BuildError::OutOfRange { .. })));
    assert!(matches!(builder.error_code(code(700)), Err(BuildError::OutOfRange { .. })));
    // The length field counts to 65,535 and every message to a multiple of four.
    let software = AttributeType::SOFTWARE;
    assert!(matches!(builder.attribute(software, &[0; 65_535]), Err(BuildError::TooLong { .. })));
    assert!(matches!(builder.attribute(software, &[0; 65_536]), Err(BuildError::TooLong { .. })));
}

/// RFC 8489 §14: fewer than 128 characters, 509 octets at most when a text is written, 763 when it is read.
#[test]
fn texts_have_fewer_than_128_characters_when_written_and_763_octets_when_read() {
    use tsubame_stun::turn::{AddressErrorCode, AddressFamily};
    type Add = fn(&mut MessageBuilder<'_>, &str) -> Result<(), BuildError>;
    let adds: [(AttributeType, Add); 5] = [
        (AttributeType::REALM, |builder, text| builder.realm(text).map(drop)),
        (AttributeType::NONCE, |builder, text| builder.nonce(text).map(drop)),
        (AttributeType::SOFTWARE, |builder, text| builder.software(text).map(drop)),
        (AttributeType::ERROR_CODE, |builder, reason| {
            builder.error_code(ErrorCode { code: 400, reason }).map(drop)
        }),
        (AttributeType::ADDRESS_ERROR_CODE, |builder, reason| {
            let error = ErrorCode { code: 440, reason };
            builder
                .address_error_code(AddressErrorCode { family: AddressFamily::V6, error })
                .map(drop)
        }),
    ];
    let id = TransactionId([0; 12]);
    for (kind, add) in adds {
        for character in ["x", "é", "\u{1f426}"] {
            let mut out = [0; 1000];
            let mut builder =
                MessageBuilder::new(&mut out, Class::Request, Method::BINDING, id).unwrap();
            let refused = add(&mut builder, &character.repeat(128));
            assert!(matches!(refused, Err(BuildError::TooLong { .. })), "{kind:?}");
            add(&mut builder, &character.repeat(127)).unwrap();
        }
    }
    for (length, read) in [(763, true), (764, false)] {
        let text = "x".repeat(length);
        let mut out = [0; 4000];
        let mut builder =
            MessageBuilder::new(&mut out, Class::Request, Method::BINDING, id).unwrap();
        for kind in [AttributeType::REALM, AttributeType::NONCE, AttributeType::SOFTWARE] {
            builder.attribute(kind, text.as_bytes()).unwrap();
        }
        let error = [&[0, 0, 4, 0], text.as_bytes()].concat();
        builder.attribute(AttributeType::ERROR_CODE, &error).unwrap();
        let end = builder.finish();
        let message = Message::parse(&out[..end]).unwrap();
        let texts = [message.realm(), message.nonce(), message.software()];
        assert_eq!(texts, [read.then_some(&*text); 3]);
        assert_eq!(message.error_code().is_some(), read);
    }
}

#[test]
fn another_server_and_its_domain() {
    use tsubame_stun::attribute::NetworkInfo;
    for address in ["192.0.2.1:3478", "[2001:db8::1]:5349"] {
        let (mut out, address) = ([0; 200], address.parse().unwrap());
        let id = TransactionId([3; 12]);
        let mut builder =
            MessageBuilder::new(&mut out, Class::ErrorResponse, Method::BINDING, id).unwrap();
        builder.error_code(ErrorCode::TRY_ALTERNATE).unwrap();
        builder.alternate_server(address).unwrap().alternate_domain("stun.example").unwrap();
        builder.network_info(NetworkInfo { id: 7, cost: 900 }).unwrap();
        let too_long = builder.alternate_domain(&"x".repeat(256)).map(drop);
        assert!(matches!(too_long, Err(BuildError::TooLong { .. })));
        let length = builder.finish();
        let message = Message::parse(&out[..length]).unwrap();
        assert_eq!(message.error_code().unwrap().code, 300);
        assert_eq!(message.alternate_server(), Some(address));
        assert_eq!(message.alternate_domain(), Some("stun.example"));
        assert_eq!(message.network_info(), Some(NetworkInfo { id: 7, cost: 900 }));
    }
}
