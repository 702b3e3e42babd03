//! A WHEP endpoint of ours: whoever posts an offer to it gets a synthetic video.

#![allow(clippy::disallowed_methods, reason = "this is an edge, which reads the clock")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tsubame_client::Identity;
use tsubame_client::peer::{Peer, PeerConfig, VideoSettings};
use tsubame_rtp::NtpTime;

/// Serves until the process ends. The endpoint's URL.
pub(crate) fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/whep", listener.local_addr().expect("bound"));
    let identity = Arc::new(Identity::generate_ecdsa().expect("a certificate"));
    thread::spawn(move || {
        for (stream, number) in listener.incoming().flatten().zip(1..) {
            let identity = Arc::clone(&identity);
            thread::spawn(move || publish(stream, identity, number));
        }
    });
    url
}

/// Answers one request. An offer gets media from then on.
fn publish(mut stream: TcpStream, identity: Arc<Identity>, number: u8) -> io::Result<()> {
    let (method, offer) = request(&stream)?;
    if method != "POST" {
        return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    }
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(1)))?;
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut config = PeerConfig::new(identity, NtpTime::from_unix(since_epoch));
    config.video = Some(VideoSettings::default());
    config.receive = false;
    let mut peer = Peer::new(Instant::now(), config, [number; 32]);
    let candidate = peer.add_local_candidate(Instant::now(), socket.local_addr()?);
    let answer = peer.handle_offer(Instant::now(), &offer).map_err(io::Error::other)?;
    let answer = format!("{answer}a={candidate}\r\n");
    write!(
        stream,
        "HTTP/1.1 201 Created\r\ncontent-type: application/sdp\r\nlocation: /whep/{number}\r\ncontent-length: {}\r\n\r\n{answer}",
        answer.len()
    )?;
    drop(stream);
    move_media(&mut peer, &socket)
}

/// The method and the body.
fn request(stream: &TcpStream) -> io::Result<(String, String)> {
    let mut reader = BufReader::new(stream);
    let (mut method, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if method.is_empty() {
            method = line.split(' ').next().unwrap_or_default().to_owned();
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((method, String::from_utf8(body).map_err(io::Error::other)?))
}

/// Until the socket fails, or the process ends.
fn move_media(peer: &mut Peer, socket: &UdpSocket) -> io::Result<()> {
    let local = socket.local_addr()?;
    let mut datagram = [0; 1_500];
    loop {
        match socket.recv_from(&mut datagram) {
            Ok((len, from)) => {
                peer.handle_datagram(Instant::now(), local, from, &mut datagram[..len]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Viewers leave.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error),
        }
        if peer.poll_timeout().is_some_and(|at| at <= Instant::now()) {
            peer.handle_timeout(Instant::now());
        }
        while let Some(transmit) = peer.poll_transmit(&mut datagram) {
            let _ = socket.send_to(&datagram[..transmit.len], transmit.path.remote);
        }
        while peer.poll_event().is_some() {}
    }
}
