use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

const PAGE: &str = include_str!("page.html");
/// Octets of a request, more than any offer has.
const MAX_REQUEST: u64 = 128 * 1024;

/// An offer, and where its answer is waited for.
pub(crate) struct Offer {
    pub(crate) sdp: String,
    pub(crate) reply: Sender<Result<String, Refused>>,
}

/// Why there is no answer.
pub(crate) enum Refused {
    /// What is wrong with the offer.
    Offer(String),
    /// There are as many browsers as there may be.
    Full,
}

/// Answers for ever, with a thread for each connection. Offers are posted as with WHIP (RFC 9725).
pub(crate) fn serve(listener: &TcpListener, offers: &Sender<Offer>) {
    for stream in listener.incoming().flatten() {
        let offers = offers.clone();
        // Who hangs up has no use for an error.
        thread::spawn(move || respond(&stream, &offers));
    }
}

fn respond(mut stream: &TcpStream, offers: &Sender<Offer>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.take(MAX_REQUEST));
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let (mut length, mut content_type, mut origin, mut host) =
        (0, String::new(), None, String::new());
    for line in reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "content-type" => content_type = value.to_ascii_lowercase(),
            "origin" => origin = Some(value),
            "host" => host = value,
            _ => {}
        }
    }
    // A page of another site can make a browser post here. It says where the page is from; and the type, which a form cannot have, is one
    // that it asks for first, which nobody answers.
    let foreign = origin.is_some_and(|origin| origin != format!("http://{host}"));
    let is_sdp =
        content_type.split(';').next().is_some_and(|kind| kind.trim() == "application/sdp");
    let (status, kind, body) = match request.split(' ').take(2).collect::<Vec<_>>().as_slice() {
        ["GET", "/"] => ("200 OK", "text/html", PAGE.to_owned()),
        ["POST", "/offer"] if foreign => {
            ("403 Forbidden", "text/plain", "offers come from this page".to_owned())
        }
        ["POST", "/offer"] if !is_sdp => {
            ("415 Unsupported Media Type", "text/plain", "offers are application/sdp".to_owned())
        }
        ["POST", "/offer"] => {
            let mut sdp = String::new();
            reader.take(length).read_to_string(&mut sdp)?;
            let (reply, answer) = mpsc::channel();
            // The media loop lives as long as the process.
            let _ = offers.send(Offer { sdp, reply });
            match answer.recv() {
                Ok(Ok(answer)) => ("201 Created", "application/sdp", answer),
                Ok(Err(Refused::Offer(error))) => ("400 Bad Request", "text/plain", error),
                Ok(Err(Refused::Full)) => {
                    ("503 Service Unavailable", "text/plain", "too many browsers".to_owned())
                }
                Err(_) => ("503 Service Unavailable", "text/plain", String::new()),
            }
        }
        _ => ("404 Not Found", "text/plain", String::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
