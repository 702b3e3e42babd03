//! A few octets of padding that make the packets of a frame equally long.
//!
//! libwebrtc cuts a frame into packets that differ by an octet, the longer ones last, and the kernel sends packets as one run only as long as
//! none is longer than the first (and ends it with one that is shorter). So a frame would be two runs, and a run costs more than its packets do.
//! RTP padding (RFC 3550 §5.1) costs nothing but its octets; receivers take it off before they look at the payload.

/// Octets that a packet may be padded with: what libwebrtc's packets of one frame differ by, header extensions on the first or last of them
/// included, is nearly always less (docs/browsers.md).
const MAX_PADDING: u16 = 8;

/// Padding of so many octets: zeros, and then how many they are.
pub(super) fn padding(count: u8) -> &'static [u8] {
    /// All of them end with their own length.
    const PADDINGS: [&[u8]; MAX_PADDING as usize + 1] = [
        &[],
        &[1],
        &[0, 2],
        &[0, 0, 3],
        &[0, 0, 0, 4],
        &[0, 0, 0, 0, 5],
        &[0, 0, 0, 0, 0, 6],
        &[0, 0, 0, 0, 0, 0, 7],
        &[0, 0, 0, 0, 0, 0, 0, 8],
    ];
    PADDINGS.get(usize::from(count)).copied().unwrap_or_default()
}

/// How much padding makes as few runs as possible out of packets of these lengths, each at most [`MAX_PADDING`]; a length of zero is a packet
/// that is not sent.
///
/// Packets that follow each other and differ by no more than that become equally long. The last one of a run may be shorter, and stays so.
pub(super) fn even(lengths: &[u16], paddings: &mut Vec<u8>) {
    paddings.clear();
    let mut rest = lengths;
    while !rest.is_empty() {
        let (run, target) = run(rest);
        paddings.extend(rest[..run].iter().enumerate().map(|(place, len)| {
            let is_last = place + 1 == run;
            // What is not sent is not padded; of the last one only the octets would be lost.
            if *len == 0 || is_last { 0 } else { (target - len) as u8 }
        }));
        rest = &rest[run..];
    }
}

/// How many of the packets form the first run, and how long all but its last one have to be.
fn run(lengths: &[u16]) -> (usize, u16) {
    let (mut shortest, mut longest) = (u16::MAX, 0);
    for (place, len) in lengths.iter().copied().enumerate().filter(|(_, len)| *len > 0) {
        if longest > 0 && longest.max(len) - shortest.min(len) > MAX_PADDING {
            // One that is shorter still ends the run, one that is longer begins the next.
            return (place + usize::from(len < longest), longest);
        }
        (shortest, longest) = (shortest.min(len), longest.max(len));
    }
    (lengths.len(), longest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paddings(lengths: &[u16]) -> Vec<u8> {
        let mut paddings = Vec::new();
        even(lengths, &mut paddings);
        paddings
    }

    /// Runs as the kernel takes them: equally long, the last one may be shorter.
    fn runs(lengths: impl Iterator<Item = u16>) -> usize {
        let (mut runs, mut segment) = (0, None);
        for len in lengths.filter(|len| *len > 0) {
            if segment.is_none_or(|segment| len > segment) {
                (runs, segment) = (runs + 1, Some(len));
            }
            segment = segment.filter(|segment| len == *segment);
        }
        runs
    }

    #[test]
    fn packets_of_a_frame_that_differ_by_an_octet_become_one_run() {
        assert_eq!(paddings(&[1_100, 1_100, 1_101, 1_101]), [1, 1, 0, 0]);
        assert_eq!(paddings(&[1_100, 1_101, 1_100, 1_099]), [1, 0, 1, 0]);
    }

    #[test]
    fn a_shorter_last_packet_needs_no_padding() {
        assert_eq!(paddings(&[1_200, 1_200, 1_200, 30]), [0, 0, 0, 0]);
        assert_eq!(paddings(&[1_199, 1_200, 1_200, 30, 1_000]), [1, 0, 0, 0, 0]);
        assert_eq!(paddings(&[1_200, 1_199, 30, 1_000]), [0, 1, 0, 0]);
    }

    #[test]
    fn packets_that_differ_more_are_left_alone() {
        assert_eq!(paddings(&[1_000, 1_000 + MAX_PADDING + 1]), [0, 0]);
        assert_eq!(paddings(&[1_000, 1_000 + MAX_PADDING]), [MAX_PADDING as u8, 0]);
        assert_eq!(paddings(&[]), [0; 0]);
        assert_eq!(paddings(&[7]), [0]);
    }

    #[test]
    fn packets_that_are_not_sent_do_not_count() {
        assert_eq!(paddings(&[0, 1_100, 0, 1_101, 0]), [0, 1, 0, 0, 0]);
        assert_eq!(paddings(&[0, 0]), [0, 0]);
    }

    #[test]
    fn paddings_end_with_their_own_length() {
        for count in 0..=MAX_PADDING as u8 {
            let padding = padding(count);
            assert_eq!(padding.len(), usize::from(count));
            assert!(count == 0 || padding.last() == Some(&count));
        }
    }

    proptest! {
        #[test]
        fn never_more_runs_than_without_and_never_too_much_padding(
            lengths in prop::collection::vec(prop_oneof![Just(0), 1_u16..40], 0..20)
        ) {
            let paddings = paddings(&lengths);
            prop_assert_eq!(paddings.len(), lengths.len());
            let padded = lengths.iter().zip(&paddings).map(|(len, count)| len + u16::from(*count));
            prop_assert!(paddings.iter().all(|count| u16::from(*count) <= MAX_PADDING));
            prop_assert!(runs(padded) <= runs(lengths.iter().copied()));
            prop_assert!(lengths.iter().zip(&paddings).all(|(len, count)| *len > 0 || *count == 0));
        }
    }
}
