//! Whether the static binary finds hosts by name, in an image where nothing helps it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::Scene;
use crate::process::Process;

/// Loopback too, and not where a resolver of this machine listens.
const SERVER: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 53);

/// What it answers for every name.
const ANSWER: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 1);

/// How hosts have their names looked up that have systemd's resolver: a library, which
/// the image has not.
const NSSWITCH: &str = "hosts: resolve\n";

const PATIENCE: Duration = Duration::from_secs(30);

/// By `/etc/hosts`, and by a DNS server; the second although `/etc/nsswitch.conf` is
/// against it.
pub fn are_found(scene: &Scene<'_>) -> Result<()> {
    let folder = scene.folder("names")?;
    let asked = serve_names()?;
    for (file, text) in [
        ("resolv.conf", format!("nameserver {SERVER}\n")),
        ("nsswitch.conf", NSSWITCH.to_owned()),
    ] {
        fs::write(folder.join(file), text).context(file)?;
    }
    let mount = |file: &str| format!("--volume={0}/{file}:/etc/{file}:ro", folder.display());

    let name = "influx.in-the-file.test";
    reaches(scene, name, &[format!("--add-host={name}:{ANSWER}")])?;
    let name = "influx.by-dns.test";
    reaches(scene, name, &[mount("resolv.conf"), mount("nsswitch.conf")])?;
    let asked: Vec<String> = asked.try_iter().collect();
    ensure!(
        asked.iter().any(|asked| asked == name),
        "asked for {asked:?}"
    );
    Ok(())
}

/// An output to that host gets there.
fn reaches(scene: &Scene<'_>, name: &str, options: &[String]) -> Result<()> {
    let listener = TcpListener::bind((ANSWER, 0)).context("a listener")?;
    let port = listener.local_addr()?.port();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Nobody is there any more once one was enough.
            let Ok(head) = answer(stream) else { continue };
            if sender.send(head).is_err() {
                return;
            }
        }
    });
    let own = std::process::id().to_string();
    let mut run: Command = scene.podman.command("run");
    run.args(["--rm", "--pid=host", "--network=host", "--privileged"])
        .args(options)
        .arg(&scene.image.tag)
        .args(["--pid", &own, "--influx-db=names"])
        .arg(format!("--influx-url=http://{name}:{port}"));
    let log = scene.folder(name)?.join("said");
    let process = Process::start_logged(&mut run, &log)?;
    let head = receiver.recv_timeout(PATIENCE);
    drop(process);
    let Ok(head) = head else {
        bail!("{name} was not found: {}", fs::read_to_string(&log)?);
    };
    let host = format!("host: {name}:{port}");
    ensure!(head.to_lowercase().contains(&host), "{head}");
    Ok(())
}

/// Takes whatever is sent; says how it began.
fn answer(mut stream: TcpStream) -> Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = vec![0; 4096];
    let length = stream.read(&mut bytes)?;
    bytes.truncate(length);
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A DNS server (RFC 1035) that knows one address; says which names it was asked for.
fn serve_names() -> Result<Receiver<String>> {
    let socket = UdpSocket::bind((SERVER, 53)).context("a DNS server's port")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut question) {
            let Some((name, answer)) = reply(&question[..length]) else {
                continue;
            };
            if sender.send(name).is_err() {
                return;
            }
            // Whoever does not hear it asks again.
            let _ = socket.send_to(&answer, client);
        }
    });
    Ok(receiver)
}

/// The name that is asked for, and what to send: an address, or nothing to a question
/// for another kind.
fn reply(question: &[u8]) -> Option<(String, Vec<u8>)> {
    const HEADER: usize = 12;
    const ADDRESS: [u8; 2] = [0, 1];
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = question.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).into_owned());
        at += length;
    }
    let kind = question.get(at..at + 2)?;
    let end = at + 4;
    let answers = u8::from(kind == ADDRESS);
    let mut reply = question.get(..2)?.to_vec();
    // An answer, recursion available, no error; one question.
    reply.extend([0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0]);
    reply.extend(question.get(HEADER..end)?);
    if answers > 0 {
        // The name of the question, an address of the Internet, for a minute, of four bytes.
        reply.extend([0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend(ANSWER.octets());
    }
    Some((labels.join("."), reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_answered_with_the_address() {
        let mut question = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        question.extend(b"\x04some\x04test\x00\x00\x01\x00\x01");
        let (name, answer) = reply(&question).unwrap();
        assert_eq!(name, "some.test");
        assert_eq!(answer[..2], [7, 9]);
        assert!(answer.ends_with(&ANSWER.octets()));
        // A question for IPv6 has no answer; half a question is none.
        let other = question.len() - 3;
        question[other] = 28;
        assert!(!reply(&question).unwrap().1.ends_with(&ANSWER.octets()));
        assert_eq!(reply(&question[..14]), None);
    }
}
