//! SDP: an offer of Chromium's, parsed into types.

use std::hint::black_box;
use std::io::Cursor;

use crate::measure::{Contestant, Role};
use crate::table::{Group, Row};
use crate::workload::sdp::{OFFER, parse};

pub(crate) fn groups() -> [Group; 1] {
    let row = Row { name: "Chromium's offer, 7,064 octets".to_owned(), contestants: parsers() };
    [Group { name: "SDP parse", rows: vec![row] }]
}

fn parsers() -> Vec<Contestant> {
    vec![
        Contestant::plain("tsubame-sdp", Role::Ours, || parse(black_box(OFFER))),
        // Typed attributes; drops those it does not know.
        Contestant::plain("webrtc-sdp", Role::Peer, || {
            webrtc_sdp::parse_sdp(black_box(OFFER), false).expect("an offer")
        }),
        // Typed attributes.
        Contestant::plain("str0m", Role::Peer, || {
            str0m::change::SdpOffer::from_sdp_string(black_box(OFFER)).expect("an offer")
        }),
        // Both leave every attribute as name and text: no payload type, candidate or direction is read.
        Contestant::plain("rtc-sdp (attributes as text)", Role::Reference, || {
            let mut offer = Cursor::new(black_box(OFFER).as_bytes());
            rtc_sdp::SessionDescription::unmarshal(&mut offer).expect("an offer")
        }),
        Contestant::plain("sdp-types (attributes as text)", Role::Reference, || {
            sdp_types::Session::parse(black_box(OFFER).as_bytes()).expect("an offer")
        }),
    ]
}
