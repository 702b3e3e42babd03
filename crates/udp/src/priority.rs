//! What goes first when not everything can go.

use std::ops::AddAssign;

/// How much a datagram matters while the socket is full: the low ones are dropped first, the oldest of them first of all.
///
/// An SFU gives video `Low`, audio `Normal`, and what keeps a session alive (STUN, DTLS, RTCP) `High`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Dropped first.
    Low,
    /// Dropped when nothing low is left.
    #[default]
    Normal,
    /// Dropped last.
    High,
}

/// A number for each [`Priority`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByPriority {
    /// Of [`Priority::Low`].
    pub low: u64,
    /// Of [`Priority::Normal`].
    pub normal: u64,
    /// Of [`Priority::High`].
    pub high: u64,
}

impl ByPriority {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.low + self.normal + self.high
    }

    pub(crate) fn count(&mut self, priority: Priority, datagrams: usize) {
        let number = match priority {
            Priority::Low => &mut self.low,
            Priority::Normal => &mut self.normal,
            Priority::High => &mut self.high,
        };
        *number += datagrams as u64;
    }
}

impl AddAssign for ByPriority {
    fn add_assign(&mut self, other: Self) {
        self.low += other.low;
        self.normal += other.normal;
        self.high += other.high;
    }
}
