// Elements. Text from the network gets in as text only: there is no other way here.

export const byId = (id) => document.getElementById(id);

// An element with properties, attributes (data-, aria-, ...) and children.
export function make(tag, given = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name === 'text') element.textContent = value;
    else if (name === 'class') element.className = value;
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const SVG = 'http:' + '/' + '/www.w3.org/2000/svg';

export function makeSvg(tag, given = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A piece of a bar: width in percent of what it is in.
export function piece(width, colour, title, name = 'piece') {
  const element = make('span', { class: name, title });
  element.style.width = `${width}%`;
  element.style.backgroundColor = colour;
  return element;
}

export function empty(text) {
  return make('p', { class: 'empty', text });
}

const shownBy = new WeakMap();

// Puts what `build` makes of it there, if it is another than before: what a reader has
// selected, or points at, stays.
export function refresh(holder, key, build) {
  const text = JSON.stringify(key);
  if (shownBy.get(holder) === text) return;
  shownBy.set(holder, text);
  holder.replaceChildren(...build());
}
