//! Header extension elements written in any order and form into memory of any size: what was taken is read back as it is,
//! what was refused left no trace.

use tsubame_rtp::{ExtensionError, Header, HeaderWriter, Packet, rtx};

use crate::input::Input;

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut memory = vec![0xee; usize::from(input.u16() % 1_500)];
    let header = Header {
        marker: !input.flag(),
        payload_type: input.u8() & 0x7f,
        sequence_number: input.u16(),
        timestamp: input.u32(),
        ssrc: input.u32(),
    };
    let size = memory.len();
    let Some(mut writer) = HeaderWriter::new(&mut memory, &header) else {
        assert!(size < 12);
        return;
    };
    let mut elements = Vec::new();
    let mut payload: &[u8] = &[];
    while let Some(operation) = input.operation() {
        match operation % 8 {
            0 => drop(writer.two_byte()),
            7 => {
                payload = input.rest();
            }
            _ => {
                let (id, data) = (input.u8(), input.short());
                match writer.extension(id, data) {
                    Ok(()) => elements.push((id, data)),
                    Err(ExtensionError::InvalidId) => assert_eq!(id, 0),
                    Err(ExtensionError::TooLong(len)) => assert!(len > 255),
                    Err(_) => assert!(memory_is_short(size, &elements, data)),
                }
            }
        }
    }
    let len = writer.finish();
    assert!(len.is_multiple_of(4) && len <= size);
    let packet = [&memory[..len], payload].concat();
    let packet = Packet::parse(&packet).expect("ours");
    assert_eq!(packet.header_len(), len);
    assert!(packet.extensions().eq(elements.iter().copied()), "other elements than were taken");
    assert_eq!(packet.payload(), payload);
    assert_eq!((packet.marker(), packet.payload_type()), (header.marker, header.payload_type));
    assert_eq!(packet.sequence_number(), header.sequence_number);
    assert_eq!((packet.timestamp(), packet.ssrc()), (header.timestamp, header.ssrc));
    retransmit(&memory[..len], payload, &header);
}

/// In the two-byte form, which takes more, the elements would not fit.
fn memory_is_short(size: usize, elements: &[(u8, &[u8])], data: &[u8]) -> bool {
    let octets: usize = elements.iter().map(|(_, data)| 2 + data.len()).sum();
    12 + 4 + (octets + 2 + data.len()).next_multiple_of(4) > size
}

/// Sent again on a retransmission stream and restored, it is the same packet.
fn retransmit(head: &[u8], payload: &[u8], header: &Header) {
    let original = [head, payload].concat();
    let mut wrapped = vec![0; payload.len() + rtx::OVERHEAD];
    let wrapped_len = rtx::wrap(header.sequence_number, payload, &mut wrapped).expect("room");
    assert_eq!(wrapped_len, wrapped.len());
    let mut again = [head, &wrapped].concat();
    again[1] = 97;
    again[2..4].copy_from_slice(&[7, 7]);
    again[8..12].copy_from_slice(&[9; 4]);
    let again = Packet::parse(&again).expect("ours");
    let mut restored = vec![0; original.len()];
    let len = rtx::restore(&again, header.payload_type, header.ssrc, &mut restored).expect("room");
    // The marker is the retransmission's own.
    let mut expected = original;
    expected[1] &= 0x7f;
    assert_eq!(restored[..len], expected);
}
