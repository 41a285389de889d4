// The table of routes.
import { byId, empty, make, makeSvg, piece, setText } from './dom.js';
import { shareColour } from './theme.js';
import { count, duration, percent, rate } from './units.js';

const COLUMNS = [
  { key: 'route', label: 'Route', of: (route) => route.r, text: true },
  { key: 'n', label: 'Requests', of: (route) => route.n, show: count },
  { key: 'rate', label: 'Per s', of: (route) => route.n, show: (value, state) => rate(value / state.seconds), hide: true },
  { key: 'x', label: 'Errors', of: (route) => route.x, show: count, bad: true },
  { key: 'c', label: '4xx', of: (route) => route.c, show: count, hide: true },
  { key: 'p50', label: 'p50', of: (route) => route.q[0], show: duration, hide: true },
  { key: 'p90', label: 'p90', of: (route) => route.q[1], show: duration, hide: true },
  { key: 'p99', label: 'p99', of: (route) => route.q[2], show: duration },
  { key: 'max', label: 'Max', of: (route) => route.q[3], show: duration, hide: true },
  { key: 'd', label: 'Time', of: (route) => route.d, show: duration },
];
const FIRST = 30;

let sorted = { key: 'd', down: true };
let filter = '';
let all = false;
let latest = null;
const rowsOf = new Map();

export function startRoutes() {
  byId('filter').addEventListener('input', (event) => {
    filter = event.target.value.toLowerCase();
    if (latest) routeTable(latest);
  });
}

function head() {
  const cells = COLUMNS.map((column) => {
    const now = sorted.key === column.key;
    const sort = now ? (sorted.down ? 'descending' : 'ascending') : 'none';
    const arrow = now ? (sorted.down ? ' ↓' : ' ↑') : '';
    const button = make('button', { type: 'button', text: column.label + arrow, 'data-sort': column.key });
    button.addEventListener('click', () => {
      sorted = { key: column.key, down: now ? !sorted.down : !column.text };
      table = null;
      routeTable(latest);
      byId('routes').querySelector(`[data-sort="${column.key}"]`).focus();
    });
    const kind = [column.text ? 'text' : 'number', column.hide ? 'hide' : ''].join(' ');
    return make('th', { scope: 'col', 'aria-sort': sort, class: kind }, [button]);
  });
  cells.push(make('th', { scope: 'col', class: 'text trend hide', text: 'Over time' }));
  cells.push(make('th', { scope: 'col', class: 'text', text: 'Where the time went' }));
  return make('thead', {}, [make('tr', {}, cells)]);
}

let table = null;

export function routeTable(state) {
  latest = state;
  const holder = byId('routes');
  if (state.routes.size === 0) {
    table = null;
    holder.replaceChildren(empty('no requests yet'));
    return;
  }
  if (!table) {
    rowsOf.clear();
    table = make('tbody');
    const more = make('button', { type: 'button', class: 'more' });
    more.addEventListener('click', () => {
      all = !all;
      routeTable(latest);
    });
    holder.replaceChildren(make('table', {}, [head(), table]), more);
  }
  const column = COLUMNS.find((each) => each.key === sorted.key);
  const sign = sorted.down ? -1 : 1;
  const found = [...state.routes.values()].filter((route) => route.r.toLowerCase().includes(filter));
  found.sort((a, b) => {
    const [one, two] = [column.of(a), column.of(b)];
    return one === two ? (a.r < b.r ? -1 : 1) : sign * (one < two ? -1 : 1);
  });
  const shown = all ? found : found.slice(0, FIRST);
  const wanted = shown.map((route) => row(route, state));
  const same = wanted.length === table.children.length && wanted.every((each, place) => table.children[place] === each);
  if (!same) table.replaceChildren(...wanted);
  const more = holder.querySelector('.more');
  more.hidden = found.length <= FIRST;
  setText(more, all ? 'Show fewer' : `Show all ${found.length}`);
}

function row(route, state) {
  let known = rowsOf.get(route.r);
  if (!known) {
    const cells = COLUMNS.map((column) => {
      const kind = [column.text ? 'text name' : 'number', column.hide ? 'hide' : ''].join(' ');
      return make(column.text ? 'th' : 'td', column.text ? { scope: 'row', class: kind } : { class: kind });
    });
    const trend = make('td', { class: 'trend hide' });
    const bar = make('td', { class: 'share' });
    known = { element: make('tr', { 'data-route': route.r }, [...cells, trend, bar]), cells, trend, bar, drawn: null };
    rowsOf.set(route.r, known);
  }
  COLUMNS.forEach((column, place) => {
    const value = column.of(route);
    const cell = known.cells[place];
    setText(cell, column.text ? value : column.show(value, state));
    if (column.text) cell.title = value;
    if (column.bad) cell.classList.toggle('bad', value > 0);
  });
  // What is drawn only when there is something new to draw.
  if (known.drawn !== route) {
    known.trend.replaceChildren(trend(route.k));
    known.bar.replaceChildren(shareBar(state.shares, route.w));
    known.drawn = route;
  }
  return known.element;
}

// Requests over the run, as a small line.
function trend(steps) {
  const [wide, tall] = [96, 22];
  const svg = makeSvg('svg', { viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall, 'aria-hidden': 'true' });
  const most = Math.max(...steps, 1);
  const step = wide / Math.max(steps.length - 1, 1);
  const points = steps.map((value, place) => `${(place * step).toFixed(1)},${(tall - 1 - (value * (tall - 2)) / most).toFixed(1)}`);
  svg.append(makeSvg('polyline', { points: points.join(' '), class: 'trend-line' }));
  return svg;
}

// A bar of all time, with words for who does not see it.
export function shareBar(names, values) {
  const sum = values.reduce((all, value) => all + value, 0);
  const words = [];
  const bar = make('span', { class: 'bar', role: 'img' });
  names.forEach((name, place) => {
    const value = values[place];
    if (sum > 0 && value / sum >= 0.002) {
      bar.append(piece((100 * value) / sum, shareColour(name), `${name} ${percent(value, sum)}, ${duration(value)}`));
    }
    if (sum > 0 && value / sum >= 0.05) words.push(`${name} ${Math.round((100 * value) / sum)}%`);
  });
  bar.setAttribute('aria-label', words.join(', ') || 'not known');
  return bar;
}

// Colours are others: draw anew.
export function redrawRoutes() {
  rowsOf.forEach((known) => {
    known.drawn = null;
  });
  if (latest) routeTable(latest);
}
