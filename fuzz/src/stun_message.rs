//! Any octets as a STUN message: every view of it, every check of it, and the message built again from its attributes.

use tsubame_stun::{AttributeType, Message, MessageBuilder, ice, is_stun};

const CLOSING: [AttributeType; 3] = [
    AttributeType::MESSAGE_INTEGRITY,
    AttributeType::MESSAGE_INTEGRITY_SHA256,
    AttributeType::FINGERPRINT,
];

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let name = ice::peek_username(data);
    let Ok(message) = Message::parse(data) else {
        assert!(name.is_none(), "a name out of what does not parse");
        return;
    };
    // A method of more than eight bits is STUN, but not on a port that is shared (RFC 7983).
    assert_eq!(is_stun(data), data[0] <= 3);
    assert!(message.attributes().count() * 4 <= data.len());
    let _ = (message.username(), message.realm(), message.nonce(), message.software());
    let _ = (message.xor_mapped_address(), message.mapped_address(), message.error_code());
    let _ = (message.priority(), message.ice_controlled(), message.ice_controlling());
    let _ = (message.userhash(), message.password_algorithm(), message.use_candidate());
    let _ = message.password_algorithms().map(Iterator::count);
    let _ = message.unknown_attributes().map(Iterator::count);
    let _ = message.unknown_required().count();
    let _ = message.verify_fingerprint();
    let _ = format!("{message:?}");
    assert!(message.verify_integrity(b"a password that nobody has used").is_err());
    rebuild(&message);
}

/// What the builder makes of the attributes reads as they do.
fn rebuild(message: &Message<'_>) {
    let mut out = vec![0; message.as_bytes().len()];
    let (class, method, id) = (message.class(), message.method(), message.transaction_id());
    let mut builder = MessageBuilder::new(&mut out, class, method, id).expect("room for a header");
    let ordinary = || message.attributes().filter(|attribute| !CLOSING.contains(&attribute.kind));
    for attribute in ordinary() {
        builder.attribute(attribute.kind, attribute.value).expect("it was there before");
    }
    let length = builder.finish();
    let again = Message::parse(&out[..length]).expect("ours");
    assert_eq!((again.class(), again.method(), again.transaction_id()), (class, method, id));
    assert!(
        again.attributes().map(|a| (a.kind, a.value)).eq(ordinary().map(|a| (a.kind, a.value))),
        "other attributes"
    );
}
