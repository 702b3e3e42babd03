//! Hello extensions.

use crate::srtp::SrtpProfile;
use crate::wire::{Reader, code_points, put_u16, with_length};

pub(super) const SUPPORTED_GROUPS: u16 = 10;
pub(super) const EC_POINT_FORMATS: u16 = 11;
pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
pub(super) const USE_SRTP: u16 = 14;
pub(super) const EXTENDED_MASTER_SECRET: u16 = 23;
pub(crate) const SESSION_TICKET: u16 = 35;
pub(super) const SUPPORTED_VERSIONS: u16 = 43;
pub(super) const RENEGOTIATION_INFO: u16 = 0xff01;

/// More than any hello carries; beyond it a hello is refused.
const MAX_EXTENSIONS: usize = 128;

/// The extensions of a hello: type and content. `None` when they do not parse or one comes twice (RFC 5246 §7.4.1.4).
pub(super) fn read_extensions<'a>(reader: &mut Reader<'a>) -> Option<Vec<(u16, &'a [u8])>> {
    let mut extensions: Vec<(u16, &[u8])> = Vec::new();
    if reader.is_empty() {
        return Some(extensions);
    }
    let mut list = Reader::new(reader.vec16()?);
    while !list.is_empty() {
        let (kind, content) = (list.u16()?, list.vec16()?);
        if extensions.len() == MAX_EXTENSIONS || extensions.iter().any(|(seen, _)| *seen == kind) {
            return None;
        }
        extensions.push((kind, content));
    }
    Some(extensions)
}

pub(super) fn put_extension(out: &mut Vec<u8>, kind: u16, content: impl FnOnce(&mut Vec<u8>)) {
    put_u16(out, kind);
    with_length::<2>(out, content);
}

/// A content that is one list of code points with its length in two bytes.
pub(super) fn read_code_points(content: &[u8]) -> Option<impl Iterator<Item = u16> + Clone + '_> {
    let mut reader = Reader::new(content);
    let list = reader.vec16()?;
    reader.end()?;
    code_points(list)
}

pub(super) fn put_code_points(out: &mut Vec<u8>, list: impl IntoIterator<Item = u16>) {
    with_length::<2>(out, |out| list.into_iter().for_each(|id| put_u16(out, id)));
}

/// RFC 8422 §5.1.2: whether a list of point formats has the uncompressed one.
pub(super) fn has_uncompressed_points(content: &[u8]) -> Option<bool> {
    let mut reader = Reader::new(content);
    let formats = reader.vec8()?;
    reader.end()?;
    Some(formats.contains(&0))
}

pub(super) fn put_uncompressed_points(out: &mut Vec<u8>) {
    put_extension(out, EC_POINT_FORMATS, |out| out.extend_from_slice(&[1, 0]));
}

/// RFC 5077 §3.2: a ticket, or nothing where one is asked for or promised.
pub(super) fn put_session_ticket(out: &mut Vec<u8>, ticket: &[u8]) {
    put_extension(out, SESSION_TICKET, |out| out.extend_from_slice(ticket));
}

/// RFC 5746 §3.2: the content on an initial handshake is an empty vector.
pub(super) fn put_empty_renegotiation_info(out: &mut Vec<u8>) {
    put_extension(out, RENEGOTIATION_INFO, |out| out.push(0));
}

/// RFC 5764 §4.1.1. An MKI is read and ignored: a server may answer with an empty one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UseSrtp {
    /// Code points, known or not.
    pub(crate) profiles: Vec<u16>,
    pub(crate) has_mki: bool,
}

impl UseSrtp {
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(content);
        let profiles = code_points(reader.vec16()?)?.collect();
        let has_mki = !reader.vec8()?.is_empty();
        reader.end()?;
        Some(Self { profiles, has_mki })
    }

    pub(super) fn put(out: &mut Vec<u8>, profiles: &[SrtpProfile]) {
        put_extension(out, USE_SRTP, |out| {
            put_code_points(out, profiles.iter().map(|profile| profile.id()));
            out.push(0);
        });
    }
}
