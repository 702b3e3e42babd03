//! A client that misbehaves: it holds a real client's keys, so what it writes is authentic.

use std::net::SocketAddr;

use tsubame_rtp::rtcp::{Full, Writer};
use tsubame_rtp::{Header, HeaderWriter};
use tsubame_srtp::{Protector, Unprotector};

pub(super) struct Forger {
    /// Where the client is.
    pub(super) address: SocketAddr,
    protector: Protector,
    unprotector: Unprotector,
}

impl Forger {
    /// Its RTCP speaks from this SSRC, so that it never meets the client's own indices.
    pub(super) const SSRC: u32 = 0x0bad_0bad;

    pub(super) fn new(address: SocketAddr, protector: Protector, unprotector: Unprotector) -> Self {
        Self { address, protector, unprotector }
    }

    /// An RTP packet under the index that its sequence number says, roll-over counter 0.
    pub(super) fn rtp(
        &mut self,
        header: &Header,
        extensions: &[(u8, &[u8])],
        payload: &[u8],
    ) -> Vec<u8> {
        let mut bytes = [0; 320];
        let mut writer = HeaderWriter::new(&mut bytes, header).unwrap();
        for (id, data) in extensions {
            writer.extension(*id, data).unwrap();
        }
        let len = writer.finish();
        self.raw_rtp(u64::from(header.sequence_number), &bytes[..len], payload)
    }

    /// Header and payload as they are.
    pub(super) fn raw_rtp(&mut self, index: u64, header: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; header.len() + payload.len() + 32];
        let len = self.protector.protect_rtp_into(index, header, payload, &mut out).unwrap();
        out.truncate(len);
        out
    }

    /// An RTCP compound of what `write` writes.
    pub(super) fn rtcp(
        &mut self,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Vec<u8> {
        let mut bytes = [0; 1_400];
        let mut writer = Writer::new(&mut bytes);
        write(&mut writer).unwrap();
        let len = writer.finish();
        self.raw_rtcp(&bytes[..len])
    }

    pub(super) fn raw_rtcp(&mut self, compound: &[u8]) -> Vec<u8> {
        let mut out = vec![0; compound.len() + 32];
        let len = self.protector.protect_rtcp_into(compound, &mut out).unwrap();
        out.truncate(len);
        out
    }

    /// Decrypts RTP that the server sent to the client.
    pub(super) fn open_rtp(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        if !tsubame_rtp::is_rtp_or_rtcp(datagram) || tsubame_rtp::is_rtcp(datagram) {
            return None;
        }
        let mut bytes = datagram.to_vec();
        let len = self.unprotector.unprotect_rtp(&mut bytes).ok()?.len;
        bytes.truncate(len);
        Some(bytes)
    }

    /// Decrypts RTCP that the server sent to the client.
    pub(super) fn open_rtcp(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        if !tsubame_rtp::is_rtp_or_rtcp(datagram) || !tsubame_rtp::is_rtcp(datagram) {
            return None;
        }
        let mut bytes = datagram.to_vec();
        let len = self.unprotector.unprotect_rtcp(&mut bytes).ok()?;
        bytes.truncate(len);
        Some(bytes)
    }
}
