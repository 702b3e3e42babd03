//! The connection with the runner: datagrams and commands over TCP, as `packet_adapter.go` defines them.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::flags::Flags;

/// What the runner sends.
pub(crate) enum Command {
    /// A datagram of the peer.
    Datagram(Vec<u8>),
    /// So much time passes in which nothing is received.
    Advance(Duration),
    /// The path carries datagrams of this size from now on.
    SetMtu(u32),
    /// The next timeout has to be due in this time; `None`: there must be none.
    ExpectTimeout(Option<Duration>),
    /// The first retransmission timeout changes.
    SetInitialTimeout(Duration),
}

pub(crate) struct Wire(TcpStream);

impl Wire {
    /// Connects and says which test this is.
    pub(crate) fn connect(flags: &Flags) -> io::Result<Self> {
        let address: SocketAddr = if flags.ipv6 {
            (Ipv6Addr::LOCALHOST, flags.port).into()
        } else {
            (Ipv4Addr::LOCALHOST, flags.port).into()
        };
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(&flags.shim_id.to_le_bytes())?;
        Ok(Self(stream))
    }

    pub(crate) fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let len = u32::try_from(datagram.len()).map_err(io::Error::other)?;
        self.0.write_all(&[b"P", &len.to_be_bytes()[..], datagram].concat())
    }

    /// The next command, or `None` at the end of the connection.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Command>> {
        let mut opcode = [0];
        match self.0.read_exact(&mut opcode) {
            Ok(()) => (),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        Ok(Some(match opcode {
            [b'P'] => {
                let len = usize::try_from(self.u32()?).map_err(io::Error::other)?;
                let mut datagram = vec![0; len];
                self.0.read_exact(&mut datagram)?;
                Command::Datagram(datagram)
            }
            [b'T'] => {
                let time = Duration::from_nanos(self.u64()?);
                // The acknowledgement stands before whatever the timeout has sent.
                self.0.write_all(b"t")?;
                Command::Advance(time)
            }
            [b'M'] => Command::SetMtu(self.u32()?),
            [b'E'] => {
                let nanoseconds = self.u64()?;
                let none = nanoseconds == u64::MAX;
                Command::ExpectTimeout((!none).then(|| Duration::from_nanos(nanoseconds)))
            }
            [b'U'] => Command::SetInitialTimeout(Duration::from_millis(u64::from(self.u32()?))),
            [other] => return Err(io::Error::other(format!("unknown opcode {other}"))),
        }))
    }

    /// Ends our side, then takes what the runner still has to say, so that its writes do not fail.
    pub(crate) fn close(mut self) -> io::Result<()> {
        let _ = self.0.shutdown(Shutdown::Write);
        let mut rest = [0; 4096];
        while matches!(self.0.read(&mut rest), Ok(len) if len > 0) {}
        Ok(())
    }

    fn u32(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.0.read_exact(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn u64(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.0.read_exact(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }
}
