//! A controlling agent that is fed anything while it checks.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use tsubame_stun::ice::{Candidate, ControllingAgent, ControllingConfig, Credentials, Path};

fuzz_target!(|data: &[u8]| {
    let mut now = Instant::now();
    let (local, remote) = (([10, 0, 0, 1], 1).into(), ([10, 0, 0, 2], 2).into());
    let config = ControllingConfig::default();
    let mut agent =
        ControllingAgent::new(now, Credentials::from_random([1; 24]), [2; 32], config);
    agent.add_local_candidate(now, local);
    agent.set_remote(now, Credentials::from_random([3; 24]), true);
    agent.add_remote_candidate(now, &Candidate::host(remote, u16::MAX));
    let mut out = [0; 1_500];
    let mut rest = data;
    while let [op, len, tail @ ..] = rest {
        let (datagram, tail) = tail.split_at(usize::from(*len).min(tail.len()));
        rest = tail;
        now += Duration::from_millis(u64::from(*op));
        agent.handle_timeout(now);
        agent.handle_datagram(now, Path::udp(local, remote), datagram);
        while agent.poll_transmit(&mut out).is_some() {}
        while agent.poll_event().is_some() {}
        assert!(agent.selected().is_none(), "selected without an authentic answer");
        let _ = agent.poll_timeout();
    }
});
