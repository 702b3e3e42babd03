//! The headers of a batch, written once for all subscribers that get the same ones.
//!
//! What tells two subscribers' packets apart are SSRC, sequence number, timestamp and transport-wide number: they are filled in at their places.
//! Everything else follows from what was negotiated and from the MID, which is the same for nearly all subscribers of a track.

use tsubame_rtp as rtp;

use super::evening::{even, padding};
use super::header::{HEADER, PADDED, Stamps, write_header};
use crate::negotiate::ExtensionSet;
use crate::negotiate::table::extension_id;
use crate::publication::{Incoming, Publication};
use crate::subscription::Subscription;

/// See the module's documentation. The memory is used again for every batch.
#[derive(Debug, Default)]
pub(super) struct Templates {
    /// Whom the headers are for.
    extensions: ExtensionSet,
    mid: String,
    /// Whether they are those of the present batch.
    are_written: bool,
    shapes: Vec<Shape>,
    /// [`HEADER`] octets for each packet.
    headers: Vec<u8>,
    /// Scratch.
    lengths: Vec<u16>,
    paddings: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    /// Zero: the packet has nothing to send.
    header_len: u16,
    /// Where the transport-wide number stands in the header.
    transport_cc: Option<u16>,
    padding: u8,
}

/// One packet's header, to be filled in.
#[derive(Debug)]
pub(super) struct Template<'a> {
    /// With the padding bit where there is padding.
    pub(super) header: &'a mut [u8],
    transport_cc: Option<u16>,
    /// Goes behind the payload.
    pub(super) padding: &'static [u8],
}

impl Templates {
    /// Another batch comes.
    pub(super) fn begin(&mut self) {
        self.are_written = false;
    }

    /// A template for each packet of the publication's batch, as this subscriber gets them. `abs_send_time` is asked where it is wanted.
    pub(super) fn of<'a, T: FnOnce() -> [u8; 3]>(
        &'a mut self,
        subscription: &Subscription,
        publication: &Publication,
        abs_send_time: T,
    ) -> impl Iterator<Item = Template<'a>> + use<'a, T> {
        let is_same = self.extensions == subscription.extensions && self.mid == subscription.mid;
        if !self.are_written || !is_same {
            self.write(subscription, publication, abs_send_time);
        }
        self.shapes.iter().zip(self.headers.chunks_exact_mut(HEADER)).map(|(shape, header)| {
            Template {
                header: header.get_mut(..usize::from(shape.header_len)).unwrap_or_default(),
                transport_cc: shape.transport_cc,
                padding: padding(shape.padding),
            }
        })
    }

    fn write(
        &mut self,
        subscription: &Subscription,
        publication: &Publication,
        abs_send_time: impl FnOnce() -> [u8; 3],
    ) {
        let mut stamps = Stamps::default();
        if subscription.extensions.contains(extension_id::ABS_SEND_TIME) {
            stamps.abs_send_time = abs_send_time();
        }
        self.extensions = subscription.extensions;
        self.mid.clone_from(&subscription.mid);
        self.are_written = true;
        self.headers.resize(publication.batch.len() * HEADER, 0);
        self.shapes.clear();
        self.lengths.clear();
        for (incoming, out) in publication.batch.iter().zip(self.headers.chunks_exact_mut(HEADER)) {
            let shape =
                shape(subscription, publication, incoming, &stamps, out).unwrap_or_default();
            let payload = if shape.header_len > 0 { incoming.payload.1 } else { 0 };
            self.shapes.push(shape);
            self.lengths.push(shape.header_len.saturating_add(payload));
        }
        even(&self.lengths, &mut self.paddings);
        let headers = self.headers.chunks_exact_mut(HEADER);
        for ((shape, count), header) in self.shapes.iter_mut().zip(&self.paddings).zip(headers) {
            shape.padding = *count;
            if *count > 0 {
                header[0] |= PADDED;
            }
        }
    }
}

/// Writes the header of a packet, but for what is filled in later. `None`: it is not sent.
fn shape(
    subscription: &Subscription,
    publication: &Publication,
    incoming: &Incoming,
    stamps: &Stamps,
    out: &mut [u8],
) -> Option<Shape> {
    if incoming.payload.1 == 0 {
        return None;
    }
    let bytes = publication.cache.get(incoming.sequence_number)?.bytes;
    let header = rtp::Header {
        marker: incoming.marker,
        payload_type: publication.payload_type,
        sequence_number: 0,
        timestamp: 0,
        ssrc: 0,
    };
    let extensions = incoming.extensions_in(bytes);
    let header_len = write_header(subscription, &header, stamps, extensions, out)?;
    let written = out.get(..header_len)?;
    let packet = rtp::Packet::parse(written).ok()?;
    let transport_cc = packet
        .extension(extension_id::TRANSPORT_CC)
        .and_then(|data| u16::try_from(data.as_ptr() as usize - written.as_ptr() as usize).ok());
    Some(Shape { header_len: u16::try_from(header_len).ok()?, transport_cc, padding: 0 })
}

impl Template<'_> {
    /// Whether there is a place for a transport-wide number.
    pub(super) fn wants_transport_cc(&self) -> bool {
        self.transport_cc.is_some()
    }

    /// Fills in what differs from subscriber to subscriber.
    pub(super) fn fill_in(
        &mut self,
        sequence_number: u16,
        timestamp: u32,
        ssrc: u32,
        transport_cc: u16,
    ) {
        if let Some(fields) = self.header.get_mut(2..12) {
            fields[..2].copy_from_slice(&sequence_number.to_be_bytes());
            fields[2..6].copy_from_slice(&timestamp.to_be_bytes());
            fields[6..].copy_from_slice(&ssrc.to_be_bytes());
        }
        if let Some(place) = self.transport_cc.map(usize::from)
            && let Some(field) = self.header.get_mut(place..place + 2)
        {
            field.copy_from_slice(&transport_cc.to_be_bytes());
        }
    }
}
