// Figures as text: three digits and a unit, as in the terminal.

// Three significant digits.
export function digits(value) {
  if (value === 0) return '0';
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(places, 2));
}

// Nanoseconds.
export function duration(ns) {
  if (ns === null || ns === undefined) return '–';
  if (ns < 1e3) return `${Math.round(ns)}ns`;
  if (ns < 999.5e3) return `${digits(ns / 1e3)}µs`;
  if (ns < 999.5e6) return `${digits(ns / 1e6)}ms`;
  if (ns < 120e9) return `${digits(ns / 1e9)}s`;
  return `${digits(ns / 60e9)}min`;
}

// A tick of an axis: without needless zeros.
export function durationTick(ns) {
  return duration(ns).replace(/\.0+(?=\D)/, '').replace(/(\.\d*?)0+(?=[a-zµ])/, '$1');
}

export function count(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

export function rate(value) {
  return value >= 1000 ? count(value) : digits(value);
}

export function percent(part, whole) {
  if (!(whole > 0)) return '–';
  const value = (100 * part) / whole;
  return value > 0 && value < 0.01 ? '<0.01%' : `${digits(value)}%`;
}

export function bytes(value) {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1000 && unit < names.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : digits(value)} ${names[unit]}`;
}

const two = (value) => String(value).padStart(2, '0');

// Milliseconds since the epoch, in the reader's time.
export function clock(ms) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function day(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

// Ticks of a time axis, seconds since the epoch, so far apart.
export function timeTicks(splits, step) {
  return splits.map((at) => {
    const text = clock(at * 1000);
    if (step >= 86400) return day(at * 1000).slice(5);
    return step >= 60 ? text.slice(0, 5) : text;
  });
}
