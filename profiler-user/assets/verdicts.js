// What may be said, in words, and the interval plots below it.
import { byId, empty, make, setText } from './dom.js';
import { forest } from './forest.js';
import { judged, named } from './variants.js';

// What is told of each variant at the top; the others are in the plots.
const FIRST = ['throughput', 'mean', 'p99', 'server_cpu'];

// Variants that are held against the baseline, with their words.
function others(page) {
  return page.variants.map((variant, place) => ({ variant, said: page.said[place] })).filter(({ variant }) => variant.ratios !== null);
}

export function howInstrumented(variant) {
  return variant.wsgiprobe === null ? 'without wsgiprobe' : `wsgiprobe attached (${variant.wsgiprobe})`;
}

export function verdictCards(page) {
  const compared = others(page);
  if (compared.length === 0) {
    byId('verdicts').replaceChildren(make('p', { class: 'card', text: 'There is nothing to hold against the baseline: one variant was measured.' }));
    return;
  }
  byId('verdicts').replaceChildren(...compared.map(({ variant, said }) => card(page, variant, said)));
}

function card(page, variant, said) {
  const told = page.figures.filter(({ key }) => FIRST.includes(key) && said[key]);
  const lines = told.map((figure) => {
    const ratio = variant.ratios[figure.key];
    const words = make('span', { class: `words ${judged(figure, ratio)}`, text: said[figure.key] });
    return make('li', {}, [make('b', { text: figure.title }), words]);
  });
  const list = lines.length > 0 ? make('ul', { class: 'plain' }, lines) : empty('no figure could be compared');
  return make('section', { class: 'card verdict' }, [
    make('h2', {}, [named(variant)]),
    make('p', { class: 'unit', text: `against ${page.results.baseline}; ${howInstrumented(variant)}` }),
    list,
  ]);
}

export function forests(page) {
  const compared = others(page);
  setText(byId('forests-title'), `Against ${page.results.baseline}`);
  byId('forests-card').hidden = compared.length === 0;
  if (compared.length === 0) return;
  const each = page.figures.map((figure) => {
    const rows = compared.filter(({ variant }) => variant.ratios[figure.key]);
    if (rows.length === 0) return null;
    const holder = make('div', { class: 'plot' });
    const words = rows.map(({ variant, said }) => `${variant.name}: ${said[figure.key]}`);
    const better = figure.better === 'more' ? 'more is better' : 'less is better';
    const element = make('figure', { 'data-figure': figure.key }, [make('figcaption', {}, [figure.title, make('small', { text: better })]), holder]);
    const shown = rows.map(({ variant }) => ({ variant, ratio: variant.ratios[figure.key] }));
    return { element, draw: () => forest(holder, figure, shown, `${figure.title} against ${page.results.baseline}. ${words.join('. ')}.`) };
  });
  const known = each.filter((one) => one !== null);
  byId('forests').replaceChildren(...known.map(({ element }) => element));
  for (const { draw } of known) draw();
  byId('forest-legend').replaceChildren(
    ...['filled: a difference is shown', 'hollow: none can be shown (± how much there may be)', 'dashed, “?”: too noisy or too few rounds to tell'].map((text) => make('span', { class: 'entry', text })),
  );
}
