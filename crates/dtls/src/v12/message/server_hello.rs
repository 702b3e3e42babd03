//! ServerHello (RFC 5246 §7.4.1.3).

use super::extension as ext;
use super::extension::UseSrtp;
use crate::srtp::SrtpProfile;
use crate::v12::record::DTLS_1_2;
use crate::v12::suite::CipherSuite;
use crate::wire::{Reader, put_u16, with_length};

/// What a server chose, as it came.
pub(crate) struct ServerHello<'a> {
    pub(crate) version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: &'a [u8],
    /// A NewSessionTicket will come.
    pub(crate) promises_ticket: bool,
    pub(crate) suite: u16,
    pub(crate) compression: u8,
    pub(crate) extended_master_secret: bool,
    pub(crate) uncompressed_points: Option<bool>,
    pub(crate) use_srtp: Option<UseSrtp>,
    /// An extension that no ClientHello of ours offers.
    pub(crate) unsolicited: Option<u16>,
    /// The content of renegotiation_info.
    pub(crate) renegotiation_info: Option<&'a [u8]>,
}

impl<'a> ServerHello<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let version = reader.u16()?;
        let random = reader.array()?;
        let session_id = reader.vec8()?;
        if session_id.len() > 32 {
            return None;
        }
        let suite = reader.u16()?;
        let compression = reader.u8()?;
        let extensions = ext::read_extensions(&mut reader)?;
        reader.end()?;

        let mut hello = Self {
            version,
            random,
            session_id,
            promises_ticket: false,
            suite,
            compression,
            extended_master_secret: false,
            uncompressed_points: None,
            use_srtp: None,
            unsolicited: None,
            renegotiation_info: None,
        };
        for (kind, content) in extensions {
            match kind {
                ext::EXTENDED_MASTER_SECRET => {
                    content.is_empty().then_some(())?;
                    hello.extended_master_secret = true;
                }
                ext::SESSION_TICKET => {
                    content.is_empty().then_some(())?;
                    hello.promises_ticket = true;
                }
                ext::RENEGOTIATION_INFO => hello.renegotiation_info = Some(content),
                ext::EC_POINT_FORMATS => {
                    hello.uncompressed_points = Some(ext::has_uncompressed_points(content)?);
                }
                ext::USE_SRTP => hello.use_srtp = Some(UseSrtp::read(content)?),
                // RFC 8422 §5.1: a server sends no supported_groups, but some do; it means nothing.
                ext::SUPPORTED_GROUPS => (),
                other => hello.unsolicited = Some(other),
            }
        }
        Some(hello)
    }
}

/// What our server answers.
pub(crate) struct ServerChoice<'a> {
    pub(crate) random: [u8; 32],
    /// The client's, where its session is resumed; otherwise empty.
    pub(crate) session_id: &'a [u8],
    pub(crate) promises_ticket: bool,
    pub(crate) suite: CipherSuite,
    pub(crate) extended_master_secret: bool,
    pub(crate) secure_renegotiation: bool,
    /// The client sent ec_point_formats.
    pub(crate) point_formats: bool,
    pub(crate) srtp_profile: Option<SrtpProfile>,
}

impl ServerChoice<'_> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        put_u16(&mut out, DTLS_1_2);
        out.extend_from_slice(&self.random);
        with_length::<1>(&mut out, |out| out.extend_from_slice(self.session_id));
        put_u16(&mut out, self.suite.id());
        out.push(0); // no compression
        with_length::<2>(&mut out, |out| {
            if self.extended_master_secret {
                ext::put_extension(out, ext::EXTENDED_MASTER_SECRET, |_| ());
            }
            if self.secure_renegotiation {
                ext::put_empty_renegotiation_info(out);
            }
            if self.point_formats {
                ext::put_uncompressed_points(out);
            }
            if self.promises_ticket {
                ext::put_session_ticket(out, &[]);
            }
            if let Some(profile) = self.srtp_profile {
                UseSrtp::put(out, &[profile]);
            }
        });
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_answer_is_read_back() {
        let bytes = ServerChoice {
            random: [9; 32],
            session_id: b"session",
            promises_ticket: true,
            suite: CipherSuite::EcdheRsaAes256GcmSha384,
            extended_master_secret: true,
            secure_renegotiation: true,
            point_formats: true,
            srtp_profile: Some(SrtpProfile::AeadAes128Gcm),
        }
        .encode();
        let hello = ServerHello::read(&bytes).unwrap();
        assert_eq!((hello.version, hello.suite, hello.compression), (DTLS_1_2, 0xc030, 0));
        assert_eq!(hello.random, [9; 32]);
        assert!(hello.extended_master_secret);
        assert_eq!(hello.uncompressed_points, Some(true));
        assert_eq!(hello.renegotiation_info, Some(&[0][..]));
        assert_eq!(hello.unsolicited, None);
        assert_eq!((hello.session_id, hello.promises_ticket), (&b"session"[..], true));
        assert_eq!(hello.use_srtp, Some(UseSrtp { profiles: vec![7], has_mki: false }));
        let bare = 2 + 32 + 8 + 2 + 1;
        for len in (0..bytes.len()).filter(|len| *len != bare) {
            assert!(ServerHello::read(&bytes[..len]).is_none(), "{len}");
        }
    }
}
