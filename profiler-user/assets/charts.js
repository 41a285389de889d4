// Lines and areas over time.
import { css } from './theme.js';
import { make } from './dom.js';
import { GUTTER, axis, decades, mount, series } from './axes.js';
import { timeTicks, clock } from './units.js';

let zoomed = () => {};

// Called with a stretch of time in milliseconds that was dragged over, or null.
export function onZoom(listener) {
  zoomed = listener;
}

// A chart in that element. `tick` words the values of its axis; `log` makes that
// logarithmic; `least` is the least that the axis reaches to.
export function chart(holder, { lines, tick, log = false, least = 0, most = Infinity, steps }) {
  holder.replaceChildren();
  const view = { stretch: [0, 1] };
  const range = log
    ? (plot, low, high) => [Math.min(low ?? 1e5, 1e5), Math.max(high ?? 1e7, 1e7)]
    : (plot, low, high) => [0, Math.min(Math.max((high ?? 0) * 1.08, least), most)];
  const options = {
    legend: { live: true },
    cursor: {
      sync: { key: 'time' },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
      bind: { dblclick: () => () => zoomed(null) },
    },
    scales: { x: { time: true, range: () => view.stretch }, y: { range, distr: log ? 3 : 1 } },
    axes: [
      axis((plot, splits, place, space, step) => timeTicks(splits, step), { space: 70, size: 28 }),
      axis((plot, splits) => splits.map((value) => (value === null ? '' : tick(value))), {
        size: GUTTER,
        space: 32,
        ...(steps ? { incrs: steps } : {}),
        grid: { stroke: () => css('--grid'), width: 1, filter: log ? decades : (plot, splits) => splits },
      }),
    ],
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 8) return;
          zoomed([plot.posToVal(left, 'x') * 1000, plot.posToVal(left + width, 'x') * 1000]);
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        },
      ],
    },
    series: [
      { label: 'time', value: (plot, raw) => (raw === null ? '\u00a0' : clock(raw * 1000)) },
      ...lines.map(series),
    ],
  };
  const blank = [[], ...lines.map(() => [])];
  const { plot, gone } = mount(holder, options, blank);
  view.empty = make('p', { class: 'empty over', text: 'no requests yet' });
  holder.append(view.empty);
  return {
    // Columns: seconds since the epoch, and the values of each line.
    set(data, stretch, text = 'no requests yet') {
      view.stretch = [stretch[0] / 1000, stretch[1] / 1000];
      plot.setData(data);
      const any = data.slice(1).some((column) => column.some((value) => value !== null));
      view.empty.hidden = any;
      view.empty.textContent = text;
    },
    gone,
  };
}

// Times of samples, with a break where time is missing between two.
export function columns(samples, values) {
  const data = [[], ...values.map(() => [])];
  let before = null;
  for (const sample of samples) {
    if (before !== null && sample.s - before.e > 2 * Math.max(sample.e - sample.s, 1000)) {
      data[0].push(before.e / 1000 + 0.001);
      for (let line = 1; line < data.length; line += 1) data[line].push(null);
    }
    data[0].push((sample.s + sample.e) / 2000);
    values.forEach((value, line) => data[line + 1].push(value(sample)));
    before = sample;
  }
  return data;
}

// Areas on one another: the last line is the lowest, each line the sum of it and of
// those after it. Filled wholly, the lower hide the feet of the upper.
export function stacked(data) {
  const raw = data.slice(1);
  const sums = raw.map((column) => column.slice());
  for (let line = sums.length - 2; line >= 0; line -= 1) {
    for (let at = 0; at < sums[line].length; at += 1) {
      if (sums[line][at] !== null) sums[line][at] += sums[line + 1][at];
    }
  }
  return [data[0], ...sums];
}
