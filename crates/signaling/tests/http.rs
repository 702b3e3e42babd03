//! The HTTP face: page, health, API, the end.

mod support;

use std::time::Duration;

use support::{request, start};
use tokio::io::AsyncReadExt;
use tsubame_signaling::{Addresses, Config, Listeners};

#[tokio::test]
async fn both_listeners_are_healthy() {
    let server = start(Config::default()).await;
    for address in [server.addresses.listen, server.addresses.api_listen] {
        let response = request(address, "GET", "/healthz", "").await;
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    }
}

#[tokio::test]
async fn the_page_and_all_it_names_are_served_under_a_policy() {
    let server = start(Config::default()).await;
    let address = server.addresses.listen;
    let page = request(address, "GET", "/?channel=a", "").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("content-type: text/html; charset=utf-8"));
    assert!(page.contains("content-security-policy: default-src 'self';"));
    assert!(page.contains("x-content-type-options: nosniff"));
    for (path, content_type) in [
        ("/style.css", "text/css"),
        ("/app.js", "text/javascript"),
        ("/favicon.svg", "image/svg+xml"),
    ] {
        let asset = request(address, "GET", path, "").await;
        assert!(asset.starts_with("HTTP/1.1 200"), "{path}: {asset}");
        assert!(asset.contains(&format!("content-type: {content_type}")), "{path}");
    }
    // Whatever a script imports or the page links to is embedded as well.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/page");
    for entry in std::fs::read_dir(folder).expect("the page's files") {
        let name = entry.expect("a file").file_name().into_string().expect("text");
        if name != "index.html" {
            let asset = request(address, "GET", &format!("/{name}"), "").await;
            assert!(asset.starts_with("HTTP/1.1 200"), "{name} is not served");
        }
    }
    assert!(request(address, "GET", "/other", "").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn signaling_wants_a_websocket() {
    let server = start(Config::default()).await;
    let response = request(server.addresses.listen, "GET", "/signaling", "").await;
    assert!(response.starts_with("HTTP/1.1 4"), "{response}");
}

#[tokio::test]
async fn the_api_refuses_what_it_does_not_know() {
    let server = start(Config::default()).await;
    let address = server.addresses.api_listen;
    for (headers, error_type) in [
        ("", "MISSING-X-SORA-TARGET"),
        ("x-sora-target: Sora_20151104.Dance\r\n", "UNKNOWN-X-SORA-TARGET"),
        ("x-sora-target: \u{e9}\r\n", "INVALID-X-SORA-TARGET"),
    ] {
        let response = request(address, "POST", "/", headers).await;
        assert!(response.starts_with("HTTP/1.1 400"), "{response}");
        assert!(response.contains("content-type: application/json"));
        assert!(response.contains(error_type), "{response}");
    }
    assert!(request(address, "GET", "/", "").await.starts_with("HTTP/1.1 405"));
    // Signaling and pages are not the API's business.
    assert!(request(address, "GET", "/signaling", "").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_port_that_is_taken_says_how_to_mend_it() {
    let server = start(Config::default()).await;
    let any = "127.0.0.1:0".parse().expect("an address");
    let taken = Addresses { listen: any, tls_listen: None, api_listen: server.addresses.listen };
    let error = Listeners::bind(taken).await.expect_err("taken");
    assert_eq!(
        error.to_string(),
        format!(
            "TCP {} is in use already: stop what listens there, or choose another port with --api-listen",
            server.addresses.listen
        )
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_is_told_to_everybody_and_does_not_wait_for_those_who_do_not_listen() {
    let server = start(Config::default()).await;
    let mut joined = server.join().await;
    let mut waiting = server.open().await;
    let mut idle = server.tcp().await;
    // A client that never reads its close frame.
    let deaf = server.join().await;
    let address = server.addresses.listen;
    let ended = tokio::spawn(server.signaling.shutdown());
    assert_eq!(joined.closed().await, (1001, "SHUTTING-DOWN".to_owned()));
    assert_eq!(waiting.closed().await, (1001, "SHUTTING-DOWN".to_owned()));
    let mut nothing = Vec::new();
    idle.read_to_end(&mut nothing).await.expect("a clean end");
    tokio::time::timeout(Duration::from_millis(2200), ended)
        .await
        .expect("within 2.2 s")
        .expect("it ends");
    drop(deaf);
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
