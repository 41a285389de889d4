// Lines of a comparison: latency by percentile, and what was measured when.
import { GUTTER, axis, decades, mount, series } from './axes.js';
import { colourOf, outline, sample, worded } from './variants.js';
import { css } from './theme.js';
import { durationTick, rate } from './units.js';

const TALL = 260;
// Of the time, seconds.
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];

// One of 10, of 100, of 1000 were slower: where a percentile is on its axis.
const PLACES = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
// Room for the longest of their names, pixels.
const ROOM = 56;

// A percentile in words: without the noise of binary fractions.
export const percentileText = (percent) => `${Number(percent.toFixed(6))} %`;

function placed(percent, last) {
  return percent >= 100 ? last : Math.min(1 / (1 - percent / 100), last);
}

const textOf = (place) => percentileText(100 * (1 - 1 / place));

// Those that there is room for, with the half where there is more.
function placesWithin(plot, low, high) {
  const decade = plot.bbox.width / (devicePixelRatio || 1) / Math.max(Math.log10(high / low), 0.1);
  const each = Math.ceil(ROOM / decade);
  const shown = PLACES.filter((place, power) => power % each === 0);
  if (decade * Math.log10(2) > ROOM / 1.4) shown.splice(1, 0, 2);
  return shown.filter((place) => place >= low && place <= high);
}

// Columns of points [x, y] of each, over all their x.
function joined(all) {
  const tables = all.map((points) => new Map(points));
  const xs = [...new Set(tables.flatMap((table) => [...table.keys()]))].sort((a, b) => a - b);
  return [xs, ...tables.map((table) => xs.map((x) => table.get(x) ?? null))];
}

// The nearest place that a line has a value at.
function nearest(plot, line, hovered) {
  const values = plot.data[line];
  const known = (at) => values[at] !== null && values[at] !== undefined;
  if (line === 0) return hovered;
  for (let away = 0; away < values.length; away += 1) {
    if (known(hovered - away)) return hovered - away;
    if (known(hovered + away)) return hovered + away;
  }
  return hovered;
}

function lineOf(variant, value, points) {
  return series({
    label: variant.name,
    colour: () => colourOf(variant),
    value: (raw) => (raw === null || raw === undefined ? '–' : value(raw)),
    dash: variant.dash,
    width: variant.dash.length === 0 ? 2.2 : 1.8,
    spanGaps: true,
    points: points ?? { show: false },
  });
}

const latencyAxis = {
  size: GUTTER,
  space: 26,
  grid: { stroke: () => css('--grid'), width: 1, filter: decades },
};

// Each variant's latency by percentile.
export function distributions(holder, variants) {
  const known = variants.filter((variant) => variant.distribution.length > 1);
  if (known.length === 0) return false;
  const last = Math.max(10, ...known.map((variant) => variant.requests.answered));
  const data = joined(known.map(({ distribution }) =>
    distribution.filter(([, seconds]) => seconds > 0).map(([percent, seconds]) => [placed(percent, last), seconds * 1e9])));
  const options = {
    height: TALL,
    legend: { live: true },
    cursor: { drag: { x: true, y: false }, points: { size: 6 }, dataIdx: nearest },
    scales: { x: { time: false, distr: 3, range: (plot, low, high) => [low, high] }, y: { distr: 3 } },
    axes: [
      axis((plot, splits) => splits.map(textOf), {
        splits: (plot, at, low, high) => placesWithin(plot, low, high),
        filter: (plot, splits) => splits,
        size: 28,
      }),
      axis((plot, splits) => splits.map((value) => (value === null ? '' : durationTick(value))), latencyAxis),
    ],
    series: [
      { label: 'share of requests', value: (plot, raw) => (raw === null ? '\u00a0' : raw === last ? 'slowest' : textOf(raw)) },
      ...known.map((variant) => lineOf(variant, (raw) => worded('seconds', raw / 1e9))),
    ],
  };
  mount(holder, options, data);
  dressLegend(holder, known);
  return true;
}

// Seconds since the begin, as minutes and seconds.
export function sinceText(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

// Its own piece of line for each entry of the legend: the library knows colours alone.
function dressLegend(holder, known) {
  const entries = holder.querySelectorAll('.u-series:not(:first-child) th');
  entries.forEach((entry, place) => entry.prepend(sample(known[place])));
}

// Marks of the variants' own shapes, where the measurements are.
function marks(known, small) {
  const shapes = known.map(({ shape }) => new Path2D(outline(shape, 0, 0, 4)));
  return (plot) => {
    const { ctx } = plot;
    const scale = devicePixelRatio || 1;
    const spot = (x, y, draw) => {
      ctx.save();
      ctx.translate(plot.valToPos(x, 'x', true), plot.valToPos(y, 'y', true));
      ctx.scale(scale, scale);
      draw();
      ctx.restore();
    };
    const { left, top, width, height } = plot.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    known.forEach((variant, place) => {
      if (!plot.series[place + 1].show) return;
      ctx.fillStyle = ctx.strokeStyle = colourOf(variant);
      ctx.lineWidth = 1.4;
      ctx.globalAlpha = 0.6;
      for (const [x, y] of small[place]) spot(x, y, () => ctx.fillRect(-1.2, -1.2, 2.4, 2.4));
      ctx.globalAlpha = 1;
      plot.data[place + 1].forEach((y, at) => {
        if (y === null) return;
        spot(plot.data[0][at], y, () => {
          ctx.fill(shapes[place]);
          ctx.stroke(shapes[place]);
        });
      });
    });
    ctx.restore();
  };
}

// A figure of each round, in the order of time. `small` gives further points of a round.
export function overRun(holder, figure, results, variants, small = () => []) {
  const known = variants.filter(({ rounds }) => rounds.some((round) => round[figure.key] !== null));
  if (known.length === 0) return false;
  const middle = (round) => round.at + results.plan.time / 2;
  const scale = figure.unit === 'seconds' ? 1e9 : 1;
  const data = joined(known.map(({ rounds }) =>
    rounds.filter((round) => round[figure.key] !== null).map((round) => [middle(round), round[figure.key] * scale])));
  const further = known.map(({ rounds }) => rounds.flatMap(small));
  const tick = scale === 1 ? (value) => rate(value) : durationTick;
  const all = [...data.slice(1).flat(), ...further.flat().map(([, y]) => y)].filter((value) => value !== null);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const pad = Math.max(0.08 * (most - least), 0.005 * most);
  const length = Math.max(...data[0]) + results.plan.time;
  const options = {
    height: TALL - 30,
    legend: { live: true },
    cursor: { drag: { x: true, y: false }, points: { size: 6 }, dataIdx: nearest },
    scales: {
      x: { time: false, range: (plot, low, high) => (plot.zoomed ? [low, high] : [0, length]) },
      y: { range: () => [Math.max(least - pad, 0), most + pad] },
    },
    axes: [
      axis((plot, splits) => splits.map(sinceText), { space: 80, size: 28, incrs: STEPS }),
      axis((plot, splits) => splits.map((value) => (value === null ? '' : tick(value))), { size: GUTTER, space: 32 }),
    ],
    hooks: {
      setSelect: [(plot) => { plot.zoomed = plot.select.width > 0; }],
      draw: [marks(known, further)],
    },
    series: [
      { label: 'at', value: (plot, raw) => (raw === null ? '\u00a0' : sinceText(raw)) },
      ...known.map((variant) => lineOf(variant, (raw) => worded(figure.unit, raw / scale))),
    ],
  };
  const { plot } = mount(holder, options, data);
  dressLegend(holder, known);
  plot.over.addEventListener('dblclick', () => {
    plot.zoomed = false;
  }, { capture: true });
  return true;
}
