//! CertificateRequest (RFC 5246 §7.4.4).

use super::extension::put_code_points;
use crate::v12::signature::SignatureScheme;
use crate::wire::{Reader, code_points, put_u16, with_length};

const RSA_SIGN: u8 = 1;
const ECDSA_SIGN: u8 = 64;

/// What kinds of certificates and signatures a server takes.
pub(crate) struct CertificateRequest<'a> {
    certificate_types: &'a [u8],
    /// The schemes this crate knows, in the server's order.
    pub(crate) schemes: Vec<SignatureScheme>,
}

impl<'a> CertificateRequest<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let certificate_types = reader.vec8()?;
        let schemes = code_points(reader.vec16()?)?.filter_map(SignatureScheme::from_id).collect();
        let mut authorities = Reader::new(reader.vec16()?);
        reader.end()?;
        while !authorities.is_empty() {
            authorities.vec16()?;
        }
        Some(Self { certificate_types, schemes })
    }

    /// Whether a certificate with such a key is welcome.
    pub(crate) fn takes(&self, is_rsa: bool) -> bool {
        self.certificate_types.contains(if is_rsa { &RSA_SIGN } else { &ECDSA_SIGN })
    }
}

/// Our request: everything this crate verifies, from any authority.
pub(crate) fn encode() -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    with_length::<1>(&mut out, |out| out.extend_from_slice(&[ECDSA_SIGN, RSA_SIGN]));
    put_code_points(&mut out, SignatureScheme::ALL.map(SignatureScheme::id));
    put_u16(&mut out, 0);
    out
}
