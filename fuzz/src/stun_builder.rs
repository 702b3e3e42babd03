//! Calls of the message builder in any order, into memory of any size: what it has taken can be read back, what it refused
//! left no trace, and no bit of the message can be turned without being noticed.

use std::net::{IpAddr, SocketAddr};

use tsubame_stun::attribute::{ErrorCode, PasswordAlgorithm};
use tsubame_stun::{AttributeType, Class, Message, MessageBuilder, Method, TransactionId};

use crate::input::Input;

const KEY: &[u8] = b"a password of some length";
const CLASSES: [Class; 4] =
    [Class::Request, Class::Indication, Class::SuccessResponse, Class::ErrorResponse];

/// What has to be found in the message: only the first of a kind counts.
#[derive(Default)]
struct Expected {
    kinds: Vec<AttributeType>,
    xor_mapped: Option<SocketAddr>,
    mapped: Option<SocketAddr>,
    username: Option<String>,
    software: Option<String>,
    error: Option<(u16, String)>,
    priority: Option<u32>,
    tie_breaker: Option<u64>,
    integrity: bool,
    fingerprint: bool,
}

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut memory = vec![0xee; usize::from(input.u16() % 2_048)];
    let class = CLASSES[input.index(4)];
    let method = Method::new(input.u16() & Method::MAX).expect("twelve bits");
    let id = TransactionId(input.array());
    let Ok(mut builder) = MessageBuilder::new(&mut memory, class, method, id) else {
        assert!(memory.len() < 20);
        return;
    };
    let mut expected = Expected::default();
    while let Some(operation) = input.operation() {
        call(&mut builder, operation, &mut input, &mut expected);
    }
    let length = builder.finish();

    assert!(length.is_multiple_of(4));
    let message = Message::parse(&memory[..length]).expect("ours");
    assert_eq!((message.class(), message.method(), message.transaction_id()), (class, method, id));
    compare(&message, &expected);
    // Without FINGERPRINT nothing guards MESSAGE-INTEGRITY-SHA256 behind MESSAGE-INTEGRITY: who turns it into something else
    // leaves a message with MESSAGE-INTEGRITY alone (RFC 8489 §9.2.1 has bits in the nonce against that).
    let both = [AttributeType::MESSAGE_INTEGRITY, AttributeType::MESSAGE_INTEGRITY_SHA256];
    let guarded = expected.fingerprint || !both.iter().all(|kind| expected.kinds.contains(kind));
    if guarded && (expected.integrity || expected.fingerprint) {
        turn_a_bit(&memory[..length], data, &expected);
    }
}

fn call(
    builder: &mut MessageBuilder<'_>,
    operation: u8,
    input: &mut Input<'_>,
    expected: &mut Expected,
) {
    let (kind, done) = match operation % 16 {
        0 => {
            let kind = AttributeType::new(input.u16());
            (kind, builder.attribute(kind, input.short()).is_ok())
        }
        1 => {
            let address = address(input);
            let done = builder.xor_mapped_address(address).is_ok();
            keep(done, &mut expected.xor_mapped, address);
            (AttributeType::XOR_MAPPED_ADDRESS, done)
        }
        2 => {
            let address = address(input);
            let done = builder.mapped_address(address).is_ok();
            keep(done, &mut expected.mapped, address);
            (AttributeType::MAPPED_ADDRESS, done)
        }
        3 => {
            let name = input.text();
            let done = builder.username(&name).is_ok();
            keep(done, &mut expected.username, name);
            (AttributeType::USERNAME, done)
        }
        4 => {
            let (receiver, sender) = (input.text(), input.text());
            let done = builder.ice_username(&receiver, &sender).is_ok();
            keep(done, &mut expected.username, format!("{receiver}:{sender}"));
            (AttributeType::USERNAME, done)
        }
        5 => {
            let text = input.text();
            let done = builder.software(&text).is_ok();
            keep(done, &mut expected.software, text);
            (AttributeType::SOFTWARE, done)
        }
        6 => (AttributeType::REALM, builder.realm(&input.text()).is_ok()),
        7 => (AttributeType::NONCE, builder.nonce(&input.text()).is_ok()),
        8 => {
            let (code, reason) = (input.u16() % 1_024, input.text());
            let done = builder.error_code(ErrorCode { code, reason: &reason }).is_ok();
            assert!(!done || (300..=699).contains(&code));
            keep(done, &mut expected.error, (code, reason));
            (AttributeType::ERROR_CODE, done)
        }
        9 => {
            let kinds = input.short().iter().map(|octet| AttributeType::new(u16::from(*octet)));
            (AttributeType::UNKNOWN_ATTRIBUTES, builder.unknown_attributes(kinds).is_ok())
        }
        10 => {
            let number = input.u16();
            let algorithm = PasswordAlgorithm { number, parameters: input.short() };
            let list = [algorithm, PasswordAlgorithm::MD5];
            (AttributeType::PASSWORD_ALGORITHMS, builder.password_algorithms(&list).is_ok())
        }
        11 => {
            let priority = input.u32();
            let done = builder.priority(priority).is_ok();
            keep(done, &mut expected.priority, priority);
            (AttributeType::PRIORITY, done)
        }
        12 => (AttributeType::USE_CANDIDATE, builder.use_candidate().is_ok()),
        13 => {
            let tie_breaker = input.u64();
            let done = builder.ice_controlling(tie_breaker).is_ok();
            keep(done, &mut expected.tie_breaker, tie_breaker);
            (AttributeType::ICE_CONTROLLING, done)
        }
        14 => {
            let sha256 = !input.flag();
            let done = if sha256 { builder.integrity_sha256(KEY) } else { builder.integrity(KEY) };
            let done = done.is_ok();
            expected.integrity |= done;
            let kind = if sha256 {
                AttributeType::MESSAGE_INTEGRITY_SHA256
            } else {
                AttributeType::MESSAGE_INTEGRITY
            };
            (kind, done)
        }
        _ => {
            let done = builder.fingerprint().is_ok();
            expected.fingerprint |= done;
            (AttributeType::FINGERPRINT, done)
        }
    };
    if done {
        expected.kinds.push(kind);
    }
}

/// The first counts, if it was not put in as bare octets before.
fn keep<T>(done: bool, slot: &mut Option<T>, value: T) {
    if done && slot.is_none() {
        *slot = Some(value);
    }
}

fn address(input: &mut Input<'_>) -> SocketAddr {
    let ip = if input.flag() {
        IpAddr::from(input.array::<4>())
    } else {
        IpAddr::from(input.array::<16>())
    };
    SocketAddr::new(ip, input.u16())
}

fn compare(message: &Message<'_>, expected: &Expected) {
    let kinds: Vec<_> = message.attributes().map(|attribute| attribute.kind).collect();
    assert_eq!(kinds, expected.kinds, "other attributes than were taken");
    // An attribute of the same kind may have been put in as bare octets; then it is that which counts.
    let once = |kind| kinds.iter().filter(|there| **there == kind).count() == 1;
    if once(AttributeType::XOR_MAPPED_ADDRESS) && expected.xor_mapped.is_some() {
        assert_eq!(message.xor_mapped_address(), expected.xor_mapped);
    }
    if once(AttributeType::MAPPED_ADDRESS) && expected.mapped.is_some() {
        assert_eq!(message.mapped_address(), expected.mapped);
    }
    if once(AttributeType::USERNAME) && expected.username.is_some() {
        assert_eq!(message.username(), expected.username.as_deref());
    }
    if once(AttributeType::SOFTWARE) && expected.software.is_some() {
        assert_eq!(message.software(), expected.software.as_deref());
    }
    if let Some((code, reason)) = &expected.error
        && once(AttributeType::ERROR_CODE)
    {
        assert_eq!(message.error_code(), Some(ErrorCode { code: *code, reason }));
    }
    if once(AttributeType::PRIORITY) && expected.priority.is_some() {
        assert_eq!(message.priority(), expected.priority);
    }
    if once(AttributeType::ICE_CONTROLLING) && expected.tie_breaker.is_some() {
        assert_eq!(message.ice_controlling(), expected.tie_breaker);
    }
    assert_eq!(message.verify_integrity(KEY).is_ok(), expected.integrity);
    assert!(message.verify_integrity(b"another").is_err());
    assert_eq!(message.verify_fingerprint().is_ok(), expected.fingerprint);
}

fn turn_a_bit(message: &[u8], data: &[u8], expected: &Expected) {
    let mut turned = message.to_vec();
    let choice = data.iter().fold(data.len(), |sum, octet| sum * 31 % 65_521 + usize::from(*octet));
    let bit = choice % (turned.len() * 8);
    turned[bit / 8] ^= 1 << (bit % 8);
    let Ok(turned) = Message::parse(&turned) else { return };
    let integrity = !expected.integrity || turned.verify_integrity(KEY).is_ok();
    let fingerprint = !expected.fingerprint || turned.verify_fingerprint().is_ok();
    assert!(!(integrity && fingerprint), "bit {bit} was turned and nobody noticed");
}
