//! STUN: a connectivity check verified and answered, with integrity and fingerprint both ways.

use std::hint::black_box;
use std::time::Instant;

use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceCreds, Protocol, Sha1HmacProvider};
use rtc_crypto::RTCCryptoProvider;
use rtc_stun::attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_SUCCESS, Setter};
use rtc_stun::xoraddr::XorMappedAddress;
use stun_types::attribute::{Username, XorMappedAddress as TypesXorMappedAddress};
use stun_types::message::{
    IntegrityAlgorithm, MessageWrite, MessageWriteExt, MessageWriteMutSlice, ShortTermCredentials,
};
use stun_types::prelude::{AttributeFromRaw, AttributeStaticType};

use crate::measure::{Contestant, Role};
use crate::table::{Group, Row};
use crate::workload::stun::{
    PWD, REMOTE_UFRAG, UFRAG, answer, answer_by_agent, destination, lite_agent, request, source,
};

pub(crate) fn groups() -> [Group; 1] {
    let row = |name: &str, contestants| Row { name: name.to_owned(), contestants };
    [Group {
        name: "STUN",
        rows: vec![
            row("Binding request to response, codec", codecs()),
            row("Binding request to response, ICE lite agent", agents()),
        ],
    }]
}

fn codecs() -> Vec<Contestant> {
    let (request, mut expected) = (request(), [0; 256]);
    let length = answer(&request, source(), &mut expected);
    let expected = expected[..length].to_vec();

    let mut out = [0; 256];
    let mut ours = move |request: &[u8]| {
        let length = answer(request, source(), &mut out);
        out[..length].to_vec()
    };
    assert_eq!(ours(&request), expected);
    let mut contestants = vec![{
        let (request, mut out) = (request.clone(), [0; 256]);
        Contestant::plain("tsubame-stun", Role::Ours, move || {
            answer(black_box(&request), source(), &mut out)
        })
    }];

    let mut rtc = RtcStun::new();
    rtc.answer(&request);
    assert_eq!(rtc.response.raw, expected, "all answer the same");
    let input = request.clone();
    contestants.push(Contestant::plain("rtc-stun", Role::Peer, move || {
        rtc.answer(black_box(&input));
    }));

    let key = ShortTermCredentials::new(PWD.to_owned()).make_key();
    let mut out = [0; 256];
    let length = stun_types_answer(&request, &key, &mut out);
    assert_eq!(out[..length], expected, "all answer the same");
    let input = request.clone();
    contestants.push(Contestant::plain("stun-types", Role::Peer, move || {
        stun_types_answer(black_box(&input), &key, &mut out)
    }));

    let hmac = str0m_aws_lc_rs::default_provider().sha1_hmac_provider;
    let length = is_answer(&request, hmac, &mut out);
    assert_eq!(out[..length], expected, "all answer the same");
    contestants.push(Contestant::plain("str0m (is)", Role::Peer, move || {
        is_answer(black_box(&request), hmac, &mut out)
    }));
    contestants
}

/// The messages are kept, as is its keyed provider: what it needs anew for each request, it allocates.
struct RtcStun {
    provider: std::sync::Arc<dyn RTCCryptoProvider>,
    request: rtc_stun::message::Message,
    response: rtc_stun::message::Message,
}

impl RtcStun {
    fn new() -> Self {
        let provider = rtc_crypto::default_provider().expect("ring");
        let message = rtc_stun::message::Message::new;
        Self { provider, request: message(), response: message() }
    }

    fn answer(&mut self, datagram: &[u8]) {
        let (request, response) = (&mut self.request, &mut self.response);
        request.unmarshal_binary(datagram).expect("a STUN message");
        FINGERPRINT.check(request).expect("its fingerprint");
        let name = request.get(ATTR_USERNAME).expect("a username");
        let (local, _) =
            std::str::from_utf8(&name).expect("text").split_once(':').expect("a colon");
        assert_eq!(local, UFRAG);
        assert!(request.contains(ATTR_PRIORITY) && request.contains(ATTR_ICE_CONTROLLING));
        let crypto = self.provider.crypto();
        MessageIntegrity::check(request, PWD.as_bytes(), crypto).expect("its integrity");

        response.reset();
        response.write_header();
        response.set_type(BINDING_SUCCESS);
        request.transaction_id.add_to(response).expect("added");
        let address = XorMappedAddress { ip: source().ip(), port: source().port() };
        address.add_to(response).expect("added");
        MessageIntegrity::new_raw_integrity_with_provider(PWD.as_bytes(), crypto)
            .add_to(response)
            .expect("added");
        FINGERPRINT.add_to(response).expect("added");
    }
}

/// The key is made once: it holds the keyed HMAC.
fn stun_types_answer(
    datagram: &[u8],
    key: &stun_types::message::IntegrityKey,
    out: &mut [u8],
) -> usize {
    // Checks the fingerprint on the way.
    let request = stun_types::message::Message::from_bytes(datagram).expect("a STUN message");
    let raw = request.raw_attribute(Username::TYPE).expect("a username");
    let username = Username::from_raw_ref(&raw).expect("text");
    assert_eq!(username.username().split_once(':').expect("a colon").0, UFRAG);
    let has = |number: u16| request.has_attribute(number.into());
    assert!(has(0x0024) && has(0x802a));
    request.validate_integrity_with_key(key).expect("its integrity");

    let writer = MessageWriteMutSlice::new(out);
    let mut response = stun_types::message::Message::builder_success(&request, writer);
    let address = TypesXorMappedAddress::new(source(), request.transaction_id());
    response.add_attribute(&address).expect("added");
    response.add_message_integrity_with_key(key, IntegrityAlgorithm::Sha1).expect("added");
    response.add_fingerprint().expect("added");
    response.finish()
}

fn is_answer(datagram: &[u8], hmac: &'static dyn Sha1HmacProvider, out: &mut [u8]) -> usize {
    let hmac = |key: &[u8], parts: &[&[u8]]| hmac.sha1_hmac(key, parts);
    // Checks the fingerprint on the way.
    let request = StunMessage::parse(datagram).expect("a STUN message");
    assert_eq!(request.split_username().expect("a username").0, UFRAG);
    assert!(request.prio().is_some() && request.ice_controlling().is_some());
    assert!(request.verify(PWD.as_bytes(), hmac));
    let response = StunMessage::binding_reply(request.trans_id(), source());
    response.to_bytes(Some(PWD.as_bytes()), out, hmac).expect("a response")
}

fn agents() -> Vec<Contestant> {
    let (request, now) = (request(), Instant::now());
    let mut out = [0; 256];
    let mut ours = lite_agent(now);
    let length = answer_by_agent(&mut ours, now, &request, &mut out);
    let expected = out[..length].to_vec();

    let mut theirs = is_agent(now, &request);
    assert_eq!(is_agent_answer(&mut theirs, now, &request), expected, "all answer the same");
    let input = request.clone();
    vec![
        Contestant::plain("tsubame-stun", Role::Ours, move || {
            answer_by_agent(&mut ours, now, black_box(&input), &mut out)
        }),
        Contestant::plain("str0m (is)", Role::Peer, move || {
            is_agent_answer(&mut theirs, now, black_box(&request))
        }),
    ]
}

/// As [`lite_agent`].
fn is_agent(now: Instant, request: &[u8]) -> IceAgent {
    let credentials = |ufrag: &str| IceCreds { ufrag: ufrag.to_owned(), pass: PWD.to_owned() };
    let hmac = str0m_aws_lc_rs::default_provider().sha1_hmac_provider;
    let mut agent = IceAgent::with_hmac(credentials(UFRAG), hmac);
    agent.set_ice_lite(true);
    agent.set_controlling(false);
    agent.add_local_candidate(Candidate::host(destination(), "udp").expect("a candidate"));
    agent.add_remote_candidate(Candidate::host(source(), "udp").expect("a candidate"));
    agent.set_remote_credentials(credentials(REMOTE_UFRAG));
    agent.handle_timeout(now);
    is_agent_answer(&mut agent, now, request);
    agent
}

fn is_agent_answer(agent: &mut IceAgent, now: Instant, datagram: &[u8]) -> Vec<u8> {
    let message = StunMessage::parse(datagram).expect("a STUN message");
    let packet =
        StunPacket { proto: Protocol::Udp, source: source(), destination: destination(), message };
    assert!(agent.handle_packet(now, packet));
    let response = agent.poll_transmit().expect("a response");
    while agent.poll_event().is_some() {}
    response.contents.into()
}
