//! A client or a server alone with a stranger, who sends datagrams, records, and handshake fragments that overlap, contradict
//! each other and claim what they like.
//!
//! What has to hold: nobody is connected, nothing is exported, and what goes out stays in proportion to what came in.

use std::sync::Arc;
use std::time::Duration;

use tsubame_dtls::{Config, Connection, Role};

use crate::dtls::{self, CLIENT, HANDSHAKE, SERVER};
use crate::input::{Input, epoch};

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let options = input.u8();
    let role = if options & 1 == 0 { Role::Client } else { Role::Server };
    let config = if role == Role::Client { &CLIENT } else { &SERVER };
    let config = Config { hello_verify: options & 2 != 0, ..Config::clone(config) };
    let mut now = epoch();
    let mut connection = Connection::new(now, role, Arc::new(config), [5; 32]);
    let mut out = [0; 2_048];
    while let Some(operation) = input.operation() {
        let mut datagram = match operation % 8 {
            0 => input.long().to_vec(),
            1 => {
                let [kind, epoch, sequence] = input.array();
                dtls::record(kind, u16::from(epoch % 3), u64::from(sequence), input.long())
            }
            2..=5 => {
                // Several fragments in a row, in one record.
                let mut body = Vec::new();
                for _ in 0..=operation >> 6 {
                    let [kind, message_seq] = input.array();
                    let (length, offset) = (usize::from(input.u16()), usize::from(input.u16()));
                    let message_seq = u16::from(message_seq % 16);
                    let part = input.long();
                    body.extend(dtls::fragment(kind % 32, length, message_seq, offset, part));
                }
                dtls::record(HANDSHAKE, 0, u64::from(operation), &body)
            }
            6 => {
                now += input.step();
                if connection.handle_timeout(now).is_err() {
                    break;
                }
                let late = connection.poll_timeout().is_some_and(|at| at <= now);
                assert!(!late, "a timer that stands");
                Vec::new()
            }
            _ => {
                let rto = Duration::from_millis(u64::from(input.u8()));
                connection.set_initial_rto(rto);
                Vec::new()
            }
        };
        datagram.truncate(2_048);
        let result = connection.handle_datagram(now, &mut datagram);
        let mut sent = 0;
        while let Some(len) = connection.poll_transmit(&mut out) {
            assert!(len <= 1_200);
            sent += 1;
        }
        assert!(sent <= 16, "{sent} datagrams at once");
        assert!(connection.poll_event().is_none(), "an event that a stranger caused");
        assert!(!connection.is_connected(), "connected without a peer");
        assert!(connection.export_keying_material(b"label", None, &mut [0; 16]).is_err());
        assert!(connection.send(b"data").is_err());
        if let Err(error) = result {
            let again = connection.handle_datagram(now, &mut [0; 16]);
            assert_eq!(again, Err(error), "dead, but for another reason");
            break;
        }
    }
}
