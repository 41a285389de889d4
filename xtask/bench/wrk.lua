-- One line that a program can read, after those for people. Latencies are in
-- microseconds, as wrk keeps them. Requests are those answered, refused ones too;
-- those on a broken connection are not among them.
done = function(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '\nwsgiprobe-bench {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"refused":%d,"broken":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
