// Figures at the top, the account, notices, and what run this is.
import { byId, empty, make, refresh, setText } from './dom.js';
import { groupColour } from './theme.js';
import { seconds } from './store.js';
import { bytes, clock, count, day, digits, duration, percent, rate } from './units.js';

const RECENT = 5;

function tile(id, label) {
  const value = make('strong', { id: `tile-${id}`, text: '–' });
  const more = make('small', { text: '\u00a0' });
  byId('tiles').append(make('div', { class: 'tile' }, [make('span', { text: label }), value, more]));
  return (text, below, given) => {
    setText(value, text);
    setText(more, below || '\u00a0');
    if (given !== undefined) value.dataset.value = given;
    return value;
  };
}

export function makeTiles() {
  const tiles = {
    rate: tile('rate', 'requests/s'),
    p50: tile('p50', 'p50'),
    p90: tile('p90', 'p90'),
    p99: tile('p99', 'p99'),
    errors: tile('errors', 'errors'),
    requests: tile('requests', 'requests'),
    flight: tile('in-flight', 'in flight'),
    lost: tile('lost', 'lost'),
  };
  return (state) => {
    const run = state.total;
    const live = state.about.origin === 'live' && !state.ended;
    const last = state.samples.slice(-RECENT);
    const now = last.reduce((sum, sample) => sum + sample.n, 0) / Math.max(last.reduce((sum, sample) => sum + seconds(sample), 0), 0.001);
    const mean = run.n / state.seconds;
    tiles.rate(run.n === 0 ? '0' : rate(live ? now : mean), live ? `run ${rate(mean)}` : 'mean of the run');
    const recent = last.filter((sample) => sample.n > 0).at(-1);
    ['p50', 'p90', 'p99'].forEach((name, place) => {
      const whole = run.n > 0 ? duration(run.q[place]) : '–';
      const shown = live ? (recent ? duration(recent.q[place]) : '–') : whole;
      tiles[name](shown, live ? `run ${whole}` : 'of the run', run.q[place]);
    });
    const bad = tiles.errors(count(run.x), run.n > 0 ? percent(run.x, run.n) : '', run.x);
    bad.classList.toggle('bad', run.x > 0);
    tiles.requests(count(run.n), `${bytes(run.out)} out`, run.n);
    const account = state.account;
    tiles.flight(account ? count(account.in_flight) : '–', '', account?.in_flight);
    const lost = account ? lostOf(account) : null;
    const missing = tiles.lost(lost === null ? '–' : count(lost), lost ? percent(lost, account.seen) : '', lost ?? undefined);
    missing.classList.toggle('bad', lost > 0);
  };
}

const lostOf = (account) => Object.values(account.lost).reduce((sum, value) => sum + value, 0);

export function accountCard(state) {
  const holder = byId('account');
  const account = state.account;
  if (!account) {
    const text = state.about.origin === 'recording' ? 'a recording holds what was reported only' : 'not yet';
    holder.replaceChildren(empty(text));
    return;
  }
  const lost = lostOf(account);
  const term = (id, label, value, bad) =>
    make('span', { class: bad ? 'term bad' : 'term' }, [make('b', { id: `account-${id}`, text: count(value), 'data-value': value }), make('i', { text: label })]);
  const sign = (text) => make('span', { class: 'sign', text });
  const sum = make('p', { class: 'equation' }, [
    term('seen', 'seen', account.seen),
    sign(account.balanced ? '=' : '≠'),
    term('reported', 'reported', account.reported),
    sign('+'),
    term('in-flight', 'in flight', account.in_flight),
    sign('+'),
    term('lost', 'lost', lost, lost > 0),
  ]);
  const words = new Map(account.hits);
  const lines = [];
  const list = (counts, kind, name) => {
    for (const [counter, value] of Object.entries(counts)) {
      if (value > 0) {
        const why = words.has(counter) ? `: ${words.get(counter)}` : '';
        lines.push(make('li', { class: kind, text: `${name} ${count(value)} ${counter.replaceAll('_', ' ')}${why}` }));
      }
    }
  };
  list(account.lost, 'bad', 'lost');
  list(account.notes, '', 'note');
  if (!account.balanced) lines.unshift(make('li', { class: 'bad', text: 'this does not add up: a bug of wsgiprobe, please report it' }));
  const probe = account.probe;
  const cost = `wsgiprobe itself: ${digits(probe.cpu_s)} s of CPU, ${bytes(probe.rss_bytes)} of memory` + (probe.kernel_bytes ? `, ${bytes(probe.kernel_bytes)} in the kernel` : '');
  holder.replaceChildren(sum, make('ul', { class: 'plain' }, lines), make('p', { class: 'unit', text: cost }));
}

export function noticeList(state) {
  const item = ([at, text]) => make('li', {}, [make('time', { text: clock(at) }), text]);
  byId('notices').hidden = state.notices.length === 0;
  refresh(byId('notice-list'), state.notices, () => state.notices.map(item).reverse());
}

export function aboutList(state) {
  const about = state.about;
  const last = state.samples.at(-1);
  const pairs = [
    ['watching', (about.targets ?? []).join('\n')],
    ['host', about.hostname],
    ['began', about.began_ms ? `${day(about.began_ms)} ${clock(about.began_ms)}` : ''],
    ['lasted', last ? duration(state.seconds * 1e9) : ''],
    ['hooks', about.hooks],
    ['kernel', about.kernel],
    ['wsgiprobe', about.version],
  ];
  const item = ([name, value]) => [make('dt', { text: name }), make('dd', { text: value })];
  refresh(byId('about'), pairs, () => pairs.filter(([, value]) => value).flatMap(item));
  const what = (about.targets ?? [])[0] ?? '';
  setText(byId('target'), what);
  document.title = what ? `wsgiprobe: ${what}` : 'wsgiprobe';
}

export function groupName({ kind, name }) {
  if (kind === 'daemon') return name ? `pool ${name}` : 'daemons';
  return kind === 'other' ? 'server' : kind;
}

// How full each pool is now.
export function gauges(state) {
  const cells = state.samples.at(-1)?.g ?? [];
  const known = cells.filter((cell) => cell.t !== null || cell.b > 0);
  const items = known.map((cell) => {
    const used = Math.round((cell.u ?? 0) * 1000) / 10;
    const meter = make('span', { class: 'meter', role: 'meter', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': used, 'aria-label': `${groupName(state.groups[cell.i])} used` });
    const fill = make('span');
    fill.style.width = `${used}%`;
    fill.style.backgroundColor = groupColour(cell.i);
    meter.append(fill);
    const full = cell.f > 0 ? `, full ${duration(cell.f * 1e6)}` : '';
    const text = cell.t === null ? `${cell.b} busy` : `${cell.b} of ${cell.t} threads busy, ${digits(used)}% used${full}`;
    return make('div', { class: cell.f > 0 ? 'gauge full' : 'gauge' }, [
      make('b', { text: groupName(state.groups[cell.i]) }),
      make('small', { text: `${cell.p} ${cell.p === 1 ? 'process' : 'processes'}` }),
      meter,
      make('span', { text }),
    ]);
  });
  byId('gauges').replaceChildren(...items);
}
