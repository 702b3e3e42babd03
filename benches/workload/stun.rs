//! A connectivity check as Chromium sends it, and the answer to it.

use std::net::SocketAddr;
use std::time::Instant;

use tsubame_stun::ice::{Credentials, LiteAgent, LiteConfig, Path};
use tsubame_stun::{AttributeType, Class, Message, MessageBuilder, Method, TransactionId};

/// Of the side that is asked.
pub(crate) const UFRAG: &str = "qExpRt7a";
/// The key of its message integrity.
pub(crate) const PWD: &str = "hRYwXMXWH83j/UCWh0woNG3u";
/// Of the side that asks.
pub(crate) const REMOTE_UFRAG: &str = "8Kd2";

pub(crate) fn source() -> SocketAddr {
    ([192, 0, 2, 2], 52_206).into()
}

pub(crate) fn destination() -> SocketAddr {
    ([192, 0, 2, 1], 5_000).into()
}

/// USERNAME, GOOG-NETWORK-INFO, ICE-CONTROLLING, USE-CANDIDATE, PRIORITY, MESSAGE-INTEGRITY, FINGERPRINT.
pub(crate) fn request() -> Vec<u8> {
    let mut out = [0; 256];
    let id = TransactionId(*b"tsubamebench");
    let mut builder =
        MessageBuilder::new(&mut out, Class::Request, Method::BINDING, id).expect("room");
    builder
        .ice_username(UFRAG, REMOTE_UFRAG)
        .and_then(|builder| builder.attribute(AttributeType::new(0xc057), &[0, 3, 0, 50]))
        .and_then(|builder| builder.ice_controlling(0x0123_4567_89ab_cdef))
        .and_then(MessageBuilder::use_candidate)
        .and_then(|builder| builder.priority(1_853_824_767))
        .and_then(|builder| builder.integrity(PWD.as_bytes()))
        .and_then(MessageBuilder::fingerprint)
        .expect("room");
    let length = builder.finish();
    out[..length].to_vec()
}

/// Through the codec: parses, checks fingerprint, name and integrity, and writes the response with integrity and
/// fingerprint; its length.
pub(crate) fn answer(request: &[u8], from: SocketAddr, out: &mut [u8]) -> usize {
    let request = Message::parse(request).expect("a STUN message");
    request.verify_fingerprint().expect("its fingerprint");
    let name = request.username().and_then(|name| name.split_once(':')).expect("a username");
    assert_eq!(name.0, UFRAG);
    assert!(request.priority().is_some() && request.ice_controlling().is_some());
    request.verify_integrity(PWD.as_bytes()).expect("its integrity");
    let id = request.transaction_id();
    let mut response =
        MessageBuilder::new(out, Class::SuccessResponse, Method::BINDING, id).expect("room");
    response
        .xor_mapped_address(from)
        .and_then(|response| response.integrity(PWD.as_bytes()))
        .and_then(MessageBuilder::fingerprint)
        .expect("room");
    response.finish()
}

/// A lite agent that has verified and selected the path of [`request`], as it is during a session.
pub(crate) fn lite_agent(now: Instant) -> LiteAgent {
    let local = Credentials { ufrag: UFRAG.to_owned(), pwd: PWD.to_owned() };
    let mut agent = LiteAgent::new(now, local, LiteConfig::default());
    agent.set_remote_ufrag(now, REMOTE_UFRAG);
    answer_by_agent(&mut agent, now, &request(), &mut [0; 256]);
    assert!(agent.selected().is_some());
    agent
}

/// Through the agent: the check goes in, the response comes out, and no event; its length.
pub(crate) fn answer_by_agent(
    agent: &mut LiteAgent,
    now: Instant,
    request: &[u8],
    out: &mut [u8],
) -> usize {
    agent.handle_datagram(now, Path::udp(destination(), source()), request);
    let length = agent.poll_transmit(out).expect("a response").len;
    while agent.poll_event().is_some() {}
    length
}
