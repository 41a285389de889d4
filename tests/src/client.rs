//! An HTTP/1 client that decides how its bytes are cut.

mod response;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpStream};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::socket::{setsockopt, sockopt};

pub use self::response::Response;
use crate::ports::Connection;
use crate::wait;

/// A connection.
pub struct Client {
    stream: TcpStream,
    /// Received and not yet handed out.
    buffer: Vec<u8>,
}

/// The server closed the connection before it said anything of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection ended without an answer")]
pub struct Closed;

impl Client {
    /// Connects to the loopback port.
    pub fn connect(port: u16) -> Result<Self> {
        Self::connect_to(Ipv4Addr::LOCALHOST.into(), port)
    }

    /// Connects to that address.
    pub fn connect_to(address: IpAddr, port: u16) -> Result<Self> {
        let stream = TcpStream::connect((address, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(wait::patience()))?;
        stream.set_write_timeout(Some(wait::patience()))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// This end's port.
    pub fn port(&self) -> Result<u16> {
        Ok(self.stream.local_addr()?.port())
    }

    /// Sends bytes in one write.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(bytes.as_ref()).context("send")
    }

    /// Sends each piece once the server has read the one before, so that each is
    /// a read of its own there.
    pub fn send_pieces<T: AsRef<[u8]>>(
        &mut self,
        pieces: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        for piece in pieces {
            self.wait_until_read()?;
            self.send(piece)?;
        }
        Ok(())
    }

    /// Waits until the server has read all that was sent.
    pub fn wait_until_read(&self) -> Result<()> {
        self.connection()?.wait_until_read()
    }

    /// Its two ends, to ask the kernel for, also when this one is closed.
    pub fn connection(&self) -> Result<Connection> {
        Ok(Connection {
            server: self.stream.peer_addr()?,
            client: self.stream.local_addr()?,
        })
    }

    /// Receives the next final response; interim ones are passed over.
    pub fn receive(&mut self) -> Result<Response> {
        self.receive_for("GET")
    }

    /// As [`Self::receive`]; the method says whether there is a body.
    pub fn receive_for(&mut self, method: &str) -> Result<Response> {
        loop {
            let response = self.receive_any(method)?;
            if !response.is_interim() {
                return Ok(response);
            }
        }
    }

    /// Receives the next response, interim ones too.
    pub fn receive_any(&mut self, method: &str) -> Result<Response> {
        let mut ended = false;
        loop {
            if let Some((response, length)) = Response::parse(&self.buffer, method, ended)? {
                self.buffer.drain(..length);
                return Ok(response);
            }
            if ended && self.buffer.is_empty() {
                bail!(Closed);
            }
            ensure!(
                !ended,
                "the connection ended within a response: {:?}",
                self.text()
            );
            ended = self.fill()? == 0;
        }
    }

    /// Receives at least one byte more, without waiting for a whole response.
    pub fn receive_some(&mut self) -> Result<()> {
        ensure!(self.fill()? > 0, Closed);
        Ok(())
    }

    /// Receives all until the server closes.
    pub fn receive_to_end(&mut self) -> Result<Vec<u8>> {
        while self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.buffer))
    }

    fn fill(&mut self) -> Result<usize> {
        let mut chunk = [0; 8192];
        let count = match self.stream.read(&mut chunk) {
            // The server closed with bytes of ours unread: an end like another.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
            // A debugger or a freezer was at work.
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return self.fill(),
            other => other.with_context(|| format!("receive, after {:?}", self.text()))?,
        };
        self.buffer.extend_from_slice(&chunk[..count]);
        Ok(count)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.buffer)
            .chars()
            .take(400)
            .collect()
    }

    /// Sends a `GET` and receives the answer.
    pub fn get(&mut self, path: &str) -> Result<Response> {
        self.send(get(path))?;
        self.receive()
    }

    /// Sends a `POST` with that body and receives the answer.
    pub fn post(&mut self, path: &str, body: &[u8]) -> Result<Response> {
        self.send(post(path, body))?;
        self.receive()
    }

    /// Says that nothing more will be sent.
    pub fn half_close(&self) -> Result<()> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    /// Hangs up with a reset instead of a regular end.
    pub fn reset(self) -> Result<()> {
        let at_once = nix::libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        setsockopt(&self.stream, sockopt::Linger, &at_once)?;
        Ok(())
    }
}

/// The bytes of a plain `GET`.
#[must_use]
pub fn get(path: &str) -> String {
    request("GET", path)
}

/// The bytes of a request without a body.
#[must_use]
pub fn request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: wsgiprobe-tests\r\n\r\n")
}

/// The bytes of a `POST` with a `Content-Length`.
#[must_use]
pub fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// The bytes of a chunked `POST`.
#[must_use]
pub fn post_chunked(path: &str, pieces: &[&[u8]]) -> Vec<u8> {
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut bytes = head.into_bytes();
    for piece in pieces.iter().chain(&[&[][..]]) {
        bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// Fails unless the response has that status.
pub fn expect_status(response: &Response, status: u16) -> Result<()> {
    if response.status != status {
        bail!(
            "status {} instead of {status}: {:?}",
            response.status,
            response.text()
        );
    }
    Ok(())
}
