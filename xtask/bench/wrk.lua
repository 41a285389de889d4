-- One line that a program can read, after those for people. Latencies are in
-- microseconds, as wrk keeps them.
done = function(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '\nwsgiprobe-bench {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"errors":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
