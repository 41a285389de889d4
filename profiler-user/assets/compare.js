// The page of a comparison: what is where.
import { byId, empty, make, setText } from './dom.js';
import { nextTheme, recolour, startTheme } from './theme.js';
import { distributions, overRun } from './lines.js';
import { dressed } from './variants.js';
import { forests, howInstrumented, verdictCards } from './verdicts.js';
import { distributionTable, figureTable, requestTable, roundTable, saysTable } from './tables.js';
import { clock, day, percent } from './units.js';

const LOADS = { closed: 'closed loop', fixed: 'fixed rate', command: 'a command' };

const plural = (number, word) => `${number} ${word}${number === 1 ? '' : 's'}`;

function loadText(plan) {
  if (plan.load === 'command') return plan.command;
  const rate = plan.rate === null ? '' : `, ${plan.rate} requests/s in all`;
  return `${LOADS[plan.load]}, ${plural(plan.connections, 'connection')}${rate}`;
}

function lead(page) {
  const { plan, baseline } = page.results;
  const names = page.variants.filter(({ ratios }) => ratios !== null).map(({ name }) => name);
  setText(byId('target'), plan.url);
  const what = names.length === 0 ? `${baseline} alone` : `${names.join(', ')} against ${baseline}`;
  const rounds = plan.finished === plan.rounds ? plural(plan.rounds, 'round') : `${plan.finished} of ${plural(plan.rounds, 'round')}`;
  byId('lead').replaceChildren(make('b', { text: what }), `: ${rounds} of ${plan.time} s each, interleaved. Load: ${loadText(plan)}.`);
}

function notes(page) {
  const { notes: told } = page.results;
  byId('notes').hidden = told.length === 0;
  byId('note-list').replaceChildren(...told.map((text) => make('li', { text })));
}

function about(page) {
  const { machine, plan, command, version, began } = page.results;
  const at = Date.parse(began);
  const entries = [
    ['Command', command.join(' ')],
    ['Began', `${day(at)} ${clock(at)}`],
    ['URL', plan.url],
    ['Load', loadText(plan)],
    ['Rounds', `${plan.finished} of ${plan.rounds}, ${plan.time} s each after ${plan.warm_up} s of warm-up`],
    ['Machine', `${machine.cpu}, ${plural(machine.cpus, 'CPU')}, Linux ${machine.kernel}`],
    ['Disturbance', `load ${machine.load} before the start; ${percent(machine.stolen, 1)} of the time went to other guests`],
    ['Measured by', `wsgiprobe ${version}`],
    ...page.variants.map((variant) => [`Variant ${variant.name}`, [howInstrumented(variant), variant.server ?? ''].filter(Boolean).join('\n')]),
  ];
  byId('about').replaceChildren(...entries.flatMap(([name, text]) => [make('dt', { text: name }), make('dd', { text })]));
}

function lineCharts(page) {
  const { results, variants, figures } = page;
  const figure = (key) => figures.find((each) => each.key === key);
  const seconds = (round) => round.seconds.map((answers, second) => [round.at + second + 0.5, answers]);
  if (distributions(byId('distribution'), variants)) distributionTable(page);
  else byId('distribution').replaceChildren(empty('no request was answered'));
  if (!overRun(byId('throughput'), figure('throughput'), results, variants, seconds)) byId('throughput').replaceChildren(empty('nothing was measured'));
  if (!overRun(byId('p99'), figure('p99'), results, variants)) byId('p99').replaceChildren(empty('no request was answered'));
  roundTable(page);
}

// On paper it is light, whatever the screen is.
function paper() {
  const root = document.documentElement;
  let before;
  const dress = (theme) => {
    if (theme === undefined) delete root.dataset.theme;
    else root.dataset.theme = theme;
    recolour();
  };
  addEventListener('beforeprint', () => {
    before = root.dataset.theme;
    dress('light');
  });
  addEventListener('afterprint', () => dress(before));
}

function start() {
  startTheme();
  paper();
  document.addEventListener('keydown', (event) => {
    if (event.key === 't' && !event.ctrlKey && !event.metaKey && !event.altKey) nextTheme();
  });
  const given = JSON.parse(byId('data').textContent);
  const page = { ...given, variants: dressed(given.results.variants) };
  document.title = `wsgiprobe compare: against ${page.results.baseline}`;
  lead(page);
  notes(page);
  verdictCards(page);
  forests(page);
  lineCharts(page);
  figureTable(page);
  requestTable(page);
  saysTable(page);
  about(page);
}

start();
