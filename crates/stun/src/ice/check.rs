//! A connectivity check as it is received: what both agents demand of a Binding request before they believe it.

use super::counters::{Counters, count};
use crate::attribute::AttributeType;
use crate::fingerprint::FingerprintError;
use crate::integrity::{IntegrityAlgorithm, IntegrityError, IntegrityKey};
use crate::message::Message;
use crate::method::{Class, Method};

/// The longest ufrag (RFC 8839 §5.4).
const MAX_UFRAG: usize = 256;

/// `USERNAME` of a Binding request: (the receiver's ufrag, the sender's ufrag). For demultiplexing only: nothing is
/// authenticated. `None` for anything that is not a well-formed Binding request with such a name.
pub fn peek_username(datagram: &[u8]) -> Option<(&str, &str)> {
    let message = Message::parse(datagram).ok()?;
    if message.class() != Class::Request || message.method() != Method::BINDING {
        return None;
    }
    split_username(message.username()?)
}

/// RFC 8445 §7.2.2: receiver's fragment, colon, sender's fragment. A fragment holds no colon.
pub(crate) fn split_username(username: &str) -> Option<(&str, &str)> {
    let (receiver, sender) = username.split_once(':')?;
    let is_ufrag = |text: &str| !text.is_empty() && text.len() <= MAX_UFRAG && !text.contains(':');
    (is_ufrag(receiver) && is_ufrag(sender)).then_some((receiver, sender))
}

/// Framing, class and FINGERPRINT: what every datagram has to pass, request or response.
///
/// FINGERPRINT is demanded, not only checked: RFC 8445 §7.1 makes every sender include it.
pub(crate) fn parse<'a>(datagram: &'a [u8], counters: &mut Counters) -> Option<Message<'a>> {
    let Ok(message) = Message::parse(datagram) else {
        count(&mut counters.malformed);
        return None;
    };
    if message.method() != Method::BINDING || message.class() == Class::Indication {
        count(&mut counters.unexpected);
        return None;
    }
    match message.verify_fingerprint() {
        Ok(()) => Some(message),
        Err(FingerprintError::Missing) => {
            count(&mut counters.missing_fingerprint);
            None
        }
        Err(FingerprintError::Wrong) => {
            count(&mut counters.wrong_fingerprint);
            None
        }
    }
}

/// What agents read in a request, found in one walk over its attributes. Of each the first counts (RFC 8489 §14).
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    username: Option<&'a [u8]>,
    pub(crate) priority: Option<&'a [u8]>,
    pub(crate) controlled: Option<&'a [u8]>,
    pub(crate) controlling: Option<&'a [u8]>,
    pub(crate) use_candidate: bool,
    /// Whether there is an attribute that would have to be understood and is not.
    pub(crate) unknown: bool,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &Message<'a>) -> Self {
        let mut fields = Self::default();
        for attribute in message.ordinary() {
            let slot = match attribute.kind {
                AttributeType::USERNAME => &mut fields.username,
                AttributeType::PRIORITY => &mut fields.priority,
                AttributeType::ICE_CONTROLLED => &mut fields.controlled,
                AttributeType::ICE_CONTROLLING => &mut fields.controlling,
                AttributeType::USE_CANDIDATE => {
                    fields.use_candidate = true;
                    continue;
                }
                kind => {
                    fields.unknown |= kind.is_comprehension_required() && !kind.is_stun();
                    continue;
                }
            };
            *slot = slot.or(Some(attribute.value));
        }
        fields
    }

    /// The two fragments of the request's name.
    pub(crate) fn username(&self, counters: &mut Counters) -> Option<(&'a str, &'a str)> {
        let username = self.username.and_then(|name| std::str::from_utf8(name).ok());
        let fragments = username.and_then(split_username);
        if fragments.is_none() {
            count(&mut counters.bad_username);
        }
        fragments
    }
}

/// Message integrity, by the algorithm the sender chose.
pub(crate) fn authenticate(
    message: &Message<'_>,
    key: &IntegrityKey,
    counters: &mut Counters,
) -> Option<IntegrityAlgorithm> {
    match message.verify_integrity_with(key) {
        Ok(algorithm) => Some(algorithm),
        Err(IntegrityError::Missing) => {
            count(&mut counters.missing_integrity);
            None
        }
        Err(IntegrityError::Wrong) => {
            count(&mut counters.wrong_integrity);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_is_two_fragments_and_one_colon() {
        assert_eq!(split_username("abcd:efgh"), Some(("abcd", "efgh")));
        for bad in ["", ":", "abcd", "abcd:", ":efgh", "a:b:c"] {
            assert_eq!(split_username(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_fragment_has_at_most_256_characters() {
        let longest = format!("{}:{}", "a".repeat(256), "b".repeat(256));
        assert!(split_username(&longest).is_some());
        assert_eq!(split_username(&format!("{longest}b")), None);
    }
}
