//! What a mod_wsgi daemon's thread reads and writes: the times of a handover stay in
//! order, and are those of something that happened.
#![no_main]

use libfuzzer_sys::fuzz_target;
use profiler_common::event::RequestHeader;
use profiler_common::handover::{ANSWERED, Handover};
use under_fuzz::input::Input;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let mut handover = Handover::EMPTY;
    let mut now = 0;
    while !input.is_empty() {
        now += 10;
        match input.byte() % 8 {
            0 | 1 => handover.daemon_read(now, i64::from(input.byte() as i8)),
            2 => handover.daemon_failed(now, i64::from(input.byte() as i8)),
            3 => handover.daemon_wrote(now, start(*b"Status: 200 Continue")),
            4 => handover.daemon_wrote(now, start(*b"Status: 200 Rejected")),
            5 => handover.daemon_wrote(now, start(*b"Status: 200 Timeout.")),
            6 => handover.daemon_wrote(now, start(*b"Status: 200 OK\r\nabcd")),
            _ => handover.daemon_wrote(now, [input.number(), input.number()]),
        }
        for time in [handover.read_ns, handover.application_ns, handover.done_ns] {
            assert!(time <= now && time % 10 == 0, "{handover:?}");
        }
        assert!(handover.seen_ns <= now);
        assert!(handover.wrote <= ANSWERED);
    }
    let mut header = RequestHeader::EMPTY;
    handover.report(&mut header);
    assert_eq!(header.daemon_pid, handover.pid);
});

fn start(text: [u8; 20]) -> [u64; 2] {
    let word = |at| u64::from_le_bytes(std::array::from_fn(|index| text[at + index]));
    [word(0), word(8)]
}
