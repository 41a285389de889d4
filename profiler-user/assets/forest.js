// The interval plot: each variant's ratio to the baseline, a line each.
import { makeSvg } from './dom.js';
import { change, judged, percents } from './variants.js';

const ROW = 24;
const HEAD = 6;
const FOOT = 24;
const RIGHT_TEXT = 76;
// Of a character, about.
const CHARACTER = 6.6;
const PERCENTS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];
const TIMES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000];

// The plot of a figure, of rows { variant, ratio }. `said` is all that it shows.
export function forest(holder, figure, rows, said) {
  const draw = () => {
    const wide = Math.max(holder.clientWidth, 220);
    holder.replaceChildren(plotOf(wide, figure, rows, said));
  };
  let last = 0;
  new ResizeObserver(() => {
    if (holder.clientWidth === last || holder.clientWidth === 0) return;
    last = holder.clientWidth;
    draw();
  }).observe(holder);
  draw();
}

// Logarithms of the ends: half and double are as far from the middle. Never so near
// that noise looks like a cost.
function reach(rows) {
  const ends = rows.flatMap(({ ratio }) => [ratio.low, ratio.high, ratio.value]);
  const logs = ends.filter((end) => end > 0).map(Math.log);
  const [low, high] = [Math.min(0, ...logs), Math.max(0, ...logs)];
  const pad = 0.06 * Math.max(high - low, 0.02);
  const least = 0.01;
  return [Math.min(low - pad, -least), Math.max(high + pad, least)];
}

function ticksOf([low, high], room) {
  const most = Math.max(3, Math.floor(room / 58));
  if (Math.max(-low, high) > Math.log(2)) {
    const within = TIMES.filter((times) => Math.log(times) >= low && Math.log(times) <= high);
    const each = Math.ceil(within.length / most);
    const one = within.indexOf(1);
    return within.filter((times, place) => (place - one) % each === 0).map((times) => ({ at: Math.log(times), text: `×${times}` }));
  }
  const [first, last] = [100 * (Math.exp(low) - 1), 100 * (Math.exp(high) - 1)];
  const step = PERCENTS.find((each) => (last - first) / each <= most) ?? 50;
  const ticks = [];
  for (let place = Math.ceil(first / step); place * step <= last; place += 1) {
    const value = Number((place * step).toFixed(1));
    const text = value === 0 ? '0 %' : `${value < 0 ? '−' : '+'}${Math.abs(value)} %`;
    ticks.push({ at: Math.log(1 + value / 100), text });
  }
  return ticks;
}

function plotOf(wide, figure, rows, said) {
  const longest = Math.max(...rows.map(({ variant }) => variant.name.length));
  const left = Math.min(longest * CHARACTER + 14, 0.34 * wide);
  const right = wide - RIGHT_TEXT;
  const tall = HEAD + rows.length * ROW + FOOT;
  const ends = reach(rows);
  const x = (log) => left + ((log - ends[0]) * (right - left)) / (ends[1] - ends[0]);
  const svg = makeSvg('svg', { viewBox: `0 0 ${wide} ${tall}`, class: 'forest', role: 'img', 'aria-label': said });
  const add = (tag, given, text) => {
    const element = makeSvg(tag, given);
    if (text !== undefined) element.textContent = text;
    svg.append(element);
    return element;
  };
  const foot = tall - FOOT;
  for (const { at, text } of ticksOf(ends, right - left)) {
    const one = at === 0;
    add('line', { x1: x(at), x2: x(at), y1: HEAD - 4, y2: foot + 4, class: one ? 'one' : 'tick' });
    add('text', { x: x(at), y: foot + 17, class: 'word', 'text-anchor': 'middle' }, text);
  }
  rows.forEach(({ variant, ratio }, place) => {
    const y = HEAD + (place + 0.5) * ROW;
    const judgement = judged(figure, ratio);
    const stroke = `var(${variant.hue})`;
    const room = Math.floor((left - 10) / CHARACTER);
    const name = variant.name.length > room ? `${variant.name.slice(0, room - 1)}…` : variant.name;
    const label = add('text', { x: left - 10, y: y + 4, class: 'name', 'text-anchor': 'end' }, name);
    if (name !== variant.name) label.append(tip(variant.name));
    const at = (ratio) => Math.min(Math.max(x(Math.log(Math.max(ratio, 1e-6))), left), right);
    const [from, to] = [at(ratio.low), at(ratio.high)];
    const line = { x1: from, x2: to, y1: y, y2: y, stroke, 'stroke-width': 2.5 };
    if (judgement === 'open') line['stroke-dasharray'] = '3 3';
    add('line', line);
    for (const end of [from, to]) add('line', { x1: end, x2: end, y1: y - 4, y2: y + 4, stroke, 'stroke-width': 2 });
    const hollow = judgement === 'same' || judgement === 'open';
    add('circle', { cx: at(ratio.value), cy: y, r: 4.5, fill: hollow ? 'var(--card)' : stroke, stroke, 'stroke-width': 2 });
    add('text', { x: wide, y: y + 4, class: `value ${judgement}`, 'text-anchor': 'end' }, short(ratio, judgement));
  });
  return svg;
}

function tip(text) {
  const title = makeSvg('title');
  title.textContent = text;
  return title;
}

// The verdict in a word or two.
function short(ratio, judgement) {
  if (judgement === 'open') return `? ${change(ratio.value)}`;
  if (judgement === 'same') return `±${percents(Math.max(ratio.high - 1, 1 - ratio.low))}`;
  return change(ratio.value);
}
