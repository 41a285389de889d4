fn main() {
    let hooks = std::env::args().nth(1).and_then(|n| match n.as_str() { "sock" => Some(wsgiprobe::probe::BackEnd::Sock), "syscall" => Some(wsgiprobe::probe::BackEnd::Syscall), _ => None});
    let mut p = match wsgiprobe::probe::Probe::attach(&wsgiprobe::probe::Settings{hooks, max_connections: 16384, ring_bytes: 4<<20}) { Ok(p) => p, Err(e) => { println!("{e}"); std::process::exit(3)} };
    println!("{:?} {:?} {:?}", p.back_end(), p.reasons(), p.attach_time());
    for pid in std::env::args().skip(2) { p.watch(pid.parse().unwrap()).unwrap(); }
    p.serve(8801).unwrap(); p.serve(8802).unwrap();
    for _ in 0..30 { std::thread::sleep(std::time::Duration::from_millis(100)); p.drain(|r| {
       let h: profiler_common::event::RequestHeader = unsafe { std::ptr::read_unaligned(r.as_ptr().cast()) };
       println!("{} {} {} rq={} rs={} dur={} ttfb={} out={} fl={} {}:{} v{}", String::from_utf8_lossy(&h.method[..h.method_len as usize]), String::from_utf8_lossy(&r[144..]), h.status, h.request_bytes, h.response_bytes, (h.last_write_ns-h.line_ns)/1000, (h.first_write_ns-h.line_ns)/1000, h.outcome, h.flags, h.client_addr[0], h.client_port, h.version);
    }); }
    println!("{:?}", p.counters()); p.detach(); println!("inflight {}", p.in_flight());
}
