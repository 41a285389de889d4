// The slowest requests, each with its way through the server.
import { byId, empty, make, piece } from './dom.js';
import { partColour } from './theme.js';
import { shareBar } from './routes.js';
import { clock, duration } from './units.js';

const FEW = 10;
let drawn = null;
let whole = false;

// `again` draws although the requests are the same.
export function waterfalls(state, again) {
  if (drawn === state.slowest && !again) return;
  drawn = state.slowest;
  const holder = byId('slowest');
  if (state.slowest.length === 0) {
    holder.replaceChildren(empty('no requests yet'));
    return;
  }
  const took = (request) => request.d + (request.a[0] ?? 0);
  const longest = Math.max(...state.slowest.map(took));
  const shown = whole ? state.slowest : state.slowest.slice(0, FEW);
  const list = make('ol', {}, shown.map((request) => entry(request, state, (100 * took(request)) / longest)));
  const text = whole ? 'Show fewer' : `Show all ${state.slowest.length}`;
  const more = make('button', { type: 'button', class: 'more', text });
  more.hidden = state.slowest.length <= FEW;
  more.addEventListener('click', () => {
    whole = !whole;
    waterfalls(state, true);
    holder.querySelector('.more').focus();
  });
  holder.replaceChildren(list, more);
}

function entry(request, state, width) {
  const failed = request.z === null || request.z >= 500 || !['ok', 'upgraded'].includes(request.o);
  const status = make('span', { class: failed ? 'code bad' : 'code', text: request.z === null ? request.o : String(request.z) });
  const line = make('div', { class: 'what' }, [
    make('span', { class: 'took', text: duration(request.d) }),
    make('span', { class: 'method', text: request.m }),
    make('span', { class: 'path', text: request.p, title: request.p }),
    status,
    make('span', { class: 'when', text: `${clock(request.s)}${request.k ? ` · ${request.k}` : ''} · pid ${request.i}` }),
  ]);
  const sum = request.a.reduce((all, value) => all + (value ?? 0), 0);
  const words = [];
  const way = make('span', { class: 'bar way', role: 'img' });
  state.parts.forEach((name, place) => {
    const value = request.a[place];
    if (!value || sum === 0) return;
    const words_ = `${name.replace('_time', '').replace('_', ' ')} ${duration(value)}`;
    words.push(words_);
    way.append(piece((100 * value) / sum, partColour(name), words_));
  });
  way.setAttribute('aria-label', words.join(', ') || 'its parts are not known');
  const lines = [way];
  if (request.w) lines.push(shareBar(state.shares, request.w));
  lines.forEach((each) => {
    each.style.width = `${Math.max(width, 1)}%`;
  });
  lines[1]?.classList.add('thin');
  const heaviest = words.length > 0 ? words.join(' · ') : '';
  const peer = request.u ? ` · waited for ${request.u}` : '';
  const where = request.c ? ` · in ${request.c}` : '';
  const text = heaviest + peer + where;
  return make('li', {}, [line, ...lines, make('div', { class: 'words', text })]);
}
