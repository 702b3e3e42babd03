//! A packet rewritten where it lies, by any sequence of changes: what was changed is changed, everything else and the length
//! stay as they were.

use tsubame_rtp::codec::{vp8, vp9};
use tsubame_rtp::{Packet, PacketMut, pad};

use crate::input::Input;

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut bytes = input.long().to_vec();
    let original = bytes.clone();
    let Ok(before) = Packet::parse(&original) else {
        assert!(PacketMut::parse(&mut bytes).is_err());
        return;
    };
    let mut packet = PacketMut::parse(&mut bytes).expect("the same octets");
    // The model: header fields, elements, payload.
    let mut fields = fields(&before);
    let mut elements: Vec<(u8, Vec<u8>)> =
        before.extensions().map(|(id, data)| (id, data.to_vec())).collect();
    let mut payload = before.payload().to_vec();
    while let Some(operation) = input.operation() {
        match operation % 10 {
            0 => {
                fields.0 = !input.flag();
                packet.set_marker(fields.0);
            }
            1 => {
                let payload_type = input.u8();
                fields.1 = payload_type & 0x7f;
                packet.set_payload_type(payload_type);
            }
            2 => {
                fields.2 = input.u16();
                packet.set_sequence_number(fields.2);
            }
            3 => {
                fields.3 = input.u32();
                packet.set_timestamp(fields.3);
            }
            4 => {
                fields.4 = input.u32();
                packet.set_ssrc(fields.4);
            }
            5 | 6 => {
                let (id, new) = (input.u8(), input.short());
                let expected = elements.iter_mut().find(|(known, _)| *known == id);
                let found = packet.extension_mut(id);
                assert_eq!(found.is_some(), expected.is_some());
                if let (Some(found), Some((_, data))) = (found, expected) {
                    assert_eq!(found, data.as_slice());
                    found.iter_mut().zip(new).for_each(|(to, from)| *to = *from);
                    data.iter_mut().zip(new).for_each(|(to, from)| *to = *from);
                }
            }
            7 => {
                let id = input.u8();
                let count = elements.len();
                elements.retain(|(known, _)| *known != id);
                assert_eq!(packet.remove_extension(id), elements.len() != count);
            }
            8 => {
                let new = vp8::Rewrite {
                    picture_id: (input.flag()).then(|| input.u16()),
                    tl0_picture_index: (input.flag()).then(|| input.u8()),
                    key_index: (input.flag()).then(|| input.u8()),
                };
                let read = vp8::Descriptor::read(&payload);
                assert_eq!(vp8::rewrite(packet.payload_mut(), &new), read.is_some());
                let now = vp8::Descriptor::read(packet.payload_mut());
                assert_eq!(now.is_some(), read.is_some());
                payload = packet.payload_mut().to_vec();
                assert_eq!(payload.len(), before.payload().len());
            }
            _ => {
                let new = vp9::Rewrite {
                    picture_id: (input.flag()).then(|| input.u16()),
                    tl0_picture_index: (input.flag()).then(|| input.u8()),
                    end_of_frame: (input.flag()).then(|| input.flag()),
                };
                let read = vp9::Descriptor::read(&payload);
                assert_eq!(vp9::rewrite(packet.payload_mut(), &new), read.is_some());
                assert_eq!(vp9::Descriptor::read(packet.payload_mut()).is_some(), read.is_some());
                payload = packet.payload_mut().to_vec();
                assert_eq!(payload.len(), before.payload().len());
            }
        }
        let now = Packet::parse(packet.bytes()).expect("still a packet");
        assert_eq!(self::fields(&now), fields);
        let expected = elements.iter().map(|(id, data)| (*id, data.as_slice()));
        assert!(now.extensions().eq(expected), "other elements");
        assert_eq!(now.payload(), payload);
        assert_eq!(now.bytes().len(), original.len());
        assert!(now.csrcs().eq(before.csrcs()) && now.padding_len() == before.padding_len());
    }
    padded(&bytes, original.len() as u8);
}

/// Padded to whatever length, it is the same packet.
fn padded(bytes: &[u8], count: u8) {
    let packet = Packet::parse(bytes).expect("a packet");
    let mut out = bytes.to_vec();
    out.resize(bytes.len() + usize::from(count), 0xee);
    let padded = pad(&mut out, bytes.len(), count);
    assert_eq!(padded.is_some(), count != 0 && packet.padding_len() == 0);
    let Some(len) = padded else { return };
    let padded = Packet::parse(&out[..len]).expect("ours");
    assert_eq!(padded.payload(), packet.payload());
    assert_eq!(padded.padding_len(), usize::from(count));
}

fn fields(packet: &Packet<'_>) -> (bool, u8, u16, u32, u32) {
    let numbers = (packet.sequence_number(), packet.timestamp(), packet.ssrc());
    (packet.marker(), packet.payload_type(), numbers.0, numbers.1, numbers.2)
}
