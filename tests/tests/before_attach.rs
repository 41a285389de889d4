//! Proves that wsgiprobe may come late: on connections that are open when it
//! attaches, what is half over is not counted twice or taken for something else,
//! and what comes next is right.

use anyhow::Result;
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{expect_status, get, post};
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(idle, mid_response, mid_upload);

const CONFS: [(Mpm, Wsgi); 2] = [(Mpm::Event, Wsgi::Embedded), (Mpm::Prefork, Wsgi::Daemon)];

fn idle(backend: Backend) -> Result<()> {
    for (mpm, wsgi) in CONFS {
        let apache = Apache::start(Conf::new(mpm, wsgi))?;
        let mut client = apache.connect()?;
        client.get("/hello/before")?;
        let run = Run::attach(backend, apache)?;
        expect_status(&client.get("/hello/after-1")?, 200)?;
        expect_status(&client.post("/read/after-2", b"0123456789")?, 200)?;
        drop(client);
        run.finish(3)?.without("/hello/before").check().run()?;
    }
    Ok(())
}

fn mid_response(backend: Backend) -> Result<()> {
    for (mpm, wsgi) in CONFS {
        let apache = Apache::start(Conf::new(mpm, wsgi))?;
        let mut client = apache.connect()?;
        client.send(get("/gate/before"))?;
        client.receive_some()?;
        let run = Run::attach(backend, apache)?;
        run.apache.open_gate("/gate/before")?;
        expect_status(&client.receive()?, 200)?;
        expect_status(&client.get("/hello/after")?, 200)?;
        drop(client);
        let evidence = run.finish(2)?.without("/gate/before");
        evidence.check().begun_before_attach(1).run()?;
    }
    Ok(())
}

fn mid_upload(backend: Backend) -> Result<()> {
    for (mpm, wsgi) in CONFS {
        let apache = Apache::start(Conf::new(mpm, wsgi))?;
        let upload = post("/read/before", &vec![b'u'; 100_000]);
        let (first, rest) = upload.split_at(50_000);
        let mut client = apache.connect()?;
        client.send(first)?;
        client.wait_until_read()?;
        let run = Run::attach(backend, apache)?;
        client.send(rest)?;
        expect_status(&client.receive()?, 200)?;
        expect_status(&client.get("/hello/after")?, 200)?;
        drop(client);
        let evidence = run.finish(2)?.without("/read/before");
        evidence.check().begun_before_attach(1).run()?;
    }
    Ok(())
}
