//! ClientHello (RFC 6347 §4.2.1).

use super::extension as ext;
use super::extension::UseSrtp;
use crate::srtp::SrtpProfile;
use crate::v12::group::NamedGroup;
use crate::v12::record::DTLS_1_2;
use crate::v12::signature::SignatureScheme;
use crate::v12::suite::CipherSuite;
use crate::wire::{Reader, code_points, put_u16, with_length};

/// TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 §3.3).
const RENEGOTIATION_SCSV: u16 = 0x00ff;

/// What a client offers. Code points that are unknown, GREASE (RFC 8701) and extensions of DTLS 1.3 among them, are
/// left out: lists hold what this crate can do, in the client's order.
pub(crate) struct ClientHello<'a> {
    pub(crate) legacy_version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: &'a [u8],
    /// The content of session_ticket; `None` without the extension.
    pub(crate) ticket: Option<&'a [u8]>,
    pub(crate) cookie: &'a [u8],
    /// Everything before and after the cookie: what the cookie is bound to.
    pub(crate) around_cookie: (&'a [u8], &'a [u8]),
    pub(crate) suites: Vec<CipherSuite>,
    pub(crate) null_compression: bool,
    pub(crate) secure_renegotiation: bool,
    pub(crate) extended_master_secret: bool,
    /// Whether supported_versions holds DTLS 1.2; `None` without that extension.
    pub(crate) supports_1_2: Option<bool>,
    /// `None` without the extension.
    pub(crate) groups: Option<Vec<NamedGroup>>,
    /// Whether uncompressed points are offered; `None` without the extension.
    pub(crate) uncompressed_points: Option<bool>,
    /// `None` without the extension.
    pub(crate) schemes: Option<Vec<SignatureScheme>>,
    pub(crate) use_srtp: Option<UseSrtp>,
}

impl<'a> ClientHello<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let legacy_version = reader.u16()?;
        let random = reader.array()?;
        let session_id = reader.vec8()?;
        if session_id.len() > 32 {
            return None;
        }
        let before = body.get(..body.len().checked_sub(reader.rest().len())?)?;
        let cookie = reader.vec8()?;
        let after = reader.rest();
        let suite_ids = code_points(reader.vec16()?)?;
        let null_compression = reader.vec8()?.contains(&0);
        let extensions = ext::read_extensions(&mut reader)?;
        reader.end()?;

        let mut hello = Self {
            legacy_version,
            random,
            session_id,
            ticket: None,
            cookie,
            around_cookie: (before, after),
            suites: suite_ids.clone().filter_map(CipherSuite::from_id).collect(),
            null_compression,
            secure_renegotiation: suite_ids.clone().any(|id| id == RENEGOTIATION_SCSV),
            extended_master_secret: false,
            supports_1_2: None,
            groups: None,
            uncompressed_points: None,
            schemes: None,
            use_srtp: None,
        };
        for (kind, content) in extensions {
            hello.read_extension(kind, content)?;
        }
        Some(hello)
    }

    fn read_extension(&mut self, kind: u16, content: &'a [u8]) -> Option<()> {
        match kind {
            ext::SUPPORTED_GROUPS => {
                let groups = ext::read_code_points(content)?;
                self.groups = Some(groups.filter_map(NamedGroup::from_id).collect());
            }
            ext::EC_POINT_FORMATS => {
                self.uncompressed_points = Some(ext::has_uncompressed_points(content)?);
            }
            ext::SIGNATURE_ALGORITHMS => {
                let schemes = ext::read_code_points(content)?;
                self.schemes = Some(schemes.filter_map(SignatureScheme::from_id).collect());
            }
            ext::USE_SRTP => self.use_srtp = Some(UseSrtp::read(content)?),
            ext::SESSION_TICKET => self.ticket = Some(content),
            // RFC 7627 §5.1: empty.
            ext::EXTENDED_MASTER_SECRET => {
                content.is_empty().then_some(())?;
                self.extended_master_secret = true;
            }
            // RFC 5746 §3.6: an initial handshake has an empty value.
            ext::RENEGOTIATION_INFO => {
                (content == [0]).then_some(())?;
                self.secure_renegotiation = true;
            }
            // RFC 8446 §4.2.1; the list's length stands in one byte.
            ext::SUPPORTED_VERSIONS => {
                let mut reader = Reader::new(content);
                let mut versions = code_points(reader.vec8()?)?;
                reader.end()?;
                self.supports_1_2 = Some(versions.any(|version| version == DTLS_1_2));
            }
            _ => (),
        }
        Some(())
    }
}

/// What our client offers.
pub(crate) struct ClientOffer<'a> {
    pub(crate) random: [u8; 32],
    /// Of the session to resume, empty without one.
    pub(crate) session_id: &'a [u8],
    /// A ticket, an empty one to ask for one, or none.
    pub(crate) ticket: Option<&'a [u8]>,
    pub(crate) cookie: &'a [u8],
    pub(crate) suites: &'a [CipherSuite],
    pub(crate) groups: &'a [NamedGroup],
    pub(crate) srtp_profiles: &'a [SrtpProfile],
}

impl ClientOffer<'_> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        put_u16(&mut out, DTLS_1_2);
        out.extend_from_slice(&self.random);
        with_length::<1>(&mut out, |out| out.extend_from_slice(self.session_id));
        with_length::<1>(&mut out, |out| out.extend_from_slice(self.cookie));
        ext::put_code_points(&mut out, self.suites.iter().map(|suite| suite.id()));
        out.extend_from_slice(&[1, 0]); // the null compression method
        with_length::<2>(&mut out, |out| {
            ext::put_extension(out, ext::EXTENDED_MASTER_SECRET, |_| ());
            ext::put_empty_renegotiation_info(out);
            ext::put_extension(out, ext::SUPPORTED_GROUPS, |out| {
                ext::put_code_points(out, self.groups.iter().map(|group| group.id()));
            });
            ext::put_uncompressed_points(out);
            ext::put_extension(out, ext::SIGNATURE_ALGORITHMS, |out| {
                ext::put_code_points(out, SignatureScheme::ALL.map(SignatureScheme::id));
            });
            if let Some(ticket) = self.ticket {
                ext::put_session_ticket(out, ticket);
            }
            if !self.srtp_profiles.is_empty() {
                UseSrtp::put(out, self.srtp_profiles);
            }
        });
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Vec<u8> {
        ClientOffer {
            random: [7; 32],
            session_id: b"session",
            ticket: Some(b"ticket"),
            cookie: b"cookie",
            suites: &CipherSuite::ALL,
            groups: &NamedGroup::ALL,
            srtp_profiles: &SrtpProfile::ALL,
        }
        .encode()
    }

    #[test]
    fn our_offer_is_read_back() {
        let bytes = offer();
        let hello = ClientHello::read(&bytes).unwrap();
        assert_eq!(hello.legacy_version, DTLS_1_2);
        assert_eq!(hello.random, [7; 32]);
        assert_eq!(hello.cookie, b"cookie");
        assert_eq!((hello.session_id, hello.ticket), (&b"session"[..], Some(&b"ticket"[..])));
        assert_eq!(hello.suites, CipherSuite::ALL);
        assert!(hello.null_compression && hello.secure_renegotiation);
        assert!(hello.extended_master_secret);
        assert_eq!(hello.supports_1_2, None);
        assert_eq!(hello.groups.unwrap(), NamedGroup::ALL);
        assert_eq!(hello.uncompressed_points, Some(true));
        assert_eq!(hello.schemes.unwrap(), SignatureScheme::ALL);
        assert_eq!(hello.use_srtp.unwrap().profiles, SrtpProfile::ALL.map(SrtpProfile::id));
        let (before, after) = hello.around_cookie;
        assert_eq!([before, &[6], b"cookie", after].concat(), bytes);
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = offer();
        // Without any extensions a hello is whole too: that is the one prefix that parses.
        let bare = 2 + 32 + 8 + 7 + 2 + 2 * CipherSuite::ALL.len() + 2;
        for len in (0..bytes.len()).filter(|len| *len != bare) {
            assert!(ClientHello::read(&bytes[..len]).is_none(), "{len}");
        }
        assert!(ClientHello::read(&bytes[..bare]).unwrap().groups.is_none());
    }

    #[test]
    fn repeated_extensions_are_refused() {
        let mut bytes = vec![0xfe, 0xfd];
        bytes.extend_from_slice(&[0; 32]);
        bytes.extend_from_slice(&[0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
        let twice = [0, 8, 0, 23, 0, 0, 0, 23, 0, 0];
        let once = [0, 4, 0, 23, 0, 0];
        assert!(ClientHello::read(&[&bytes[..], &twice].concat()).is_none());
        assert!(ClientHello::read(&[&bytes[..], &once].concat()).is_some());
    }
}
