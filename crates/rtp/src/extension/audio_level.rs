//! The audio level that the client measured (RFC 6464 §3).

/// What SDP calls it.
pub const URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// The level of one packet of audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// The sender thinks there is voice in it. Meaningless under `vad=off`.
    pub voice: bool,
    /// The level in -dBov, 0 (loudest) to 127 (silence).
    pub level: u8,
}

/// Reads one octet; a second one of zero is the padding some senders add in the two-byte form.
#[must_use]
pub const fn read(data: &[u8]) -> Option<AudioLevel> {
    match data {
        [octet] | [octet, 0] => {
            Some(AudioLevel { voice: *octet & 0x80 != 0, level: *octet & 0x7f })
        }
        _ => None,
    }
}

/// The element's data; a level above 127 is written as 127.
#[must_use]
pub const fn encode(level: AudioLevel) -> [u8; 1] {
    let octet = if level.level > 127 { 127 } else { level.level };
    [if level.voice { 0x80 | octet } else { octet }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_both_ways() {
        assert_eq!(read(&[0xb0]), Some(AudioLevel { voice: true, level: 48 }));
        assert_eq!(read(&[0x7f, 0]), Some(AudioLevel { voice: false, level: 127 }));
        for octet in 0..=255 {
            assert_eq!(encode(read(&[octet]).unwrap()), [octet]);
        }
        assert_eq!(encode(AudioLevel { voice: false, level: 200 }), [127]);
    }

    #[test]
    fn other_lengths_are_not_read() {
        for data in [&[][..], &[1, 1], &[1, 0, 0]] {
            assert_eq!(read(data), None);
        }
    }
}
