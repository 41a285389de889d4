//! A stand-in for an API server with TLS: of pods there are none, and a watch lasts five
//! seconds.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const LIST: &str =
    r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}"#;
const REFUSED: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;

/// The stand-in.
pub struct Server {
    pub url: String,
    /// Who vouches for it: PEM.
    pub authority: String,
    /// The `Authorization` of each request.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers whoever has that token.
    pub fn start(token: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let names = ["localhost".to_owned()];
        let own = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            // By name: that has to be looked up.
            url: format!(
                "https://localhost:{}",
                listener.local_addr().unwrap().port()
            ),
            authority: own.cert.pem(),
            asked: Arc::default(),
        };
        let expected = format!("Bearer {token}");
        let (config, asked) = (Arc::new(config), Arc::clone(&server.asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let stream = StreamOwned::new(connection, stream);
                let (asked, expected) = (Arc::clone(&asked), expected.clone());
                thread::spawn(move || serve(stream, &expected, &asked));
            }
        });
        server
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    stream: StreamOwned<ServerConnection, std::net::TcpStream>,
    expected: &str,
    asked: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut line, mut target, mut token) = (String::new(), String::new(), String::new());
        while stream.read_line(&mut line)? > 0 && line.trim() != "" {
            if target.is_empty() {
                target.clone_from(&line);
            } else if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("authorization")
            {
                value.trim().clone_into(&mut token);
            }
            line.clear();
        }
        if target.is_empty() {
            return Ok(());
        }
        asked.lock().unwrap().push(token.clone());
        let out = stream.get_mut();
        let (status, body) = if token == expected {
            ("200 OK", LIST)
        } else {
            ("401 Unauthorized", REFUSED)
        };
        if status == "200 OK" && target.contains("watch=true") {
            out.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            out.flush()?;
            thread::sleep(Duration::from_secs(5));
            out.write_all(b"0\r\n\r\n")?;
            out.flush()?;
            continue;
        }
        let length = body.len();
        write!(
            out,
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        out.flush()?;
    }
}
