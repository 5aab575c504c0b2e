//! Messages over TCP: each with its length before it as 4 bytes, big-endian. Bounded in size, and
//! in time as a whole: a peer that sends a byte a minute does not keep us.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::domain::exchange::EXCHANGE_MESSAGE_MAX;
use crate::error::{Error, Kind, Result};
use crate::port::Channel;

/// How often a listener looks whether somebody came.
const LOOKING: Duration = Duration::from_millis(20);

/// Where somebody listens: a name or an address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(String);

/// A place where one peer at a time may come.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

/// A connection to one peer, until its deadline.
#[derive(Debug)]
pub struct TcpChannel {
    stream: TcpStream,
    peer: SocketAddr,
    deadline: Instant,
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Kind::Usage
                .because(format!("{text:?} is no place to listen or to connect to"))
                .advise("write it as HOST:PORT: localhost:7000, 127.0.0.1:7000, [::1]:7000")),
        }
    }
}

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Self {
        Self(address.to_string())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Listener {
    /// Listens. Port 0 takes a free one.
    ///
    /// # Errors
    /// [`Kind::File`] when the address is taken or not ours, or the name is unknown.
    pub fn bind(place: &Place) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Kind::File.because(format!("cannot listen on {place}")).caused_by(error).advise(
                "name an address of this machine and a port that nobody has; port 0 is a free one",
            )
        };
        let listener = TcpListener::bind(&place.0).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for a peer, who then has as long again for everything.
    ///
    /// # Errors
    /// [`Kind::File`] when nobody comes in time.
    pub fn accept(&self, patience: Duration) -> Result<TcpChannel> {
        let deadline = deadline(patience);
        loop {
            match self.listener.accept() {
                Ok((stream, peer)) => return TcpChannel::new(stream, peer, patience),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => {
                    return Err(Kind::File
                        .because(format!("cannot listen on {}", self.address))
                        .caused_by(error));
                }
            }
            if Instant::now() >= deadline {
                return Err(Kind::File
                    .because(format!("nobody came to {} within {patience:?}", self.address))
                    .advise("give the peer more time with --timeout"));
            }
            sleep(LOOKING);
        }
    }
}

impl TcpChannel {
    /// Connects to a listening peer, at the first address of its name where somebody listens.
    ///
    /// # Errors
    /// [`Kind::File`] when nobody listens there, or the name is unknown.
    pub fn connect(place: &Place, patience: Duration) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Kind::File
                .because(format!("cannot connect to {place}"))
                .caused_by(error)
                .advise("the peer has to run: keyway exchange listen")
        };
        let deadline = deadline(patience);
        let mut last = std::io::Error::from(ErrorKind::AddrNotAvailable);
        for peer in place.0.to_socket_addrs().map_err(failed)? {
            let left = deadline.saturating_duration_since(Instant::now());
            // No time at all would be a mistake of ours.
            match TcpStream::connect_timeout(&peer, left.max(LOOKING)) {
                Ok(stream) => return Self::new(stream, peer, patience),
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    fn new(stream: TcpStream, peer: SocketAddr, patience: Duration) -> Result<Self> {
        let channel = Self { stream, peer, deadline: deadline(patience) };
        // An accepted connection may have its listener's way of not waiting.
        channel.stream.set_nonblocking(false).map_err(|error| channel.failed(error))?;
        Ok(channel)
    }

    /// Lets the next read or write wait until the deadline, not longer.
    fn bound(&self) -> Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.failed(ErrorKind::TimedOut.into()));
        }
        self.stream
            .set_read_timeout(Some(left))
            .and_then(|()| self.stream.set_write_timeout(Some(left)))
            .map_err(|error| self.failed(error))
    }

    /// Reads until the buffer is full.
    fn fill(&mut self, mut rest: &mut [u8]) -> Result<()> {
        while !rest.is_empty() {
            self.bound()?;
            match self.stream.read(rest) {
                Ok(0) => return Err(self.failed(ErrorKind::UnexpectedEof.into())),
                Ok(count) => rest = &mut rest[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(())
    }

    fn failed(&self, error: std::io::Error) -> Error {
        let error = match error.kind() {
            // What a time-out of a socket is called differs.
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                Kind::File.because(format!("the peer {} takes too long", self.peer))
            }
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                Kind::File.because(format!("the peer {} has gone away", self.peer))
            }
            _ => Kind::File.because(format!("the connection to {}", self.peer)).caused_by(error),
        };
        error.advise("the peer's own message says why; then start the exchange again")
    }
}

impl Channel for TcpChannel {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        let length = u32::try_from(message.len())
            .ok()
            .filter(|_| message.len() <= EXCHANGE_MESSAGE_MAX)
            .ok_or_else(|| Kind::Internal.because("a message of more than 64 KiB"))?;
        let frame = [&length.to_be_bytes(), message].concat();
        let mut rest = &frame[..];
        while !rest.is_empty() {
            self.bound()?;
            match self.stream.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<u8>> {
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > EXCHANGE_MESSAGE_MAX {
            return Err(Kind::Malformed
                .because(format!("{} announces a message of {length} bytes", self.peer))
                .advise("that is no keyway, or not this version"));
        }
        let mut message = vec![0; length];
        self.fill(&mut message)?;
        Ok(message)
    }
}

fn deadline(patience: Duration) -> Instant {
    Instant::now() + patience
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn listener() -> Listener {
        Listener::bind(&"127.0.0.1:0".parse().expect("a place")).expect("bound")
    }

    fn place(of: &Listener) -> Place {
        of.address().into()
    }

    /// Runs a peer that is no `TcpChannel` against a channel.
    fn against(
        peer: impl FnOnce(TcpStream) + Send + 'static,
        patience: Duration,
    ) -> Result<Vec<u8>> {
        let listener = listener();
        let address = listener.address();
        let peer = thread::spawn(move || peer(TcpStream::connect(address).expect("connected")));
        let received = listener.accept(patience).expect("accepted").receive();
        peer.join().expect("the peer ends");
        received
    }

    #[test]
    fn messages_arrive_whole_and_in_order() {
        let listener = listener();
        let place = place(&listener);
        let peer = thread::spawn(move || {
            let mut channel = TcpChannel::connect(&place, PATIENCE).expect("connected");
            for message in [&b"first"[..], b"", &[7; EXCHANGE_MESSAGE_MAX]] {
                channel.send(message).expect("sent");
            }
            channel.receive().expect("answered")
        });
        let mut channel = listener.accept(PATIENCE).expect("accepted");
        assert_eq!(channel.receive().expect("received"), b"first");
        assert_eq!(channel.receive().expect("received"), b"");
        assert_eq!(channel.receive().expect("received"), [7; EXCHANGE_MESSAGE_MAX]);
        channel.send(b"answer").expect("sent");
        assert_eq!(peer.join().expect("ends"), b"answer");
    }

    #[test]
    fn a_place_has_a_name_or_an_address_and_a_port() {
        for text in ["localhost:0", "127.0.0.1:7000", "[::1]:7000"] {
            assert!(text.parse::<Place>().is_ok(), "{text}");
        }
        for text in ["localhost", ":7000", "localhost:", "localhost:65536", "127.0.0.1"] {
            let error = text.parse::<Place>().expect_err(text);
            assert!(error.advice().is_some_and(|advice| advice.contains("HOST:PORT")), "{error}");
        }
        let listener = Listener::bind(&"localhost:0".parse().expect("a place")).expect("bound");
        assert!(listener.address().ip().is_loopback());
    }

    #[test]
    fn a_message_that_is_announced_too_long_is_not_read() {
        let announced = |mut stream: TcpStream| {
            stream.write_all(&[0, 1, 0, 1]).expect("written");
        };
        let error = against(announced, PATIENCE).expect_err("refused");
        assert!(error.to_string().contains("65537 bytes"), "{error}");
    }

    #[test]
    fn a_peer_that_goes_away_or_waits_too_long_is_given_up() {
        let cut = |mut stream: TcpStream| stream.write_all(&[0, 0, 0, 9, 1]).expect("written");
        let error = against(cut, PATIENCE).expect_err("refused");
        assert!(error.to_string().contains("gone away"), "{error}");
        let silent = |mut stream: TcpStream| {
            // It ends when the other side gives up and closes.
            let _ = stream.read(&mut [0]);
        };
        let error = against(silent, Duration::from_millis(200)).expect_err("refused");
        assert!(error.to_string().contains("too long"), "{error}");
    }

    #[test]
    fn nobody_who_comes_and_nobody_who_listens_is_said() {
        let listener = listener();
        let error = listener.accept(Duration::from_millis(50)).expect_err("nobody");
        assert!(error.to_string().contains("nobody came"), "{error}");
        let place = place(&listener);
        drop(listener);
        let error = TcpChannel::connect(&place, PATIENCE).expect_err("nobody");
        assert!(error.advice().is_some_and(|advice| advice.contains("exchange listen")));
    }
}
