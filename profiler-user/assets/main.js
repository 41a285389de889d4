// The page: what is drawn when, and what the keys do.
import { byId, setText } from './dom.js';
import { css, groupColour, nextTheme, onTheme, shareColour, startTheme } from './theme.js';
import { follow, indexed, seconds, within } from './store.js';
import { chart, columns, onZoom, stacked } from './charts.js';
import { heatMap } from './heat.js';
import { flame, legends } from './flame.js';
import { redrawRoutes, routeTable, startRoutes } from './routes.js';
import { waterfalls } from './waterfall.js';
import { aboutList, accountCard, gauges, groupName, makeTiles, noticeList } from './facts.js';
import { bytes, count, digits, duration, durationTick, rate } from './units.js';

let current = null;
let range = 300;
let zoom = null;
let paused = false;
let pending = false;
let views = null;
let tiles = null;
let knownGroups = '';

// Of a few digits, and no needless zeros.
const plainTick = (value) => String(Number(value.toPrecision(3)));
const BINARY = Array.from({ length: 25 }, (_, power) => 2 ** (16 + power));
const soft = (name) => () => `${css(name)}33`;
const per = (sample, value) => value / seconds(sample);

function build(state) {
  const names = state.shares.slice().reverse();
  views = {
    throughput: chart(byId('throughput'), {
      tick: plainTick,
      least: 1,
      lines: [
        { label: 'requests/s', colour: () => css('--accent'), fill: soft('--accent'), value: (raw) => (raw === null ? '–' : rate(raw)) },
        { label: 'errors/s', colour: () => css('--bad'), fill: soft('--bad'), value: (raw) => (raw === null ? '–' : rate(raw)) },
      ],
    }),
    percentiles: chart(byId('percentiles'), {
      tick: durationTick,
      log: true,
      lines: ['p50', 'p90', 'p99', 'max'].map((label) => ({ label, colour: () => css(`--${label}`), width: label === 'max' ? 0.8 : 1.6, value: (raw) => duration(raw) })),
    }),
    heat: heatMap(byId('heat'), setZoom),
    anatomy: chart(byId('anatomy'), {
      tick: plainTick,
      least: 0.1,
      lines: names.map((label, place) => ({
        label,
        colour: () => shareColour(label),
        fill: () => shareColour(label),
        width: 0.5,
        value: (raw, index) => {
          const exact = views.raw?.[place + 1]?.[index];
          return exact === null || exact === undefined ? '–' : digits(exact);
        },
      })),
    }),
    listen: chart(byId('listen'), {
      tick: (value) => (Number.isInteger(value) ? count(value) : ''),
      least: 2,
      lines: [{ label: 'waiting', colour: () => css('--s-queue'), fill: soft('--s-queue'), value: (raw) => (raw === null ? '–' : count(raw)) }],
    }),
    names,
  };
  legends(state);
}

// Charts with a line for each group are made anew when there is another group.
function buildGroups(state) {
  const now = JSON.stringify(state.groups);
  if (now === knownGroups) return;
  knownGroups = now;
  for (const name of ['pools', 'cpu', 'memory']) views[name]?.gone();
  const lines = (groups, word) =>
    groups.map(({ group, place }) => ({ label: groupName(group), colour: () => groupColour(place), value: (raw) => (raw === null || raw === undefined ? '–' : word(raw)) }));
  views.all = state.groups.map((group, place) => ({ group, place }));
  views.serving = views.all.filter(({ group }) => group.kind !== 'wsgiprobe');
  views.pools = chart(byId('pools'), { tick: (value) => `${plainTick(value)}%`, least: 10, most: 100, lines: lines(views.serving, (raw) => `${digits(raw)}%`) });
  views.cpu = chart(byId('cpu'), { tick: plainTick, least: 0.1, lines: lines(views.all, digits) });
  views.memory = chart(byId('memory'), { tick: (value) => bytes(value).replace('.0 ', ' '), steps: BINARY, least: 1 << 20, lines: lines(views.all, bytes) });
}

// The stretch of time that is shown, milliseconds.
function stretch(state) {
  if (zoom) return zoom;
  const [first, last] = [state.samples[0], state.samples.at(-1)];
  if (!last) {
    const now = Date.now();
    return [now - 60e3, now];
  }
  const span = Math.max(last.e - first.s, 10e3);
  const recorded = state.about.origin !== 'live';
  const wanted = range === 0 || recorded && range * 1000 > span ? span : Math.min(range * 1000, Math.max(span, 60e3));
  return [last.e - wanted, last.e];
}

function draw() {
  pending = false;
  const state = current;
  if (!state) return;
  if (!views) build(state);
  const [first, last] = [state.samples[0], state.samples.at(-1)];
  state.seconds = last ? Math.max((last.e - first.s) / 1000, 0.001) : 0.001;
  const [begin, end] = stretch(state);
  const shown = within(state.samples, [begin, end]);
  const at = [begin, end];
  tiles(state);
  views.throughput.set(columns(shown, [(sample) => per(sample, sample.n), (sample) => per(sample, sample.x)]), at);
  const quantile = (place) => (sample) => (sample.n > 0 && sample.q[3] > 0 ? sample.q[place] : null);
  views.percentiles.set(columns(shown, [0, 1, 2, 3].map(quantile)), at);
  views.heat(shown, state.heat, at);
  const share = (name) => {
    const place = state.shares.indexOf(name);
    return (sample) => sample.w[place] / 1e9 / seconds(sample);
  };
  views.raw = columns(shown, views.names.map(share));
  views.anatomy.set(stacked(views.raw), at);
  drawServers(state, shown, at);
  const pointedAt = byId('flame').matches(':hover') && byId('flame').children.length > 1;
  if (!pointedAt) flame(state);
  routeTable(state);
  waterfalls(state, false);
  accountCard(state);
  noticeList(state);
  aboutList(state);
}

function drawServers(state, shown, at) {
  const recording = state.about.origin === 'recording';
  for (const name of ['pools', 'listen', 'cpu', 'memory']) byId(`${name}-card`).hidden = recording;
  byId('account-card').classList.toggle('wide', recording);
  if (recording) return;
  buildGroups(state);
  const cell = (place, pick) => (sample) => {
    const found = sample.g.find((each) => each.i === place);
    return found ? pick(found) : null;
  };
  const each = (groups, pick) => columns(shown, groups.map(({ place }) => cell(place, pick)));
  views.pools.set(each(views.serving, (found) => (found.u === null ? null : found.u * 100)), at, 'no pool has served yet');
  views.cpu.set(each(views.all, (found) => found.c), at, 'not known yet');
  views.memory.set(each(views.all, (found) => found.m || null), at, 'not known yet');
  views.listen.set(columns(shown, [(sample) => sample.l]), at, 'no listening socket is known');
  gauges(state);
}

function request(state) {
  if (state) current = state;
  if (paused || pending) return;
  pending = true;
  requestAnimationFrame(draw);
}

function setZoom(next) {
  zoom = next;
  request();
}

function setRange(next) {
  range = next;
  zoom = null;
  for (const button of byId('ranges').children) {
    button.setAttribute('aria-pressed', String(Number(button.dataset.range) === next));
  }
  request();
}

function setPaused(next) {
  paused = next;
  byId('pause').setAttribute('aria-pressed', String(next));
  setText(byId('pause'), next ? 'Go on' : 'Pause');
  request();
}

const WORDS = { live: 'live', lost: 'no connection: trying again', ended: 'the run is over' };

function connection(state) {
  byId('status').dataset.state = state;
  setText(byId('status'), WORDS[state]);
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target instanceof HTMLInputElement;
  if (event.key === 'Escape') {
    if (typing) event.target.blur();
    setZoom(null);
    return;
  }
  if (typing || byId('help').open) return;
  const ranges = [...byId('ranges').children];
  const chosen = ranges[Number(event.key) - 1];
  if (chosen) setRange(Number(chosen.dataset.range));
  else if (event.key === 'p') setPaused(!paused);
  else if (event.key === 't') nextTheme();
  else if (event.key === '?') byId('help').showModal();
  else if (event.key === '/') byId('filter').focus();
  else return;
  event.preventDefault();
}

function start() {
  startTheme();
  startRoutes();
  tiles = makeTiles();
  onZoom(setZoom);
  onTheme(() => {
    if (!current || !views) return;
    legends(current);
    redrawRoutes();
    waterfalls(current, true);
    request();
  });
  document.addEventListener('keydown', keys);
  for (const button of byId('ranges').children) {
    button.addEventListener('click', () => setRange(Number(button.dataset.range)));
  }
  byId('pause').addEventListener('click', () => setPaused(!paused));
  byId('help-open').addEventListener('click', () => byId('help').showModal());
  const data = byId('data');
  setRange(data ? 0 : 300);
  if (!data) {
    follow(request, connection);
    return;
  }
  byId('pause').hidden = true;
  const state = indexed(JSON.parse(data.textContent));
  byId('status').dataset.state = 'ended';
  setText(byId('status'), state.about.origin === 'recording' ? 'recording' : 'report');
  request(state);
}

start();
