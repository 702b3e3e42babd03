//! A sequence of datagrams and pauses for a DTLS client or server.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use tsubame_dtls::{Config, Connection, Identity, Role};

static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(|| {
    Arc::new(Config::new(Arc::new(Identity::generate_ecdsa().expect("an identity"))))
});

fuzz_target!(|data: &[u8]| {
    let [side, data @ ..] = data else { return };
    let role = if side % 2 == 0 { Role::Client } else { Role::Server };
    let mut now = Instant::now();
    let mut connection = Connection::new(now, role, Arc::clone(&CONFIG), [5; 32]);
    let mut out = [0; 2_048];
    let mut datagram = [0; 1_500];
    let mut rest = data;
    while let [op, high, low, tail @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])) % datagram.len();
        let (bytes, tail) = tail.split_at(len.min(tail.len()));
        rest = tail;
        now += Duration::from_millis(u64::from(*op) * 10);
        if connection.handle_timeout(now).is_err() {
            return;
        }
        let datagram = &mut datagram[..bytes.len()];
        datagram.copy_from_slice(bytes);
        if connection.handle_datagram(now, datagram).is_err() {
            return;
        }
        while connection.poll_transmit(&mut out).is_some() {}
        while connection.poll_event().is_some() {}
        assert!(!connection.is_connected(), "connected without a peer");
        let _ = connection.poll_timeout();
    }
});
