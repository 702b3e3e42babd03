//! Time and number: each limit on both sides. Time is paused, so nothing here waits.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{connect, in_real_time, raw, start, start_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tsubame_signaling::{Config, Limits, TlsIdentity};

#[expect(clippy::disallowed_methods, reason = "a test that pauses the clock may read it")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_cut_off_after_5_s() {
    let server = start(Config::default()).await;
    let started = now();
    let mut stream = server.tcp().await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.expect("the server reads");
    let mut ended = Box::pin(async {
        let (mut reader, mut writer) = stream.split();
        let drip = async {
            while writer.write_all(b"a").await.is_ok() {
                sleep(Duration::from_millis(900)).await;
            }
        };
        let mut response = Vec::new();
        tokio::select! {
            _ = reader.read_to_end(&mut response) => {}
            () = drip => {}
        }
    });
    assert!(timeout(Duration::from_millis(4900), &mut ended).await.is_err());
    timeout(Duration::from_secs(2), &mut ended).await.expect("it ended");
    assert!(started.elapsed() < Duration::from_secs(7));
}

#[tokio::test]
async fn a_head_over_16_kib_is_431() {
    let server = start(Config::default()).await;
    let with = |bytes: usize| {
        let head = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: ";
        format!("{head}{}\r\n\r\n", "a".repeat(bytes - head.len() - 4))
    };
    let address = server.addresses.listen;
    let fits = raw(address, with(16 * 1024 - 1).as_bytes()).await;
    assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
    let over = raw(address, with(20 * 1024).as_bytes()).await;
    assert!(over.starts_with("HTTP/1.1 431"), "{over}");
}

#[tokio::test(start_paused = true)]
async fn the_first_message_has_10_s() {
    let server = start(Config::default()).await;
    let mut client = server.open().await;
    sleep(Duration::from_millis(9900)).await;
    client.send(connect()).await;
    assert_eq!(in_real_time(client.next()).await["type"], "offer");

    let mut client = server.open().await;
    // A ping is no first message.
    client.write(Message::Ping("hello".into())).await;
    let started = now();
    let (code, reason) = client.closed().await;
    assert_eq!(code, 4490);
    assert!(reason.starts_with("FIRST-MESSAGE-TIMEOUT"), "{reason}");
    assert!(started.elapsed() <= Duration::from_millis(10_100));
}

#[tokio::test(start_paused = true)]
async fn silence_for_60_s_ends_a_session_and_a_pong_does_not() {
    let server = start(Config::default()).await;
    // The SFU's own time limits run on the real clock: only signaling's pass here.
    let mut client = server.join().await;
    let started = now();
    let mut pings = 0;
    while pings < 22 {
        assert_eq!(client.next().await, json!({"type": "ping"}));
        pings += 1;
        if pings == 11 {
            assert_eq!(started.elapsed().as_secs(), 55);
            client.send(json!({"type": "pong"})).await;
        }
    }
    let (code, reason) = client.closed().await;
    assert_eq!(code, 4490);
    assert!(reason.starts_with("IDLE-TIMEOUT"), "{reason}");
    assert_eq!(started.elapsed().as_secs(), 115);
}

#[tokio::test(start_paused = true)]
async fn fifty_messages_a_second_and_no_more() {
    let server = start(Config::default()).await;
    let mut client = server.join().await;
    for _ in 0..49 {
        client.send(json!({"type": "pong"})).await;
    }
    sleep(Duration::from_secs(1)).await;
    for _ in 0..50 {
        client.send(json!({"type": "pong"})).await;
    }
    sleep(Duration::from_millis(1)).await;
    // One more, of whatever kind.
    client.write(Message::Ping("".into())).await;
    assert_eq!(client.closed().await, (4490, "TOO-MANY-MESSAGES".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_source_has_64_half_open_connections() {
    let server = start(Config::default()).await;
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(server.open().await);
    }
    // Turned away before a byte was read.
    let refused = raw(server.addresses.listen, b"").await;
    assert_eq!(refused, "");
    // One is let in: it is not half-open any more, so there is room for another.
    let first = held.first_mut().expect("a client");
    first.send(connect()).await;
    assert_eq!(in_real_time(first.next()).await["type"], "offer");
    server.join().await;
    // The others are all still there.
    for client in &mut held[1..] {
        client.send(json!({"type": "disconnect"})).await;
        assert_eq!(client.closed().await.0, 1000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_may_not_have_more_than_its_share_set_up() {
    assert_eq!(Limits::default().setting_up_per_source, 256);
    let server = start_with(|limits| limits.setting_up_per_source = 2).await;
    // Let in, and silent from then on: their offers went out.
    let mut first = server.join().await;
    let _second = server.join().await;
    let mut third = server.open().await;
    third.send(connect()).await;
    let (code, reason) = in_real_time(third.closed()).await;
    assert_eq!(code, 4490);
    assert!(reason.starts_with("SERVER-FULL: too many from your address"), "{reason}");
    // Whoever goes makes room.
    first.send(json!({"type": "disconnect"})).await;
    assert_eq!(first.closed().await.0, 1000);
    server.join().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_does_not_hold_a_place() {
    let server = start_with(|limits| limits.half_open_per_source = 1).await;
    let mut page = server.tcp().await;
    page.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the server reads");
    let mut head = [0; 12];
    page.read_exact(&mut head).await.expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200");
    let waiting = server.open().await;
    // The page's connection may not become a second half-open client by the back door.
    page.write_all(
        b"GET /signaling HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    .await
    .expect("the server reads");
    let mut rest = vec![0; 4096];
    let mut response = String::new();
    while !response.contains("HTTP/1.1 503") {
        let read = page.read(&mut rest).await.expect("an answer");
        assert!(read > 0, "no 503: {response}");
        response += &String::from_utf8_lossy(&rest[..read]);
    }
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn an_http_connection_lives_60_s() {
    let server = start(Config::default()).await;
    let mut stream = server.tcp().await;
    let started = now();
    let mut answers = 0;
    let mut buffer = vec![0; 4096];
    loop {
        let sent = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
        if sent.is_err() || stream.read(&mut buffer).await.unwrap_or(0) == 0 {
            break;
        }
        answers += 1;
        sleep(Duration::from_secs(4)).await;
    }
    assert_eq!(answers, 15);
    assert_eq!(started.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_tls_handshake_has_10_s() {
    let tls = TlsIdentity::self_signed(&[support::LOOPBACK]).expect("a certificate");
    let server = start(Config { tls: Some(tls), ..Config::default() }).await;
    let address = server.addresses.tls_listen.expect("on");
    let started = now();
    // A record header that promises more than ever comes.
    let response = raw(address, &[22, 3, 1, 2, 0]).await;
    assert_eq!(response, "");
    assert_eq!(started.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_client_is_pinged_every_5_s() {
    let server = start(Config::default()).await;
    let mut client = server.join().await;
    let started = now();
    for tick in 1..=5 {
        let ping: Value = client.next().await;
        assert_eq!(ping, json!({"type": "ping"}));
        assert_eq!(started.elapsed().as_secs(), tick * 5);
    }
}
