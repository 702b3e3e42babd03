//! The header of a packet as one subscriber gets it: from its own template, not copied from the publisher's.

use tsubame_rtp::{self as rtp, extension};

use crate::negotiate::table::extension_id;
use crate::publication::{PASSED_EXTENSIONS, PASSED_OCTETS};
use crate::subscription::Subscription;

/// Room for it: twelve octets, the extensions of our own, and what is passed on, each in its two-byte form.
pub(super) const HEADER: usize = 12 + 4 + 64 + PASSED_OCTETS + 2 * PASSED_EXTENSIONS;

/// In the first octet (RFC 3550 §5.1): there is padding behind the payload.
pub(super) const PADDED: u8 = 0x20;

/// What is said of the moment in which a packet leaves, as far as the subscriber wants to hear it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stamps {
    pub(super) abs_send_time: [u8; 3],
    pub(super) transport_cc: u16,
}

/// Writes the header into `out` and gives its length. `passed` are header extensions of the source: id and data.
pub(super) fn write_header<'a>(
    subscription: &Subscription,
    header: &rtp::Header,
    stamps: &Stamps,
    passed: impl Iterator<Item = (u8, &'a [u8])>,
    out: &mut [u8],
) -> Option<usize> {
    let negotiated = subscription.extensions;
    let mut writer = rtp::HeaderWriter::new(out, header)?;
    if negotiated.contains(extension_id::MID) {
        writer.extension(extension_id::MID, subscription.mid.as_bytes()).ok()?;
    }
    if negotiated.contains(extension_id::ABS_SEND_TIME) {
        writer.extension(extension_id::ABS_SEND_TIME, &stamps.abs_send_time).ok()?;
    }
    if negotiated.contains(extension_id::TRANSPORT_CC) {
        let data = extension::transport_cc::encode(stamps.transport_cc);
        writer.extension(extension_id::TRANSPORT_CC, &data).ok()?;
    }
    for (id, data) in passed {
        if negotiated.contains(id) {
            writer.extension(id, data).ok()?;
        }
    }
    Some(writer.finish())
}
