// All time of the run, by route, and each route's by what it was spent on.
import { byId, empty, make } from './dom.js';
import { partColour, shareColour } from './theme.js';
import { count, duration, percent } from './units.js';

const NARROWEST = 0.4;
const TOP = 14;
let opened = null;

const total = (values) => values.reduce((sum, value) => sum + value, 0);

function block(name, left, width, text, colour, title) {
  const element = make('div', { class: `block ${name}`, title });
  element.style.left = `${left}%`;
  element.style.width = `${Math.max(width, 0.15)}%`;
  if (colour) element.style.backgroundColor = colour;
  if (width > 3) element.append(make('span', { text }));
  return element;
}

// Pieces of a whole from left on, each { name, value, colour }.
function line(pieces, left, width, whole, what) {
  const sum = total(pieces.map((each) => each.value));
  const blocks = [];
  for (const { name, value, colour } of pieces) {
    const wide = sum > 0 ? (width * value) / sum : 0;
    if (wide >= NARROWEST / 4) {
      const title = `${what} ${name}: ${duration(value)}, ${percent(value, whole)}`;
      blocks.push(block('leaf', left, wide, name, colour, title));
    }
    left += wide;
  }
  return blocks;
}

const sharesOf = (state, route) =>
  state.shares.map((name, place) => ({ name, value: route.w[place], colour: shareColour(name) }));

const partsOf = (state, route) =>
  state.parts.map((name, place) => ({ name: name.replace('_time', ''), value: route.a[place], colour: partColour(name) }));

function rest(state, routes) {
  const sum = (key) => routes.reduce((sums, route) => sums.map((value, at) => value + route[key][at]), routes[0][key].map(() => 0));
  const n = routes.reduce((all, route) => all + route.n, 0);
  return { r: `${routes.length} others`, n, w: sum('w'), a: sum('a'), u: [], merged: true };
}

export function flame(state) {
  const holder = byId('flame');
  const focused = document.activeElement?.dataset?.route;
  let routes = [...state.routes.values()].filter((route) => total(route.w) > 0);
  routes.sort((a, b) => total(b.w) - total(a.w));
  if (routes.length === 0) {
    holder.replaceChildren(empty('no requests yet'));
    return;
  }
  if (routes.length > TOP) routes = [...routes.slice(0, TOP - 1), rest(state, routes.slice(TOP - 1))];
  const whole = total(routes.map((route) => total(route.w)));
  const only = routes.find((route) => route.r === opened);
  const shown = only ? [only] : routes;
  const sum = total(shown.map((route) => total(route.w)));
  const rows = [make('div', { class: 'level' }), make('div', { class: 'level' }), make('div', { class: 'level tall' })];
  rows[0].append(block('root', 0, 100, `all routes: ${duration(whole)} in ${count(state.total.n)} requests`, null, 'all routes'));
  let left = 0;
  for (const route of shown) {
    const wide = (100 * total(route.w)) / sum;
    const title = `${route.r}: ${duration(total(route.w))}, ${percent(total(route.w), whole)} of all, ${count(route.n)} requests`;
    const button = make('button', { type: 'button', class: 'block route', title, 'data-route': route.r, 'aria-expanded': String(Boolean(only)) });
    button.setAttribute('aria-label', title);
    button.style.left = `${left}%`;
    button.style.width = `${Math.max(wide, 0.15)}%`;
    if (wide > 3) button.append(make('span', { text: route.r }));
    button.addEventListener('click', () => open(state, only || route.merged ? null : route.r));
    button.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && opened !== null) {
        event.stopPropagation();
        open(state, null);
      }
    });
    rows[1].append(button);
    rows[2].append(...line(sharesOf(state, route), left, wide, total(route.w), route.r));
    left += wide;
  }
  if (only) {
    const ways = make('div', { class: 'level' });
    ways.append(...line(partsOf(state, only), 0, 100, total(only.a), only.r));
    rows.splice(2, 0, ways);
    if (only.u.length > 0) {
      const text = only.u.map(([peer, ns]) => `${peer} ${duration(ns)}`).join(', ');
      rows.push(make('p', { class: 'unit', text: `upstream: ${text}` }));
    }
  }
  holder.replaceChildren(...rows);
  if (focused !== undefined) {
    const again = [...holder.querySelectorAll('button')].find((button) => button.dataset.route === focused);
    again?.focus({ preventScroll: true });
  }
}

function open(state, route) {
  opened = route;
  flame(state);
  byId('flame').querySelector('button')?.focus({ preventScroll: true });
}

// What the colours mean.
export function legends(state) {
  const entry = (name, colour) => {
    const mark = make('span', { class: 'mark' });
    mark.style.backgroundColor = colour;
    return make('span', { class: 'entry' }, [mark, name]);
  };
  byId('legend').replaceChildren(...state.shares.map((name) => entry(name, shareColour(name))));
  const parts = state.parts.map((name) => entry(name.replace('_time', '').replace('_', ' '), partColour(name)));
  byId('parts-legend').replaceChildren(...parts);
}
