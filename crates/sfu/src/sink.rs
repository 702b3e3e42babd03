//! Where outgoing datagrams are written: straight into the socket's batch in a server, into a `Vec` in a test.

use tsubame_stun::ice::Path;
use tsubame_udp::Priority;

/// Takes datagrams, each written in place by its maker.
pub(crate) trait Sink {
    /// Reserves `max_len` octets towards `path.remote` from `path.local`, lets `write` fill them, and keeps as many as it says. `priority`: what
    /// matters least is lost first while the network takes no more.
    ///
    /// A `write` that returns `None` leaves no trace. Returns whether a datagram was taken; one that was not is lost, as on the network.
    fn datagram(
        &mut self,
        path: &Path,
        priority: Priority,
        max_len: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool;
}

/// Collects datagrams.
#[cfg(any(test, feature = "bench", tsubame_fuzzing))]
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// What was sent, in order.
    pub(crate) datagrams: Vec<(Path, Vec<u8>)>,
}

#[cfg(any(test, feature = "bench", tsubame_fuzzing))]
impl Sink for Collected {
    fn datagram(
        &mut self,
        path: &Path,
        _priority: Priority,
        max_len: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool {
        let mut datagram = vec![0; max_len];
        let Some(len) = write(&mut datagram) else { return false };
        datagram.truncate(len);
        self.datagrams.push((*path, datagram));
        true
    }
}

/// Writes datagrams one behind the other and begins again where the memory ends.
#[cfg(feature = "bench")]
pub(crate) struct Overwritten<'a> {
    pub(crate) arena: &'a mut [u8],
    pub(crate) at: usize,
    pub(crate) datagrams: usize,
}

#[cfg(feature = "bench")]
impl Sink for Overwritten<'_> {
    fn datagram(
        &mut self,
        _path: &Path,
        _priority: Priority,
        max_len: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool {
        if self.at + max_len > self.arena.len() {
            self.at = 0;
        }
        let Some(len) = self.arena.get_mut(self.at..self.at + max_len).and_then(write) else {
            return false;
        };
        self.at += len;
        self.datagrams += 1;
        true
    }
}
