//! ServerKeyExchange for ECDHE (RFC 8422 §5.4).

use crate::v12::group::NamedGroup;
use crate::v12::key_schedule::Randoms;
use crate::v12::signature::SignatureScheme;
use crate::wire::{Reader, put_u16, with_length};

const NAMED_CURVE: u8 = 3;

/// The server's public value, signed.
pub(crate) struct ServerKeyExchange<'a> {
    pub(crate) group: u16,
    pub(crate) public: &'a [u8],
    /// The bytes that hold group and public value, as they were signed.
    pub(crate) params: ServerEcdhParams<'a>,
    pub(crate) scheme: u16,
    pub(crate) signature: &'a [u8],
}

impl<'a> ServerKeyExchange<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        (reader.u8()? == NAMED_CURVE).then_some(())?;
        let group = reader.u16()?;
        let public = reader.vec8()?;
        let params = ServerEcdhParams(body.get(..body.len().checked_sub(reader.rest().len())?)?);
        let scheme = reader.u16()?;
        let signature = reader.vec16()?;
        reader.end()?;
        Some(Self { group, public, params, scheme, signature })
    }
}

/// ServerECDHParams, encoded.
pub(crate) struct ServerEcdhParams<'a>(&'a [u8]);

impl<'a> ServerEcdhParams<'a> {
    /// Writes the parameters into `out`. A public value has at most 97 bytes.
    pub(crate) fn new(group: NamedGroup, public: &[u8], out: &'a mut Vec<u8>) -> Self {
        out.push(NAMED_CURVE);
        put_u16(out, group.id());
        with_length::<1>(out, |out| out.extend_from_slice(public));
        Self(out)
    }

    /// What the signature covers: both randoms and the parameters.
    pub(crate) fn signed_content(&self, randoms: &Randoms) -> Vec<u8> {
        [&randoms.client[..], &randoms.server[..], self.0].concat()
    }

    /// The whole message.
    pub(crate) fn encode_signed(&self, scheme: SignatureScheme, signature: &[u8]) -> Vec<u8> {
        let mut out = self.0.to_vec();
        put_u16(&mut out, scheme.id());
        with_length::<2>(&mut out, |out| out.extend_from_slice(signature));
        out
    }
}
