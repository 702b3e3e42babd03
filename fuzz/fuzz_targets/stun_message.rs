//! Any octets as a STUN message: every view of it, every check of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsubame_stun::{Message, ice, is_stun};

fuzz_target!(|data: &[u8]| {
    let _ = ice::peek_username(data);
    let Ok(message) = Message::parse(data) else { return };
    assert!(is_stun(data), "what parses is STUN");
    assert!(message.attributes().count() * 4 <= data.len());
    let _ = (message.username(), message.realm(), message.nonce(), message.software());
    let _ = (message.xor_mapped_address(), message.mapped_address(), message.error_code());
    let _ = (message.priority(), message.ice_controlled(), message.ice_controlling());
    let _ = message.unknown_required().count();
    let _ = message.verify_fingerprint();
    assert!(message.verify_integrity(b"a password that nobody has used").is_err());
});
