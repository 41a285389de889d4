// What the plots show, and the rest, in figures.
import { byId, make } from './dom.js';
import { change, judged, named, worded } from './variants.js';
import { percentileText, sinceText } from './lines.js';
import { count, duration } from './units.js';

const head = (cells) => make('thead', {}, [make('tr', {}, cells)]);
const column = (children, text = false) => make('th', { scope: 'col', class: text ? 'text' : 'number' }, children);
const first = (children) => make('th', { scope: 'row', class: 'text' }, children);
const cell = (children, name = 'number') => make('td', { class: name }, children);
const faint = (text) => make('small', { text });

function table(holder, heads, rows) {
  const body = make('tbody', {}, rows.map((cells) => make('tr', {}, cells)));
  holder.append(make('table', {}, [head(heads), body]));
}

export function figureTable(page) {
  const known = page.figures.filter(({ key }) => page.variants.some(({ figures }) => figures[key]));
  byId('figures').classList.toggle('dense', page.variants.length > 4);
  const rows = known.map((figure) => {
    const cells = page.variants.map((variant) => figureCell(page, figure, variant));
    return [first([figure.title]), ...cells];
  });
  table(byId('figures'), [column(['Figure'], true), ...page.variants.map((variant) => column([named(variant), ...(variant.ratios === null ? [faint('baseline')] : [])]))], rows);
}

function figureCell(page, figure, variant) {
  const found = variant.figures[figure.key];
  if (!found) return cell(['–']);
  const text = (value) => worded(figure.unit, value);
  const lines = [make('div', {}, [make('b', { text: text(found.value) }), faint(`[${text(found.low)}, ${text(found.high)}]`)])];
  const ratio = variant.ratios?.[figure.key];
  if (ratio) {
    const judgement = judged(figure, ratio);
    const words = make('b', { class: judgement, text: `${judgement === 'open' ? '? ' : ''}${change(ratio.value)}` });
    lines.push(make('div', {}, [words, faint(`[${change(ratio.low)}, ${change(ratio.high)}]`)]));
  }
  const element = cell(lines);
  element.title = `rounds between ${text(found.min)} and ${text(found.max)}`;
  return element;
}

// A count beside that of the answers: marked where it is another.
function beside(value, answered) {
  if (value === null) return cell(['–']);
  if (value === answered) return cell([count(value)]);
  const by = value - answered;
  return cell([`${count(value)} `, make('b', { text: `(${by < 0 ? '−' : '+'}${count(Math.abs(by))})` })], 'number differs');
}

export function requestTable(page) {
  const rows = page.variants.map((variant) => {
    const { sent, answered, errors, logged, reported } = variant.requests;
    return [
      first([named(variant)]),
      beside(sent, answered),
      cell([count(answered)]),
      cell([count(errors)], errors > 0 ? 'number differs' : 'number'),
      beside(logged, answered),
      beside(reported, answered),
    ];
  });
  const names = ['Sent', 'Answered', 'Errors', 'In the access log', 'Reported by the instrument'];
  table(byId('requests'), [column(['Variant'], true), ...names.map((name) => column([name]))], rows);
}

export function saysTable(page) {
  const known = page.variants.filter(({ says }) => says !== null);
  byId('says-card').hidden = known.length === 0;
  const rows = known.map((variant) => {
    const { mean, client_mean: client } = variant.says;
    const [says, saw] = [mean * 1e9, client * 1e9];
    const untold = saw - says;
    const share = saw > 0 ? ` (${Math.round((100 * Math.abs(untold)) / saw)} %)` : '';
    const words = untold < 0 ? `${duration(-untold)} more than the client saw${share}` : `${duration(untold)}${share}`;
    return [first([named(variant)]), cell([duration(says)]), cell([duration(saw)]), cell([words], untold < 0 ? 'number differs' : 'number')];
  });
  const names = ['The instrument says', 'The client saw', 'Not in what it says'];
  table(byId('says'), [column(['Variant'], true), ...names.map((name) => column([name]))], rows);
}

const SHOWN_PERCENTILES = [50, 75, 90, 95, 99, 99.9, 99.99, 100];

export function distributionTable(page) {
  const known = page.variants.filter(({ distribution }) => distribution.length > 1);
  const given = new Set(known.flatMap(({ distribution }) => distribution.map(([percent]) => percent)));
  const rows = SHOWN_PERCENTILES.filter((percent) => given.has(percent)).map((percent) => {
    const cells = known.map(({ distribution }) => {
      const found = distribution.find(([each]) => each === percent);
      return cell([found ? duration(found[1] * 1e9) : '–']);
    });
    return [first([percentileText(percent)]), ...cells];
  });
  const holder = make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Latency by percentile, as a table' });
  table(holder, [column(['Of the requests'], true), ...known.map((variant) => column([named(variant)]))], rows);
  byId('distribution-table').append(holder);
}

// Every measurement, in the order of time.
export function roundTable(page) {
  const all = page.variants.flatMap((variant) => variant.rounds.map((round) => ({ variant, round })));
  all.sort((one, other) => one.round.at - other.round.at);
  const rows = all.map(({ variant, round }) => [
    first([sinceText(round.at)]),
    cell([count(round.round)]),
    cell([named(variant)], 'text'),
    cell([worded('per_second', round.throughput)]),
    cell([worded('seconds', round.p99)]),
    cell([count(round.errors)], round.errors > 0 ? 'number differs' : 'number'),
  ]);
  const holder = make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Every measurement' });
  const names = ['Requests/s', 'p99', 'Errors'];
  table(holder, [column(['At'], true), column(['Round']), column(['Variant'], true), ...names.map((name) => column([name]))], rows);
  byId('rounds-table').append(holder);
}
