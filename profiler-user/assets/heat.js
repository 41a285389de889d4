// The heat map: time by duration, on a canvas.
import { css, onTheme } from './theme.js';
import { make } from './dom.js';
import { GUTTER, RIGHT } from './axes.js';
import { clock, count, duration, durationTick, timeTicks } from './units.js';

const TALL = 220;
const FOOT = 26;
const CELL = 4;

export function heatMap(holder, onSelect) {
  const canvas = make('canvas', { tabindex: 0, role: 'img', 'aria-label': 'latency heat map' });
  const tip = make('div', { class: 'tip', role: 'status', hidden: '' });
  const none = make('p', { class: 'empty over', text: 'no requests yet' });
  holder.append(canvas, tip, none);
  const context = canvas.getContext('2d');
  let shown = null;
  let at = null;

  function bounds(shape, bucket) {
    const edge = (place) => 2 ** (shape.floor_log2 + (place - 1) / shape.per_octave);
    return [bucket === 0 ? 0 : edge(bucket), bucket === shape.buckets - 1 ? Infinity : edge(bucket + 1)];
  }

  // Samples side by side as wide as can be seen, and the buckets that are used.
  function layout(samples, shape, stretch) {
    const wide = Math.max(holder.clientWidth - GUTTER - RIGHT, 60);
    // Columns are whole samples wide, and begin where samples do: a first or last one
    // may be shorter than the others.
    const typical = samples[samples.length >> 1] ?? { s: 0, e: 1000 };
    const length = Math.max(typical.e - typical.s, 1);
    const least = ((stretch[1] - stretch[0]) * CELL) / wide;
    const step = length * Math.max(1, Math.ceil(least / length));
    const phase = typical.s % step;
    const origin = Math.floor((stretch[0] - phase) / step) * step + phase;
    const columns = Math.max(1, Math.ceil((stretch[1] - origin) / step));
    const cells = Array.from({ length: columns }, () => null);
    let [low, high, most] = [shape.buckets, -1, 0];
    for (const sample of samples) {
      const middle = (sample.s + sample.e) / 2;
      const column = Math.min(columns - 1, Math.max(0, Math.floor((middle - origin) / step)));
      cells[column] ??= new Map();
      for (let place = 0; place < sample.h.length; place += 2) {
        const [bucket, requests] = [sample.h[place], sample.h[place + 1]];
        const sum = (cells[column].get(bucket) ?? 0) + requests;
        cells[column].set(bucket, sum);
        [low, high, most] = [Math.min(low, bucket), Math.max(high, bucket), Math.max(most, sum)];
      }
    }
    // At least three doublings, so that one busy bucket is no wall.
    while (high >= 0 && high - low < 3 * shape.per_octave) {
      if (low > 0) low -= 1;
      if (high < shape.buckets - 1) high += 1;
    }
    return { cells, columns, step, origin, wide, low, high, most, shape, stretch };
  }

  const x = (column) => {
    const at = shown.origin + column * shown.step - shown.stretch[0];
    const left = GUTTER + (at * shown.wide) / (shown.stretch[1] - shown.stretch[0]);
    return Math.min(Math.max(left, GUTTER), GUTTER + shown.wide);
  };
  const rows = () => shown.high - shown.low + 1;
  const plotTall = TALL - FOOT;
  const y = (bucket) => plotTall - ((bucket - shown.low) * plotTall) / rows();

  function draw() {
    const scale = devicePixelRatio || 1;
    const width = Math.max(holder.clientWidth, 120);
    canvas.width = width * scale;
    canvas.height = TALL * scale;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${TALL}px`;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, TALL);
    none.hidden = Boolean(shown && shown.high >= 0);
    if (!shown || shown.high < 0) return;
    const [from, to] = [rgb(css('--heat-low')), rgb(css('--heat-high'))];
    const tall = plotTall / rows();
    // Below the cells.
    ticks(width);
    shown.cells.forEach((cell, column) => {
      for (const [bucket, requests] of cell ?? []) {
        // Logarithmic: one slow request is to be seen beside thousands.
        const part = shown.most > 1 ? Math.log1p(requests) / Math.log1p(shown.most) : 1;
        context.fillStyle = mix(from, to, 0.12 + 0.88 * part);
        const left = Math.floor(x(column));
        const next = Math.max(left + 1, Math.floor(x(column + 1)));
        const top = Math.floor(y(bucket + 1));
        context.fillRect(left, top, next - left, Math.max(Math.floor(y(bucket)) - top, 1));
      }
    });
    if (at) {
      context.strokeStyle = css('--text');
      context.strokeRect(x(at.column) - 0.5, y(at.bucket + 1), Math.max(x(at.column + 1) - x(at.column), 3), tall);
    }
  }

  function ticks(width) {
    context.font = '11px system-ui, sans-serif';
    context.fillStyle = css('--muted');
    context.strokeStyle = css('--grid');
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    const { floor_log2: floor, per_octave: per } = shown.shape;
    for (let decade = 4; decade <= 11; decade += 1) {
      const bucket = (Math.log2(10 ** decade) - floor) * per + 1;
      if (bucket < shown.low || bucket > shown.high + 1) continue;
      const height = y(bucket);
      context.fillText(durationTick(10 ** decade), GUTTER - 8, Math.max(height, 6));
      context.beginPath();
      context.moveTo(GUTTER, height);
      context.lineTo(width - RIGHT, height);
      context.stroke();
    }
    context.textAlign = 'center';
    context.textBaseline = 'top';
    const span = (shown.stretch[1] - shown.stretch[0]) / 1000;
    const steps = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];
    const step = steps.find((each) => (span / each) * 70 < shown.wide) ?? 86400;
    const splits = [];
    for (let tick = Math.ceil(shown.stretch[0] / 1000 / step) * step; tick * 1000 <= shown.stretch[1]; tick += step) {
      splits.push(tick);
    }
    timeTicks(splits, step).forEach((text, place) => {
      const left = GUTTER + ((splits[place] * 1000 - shown.stretch[0]) * shown.wide) / (span * 1000);
      context.fillText(text, left, plotTall + 9);
    });
  }

  function tell() {
    tip.hidden = !at;
    if (!at) return draw();
    const requests = shown.cells[at.column]?.get(at.bucket) ?? 0;
    const [low, high] = bounds(shown.shape, at.bucket);
    const begin = shown.origin + at.column * shown.step;
    const upper = high === Infinity ? 'and longer' : `to ${duration(high)}`;
    tip.textContent = `${clock(begin)}  ${duration(low)} ${upper}: ${count(requests)} ${requests === 1 ? 'request' : 'requests'}`;
    const left = Math.min(x(at.column) + 10, holder.clientWidth - tip.offsetWidth - 4);
    tip.style.left = `${Math.max(left, 0)}px`;
    tip.style.top = `${Math.max(y(at.bucket) - 40, 0)}px`;
    draw();
  }

  function move(column, bucket) {
    at = {
      column: Math.min(Math.max(column, 0), shown.columns - 1),
      bucket: Math.min(Math.max(bucket, shown.low), shown.high),
    };
    tell();
  }

  canvas.addEventListener('pointermove', (event) => {
    if (!shown || shown.high < 0) return;
    const { offsetX, offsetY } = event;
    if (offsetX < GUTTER || offsetY > plotTall) {
      at = null;
      tell();
      return;
    }
    const time = ((offsetX - GUTTER) * (shown.stretch[1] - shown.stretch[0])) / shown.wide;
    move(Math.floor((time + shown.stretch[0] - shown.origin) / shown.step), shown.low + Math.floor(((plotTall - offsetY) * rows()) / plotTall));
  });
  canvas.addEventListener('pointerleave', () => {
    at = null;
    tell();
  });
  canvas.addEventListener('blur', () => {
    at = null;
    tell();
  });
  canvas.addEventListener('dblclick', () => onSelect(null));
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  canvas.addEventListener('keydown', (event) => {
    const by = MOVES[event.key];
    if (!by || !shown || shown.high < 0) return;
    event.preventDefault();
    const from = at ?? { column: shown.columns - 1, bucket: shown.low };
    move(from.column + by[0], from.bucket + by[1]);
  });
  new ResizeObserver(() => {
    if (shown) shown = { ...layout(shown.samples, shown.shape, shown.stretch), samples: shown.samples };
    draw();
  }).observe(holder);
  onTheme(draw);
  return (samples, shape, stretch) => {
    shown = { ...layout(samples, shape, stretch), samples };
    if (at && (at.column >= shown.columns || at.bucket > shown.high || at.bucket < shown.low)) at = null;
    canvas.setAttribute('aria-label', label());
    draw();
  };

  function label() {
    if (shown.high < 0) return 'latency heat map: no requests yet';
    const [low] = bounds(shown.shape, shown.low);
    const [, high] = bounds(shown.shape, shown.high);
    return `latency heat map: requests between ${duration(low)} and ${duration(high)}; arrow keys read it`;
  }
}

function rgb(hex) {
  const number = parseInt(hex.replace('#', ''), 16);
  return [(number >> 16) & 255, (number >> 8) & 255, number & 255];
}

function mix(from, to, part) {
  const mixed = from.map((value, place) => Math.round(value + (to[place] - value) * part));
  return `rgb(${mixed.join(',')})`;
}
