//! `ERROR-CODE` (RFC 8489 §14.8).

/// Octets a reason may have when it is read.
const MAX_REASON: usize = 763;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode<'a> {
    /// 300 to 699.
    pub code: u16,
    /// For people; may be empty.
    pub reason: &'a str,
}

impl ErrorCode<'static> {
    /// Another server is to be asked: `ALTERNATE-SERVER` says which.
    pub const TRY_ALTERNATE: Self = Self { code: 300, reason: "Try Alternate" };
    /// The request was malformed.
    pub const BAD_REQUEST: Self = Self { code: 400, reason: "Bad Request" };
    /// The credentials were missing or wrong.
    pub const UNAUTHENTICATED: Self = Self { code: 401, reason: "Unauthenticated" };
    /// A comprehension-required attribute was not understood.
    pub const UNKNOWN_ATTRIBUTE: Self = Self { code: 420, reason: "Unknown Attribute" };
    /// The nonce is no longer valid.
    pub const STALE_NONCE: Self = Self { code: 438, reason: "Stale Nonce" };
    /// Both ICE agents claim one role (RFC 8445 §7.3.1.1).
    pub const ROLE_CONFLICT: Self = Self { code: 487, reason: "Role Conflict" };
    /// A temporary error of the server.
    pub const SERVER_ERROR: Self = Self { code: 500, reason: "Server Error" };
}

impl<'a> ErrorCode<'a> {
    /// Reads the value. `None` for a class outside 3 to 6, a number over 99, or a reason that is not UTF-8 or longer than
    /// the 763 octets of RFC 8489 §14.8.
    pub fn decode(value: &'a [u8]) -> Option<Self> {
        let (&[_, _, class, number], reason) = value.split_first_chunk::<4>()?;
        let class = class & 0x07; // The 21 bits before it are reserved and ignored.
        if !(3..=6).contains(&class) || number > 99 || reason.len() > MAX_REASON {
            return None;
        }
        let code = u16::from(class) * 100 + u16::from(number);
        Some(Self { code, reason: std::str::from_utf8(reason).ok()? })
    }

    /// The four octets before the reason; `None` when the code is not 300 to 699.
    pub(crate) fn head(self) -> Option<[u8; 4]> {
        if !(300..=699).contains(&self.code) {
            return None;
        }
        let class = u8::try_from(self.code / 100).ok()?;
        let number = u8::try_from(self.code % 100).ok()?;
        Some([0, 0, class, number])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_and_number_have_ranges() {
        assert_eq!(ErrorCode::decode(&[0, 0, 4, 87]).unwrap().code, 487);
        assert_eq!(ErrorCode::decode(&[0xff, 0xff, 0xfc, 0]).unwrap().code, 400);
        assert_eq!(ErrorCode::decode(&[0, 0, 2, 0]), None);
        assert_eq!(ErrorCode::decode(&[0, 0, 7, 0]), None);
        assert_eq!(ErrorCode::decode(&[0, 0, 4, 100]), None);
        assert_eq!(ErrorCode::decode(&[0, 0, 4, 0, 0xff]), None);
        assert_eq!(ErrorCode::decode(&[0, 0, 4]), None);
        let reason = |length| [vec![0, 0, 4, 0], vec![b'r'; length]].concat();
        assert!(ErrorCode::decode(&reason(763)).is_some());
        assert_eq!(ErrorCode::decode(&reason(764)), None);
        assert_eq!(ErrorCode { code: 299, reason: "" }.head(), None);
        assert_eq!(ErrorCode { code: 699, reason: "" }.head(), Some([0, 0, 6, 99]));
        assert_eq!(ErrorCode { code: 700, reason: "" }.head(), None);
    }
}
