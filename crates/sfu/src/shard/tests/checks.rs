//! Connectivity checks written by hand.

use tsubame_stun::{Class, Message, MessageBuilder, Method, TransactionId};

/// What the offer says of the server's ICE: ufrag and password.
pub(super) fn credentials(offer: &str) -> (String, String) {
    let value = |name: &str| {
        let line = offer.lines().find_map(|line| line.strip_prefix(name));
        line.expect("no ICE in the offer").to_owned()
    };
    (value("a=ice-ufrag:"), value("a=ice-pwd:"))
}

/// A check like a browser's.
pub(super) fn check(username: &str, password: &str, id: [u8; 12], nominate: bool) -> Vec<u8> {
    let mut out = [0; 512];
    let mut builder =
        MessageBuilder::new(&mut out, Class::Request, Method::BINDING, TransactionId(id)).unwrap();
    builder.username(username).unwrap();
    builder.priority(0x6e00_1eff).unwrap();
    builder.ice_controlling(0x0123_4567_89ab_cdef).unwrap();
    if nominate {
        builder.use_candidate().unwrap();
    }
    builder.integrity(password.as_bytes()).unwrap();
    builder.fingerprint().unwrap();
    let len = builder.finish();
    out[..len].to_vec()
}

/// The same check without USE-CANDIDATE. What is no check stays as it is.
pub(super) fn without_nomination(datagram: &[u8], offer: &str) -> Vec<u8> {
    let message = Message::parse(datagram).ok().filter(Message::use_candidate);
    let Some(message) = message else { return datagram.to_vec() };
    let (_, password) = credentials(offer);
    check(message.username().unwrap(), &password, message.transaction_id().0, false)
}
