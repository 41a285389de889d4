//! Proves that addresses are those of the people who use them: IPv6 as such, and
//! IPv4 as IPv4 although Apache's usual `Listen 80` makes one socket of both
//! families, on which the kernel knows an IPv4 client as `::ffff:127.0.0.1`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Result, ensure};
use harness::apache::Conf;
use harness::backends::Backend;
use harness::client::{Client, expect_status};
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(both_families_on_one_socket);

fn both_families_on_one_socket(backend: Backend) -> Result<()> {
    let conf = Conf {
        listen: "[::]",
        ..Conf::default()
    };
    let run = Run::start(backend, conf)?;
    let clients: [(&str, IpAddr); 2] = [
        ("/hello/v4", Ipv4Addr::LOCALHOST.into()),
        ("/hello/v6", Ipv6Addr::LOCALHOST.into()),
    ];
    for (path, address) in clients {
        let mut client = Client::connect_to(address, run.apache.port())?;
        expect_status(&client.get(path)?, 200)?;
    }
    let evidence = run.finish(clients.len())?;
    evidence.check().run()?;
    for (path, address) in clients {
        let request = evidence.report.only(path)?;
        ensure!(
            request.client.ip() == address,
            "{path}: client {}",
            request.client
        );
        ensure!(
            request.server.ip() == address,
            "{path}: server {}",
            request.server
        );
    }
    Ok(())
}
