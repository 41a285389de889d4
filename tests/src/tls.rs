//! A TLS end before a server that has none: Python's, which is OpenSSL's.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use tempfile::TempDir;

use crate::process::Guarded;
use crate::{ports, wait};

/// Arguments: port, port behind it, certificate, key, protocol. Debian's Python: that of
/// mod_wsgi, so it is there.
const PROGRAM: &str = r#"
import asyncio, ssl, sys
port, behind, certificate, key, protocol = sys.argv[1:]

async def hand_on(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

async def connection(reader, writer):
    there, to = await asyncio.open_connection("127.0.0.1", int(behind))
    await asyncio.gather(hand_on(reader, to), hand_on(there, writer))

async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols([protocol])
    server = await asyncio.start_server(connection, "127.0.0.1", int(port), ssl=context)
    await server.serve_forever()

asyncio.run(main())
"#;

/// A running one; it stops when dropped.
pub struct Tls {
    _server: Guarded,
    folder: TempDir,
    port: u16,
}

impl Tls {
    /// For `localhost`, before the server of that loopback port; `protocol` is what it agrees
    /// to (ALPN). Its certificate is of an authority that nobody knows.
    pub fn before(behind: u16, protocol: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("wsgiprobe-tls-")
            .tempdir()?;
        certificate(folder.path())?;
        let port = ports::free()?;
        let path = |name: &str| folder.path().join(name);
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-I", "-c", PROGRAM, &port.to_string(), &behind.to_string()]);
        command.args([path("server.pem"), path("server.key")]);
        command.arg(protocol).stdin(Stdio::null());
        command.stderr(File::create(path("log"))?);
        let mut server = Guarded::spawn(&mut command)?;
        wait::until("the TLS end to listen", || {
            let said = || fs::read_to_string(path("log")).unwrap_or_default();
            ensure!(server.try_wait()?.is_none(), "it ended: {}", said());
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
        })?;
        Ok(Self {
            _server: server,
            folder,
            port,
        })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The file with its authority's certificate.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

/// `ca.pem`, and `server.pem` of it with `server.key`.
fn certificate(folder: &Path) -> Result<()> {
    let mut params = rcgen::CertificateParams::new([])?;
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate()?;
    let authority = params.self_signed(&key)?;
    fs::write(folder.join("ca.pem"), authority.pem())?;
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate()?;
    let params = rcgen::CertificateParams::new(["localhost".to_owned()])?;
    let server = params.signed_by(&key, &issuer)?;
    fs::write(folder.join("server.pem"), server.pem())?;
    fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(())
}
