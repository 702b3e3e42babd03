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
    pub(crate) reply: Sender<Result<String, String>>,
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
    let mut length = 0;
    for line in reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let (status, kind, body) = match request.split(' ').take(2).collect::<Vec<_>>().as_slice() {
        ["GET", "/"] => ("200 OK", "text/html", PAGE.to_owned()),
        ["POST", "/offer"] => {
            let mut sdp = String::new();
            reader.take(length).read_to_string(&mut sdp)?;
            let (reply, answer) = mpsc::channel();
            // The media loop lives as long as the process.
            let _ = offers.send(Offer { sdp, reply });
            match answer.recv() {
                Ok(Ok(answer)) => ("201 Created", "application/sdp", answer),
                Ok(Err(error)) => ("400 Bad Request", "text/plain", error),
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
