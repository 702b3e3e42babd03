//! A sequence of datagrams and pauses for a lite agent: nobody holds its password, so nothing may change.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use tsubame_stun::ice::{Credentials, LiteAgent, LiteConfig, Path};

fuzz_target!(|data: &[u8]| {
    let mut now = Instant::now();
    let credentials = Credentials::from_random([7; 24]);
    let mut agent = LiteAgent::new(now, credentials, LiteConfig::default());
    let mut out = [0; 1_500];
    let mut rest = data;
    while let [op, len, tail @ ..] = rest {
        let (datagram, tail) = tail.split_at(usize::from(*len).min(tail.len()));
        rest = tail;
        now += Duration::from_millis(u64::from(*op) * 20);
        let path = Path::udp(([10, 0, 0, 1], 1).into(), ([10, 0, 0, 2], u16::from(*op) + 1).into());
        agent.handle_timeout(now);
        agent.handle_datagram(now, path, datagram);
        assert!(agent.poll_transmit(&mut out).is_none(), "an answer to a stranger");
        assert!(agent.poll_event().is_none());
        assert!(!agent.is_verified(&path));
        let _ = agent.poll_timeout();
    }
});
