//! What a node sends: by the real outputs, to servers that count it.
//!
//! ```console
//! $ cargo run --release -p profiler-user --example volume
//! ```

mod node;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use node::Node;
use wire::Volume;
use wsgiprobe::identity::Detail;

/// What a node sends, in a Markdown table.
#[derive(Parser)]
struct Options {
    /// Containers of the node.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100,500")]
    containers: Vec<usize>,
    /// Routes of each.
    #[arg(long, default_value_t = 20)]
    routes: usize,
    /// Requests a second, over all.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// Length of a window, seconds.
    #[arg(long, default_value_t = 10)]
    interval: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    println!(
        "{} requests/s, {} routes a container, windows of {} s; sizes in KB (1000 bytes), \
         plain/gzip\n",
        options.rate, options.routes, options.interval
    );
    println!(
        "| containers | identity | InfluxDB points a window | KB | Prometheus series | text KB | \
         protobuf KB | OTLP points | KB | raw points/s | KB/s |"
    );
    println!("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for &containers in &options.containers {
        for (detail, name) in [
            (Detail::Container, "container"),
            (Detail::Workload, "workload"),
            (Detail::None, "none"),
        ] {
            let row = row(&options, containers, detail).await?;
            println!("| {containers} | {name} | {row} |");
        }
    }
    Ok(())
}

/// The figures of a node, once all its processes have had their turn.
async fn row(options: &Options, containers: usize, detail: Detail) -> Result<String> {
    let interval = Duration::from_secs(options.interval);
    let mut node = Node::new(containers, options.routes, options.rate, interval, detail);
    let about = Arc::new(node.about());
    let windows = node.windows_of_a_round();
    let ticks: Vec<_> = (0..windows).map(|_| Arc::new(node.window())).collect();
    let last = ticks.last();
    let influx = wire::influxdb(&about.hostname, last, &[]).await?;
    let raw = wire::influxdb(&about.hostname, None, &node.second()).await?;
    let [text, protobuf] = wire::prometheus(&about, &ticks).await?;
    let otlp = wire::otlp(&about, &ticks).await?;
    let cells = [
        influx.count.to_string(),
        kilobytes(influx),
        text.count.to_string(),
        kilobytes(text),
        kilobytes(protobuf),
        otlp.count.to_string(),
        kilobytes(otlp),
        raw.count.to_string(),
        kilobytes(raw),
    ];
    Ok(cells.join(" | "))
}

fn kilobytes(volume: Volume) -> String {
    let of = |bytes: usize| format!("{:.0}", bytes as f64 / 1e3);
    format!("{}/{}", of(volume.plain), of(volume.gzip))
}
