//! A gate before InfluxDB, which can withhold its answers.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::spawn;

use anyhow::Result;

/// What InfluxDB says of a write that it took.
const TAKEN: &[u8] = b" 204 ";

/// Hands everything on, either way; answers only as long as it may. Its threads end with
/// the test.
pub struct Gate {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    /// Answers that may still pass.
    passes: AtomicUsize,
    /// Answers that were withheld.
    withheld: AtomicUsize,
}

impl Gate {
    /// Before the server of that port; open.
    pub fn before(port: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            passes: AtomicUsize::new(usize::MAX),
            withheld: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // Without a server it is closed at once, as by one that is away.
                spawn(move || connection(&client, port, &state));
            }
        });
        Ok(Self { address, state })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets so many answers pass from here on.
    pub fn pass(&self, answers: usize) {
        self.state.passes.store(answers, Ordering::SeqCst);
    }

    /// Whether an answer was withheld: InfluxDB has what it was for, and nobody knows.
    pub fn withholds(&self) -> bool {
        self.state.withheld.load(Ordering::SeqCst) > 0
    }
}

fn connection(mut client: &TcpStream, port: u16, state: &State) -> Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    spawn(move || {
        // Either end may break off.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut answer = vec![0; 64 << 10];
    loop {
        let length = server.read(&mut answer)?;
        if length == 0 {
            client.shutdown(Shutdown::Both)?;
            return Ok(());
        }
        // The head of an answer comes in one piece: it is short, and this is one host.
        let taken = answer[..length].windows(TAKEN.len()).any(|at| at == TAKEN);
        let may = |passes: usize| passes.checked_sub(1);
        let passes = &state.passes;
        if taken
            && passes
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, may)
                .is_err()
        {
            state.withheld.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        client.write_all(&answer[..length])?;
    }
}
