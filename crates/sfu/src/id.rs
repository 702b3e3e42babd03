//! Names of things: connections.

use std::fmt;
use std::str::FromStr;

/// The alphabet of Crockford's Base32: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The name of one client's connection: a version 4 UUID in Crockford's Base32, always 26 characters.
///
/// It stands in signaling messages and, as the stream id, in the `msid` of every section that carries this client's media to others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId([u8; Self::LEN]);

impl ConnectionId {
    /// Length in ASCII characters. Messaging headers rely on it.
    pub const LEN: usize = 26;

    /// Makes an id from 16 random octets; the version and variant bits of RFC 9562 §5.4 are set here.
    pub fn from_random(mut octets: [u8; 16]) -> Self {
        octets[6] = (octets[6] & 0x0f) | 0x40;
        octets[8] = (octets[8] & 0x3f) | 0x80;
        let value = u128::from_be_bytes(octets);
        let mut text = [0; Self::LEN];
        for (place, character) in text.iter_mut().rev().enumerate() {
            let digit = (value >> (5 * place)) & 0x1f;
            *character = ALPHABET[digit as usize];
        }
        Self(text)
    }

    /// The 26 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The UUID in the braces of the 2015 protocol generation: `{2996e293-7b4c-400b-b94b-1785c10af024}`.
    pub fn to_braced_uuid(&self) -> String {
        let mut value: u128 = 0;
        for character in self.0 {
            let digit = ALPHABET.iter().position(|candidate| *candidate == character);
            value = (value << 5) | digit.unwrap_or_default() as u128;
        }
        let hex = format!("{value:032x}");
        format!(
            "{{{}-{}-{}-{}-{}}}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        )
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not 26 characters of Crockford's Base32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidConnectionId;

impl fmt::Display for InvalidConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a connection id has 26 characters of Crockford's Base32")
    }
}

impl std::error::Error for InvalidConnectionId {}

impl FromStr for ConnectionId {
    type Err = InvalidConnectionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octets: [u8; Self::LEN] =
            text.as_bytes().try_into().map_err(|_| InvalidConnectionId)?;
        // 26 digits hold 130 bits: the first one carries only three of them.
        if octets[0] > b'7' || octets.iter().any(|octet| !ALPHABET.contains(octet)) {
            return Err(InvalidConnectionId);
        }
        Ok(Self(octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_26_characters_and_survives_its_text_form() {
        let id = ConnectionId::from_random([0xa5; 16]);
        assert_eq!(id.as_str().len(), 26);
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn an_id_is_a_version_4_uuid() {
        let id = ConnectionId::from_random([0xff; 16]);
        assert_eq!(id.to_braced_uuid(), "{ffffffff-ffff-4fff-bfff-ffffffffffff}");
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        for text in ["", "short", "0123456789ABCDEFGHJKMNPQRI", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ"] {
            assert_eq!(text.parse::<ConnectionId>(), Err(InvalidConnectionId), "{text}");
        }
    }
}
