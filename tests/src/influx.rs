//! A private InfluxDB 1.6.
