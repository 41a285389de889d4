//! What it costs to follow a request head: nanoseconds by the clock, and a function
//! for each head to count instructions in (`valgrind --tool=callgrind
//! --toggle-collect='*::curl'`, `'*::browser'`).

#[path = "../tests/pairing/host.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod host;

use std::hint::black_box;
use std::time::Instant;

use host::Connection;

const CURL: &[u8] = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8555\r\n\r\n";
const BROWSER: &[u8] = b"GET /shop/items/42?sort=price&page=2 HTTP/1.1\r\n\
    Host: shop.example.org\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://shop.example.org/shop/items?sort=price&page=2\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; csrftoken=fedcba9876543210; seen=1\r\n\
    Connection: keep-alive\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Priority: u=0, i\r\n\r\n";
const ROUNDS: u32 = 2_000;

#[inline(never)]
fn curl(connection: &mut Connection) {
    connection.read(CURL);
}

#[inline(never)]
fn browser(connection: &mut Connection) {
    connection.read(BROWSER);
}

fn measure(name: &str, head: fn(&mut Connection)) {
    let mut connection = Connection::new();
    let mut took = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        head(black_box(&mut connection));
        took += start.elapsed().as_nanos();
        connection.write(b"HTTP/1.1 200 OK\r\n\r\n");
        connection.host.emitted.clear();
    }
    println!("{name}: {} ns a head", took / u128::from(ROUNDS));
}

fn main() {
    measure("curl", curl);
    measure("browser", browser);
}
