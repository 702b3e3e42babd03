//! Networks that lose, repeat, reorder and cut.

use std::time::Duration;

use tsubame_dtls::{Event, HandshakeType, Role};

use crate::support::{ALICE, BOB, Pair, START, Weather, config, records};

#[test]
fn a_thousand_handshakes_with_thirty_percent_loss_each_way() {
    let weather = Weather { loss: 30, ..Weather::default() };
    let mut times: Vec<Duration> = (0..1000)
        .map(|seed| {
            let mut pair = Pair::default_pair().weather(weather, seed);
            pair.connect();
            assert_eq!(pair.client_events, [Event::Connected], "seed {seed}");
            assert_eq!(pair.server_events, [Event::Connected], "seed {seed}");
            pair.connected_at.unwrap() - *START
        })
        .collect();
    times.sort_unstable();
    let (p50, p95, max) = (times[500], times[950], times[999]);
    println!("virtual time of 1,000 handshakes: p50 {p50:?}, p95 {p95:?}, longest {max:?}");
    assert!(p95 < Duration::from_secs(3), "{p95:?}");
}

/// A round trip longer than every timeout: both sides repeat themselves for nothing, and still agree soon.
#[test]
fn a_round_trip_longer_than_every_timeout() {
    let mut pair = Pair::default_pair();
    pair.delay = Duration::from_millis(1200);
    pair.connect();
    assert_eq!(pair.connected_at.unwrap() - *START, 4 * pair.delay);
    assert!(pair.client.counters().retransmitted_flights >= 2);
    // 4 datagrams are needed; what the timers add is bounded by them, and repetitions breed no repetitions.
    assert!(pair.sent.len() < 30, "{}", pair.sent.len());
}

#[test]
fn a_handshake_has_its_time_and_not_a_millisecond_more() {
    for (needed, connects) in [(14_996, true), (15_004, false)] {
        // The server knows after three delays, the client after four.
        let mut pair = Pair::default_pair();
        pair.delay = Duration::from_millis(needed) / 4;
        pair.run();
        assert!(pair.server.is_connected());
        assert_eq!(pair.client.is_connected(), connects, "{needed} ms");
    }
}

#[test]
fn loss_duplicates_and_reordering_of_small_fragments() {
    for seed in 0..150 {
        let mut client = config(&ALICE);
        client.mtu = 300;
        let mut server = config(&BOB);
        server.mtu = 200;
        server.hello_verify = seed % 2 == 0;
        let weather = Weather { loss: 10, duplicates: 20, late: 30 };
        let mut pair = Pair::new(client, server).weather(weather, seed);
        pair.connect();
        assert!(pair.sent.iter().all(|(from, datagram)| {
            datagram.len() <= if *from == Role::Client { 300 } else { 200 }
        }));
    }
}

#[test]
fn the_smallest_mtu() {
    let mut client = config(&ALICE);
    client.mtu = 0; // held at 64
    let mut server = config(&BOB);
    server.mtu = 64;
    let mut pair = Pair::new(client, server);
    pair.connect();
    assert!(pair.sent.iter().all(|(_, datagram)| datagram.len() <= 64));
    assert!(pair.sent.len() > 30);
}

#[test]
fn datagrams_of_a_flight_backwards() {
    // Each burst arrives in the opposite order: held here until the burst is over.
    let mut client = config(&ALICE);
    client.mtu = 200;
    let mut server = config(&BOB);
    server.mtu = 200;
    let mut pair =
        Pair::new(client, server).weather(Weather { late: 100, ..Weather::default() }, 7);
    pair.connect();
    assert!(pair.sent.len() > 10);
}

#[test]
fn everything_twice() {
    let mut pair =
        Pair::default_pair().weather(Weather { duplicates: 100, ..Weather::default() }, 0);
    pair.connect();
    let repeated =
        pair.server.counters().repeated_messages + pair.client.counters().repeated_messages;
    assert!(repeated >= 5, "{repeated}");
    // What arrives at once with its duplicate earns no retransmission: that is rate-limited.
    assert_eq!(pair.sent.len(), 4);
}

#[test]
fn each_single_datagram_lost() {
    for lost in 0..4 {
        let mut pair = Pair::default_pair()
            .tap(|_, number, bytes| if number == lost { vec![] } else { vec![bytes] });
        pair.connect();
        assert!(
            pair.now < *START + Duration::from_millis(700),
            "lost {lost}: {:?}",
            pair.now - *START
        );
    }
}

#[test]
fn a_lost_last_flight_is_answered_again() {
    // The server is connected after its first Finished; the client has it only after the third.
    let mut finished = 0;
    let mut pair = Pair::default_pair().tap(|from, _, bytes| {
        let is_last = from == Role::Server && records(&bytes).iter().any(|record| record.1 == 1);
        finished += usize::from(is_last);
        if is_last && finished < 3 { vec![] } else { vec![bytes] }
    });
    pair.connect();
    assert_eq!(pair.server.counters().retransmitted_flights, 2);
    drop(pair);
    assert_eq!(finished, 3);
}

#[test]
fn timeouts_double_up_to_their_limit() {
    let mut times = Vec::new();
    let mut pair = Pair::default_pair().tap(|_, _, _| vec![]);
    while pair.client_result.is_ok() {
        let mut out = [0; 2048];
        if pair.client.poll_transmit(&mut out).is_some() {
            times.push((pair.now - *START).as_millis());
        }
        pair.now = pair.client.poll_timeout().unwrap();
        pair.client_result = pair.client.handle_timeout(pair.now);
    }
    assert_eq!(times[..6], [0, 200, 600, 1400, 2400, 3400]);
    assert_eq!(pair.now - *START, Duration::from_secs(15));
}

#[test]
fn silence_ends_after_the_handshake_timeout() {
    let mut pair = Pair::default_pair().tap(|_, _, _| vec![]);
    pair.run();
    let timeout =
        |waiting_for| tsubame_dtls::Error::Timeout { waiting_for, unauthenticated_alert: None };
    assert_eq!(pair.client_result, Err(timeout(HandshakeType::SERVER_HELLO)));
    assert_eq!(pair.server_result, Err(timeout(HandshakeType::CLIENT_HELLO)));
    assert_eq!(pair.now - *START, Duration::from_secs(15));
    // The error stays, and there is nothing more to do.
    assert_eq!(pair.client.handle_datagram(pair.now, &mut [22]), pair.client_result);
    assert_eq!(pair.client.poll_timeout(), None);
}

#[test]
fn the_dead_send_nothing() {
    let mut pair = Pair::default_pair();
    let mut out = [0; 2048];
    let len = pair.client.poll_transmit(&mut out).unwrap();
    pair.server.handle_datagram(pair.now, &mut out[..len]).unwrap();
    // Its flight was never polled.
    let late = pair.now + Duration::from_secs(15);
    assert!(pair.server.handle_timeout(late).is_err());
    assert_eq!(pair.server.poll_transmit(&mut out), None);
}

#[test]
fn the_first_timeout_follows_the_round_trip() {
    let ms = Duration::from_millis;
    let mut pair = Pair::default_pair();
    let now = pair.now;
    let mut out = [0; 2048];
    // Before a flight, and after its launch.
    pair.server.set_initial_rto(ms(90));
    assert_eq!(pair.client.poll_timeout(), Some(now + ms(200)));
    pair.client.set_initial_rto(ms(70));
    assert_eq!(pair.client.poll_timeout(), Some(now + ms(70)));
    let len = pair.client.poll_transmit(&mut out).unwrap();
    pair.server.handle_datagram(now, &mut out[..len]).unwrap();
    assert_eq!(pair.server.poll_timeout(), Some(now + ms(90)));
    // What was sent again waits twice as long, also for a time that is learned later.
    pair.client.handle_timeout(now + ms(70)).unwrap();
    assert_eq!(pair.client.poll_timeout(), Some(now + ms(70 + 140)));
    pair.client.set_initial_rto(ms(300));
    assert_eq!(pair.client.poll_timeout(), Some(now + ms(70 + 600)));
    // Out of range.
    pair.server.set_initial_rto(ms(1));
    assert_eq!(pair.server.poll_timeout(), Some(now + ms(50)));
    pair.server.set_initial_rto(Duration::from_secs(9));
    assert_eq!(pair.server.poll_timeout(), Some(now + ms(400)));
}

#[test]
fn a_round_trip_of_ice_seeds_the_timer() {
    let ms = Duration::from_millis;
    // Three round trips, held between 50 and 400 ms.
    for (round_trip, timeout) in
        [(0, 50), (1, 50), (17, 51), (50, 150), (133, 399), (134, 400), (3000, 400)]
    {
        let mut pair = Pair::default_pair();
        pair.client.seed_round_trip(ms(round_trip));
        assert_eq!(pair.client.poll_timeout(), Some(pair.now + ms(timeout)), "{round_trip} ms");
    }
    let mut pair = Pair::default_pair();
    pair.client.seed_round_trip(Duration::MAX);
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + ms(400)));

    // It doubles from there up to its limit.
    let mut pair = Pair::default_pair();
    pair.client.seed_round_trip(ms(100));
    let mut due = pair.now;
    for step in [300, 600, 1000, 1000] {
        due += ms(step);
        assert_eq!(pair.client.poll_timeout(), Some(due));
        pair.client.handle_timeout(due).unwrap();
    }
}

#[test]
fn a_thousand_repeated_hellos_earn_few_flights() {
    let mut pair = Pair::default_pair();
    let mut out = [0; 2048];
    let len = pair.client.poll_transmit(&mut out).unwrap();
    let hello = out[..len].to_vec();
    let mut datagrams = 0;
    for step in 0..1000 {
        let now = pair.now + Duration::from_millis(step);
        pair.server.handle_datagram(now, &mut hello.clone()).unwrap();
        while pair.server.poll_transmit(&mut out).is_some() {
            datagrams += 1;
        }
    }
    // One, and one more each 50 ms.
    assert!((15..=20).contains(&datagrams), "{datagrams}");
}

#[test]
fn a_peer_that_has_begun_to_answer_does_not_get_the_flight_again() {
    let mut client = config(&ALICE);
    client.mtu = 400;
    let mut pair = Pair::new(client, config(&BOB));
    let mut out = [0; 2048];
    let len = pair.client.poll_transmit(&mut out).unwrap();
    let hello = out[..len].to_vec();
    pair.server.handle_datagram(pair.now, &mut hello.clone()).unwrap();
    while let Some(len) = pair.server.poll_transmit(&mut out) {
        pair.client.handle_datagram(pair.now, &mut out[..len]).unwrap();
    }
    // All of the client's flight but its Finished.
    let mut datagrams = Vec::new();
    while let Some(len) = pair.client.poll_transmit(&mut out) {
        datagrams.push(out[..len].to_vec());
    }
    datagrams.pop();
    assert!(!datagrams.is_empty());
    for datagram in &mut datagrams {
        pair.server.handle_datagram(pair.now, datagram).unwrap();
    }
    // An old hello that the network had kept back.
    let later = pair.now + Duration::from_millis(150);
    pair.server.handle_datagram(later, &mut hello.clone()).unwrap();
    assert_eq!(pair.server.counters().repeated_messages, 1);
    assert_eq!(pair.server.poll_transmit(&mut out), None);
}

#[test]
fn records_of_the_next_epoch_wait_for_their_keys() {
    // The datagram with the client's Finished overtakes the rest of its flight, and the server must not need it again.
    let mut client = config(&ALICE);
    client.mtu = 300;
    let mut held = Vec::new();
    let mut reordered = false;
    let mut pair = Pair::new(client, config(&BOB)).tap(|from, number, bytes| {
        if from == Role::Server || number == 0 {
            return vec![bytes];
        }
        let has_finished = records(&bytes).iter().any(|record| record.1 == 1);
        held.insert(0, bytes);
        if has_finished {
            reordered = held.len() > 1;
            std::mem::take(&mut held)
        } else {
            vec![]
        }
    });
    pair.connect();
    assert_eq!(pair.server.counters().retransmitted_flights, 0);
    assert_eq!(pair.client.counters().retransmitted_flights, 0);
    drop(pair);
    assert!(reordered);
}
