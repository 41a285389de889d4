//! wsgiprobe end to end: real Apaches, watched through real kernels.
//!
//! One module for each subject; most tests exist once for each hook back end
//! (`cargo test -p wsgiprobe-tests -- pipelining` or `... -- ::sock`).

mod addresses;
mod anatomy;
mod apache_alone;
mod arrivals;
mod before_attach;
mod bodies;
mod calm;
mod compare;
mod compare_page;
mod cpu;
mod daemon;
mod dashboards;
mod delivery;
mod durations;
mod events_alone;
mod express;
mod faults;
mod hangups;
mod health;
mod host_check;
mod hostile;
mod influxdb;
mod keepalive;
mod lifecycle;
mod load;
mod long_paths;
mod loss;
mod not_http;
mod otlp;
mod otlp_tls;
mod outputs;
mod parts;
mod pipelining;
mod privileges;
mod prometheus;
mod recycling;
mod refusals;
mod request_lines;
mod responses;
mod screen;
mod slow_heads;
mod splits;
mod together;
mod torture;
mod upstream;
mod waiting;
mod web;
mod workshop;
