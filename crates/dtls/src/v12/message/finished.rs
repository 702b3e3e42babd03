//! Finished (RFC 5246 §7.4.9).

use crate::wire::Reader;

/// The sender's digest of the whole handshake under the master secret.
pub(crate) struct Finished {
    pub(crate) verify_data: [u8; 12],
}

impl Finished {
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let verify_data = reader.array()?;
        reader.end()?;
        Some(Self { verify_data })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        self.verify_data.to_vec()
    }
}
