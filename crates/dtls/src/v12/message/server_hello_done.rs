//! ServerHelloDone (RFC 5246 §7.4.5).

/// The server's flight is over. Empty.
pub(crate) struct ServerHelloDone;

impl ServerHelloDone {
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        body.is_empty().then_some(Self)
    }

    pub(crate) fn encode() -> Vec<u8> {
        Vec::new()
    }
}
