//! Golden packets, and a walk that reads whatever can be read in octets.

pub(crate) mod pcap;
mod rewrite;
mod walk;

pub(crate) use rewrite::{rewritten_rtcp, rewritten_rtp};
pub(crate) use walk::{affordable, walk_rtcp, walk_rtp, walk_rtp_payload};

/// A packet of `tests/golden`: who says so, what it is, its octets.
pub(crate) struct Golden {
    pub(crate) source: &'static str,
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

fn parse(file: &'static str) -> Vec<Golden> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let [source, name, hex] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("not a golden packet: {line}")
            };
            Golden { source, name, bytes: octets(hex) }
        })
        .collect()
}

pub(crate) fn octets(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// What browsers sent.
pub(crate) fn browsers() -> Vec<Golden> {
    parse(include_str!("../../golden/browsers.txt"))
}

/// What Chromium sent in several layers, with other identifiers of header extensions.
pub(crate) fn layers() -> Vec<Golden> {
    parse(include_str!("../../golden/layers.txt"))
}

/// What was laid out by hand from the specifications.
pub(crate) fn constructed() -> Vec<Golden> {
    parse(include_str!("../../golden/constructed.txt"))
}

/// One packet that a browser sent.
pub(crate) fn browser(source: &str, name: &str) -> Vec<u8> {
    let found =
        browsers().into_iter().find(|golden| golden.source == source && golden.name == name);
    found.unwrap_or_else(|| panic!("no golden packet {source} {name}")).bytes
}

/// Every packet that a browser sent.
pub(crate) fn recorded() -> impl Iterator<Item = Golden> {
    browsers().into_iter().chain(layers())
}

/// Every golden RTCP packet.
pub(crate) fn all_rtcp() -> Vec<Golden> {
    let all = recorded().chain(constructed());
    all.filter(|golden| tsubame_rtp::is_rtcp(&golden.bytes) && golden.source != "payload").collect()
}

/// Every golden RTP packet; golden payloads get a header.
pub(crate) fn all_rtp() -> Vec<Golden> {
    let all = recorded().chain(constructed());
    all.filter_map(|golden| {
        let bytes = match golden.source {
            "payload" => with_header(&golden.bytes),
            _ if tsubame_rtp::is_rtcp(&golden.bytes) => return None,
            _ => golden.bytes,
        };
        Some(Golden { bytes, ..golden })
    })
    .collect()
}

/// An RTP packet around a payload, with the marker set.
pub(crate) fn with_header(payload: &[u8]) -> Vec<u8> {
    [&[0x80, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..], payload].concat()
}

/// What an `Instant` of the tests counts from.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant has no other origin, and only differences matter"
)]
pub(crate) fn origin() -> std::time::Instant {
    std::time::Instant::now()
}
