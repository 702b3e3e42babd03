//! A run: consecutive datagrams of equal size, the last of which may be shorter, from one source
//! to one destination. It lies in one piece in the batch's arena.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use crate::gso::{MAX_RUN_BYTES, MAX_RUN_DATAGRAMS};
use crate::priority::Priority;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) source: Option<IpAddr>,
    pub(crate) destination: SocketAddr,
    pub(crate) priority: Priority,
    /// Where it begins in the arena.
    offset: usize,
    /// Bytes of each datagram but the last.
    segment: usize,
    /// Bytes of all of them.
    len: usize,
    /// How many there are; 1 and up.
    datagrams: usize,
}

impl Run {
    /// A run of one datagram.
    pub(crate) fn new(
        source: Option<IpAddr>,
        destination: SocketAddr,
        priority: Priority,
        offset: usize,
        len: usize,
    ) -> Self {
        Self { source, destination, priority, offset, segment: len, len, datagrams: 1 }
    }

    /// Whether a datagram of some length could still join.
    pub(crate) fn is_open_for(&self, source: Option<IpAddr>, destination: SocketAddr) -> bool {
        let last_is_full = self.len == self.segment * self.datagrams;
        self.destination == destination
            && self.source == source
            && last_is_full
            && self.datagrams < MAX_RUN_DATAGRAMS
            && self.len < MAX_RUN_BYTES
    }

    /// Appends a datagram of `len` bytes that lies right behind the run, unless the run must end.
    pub(crate) fn join(
        &mut self,
        source: Option<IpAddr>,
        destination: SocketAddr,
        priority: Priority,
        len: usize,
    ) -> bool {
        // An empty datagram cannot be a segment: the kernel would not see where it is.
        let fits = 0 < len && len <= self.segment && self.len + len <= MAX_RUN_BYTES;
        if !fits || self.priority != priority || !self.is_open_for(source, destination) {
            return false;
        }
        self.len += len;
        self.datagrams += 1;
        true
    }

    pub(crate) fn datagrams(&self) -> usize {
        self.datagrams
    }

    pub(crate) fn segment(&self) -> usize {
        self.segment
    }

    /// Leaves out the first `datagrams`, fewer than there are.
    pub(crate) fn skip(&mut self, datagrams: usize) {
        let skipped = self.range(0, datagrams).len();
        self.offset += skipped;
        self.len -= skipped;
        self.datagrams -= datagrams;
        // One that is left alone may be shorter than those before it.
        self.segment = self.segment.min(self.len);
    }

    /// Says where in the arena the run lies from now on.
    pub(crate) fn move_to(&mut self, offset: usize) {
        self.offset = offset;
    }

    /// Where in the arena the datagrams `from..to` are; an empty range holds nothing.
    pub(crate) fn range(&self, from: usize, to: usize) -> Range<usize> {
        let end = self.offset + self.len;
        let start_of = |datagram: usize| (self.offset + datagram * self.segment).min(end);
        start_of(from)..start_of(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination() -> SocketAddr {
        "192.0.2.1:1000".parse().unwrap()
    }

    fn run(sizes: &[usize]) -> (Run, Vec<bool>) {
        let mut run = Run::new(None, destination(), Priority::Low, 100, sizes[0]);
        let joined = sizes[1..]
            .iter()
            .map(|&len| run.join(None, destination(), Priority::Low, len))
            .collect();
        (run, joined)
    }

    #[test]
    fn equal_sizes_join() {
        let (run, joined) = run(&[1200; 5]);
        assert_eq!(joined, [true; 4]);
        assert_eq!(run.range(0, 5), 100..6100);
        assert_eq!(run.range(1, 2), 1300..2500);
    }

    #[test]
    fn a_shorter_one_is_the_last() {
        let (run, joined) = run(&[1200, 1200, 7, 7, 1200]);
        assert_eq!(joined, [true, true, false, false]);
        assert_eq!(run.datagrams(), 3);
        assert_eq!(run.range(2, 3), 2500..2507);
        assert_eq!(run.range(0, 3), 100..2507);
    }

    #[test]
    fn a_longer_one_does_not_join() {
        let (run, joined) = run(&[1200, 1201]);
        assert_eq!(joined, [false]);
        assert_eq!(run.datagrams(), 1);
    }

    #[test]
    fn empty_datagrams_stand_alone() {
        assert_eq!(run(&[0, 0]).1, [false]);
        assert_eq!(run(&[0, 5]).1, [false]);
        let (run, joined) = run(&[5, 0, 5]);
        assert_eq!(joined, [false, true]);
        assert_eq!(run.datagrams(), 2);
    }

    #[test]
    fn sixty_four_and_no_more() {
        let (run, joined) = run(&[10; 65]);
        assert_eq!(joined.iter().filter(|&&joined| joined).count(), 63);
        assert!(!joined[63]);
        assert_eq!(run.datagrams(), MAX_RUN_DATAGRAMS);
    }

    #[test]
    fn no_more_bytes_than_an_ip_packet_holds() {
        let half = MAX_RUN_BYTES / 2;
        assert_eq!(run(&[half, half]).1, [true]);
        assert_eq!(run(&[half, half, 1]).1, [true, true]);
        assert_eq!(run(&[half + 1, half + 1]).1, [false]);
    }

    #[test]
    fn another_source_destination_or_priority_does_not_join() {
        let mut run = Run::new(None, destination(), Priority::Low, 0, 10);
        assert!(!run.join(None, "192.0.2.1:1001".parse().unwrap(), Priority::Low, 10));
        assert!(!run.join(None, "192.0.2.2:1000".parse().unwrap(), Priority::Low, 10));
        assert!(!run.join(Some([192, 0, 2, 9].into()), destination(), Priority::Low, 10));
        assert!(!run.join(None, destination(), Priority::High, 10));
        assert!(run.join(None, destination(), Priority::Low, 10));
    }

    #[test]
    fn what_is_left_of_a_run_is_a_run() {
        let (mut run, _) = run(&[10, 10, 10, 4]);
        run.skip(2);
        assert_eq!((run.datagrams(), run.segment(), run.range(0, 2)), (2, 10, 120..134));
        assert_eq!(run.range(1, 2), 130..134);
        run.skip(1);
        assert_eq!((run.datagrams(), run.segment(), run.range(0, 1)), (1, 4, 130..134));
        run.move_to(0);
        assert_eq!(run.range(0, 1), 0..4);
    }
}
