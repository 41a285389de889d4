//! Where it listens: `--prometheus`, `--web` and `--health` take the same.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

const FORMS: &str = "give PORT, HOST:PORT or [IPV6]:PORT, e.g. 8300, 0.0.0.0:8300 or [::1]:8300";

/// What is meant where no host is named: this one, which no other can reach.
const LOCAL: &str = "127.0.0.1";

/// A host, which may be a name, and a port. It shows itself as `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    host: String,
    port: u16,
}

impl Listen {
    /// The addresses that this means: of a name there may be several.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let addresses: Vec<_> = self.to_string().to_socket_addrs()?.collect();
        if addresses.is_empty() {
            return Err(io::Error::other("that name has no address"));
        }
        Ok(addresses)
    }
}

/// `8300`, `:8300`, `host:8300`, `[::1]:8300`.
impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        // Rust's own takes a sign as well.
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits).ok_or(FORMS)?;
        let bracketed = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let sound = match bracketed {
            Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
            None => host.bytes().all(plain),
        };
        if !sound {
            return Err(FORMS);
        }
        let host = if host.is_empty() { LOCAL } else { host }.to_owned();
        Ok(Self { host, port })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_host_it_is_this_one() {
        for (text, meant) in [
            ("8300", "127.0.0.1:8300"),
            (":8300", "127.0.0.1:8300"),
            ("0.0.0.0:8300", "0.0.0.0:8300"),
            ("localhost:0", "localhost:0"),
            ("web-1.example_net:8300", "web-1.example_net:8300"),
            ("[::1]:8300", "[::1]:8300"),
        ] {
            let listen: Listen = text.parse().unwrap();
            assert_eq!(listen.to_string(), meant);
        }
    }

    #[test]
    fn anything_else_is_told_what_to_give() {
        for text in [
            "",
            ":",
            "host",
            "host:",
            "host:web",
            "h:99999",
            "h:+1",
            "127.0.0.1",
            "::1:8300",
            "[::1]",
            "[host]:1",
            "http://x:8300",
            "a b:1",
        ] {
            assert_eq!(text.parse::<Listen>(), Err(FORMS), "{text}");
        }
    }

    #[test]
    fn a_name_has_addresses() {
        for text in ["1", "localhost:1", "[::1]:1"] {
            let listen: Listen = text.parse().unwrap();
            let addresses = listen.addresses().unwrap();
            assert!(addresses.iter().all(|address| address.ip().is_loopback()));
        }
        let nowhere: Listen = "nowhere.invalid:1".parse().unwrap();
        assert!(nowhere.addresses().is_err());
    }
}
