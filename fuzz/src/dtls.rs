//! What the DTLS targets share: who takes part, and records written by hand.

use std::sync::{Arc, LazyLock};

use tsubame_dtls::{Config, Identity};

/// Handshake messages by number (RFC 5246 §7.4).
pub const HANDSHAKE: u8 = 22;
/// Octets of a record's header.
pub const RECORD_HEADER: usize = 13;
/// Octets of a handshake fragment's header.
pub const FRAGMENT_HEADER: usize = 12;

static CLIENT_IDENTITY: LazyLock<Arc<Identity>> = LazyLock::new(identity);
static SERVER_IDENTITY: LazyLock<Arc<Identity>> = LazyLock::new(identity);

/// The client's default configuration.
pub static CLIENT: LazyLock<Arc<Config>> =
    LazyLock::new(|| Arc::new(Config::new(Arc::clone(&CLIENT_IDENTITY))));
/// The server's default configuration.
pub static SERVER: LazyLock<Arc<Config>> =
    LazyLock::new(|| Arc::new(Config::new(Arc::clone(&SERVER_IDENTITY))));

fn identity() -> Arc<Identity> {
    Arc::new(Identity::generate_ecdsa().expect("an identity"))
}

/// A record as it travels in the clear.
pub fn record(content_type: u8, epoch: u16, sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut record = vec![content_type, 0xfe, 0xfd];
    record.extend(epoch.to_be_bytes());
    record.extend(&sequence.to_be_bytes()[2..]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

/// A handshake fragment with whatever its header is to say.
pub fn fragment(kind: u8, length: usize, message_seq: u16, offset: usize, body: &[u8]) -> Vec<u8> {
    let mut fragment = vec![kind];
    fragment.extend(&(length as u32).to_be_bytes()[1..]);
    fragment.extend(message_seq.to_be_bytes());
    fragment.extend(&(offset as u32).to_be_bytes()[1..]);
    fragment.extend(&(body.len() as u32).to_be_bytes()[1..]);
    fragment.extend(body);
    fragment
}

/// A whole message in records of epoch 0, one in a datagram, of at most `size` octets of body each.
pub fn handshake_records(kind: u8, message_seq: u16, body: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut parts: Vec<_> = body.chunks(size).collect();
    if parts.is_empty() {
        parts.push(&[]);
    }
    let fragments = parts.into_iter().enumerate().map(|(index, part)| {
        let fragment = fragment(kind, body.len(), message_seq, index * size, part);
        record(HANDSHAKE, 0, 100 + index as u64, &fragment)
    });
    fragments.collect()
}
