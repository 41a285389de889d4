//! Reads, writes, errors and closes in any order: the equation holds after each, and
//! nothing is left behind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use under_fuzz::host::Connection;
use under_fuzz::input::Input;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let kind = input.byte();
    let mut connection = match kind & 3 {
        0 => Connection::old(),
        1 => Connection::stand_in(),
        _ => Connection::new(),
    };
    if kind & 4 != 0 {
        connection.host.queue_room = usize::from(kind >> 6);
        connection.host.long_path_room = usize::from(kind >> 7);
        connection.host.ring_room = 2;
    }
    let is_stand_in = kind & 3 == 1;
    connection.host.window_room = usize::from(input.byte()).max(1);
    while !input.is_empty() {
        let operation = input.byte();
        let len = usize::from(input.byte());
        match operation % 8 {
            0..=2 if len > 0 => {
                let bytes = input.bytes(len);
                if !bytes.is_empty() {
                    connection.read(bytes);
                }
            }
            3 => connection.write(input.bytes(len)),
            4 => connection.writev(&[b"HTTP/1.1 200 OK\r\n\r\n", input.bytes(len)]),
            5 => connection.read_nothing(-(len as i64)),
            6 => connection.write_fails(-(len as i64)),
            7 if operation == 7 => connection.close(),
            7 => connection.read_unseen(len as u32 + 1),
            _ => connection.would_block(),
        }
        connection.assert_balanced();
        if is_stand_in {
            // It is forgotten after each operation.
            assert_eq!(connection.in_flight(), 0);
            connection.conn = Connection::stand_in().conn;
        }
    }
    connection.close();
    connection.assert_balanced();
    assert_eq!(connection.in_flight(), 0);
    assert!(connection.host.queue.is_empty());
    assert!(connection.host.long_paths.is_empty());
});
