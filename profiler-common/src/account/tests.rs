use super::*;

const SOCK: u64 = 7;

/// A thread's life, told to an account of it.
struct Life {
    thread: Thread,
    at: Moment,
    booked: Spent,
}

impl Life {
    fn new() -> Self {
        let at = Moment {
            now: 1_000_000,
            cpu: 50_000,
            run_delay: 7_000,
        };
        // SAFETY: integers without padding, for which zero is a value.
        let mut thread: Thread = unsafe { core::mem::zeroed() };
        let whose = Watched {
            server: 0,
            origin: 1,
        };
        thread.set_up(1 << 32 | 1, whose, at);
        Self {
            thread,
            at,
            booked: Spent::EMPTY,
        }
    }

    fn runs(&mut self, ns: u64) -> &mut Self {
        self.at.now += ns;
        self.at.cpu += ns;
        self
    }

    fn sleeps(&mut self, why: Wait, ns: u64) -> &mut Self {
        self.thread.leaves_cpu(self.at, why);
        self.at.now += ns;
        self
    }

    fn dozes(&mut self, ns: u64) -> &mut Self {
        self.thread.dozes(self.at.cpu);
        self.at.now += ns;
        self
    }

    fn queues(&mut self, ns: u64) -> &mut Self {
        self.at.now += ns;
        self.at.run_delay += ns;
        self
    }

    fn is_preempted(&mut self, ns: u64) -> &mut Self {
        self.thread.leaves_cpu(self.at, Wait::Runqueue);
        self.queues(ns)
    }

    fn takes(&mut self, sock: u64, seq: u32) -> &mut Self {
        self.thread.take(self.at, sock, seq);
        self
    }

    fn is_booked(&mut self) -> &mut Self {
        self.booked = Spent::EMPTY;
        let until = self.thread.book(self.at, false, &mut self.booked);
        assert_eq!(until, self.at.now);
        self
    }

    fn is_released(&mut self) -> &mut Self {
        self.is_booked();
        self.thread.release(self.at.now);
        self
    }
}

fn total(spent: &Spent) -> u64 {
    spent.cpu + spent.wait.iter().sum::<u64>()
}

#[test]
fn cpu_and_waits_add_up_to_the_wall_time() {
    let mut life = Life::new();
    life.takes(SOCK, 0).runs(30_000);
    life.sleeps(Wait::Lock, 60_000).queues(10_000).runs(10_000);
    life.sleeps(Wait::Upstream, 290_000).runs(5_000);
    life.is_preempted(40_000).runs(10_000).is_booked();
    let spent = life.booked;
    assert_eq!(spent.cpu, 55_000);
    assert_eq!(spent.waited(Wait::Lock), 60_000);
    assert_eq!(spent.waited(Wait::Upstream), 290_000);
    assert_eq!(spent.waited(Wait::Runqueue), 50_000);
    assert_eq!(total(&spent), life.at.now - 1_000_000);
}

#[test]
fn a_switch_that_goes_unseen_loses_no_time() {
    let mut life = Life::new();
    life.takes(SOCK, 0).runs(30_000);
    // Nobody saw it go to sleep.
    life.at.now += 20_000_000;
    life.runs(20_000).is_booked();
    assert_eq!(life.booked.cpu, 50_000);
    assert_eq!(life.booked.waited(Wait::Other), 20_000_000);
}

#[test]
fn idle_waits_count_for_nobody_and_idle_cpu_for_the_next() {
    let mut life = Life::new();
    life.takes(SOCK, 0).runs(100_000).is_released();
    assert_eq!(total(&life.booked), 100_000);
    life.runs(20_000).sleeps(Wait::Other, 8_000_000);
    let woke = life.at.now;
    life.runs(30_000).takes(SOCK + 1, 0);
    assert_eq!(life.thread.taken_ns, woke);
    life.runs(70_000).is_booked();
    assert_eq!(life.booked.cpu, 120_000);
    assert_eq!(total(&life.booked), 120_000);
}

#[test]
fn dozing_is_as_good_as_an_idle_wait() {
    let mut life = Life::new();
    life.takes(SOCK, 0).runs(100_000).is_released();
    life.runs(20_000).dozes(8_000_000).runs(5_000);
    life.dozes(900_000).queues(4_000);
    let woke = life.at.now;
    life.runs(30_000).takes(SOCK + 1, 0);
    assert_eq!(life.thread.taken_ns, woke);
    life.runs(70_000).is_booked();
    assert_eq!(life.booked.cpu, 125_000);
    assert_eq!(total(&life.booked), 125_000);
}

#[test]
fn a_turn_lost_after_dozing_is_no_waking_up_either() {
    let mut life = Life::new();
    life.runs(10_000).dozes(1_000_000);
    let woke = life.at.now;
    life.runs(10_000).is_preempted(490_000).runs(10_000);
    life.takes(SOCK, 0);
    assert_eq!(life.thread.taken_ns, woke);
    life.runs(90_000).is_booked();
    assert_eq!(life.booked.waited(Wait::Runqueue), 490_000);
}

#[test]
fn a_request_read_without_a_sleep_begins_where_the_last_one_ended() {
    let mut life = Life::new();
    life.takes(SOCK, 0).runs(500_000).is_released();
    let end = life.at.now;
    life.runs(10_000).takes(SOCK, 1);
    assert_eq!(life.thread.taken_ns, end);
}

#[test]
fn the_next_request_of_a_connection_is_another_one() {
    let mut life = Life::new();
    life.takes(SOCK, 0).runs(200_000);
    let begin = life.thread.taken_ns;
    (life.thread.wsgi, life.thread.own_end) = (1, 9);
    life.takes(SOCK, 0);
    let thread = &life.thread;
    assert_eq!(
        (thread.taken_ns, thread.wsgi, thread.own_end),
        (begin, 1, 9)
    );
    life.is_booked().takes(SOCK, 1);
    let thread = &life.thread;
    assert_eq!(
        (thread.taken_ns, thread.wsgi, thread.own_end),
        (life.at.now, 0, 0)
    );
}

#[test]
fn a_turn_lost_to_others_is_no_waking_up() {
    let mut life = Life::new();
    life.runs(10_000).sleeps(Wait::Other, 1_000_000);
    let woke = life.at.now;
    life.runs(10_000).is_preempted(490_000).runs(10_000);
    life.takes(SOCK, 0);
    assert_eq!(life.thread.taken_ns, woke);
    life.runs(90_000).is_booked();
    assert_eq!(life.booked.waited(Wait::Runqueue), 490_000);
    assert_eq!(life.booked.cpu, 10_000 + 10_000 + 10_000 + 90_000);
}

#[test]
fn a_change_of_sockets_without_an_end_carries_no_wait_over() {
    let mut life = Life::new();
    life.takes(SOCK, 0).runs(100_000);
    life.sleeps(Wait::Lock, 2_000_000).runs(10_000);
    life.takes(SOCK + 1, 0).runs(10_000).is_booked();
    assert_eq!(life.booked.wait, [0; WAITS]);
    assert_eq!(life.booked.cpu, 120_000);
}

#[test]
fn an_idle_connection_s_wait_is_for_the_next_request() {
    let mut life = Life::new();
    life.takes(SOCK, 0).runs(200_000);
    let left = life.at.now;
    life.sleeps(Wait::Client, 8_000_000).runs(10_000);
    let mut spent = Spent::EMPTY;
    assert_eq!(life.thread.book(life.at, true, &mut spent), left);
    assert_eq!(spent.wait, [0; WAITS]);
    life.thread.release(life.at.now);
    life.takes(SOCK, 1).runs(10_000);
    life.sleeps(Wait::Client, 200_000).runs(10_000).is_booked();
    assert_eq!(life.booked.waited(Wait::Client), 200_000);
}

#[test]
fn remembers_the_peer_it_waited_for_longest() {
    let mut life = Life::new();
    life.takes(SOCK, 0);
    for (peer, slept) in [(11, 300_000), (12, 900_000), (13, 500_000)] {
        life.thread.peer = peer;
        life.sleeps(Wait::Upstream, slept).runs(5_000).is_booked();
    }
    assert_eq!(life.thread.upstream, 12);
}
