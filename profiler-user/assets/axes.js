// What charts have in common, by uPlot.
/* global uPlot */
import { css, onTheme } from './theme.js';

const HEIGHT = 190;
// Left of the plot, in every chart: times are above one another.
export const GUTTER = 62;
// Right of it: half of the last time's width.
export const RIGHT = 26;
const plots = new Set();

export function axis(values, more = {}) {
  return {
    stroke: () => css('--muted'),
    grid: { stroke: () => css('--grid'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
    values,
    ...more,
  };
}

// Of a logarithmic axis: lines at the powers of ten alone.
export const decades = (plot, splits) => splits.map((value) => (Number.isInteger(Math.log10(value)) ? value : null));

// Values that no line leads to or from.
function alone(plot, place) {
  const values = plot.data[place];
  const known = (at) => values[at] !== null && values[at] !== undefined;
  return [...values.keys()].filter((at) => known(at) && !known(at - 1) && !known(at + 1));
}

// One series: { label, colour(), fill(), value(text) }.
export function series({ label, colour, fill, value, width = 1.5, ...more }) {
  return {
    label,
    stroke: colour,
    fill,
    width,
    spanGaps: false,
    points: { show: true, size: 5, width: 0, fill: colour, filter: alone },
    value: (plot, raw, place, index) => (index === null ? '\u00a0' : value(raw, index)),
    ...more,
  };
}

// The chart in that element: as wide as it, with a legend for the keyboard too.
export function mount(holder, options, data) {
  const height = options.height ?? HEIGHT;
  const plot = new uPlot({ padding: [8, RIGHT, 0, 0], ...options, height, width: Math.max(holder.clientWidth, 240) }, data, holder);
  for (const row of holder.querySelectorAll('.u-series:not(:first-child) th')) {
    row.tabIndex = 0;
    row.setAttribute('role', 'button');
    row.setAttribute('aria-label', `show or hide ${row.textContent}`);
    row.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        row.click();
      }
    });
  }
  const resize = new ResizeObserver(() => {
    const width = holder.clientWidth;
    if (width > 0 && width !== plot.width) plot.setSize({ width, height });
  });
  resize.observe(holder);
  plots.add(plot);
  return {
    plot,
    gone() {
      resize.disconnect();
      plots.delete(plot);
      plot.destroy();
    },
  };
}

onTheme(() => plots.forEach((plot) => plot.redraw(false, true)));
