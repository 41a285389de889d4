//! A client: one connection, one request at a time.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest that one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Page {
    url: String,
    address: SocketAddr,
    target: Uri,
    host: HeaderValue,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Page {
    /// Of an `http://` URL, and headers to send with each request.
    pub fn new(url: &str, headers: &[(HeaderName, HeaderValue)]) -> Result<Self> {
        let parsed = url::Url::parse(url)
            .with_context(|| format!("{url} is no URL; give one as http://127.0.0.1:8000/path"))?;
        ensure!(
            parsed.scheme() == "http",
            "{url}: the built-in load speaks http:// only; give another one with --load, e.g. \
             --load 'wrk -c4 -d{{seconds}}s {{url}}'"
        );
        let host = parsed.host_str().context("the URL has no host")?;
        let port = parsed.port().unwrap_or(80);
        let mut addresses = (host.trim_matches(['[', ']']), port)
            .to_socket_addrs()
            .with_context(|| format!("looking up {host}"))?;
        let address = addresses
            .next()
            .with_context(|| format!("{host} has no address"))?;
        Ok(Self {
            address,
            target: parsed[url::Position::BeforePath..url::Position::AfterQuery].parse()?,
            host: HeaderValue::from_str(
                &parsed[url::Position::BeforeHost..url::Position::AfterPort],
            )?,
            headers: headers.to_vec(),
            url: url.to_owned(),
        })
    }

    /// As it was named.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn request(&self) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.target.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        let agent = concat!("wsgiprobe-compare/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        request
    }
}

/// A connection's side that requests are handed to.
type Connection = SendRequest<Empty<Bytes>>;

/// A client of a page. It connects when it has to.
pub(super) struct Client<'a> {
    page: &'a Page,
    connection: Option<Connection>,
}

impl<'a> Client<'a> {
    pub(super) fn new(page: &'a Page) -> Self {
        Self {
            page,
            connection: None,
        }
    }

    /// Asks, and reads all of the answer.
    ///
    /// A kept connection that the server closes just then was no answer to anything:
    /// the request goes over a new one, once.
    pub(super) async fn ask(&mut self) -> io::Result<StatusCode> {
        match timeout(PATIENCE, self.over_any()).await {
            Ok(answered) => answered.map_err(io::Error::other),
            Err(late) => Err(late.into()),
        }
    }

    async fn over_any(&mut self) -> Result<StatusCode> {
        if let Some(kept) = self.connection.take()
            && let Ok(answered) = self.over(kept).await
        {
            return answered;
        }
        let new = connect(self.page.address).await?;
        self.over(new).await?
    }

    /// Over this connection, which is kept if that may be; the outer error says that
    /// there was no answer.
    async fn over(
        &mut self,
        mut connection: Connection,
    ) -> Result<Result<StatusCode>, hyper::Error> {
        connection.ready().await?;
        let answer = connection.send_request(self.page.request()).await?;
        let status = answer.status();
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            if let Err(error) = frame {
                return Ok(Err(error.into()));
            }
        }
        if connection.ready().await.is_ok() {
            self.connection = Some(connection);
        }
        Ok(Ok(status))
    }
}

async fn connect(address: SocketAddr) -> Result<Connection> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with the sender; what goes wrong there is told to the sender too.
    tokio::task::spawn_local(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// Asks once; fails unless the answer is one that can be measured.
pub fn probe(page: &Page) -> Result<StatusCode> {
    super::drive(async {
        let mut client = Client::new(page);
        Ok(client.ask().await?)
    })
}

/// Fails if a page with that answer is nothing to measure.
pub fn is_worth_it(page: &Page, status: StatusCode) -> Result<()> {
    if status.is_client_error() || status.is_server_error() {
        bail!(
            "{} answers {status}: what fails is no measure; give a page that works with --url",
            page.url()
        );
    }
    Ok(())
}
