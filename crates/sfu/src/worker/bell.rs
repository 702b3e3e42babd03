//! Waking another shard, unless it is awake: a wake-up is a system call, and costs more than sending a packet does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use mio::Waker;

/// One shard's bell: its own thread says when it sleeps, the others ring.
///
/// Who sleeps says so first and looks at its rings once more after that; who rings has put something there before it looks whether somebody
/// sleeps. Both looks are behind a fence, so that at least one of the two sees what the other did.
#[derive(Debug)]
pub(crate) struct Bell {
    waker: Arc<Waker>,
    asleep: AtomicBool,
}

impl Bell {
    pub(crate) fn new(waker: Arc<Waker>) -> Self {
        Self { waker, asleep: AtomicBool::new(false) }
    }

    /// The shard is about to wait. It has to look at its rings again after this.
    pub(crate) fn lie_down(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The shard is up, and will look at its rings.
    pub(crate) fn get_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// There is something new on a ring to the shard. Whether it had to be woken.
    pub(crate) fn ring(&self) -> bool {
        fence(Ordering::SeqCst);
        let asleep =
            self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed);
        if asleep {
            // A failure means that the shard's queue is gone, and the shard with it.
            let _ = self.waker.wake();
        }
        asleep
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use mio::{Events, Poll, Token};

    use super::*;

    #[test]
    fn only_who_sleeps_is_woken_and_once() {
        let mut poll = Poll::new().unwrap();
        let bell = Bell::new(Arc::new(Waker::new(poll.registry(), Token(7)).unwrap()));
        assert!(!bell.ring());
        bell.lie_down();
        assert!(bell.ring());
        assert!(!bell.ring());
        let mut events = Events::with_capacity(8);
        poll.poll(&mut events, None).unwrap();
        assert_eq!(events.iter().count(), 1);
        bell.lie_down();
        bell.get_up();
        assert!(!bell.ring());
    }

    /// Were one of the two fences missing this would hang, now and then.
    #[test]
    fn nothing_is_overslept() {
        const MESSAGES: usize = 20_000;
        let mut poll = Poll::new().unwrap();
        let bell = Arc::new(Bell::new(Arc::new(Waker::new(poll.registry(), Token(7)).unwrap())));
        let (mut sender, mut receiver) = rtrb::RingBuffer::new(16);
        let ringing = thread::spawn({
            let bell = Arc::clone(&bell);
            move || {
                for mut message in 0..MESSAGES {
                    while let Err(rtrb::PushError::Full(back)) = sender.push(message) {
                        message = back;
                        thread::yield_now();
                    }
                    bell.ring();
                }
            }
        });
        let mut events = Events::with_capacity(8);
        let mut received = 0;
        while received < MESSAGES {
            while receiver.pop().is_ok() {
                received += 1;
            }
            bell.lie_down();
            if receiver.is_empty() && received < MESSAGES {
                poll.poll(&mut events, None).unwrap();
            }
            bell.get_up();
        }
        ringing.join().unwrap();
    }
}
