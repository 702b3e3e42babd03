//! Tokens and the webhook.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::start;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tsubame_signaling::{AccessToken, Auth, Config, Webhook};

const TOKEN: &str = "a token of enough characters, 32 or more";

#[expect(clippy::disallowed_methods, reason = "a test that pauses the clock may read it")]
fn now() -> Instant {
    Instant::now()
}

fn today(token: Option<&str>) -> Value {
    let mut connect = support::connect();
    if let Some(token) = token {
        connect["metadata"] = json!({"access_token": token});
    }
    connect
}

fn of_2015(token: Option<&str>) -> Value {
    let mut connect = json!({"type": "connect", "role": "upstream", "channelId": "test"});
    if let Some(token) = token {
        connect["accessToken"] = token.into();
    }
    connect
}

fn failed(reason: &str) -> support::Closed {
    (4490, format!("AUTH-FAILED: {reason}"))
}

#[tokio::test]
async fn the_token_lets_both_generations_in() {
    let token = AccessToken::new(TOKEN.to_owned()).expect("long enough");
    let server = start(Config { auth: Auth::Token(token), ..Config::default() }).await;
    for generation in [today, of_2015] {
        let mut client = server.open().await;
        client.send(generation(Some(TOKEN))).await;
        assert_eq!(client.next().await["type"], "offer");
        let mut client = server.open().await;
        client.send(generation(Some("wrong"))).await;
        assert_eq!(client.closed().await, failed("the access token is wrong"));
        let mut client = server.open().await;
        client.send(generation(None)).await;
        assert_eq!(client.closed().await, failed("an access token is needed"));
    }
}

/// An application that gives every question the same answer; empty: none at all. What it was asked comes out of the channel.
async fn application(answer: &'static str) -> (Webhook, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind((support::LOOPBACK, 0)).await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    let (asked, questions) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut question = Vec::new();
            // Every question ends with the one brace of its JSON text.
            while question.last() != Some(&b'}') {
                let mut part = [0; 1024];
                let read = stream.read(&mut part).await.expect("a question");
                assert!(read > 0, "a question has an end");
                question.extend_from_slice(&part[..read]);
            }
            let _ = asked.send(String::from_utf8(question).expect("text"));
            match answer {
                "" => silent.push(stream),
                answer => stream.write_all(answer.as_bytes()).await.expect("it is read"),
            }
        }
    });
    let webhook = Webhook::new(&format!("http://{address}/auth?key=1")).expect("a URL");
    (webhook, questions)
}

async fn asked_with(webhook: Webhook) -> support::Running {
    start(Config { auth: Auth::Webhook(webhook), ..Config::default() }).await
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn the_application_is_asked_in_the_words_of_2015() {
    let (webhook, mut questions) = application(OK).await;
    let server = asked_with(webhook).await;
    for (connect, role) in [
        (of_2015(Some("secret")), "upstream"),
        (today(Some("secret")), "sendrecv"),
        (
            json!({"type": "connect", "role": "recvonly", "channel_id": "test",
                "metadata": {"access_token": "secret"}}),
            "downstream",
        ),
    ] {
        let mut client = server.open().await;
        client.send(connect).await;
        assert_eq!(client.next().await["type"], "offer");
        let question = questions.recv().await.expect("asked");
        let (head, body) = question.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("POST /auth?key=1 HTTP/1.1\r\n"), "{head}");
        assert!(head.to_ascii_lowercase().contains("\r\ncontent-type: application/json\r\n"));
        let body: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(
            body,
            json!({"role": role, "channelId": "test", "accessToken": "secret", "connected": 0})
        );
    }
}

#[tokio::test]
async fn anything_but_200_refuses() {
    for answer in [
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 Oops\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    ] {
        let (webhook, _questions) = application(answer).await;
        let server = asked_with(webhook).await;
        let mut client = server.open().await;
        client.send(today(None)).await;
        assert_eq!(client.closed().await, failed("the application refused"), "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_http_refuses() {
    for answer in ["SSH-2.0-OpenSSH\r\n\r\n", "\0\0\0\0"] {
        let (webhook, _questions) = application(answer).await;
        let server = asked_with(webhook).await;
        let mut client = server.open().await;
        client.send(today(None)).await;
        assert_eq!(client.closed().await, failed("the application could not be asked"));
    }
}

#[tokio::test]
async fn an_application_that_is_not_there_refuses() {
    let listener = TcpListener::bind((support::LOOPBACK, 0)).await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let server = asked_with(Webhook::new(&format!("http://{address}")).expect("a URL")).await;
    let mut client = server.open().await;
    client.send(today(None)).await;
    assert_eq!(client.closed().await, failed("the application could not be asked"));
}

#[tokio::test(start_paused = true)]
async fn silence_of_5_s_refuses_and_holds_up_nobody_else() {
    let (webhook, mut questions) = application("").await;
    let server = asked_with(webhook).await;
    let started = now();
    let mut first = server.open().await;
    let mut second = server.open().await;
    first.send(today(None)).await;
    second.send(today(None)).await;
    // Both are asked about before either is answered.
    questions.recv().await.expect("asked");
    questions.recv().await.expect("asked");
    assert_eq!(first.closed().await, failed("the application did not answer in time"));
    assert_eq!(second.closed().await, failed("the application did not answer in time"));
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(5) && took < Duration::from_millis(5100), "{took:?}");
}

#[test]
fn urls_that_cannot_be_asked_are_refused_at_start() {
    for url in ["", "nonsense", "/auth", "ftp://127.0.0.1/", "http://", "http://user:pw@127.0.0.1/"]
    {
        assert!(Webhook::new(url).is_err(), "{url}");
    }
    for url in ["http://127.0.0.1", "http://[::1]:8000/auth", "http://example.com/a?b=c"] {
        assert!(Webhook::new(url).is_ok(), "{url}");
    }
}
