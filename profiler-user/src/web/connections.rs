//! Connections: a bounded number, each with a time by which it must have moved.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;

use super::answer::Site;

/// At a time: a browser takes up to six for a page. Further ones are closed at once.
const CONNECTIONS: usize = 64;

/// For the head of a request to come, or the next one.
const HEAD: Duration = Duration::from_secs(30);

/// For a reader to take something of what waits for it.
const STALLED: Duration = Duration::from_secs(10);

/// After a failed accept: all descriptors may be in use.
const PAUSE: Duration = Duration::from_millis(100);

/// The most that a request's head may be, and what is kept for each connection.
const BUFFER: usize = 16 << 10;

/// Serves, for ever.
pub(super) async fn serve(listener: TcpListener, site: Site) {
    let site = Arc::new(site);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            tokio::spawn(one(stream, Arc::clone(&site), place));
        }
    }
}

async fn one(stream: TcpStream, site: Arc<Site>, _place: OwnedSemaphorePermit) {
    // Events are small, and each is waited for.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALLED));
    let service = service_fn(move |request| {
        let answer = site.answer(&request);
        async move { Ok::<_, Infallible>(answer) }
    });
    // How a connection ends is its client's affair.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .await;
}
