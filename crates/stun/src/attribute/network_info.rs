//! `GOOG-NETWORK-INFO`, which Chromium puts into its checks (draft-thatcher-ice-network-cost).

use crate::bytes::u16_at;

/// Which of its networks the sender uses, and what that costs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkInfo {
    /// The sender's number for the network; changes when it changes networks.
    pub id: u16,
    /// 0 for a cable to 999 for the worst; libwebrtc says 10 for Wi-Fi, 900 for cellular.
    pub cost: u16,
}

impl NetworkInfo {
    /// Reads the value: two numbers of 16 bits.
    pub fn decode(value: &[u8]) -> Option<Self> {
        (value.len() == 4).then_some(())?;
        Some(Self { id: u16_at(value, 0)?, cost: u16_at(value, 2)? })
    }

    pub(crate) fn encode(self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.id.to_be_bytes(), self.cost.to_be_bytes());
        [a, b, c, d]
    }
}
