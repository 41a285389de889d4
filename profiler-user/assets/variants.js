// What tells variants apart, and their figures as text.
import { css } from './theme.js';
import { make, makeSvg } from './dom.js';
import { bytes, digits, duration, rate } from './units.js';

// A hue and a dash each: either is enough. The baseline is grey and unbroken.
const HUES = [0, 3, 1, 2, 5, 4, 6];
const DASHES = [[9, 3], [2, 3], [9, 3, 2, 3], [5, 2], [14, 4], [1, 4], [9, 3, 2, 3, 2, 3]];
const SHAPES = ['square', 'triangle', 'diamond', 'cross', 'plus', 'bar', 'ring'];

// Variants with what they are drawn with.
export function dressed(variants) {
  let next = 0;
  return variants.map((variant) => {
    if (variant.ratios === null) return { ...variant, hue: '--g-7', dash: [], shape: 'disc' };
    const place = next;
    next += 1;
    const turn = Math.floor(place / HUES.length);
    return {
      ...variant,
      hue: `--g-${HUES[place % HUES.length]}`,
      dash: DASHES[(place + turn) % DASHES.length],
      shape: SHAPES[(place + 2 * turn) % SHAPES.length],
    };
  });
}

export const colourOf = (variant) => css(variant.hue);

// A piece of its line, for a legend.
export function sample(variant) {
  const svg = makeSvg('svg', { width: 34, height: 10, viewBox: '0 0 34 10', class: 'sample', 'aria-hidden': 'true' });
  const stroke = `var(${variant.hue})`;
  svg.append(makeSvg('line', { x1: 1, x2: 33, y1: 5, y2: 5, stroke, 'stroke-width': 2, 'stroke-dasharray': variant.dash.join(' ') }));
  svg.append(makeSvg('path', { d: outline(variant.shape, 17, 5, 3.5), fill: stroke, stroke, 'stroke-width': 1.4 }));
  return svg;
}

// The path of a mark, around a point.
export function outline(shape, x, y, size) {
  const s = size;
  const paths = {
    disc: `M${x - s} ${y}a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0z`,
    ring: `M${x - s} ${y}a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0zm${s / 2} 0a${s / 2} ${s / 2} 0 1 1 ${s} 0a${s / 2} ${s / 2} 0 1 1 ${-s} 0z`,
    square: `M${x - s} ${y - s}h${2 * s}v${2 * s}h${-2 * s}z`,
    triangle: `M${x} ${y - s}L${x + s} ${y + s}H${x - s}z`,
    diamond: `M${x} ${y - s}L${x + s} ${y}L${x} ${y + s}L${x - s} ${y}z`,
    cross: `M${x - s} ${y - s}L${x + s} ${y + s}M${x - s} ${y + s}L${x + s} ${y - s}`,
    plus: `M${x - s} ${y}H${x + s}M${x} ${y - s}V${y + s}`,
    bar: `M${x - s} ${y - s / 3}h${2 * s}v${(2 * s) / 3}h${-2 * s}z`,
  };
  return paths[shape];
}

export function named(variant) {
  return make('span', { class: 'entry' }, [sample(variant), variant.name]);
}

// A figure in its unit.
export function worded(unit, value) {
  if (value === null || value === undefined) return '–';
  if (unit === 'per_second') return rate(value);
  if (unit === 'bytes') return bytes(value);
  return duration(value * 1e9);
}

// A ratio as the change that it is: +1.3 %, ×3.2.
export function change(ratio) {
  if (ratio >= 2) return `×${digits(ratio)}`;
  return `${ratio < 1 ? '−' : '+'}${percents(Math.abs(ratio - 1))}`;
}

// A share of 1 in percent.
export function percents(share) {
  const value = 100 * share;
  return `${value.toFixed(value < 0.95 ? 2 : value < 99.5 ? 1 : 0)} %`;
}

const SHOWN = ['more', 'less'];

// What a ratio is to whoever pays: better, worse, same, or open.
export function judged(figure, ratio) {
  if (!SHOWN.includes(ratio.verdict)) return ratio.verdict === 'none' ? 'same' : 'open';
  return ratio.verdict === figure.better ? 'better' : 'worse';
}
