//! Whole packets from master key to wire, as published or checked with libsrtp.

use serde_json::Value;
use tsubame_srtp::{Profile, Protector, UnprotectError, Unprotector};

use super::{hex, text, vectors};

/// A packet whose profile is ours.
pub(crate) struct Golden {
    pub(crate) id: String,
    pub(crate) profile: Profile,
    pub(crate) is_rtp: bool,
    pub(crate) plain: Vec<u8>,
    pub(crate) protected: Vec<u8>,
    /// Of RTP 48 bits, of SRTCP 31.
    pub(crate) index: u64,
    /// The E flag of SRTCP; RTP is always encrypted.
    pub(crate) is_encrypted: bool,
    /// The master key identifier, mostly empty.
    pub(crate) mki: Vec<u8>,
    /// What it needs that goes beyond RFC 3711, 6188 and 7714.
    pub(crate) extra: Option<Extra>,
    key: Vec<u8>,
    salt: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    /// RFC 6904: header extensions encrypted one by one.
    EncryptedExtensions,
    /// RFC 9335: CSRCs and the header extension encrypted with the payload.
    Cryptex,
}

impl Golden {
    fn parse(vector: &Value) -> Option<Self> {
        let is_rtp = text(vector, "kind") == "rtp";
        let number = |name: &str| vector[name].as_u64().unwrap();
        let index = if is_rtp {
            number("roc") << 16 | number("sequence_number")
        } else {
            number("srtcp_index")
        };
        let extensions = vector["encrypted_header_extension_ids"].as_array();
        let extra = if vector["cryptex"] == true {
            Some(Extra::Cryptex)
        } else {
            extensions.filter(|ids| !ids.is_empty()).map(|_| Extra::EncryptedExtensions)
        };
        Some(Self {
            id: text(vector, "id").to_owned(),
            profile: Profile::from_name(text(vector, "profile"))?,
            is_rtp,
            plain: hex(vector, "plaintext_packet"),
            protected: hex(vector, "protected_packet"),
            index,
            is_encrypted: is_rtp || vector["encryption_flag"] == true,
            mki: hex(vector, "mki"),
            extra,
            key: hex(vector, "master_key"),
            salt: hex(vector, "master_salt"),
        })
    }

    pub(crate) fn protector(&self) -> Protector {
        Protector::new(self.profile, &self.key, &self.salt).unwrap()
    }

    /// Expects the packet's MKI, and nothing has been received yet.
    pub(crate) fn unprotector(&self) -> Unprotector {
        let mut unprotector = Unprotector::new(self.profile, &self.key, &self.salt).unwrap();
        unprotector.expect_mki(self.mki.len().try_into().unwrap());
        unprotector
    }

    /// A receiver that has come to this packet's roll-over counter, by packets of the same sender.
    pub(crate) fn receiver(&self) -> Unprotector {
        let mut receiver = self.unprotector();
        let ssrc = self.ssrc();
        let mut sender = self.protector();
        let before = (0..self.index).step_by(30_000).take_while(|_| self.is_rtp);
        for index in before {
            let mut packet = super::protect(&mut sender, ssrc, index, b"before");
            self.insert_mki(&mut packet);
            receiver.unprotect_rtp(&mut packet).unwrap();
        }
        receiver
    }

    fn insert_mki(&self, packet: &mut Vec<u8>) {
        let is_before_tag = !self.profile.name().starts_with("AEAD");
        let at = packet.len() - if is_before_tag { self.profile.rtp_overhead() } else { 0 };
        packet.splice(at..at, self.mki.iter().copied());
    }

    pub(crate) fn ssrc(&self) -> u32 {
        let at = if self.is_rtp { 8 } else { 4 };
        u32::from_be_bytes(self.plain[at..at + 4].try_into().unwrap())
    }

    /// Opens octets that claim to be this packet; the plaintext.
    pub(crate) fn open(
        &self,
        receiver: &mut Unprotector,
        octets: &[u8],
    ) -> Result<Vec<u8>, UnprotectError> {
        let mut packet = octets.to_vec();
        let len = if self.is_rtp {
            receiver.unprotect_rtp(&mut packet)?.len
        } else {
            receiver.unprotect_rtcp(&mut packet)?
        };
        packet.truncate(len);
        Ok(packet)
    }

    /// Whether a receiver comes to the packet's roll-over counter in a test's time.
    pub(crate) fn is_reachable(&self) -> bool {
        self.index < 1 << 32
    }
}

/// Octets of the RTP header with CSRCs and extension.
pub(crate) fn header_len(packet: &[u8]) -> usize {
    let csrcs = 12 + 4 * usize::from(packet[0] & 0x0f);
    if packet[0] & 0x10 == 0 {
        return csrcs;
    }
    csrcs + 4 + 4 * usize::from(u16::from_be_bytes([packet[csrcs + 2], packet[csrcs + 3]]))
}

/// Every packet of the collection with a profile of ours.
pub(crate) fn golden() -> Vec<Golden> {
    let file = vectors("srtp_packets");
    file["packets"].as_array().unwrap().iter().filter_map(Golden::parse).collect()
}

/// Those that a Protector and an Unprotector handle.
pub(crate) fn ours() -> Vec<Golden> {
    golden().into_iter().filter(|packet| packet.extra.is_none()).collect()
}
