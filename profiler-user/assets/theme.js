// Light, dark, or as the system is.
import { byId, setText } from './dom.js';

const THEMES = ['auto', 'light', 'dark'];
const KEY = 'wsgiprobe-theme';
const listeners = [];

// The name of a share, or of a part, is that of its colour: app cpu is --s-app-cpu.
export const shareColour = (name) => css(`--s-${name.replaceAll(' ', '-')}`);
export const partColour = (name) => css(`--p-${name.replaceAll('_', '-')}`);
export const groupColour = (place) => css(`--g-${place % 8}`);

export function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Called when colours are others.
export function onTheme(listener) {
  listeners.push(listener);
}

// Tells them.
export function recolour() {
  listeners.forEach((listener) => listener());
}

function remembered() {
  try {
    return localStorage.getItem(KEY) ?? 'auto';
  } catch {
    return 'auto';
  }
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // A report opened as a file may have no storage.
  }
}

function apply(theme) {
  const root = document.documentElement;
  if (theme === 'auto') delete root.dataset.theme;
  else root.dataset.theme = theme;
  setText(byId('theme'), `Theme: ${theme}`);
  recolour();
}

export function nextTheme() {
  const now = document.documentElement.dataset.theme ?? 'auto';
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  remember(next);
  apply(next);
}

export function startTheme() {
  const theme = remembered();
  apply(THEMES.includes(theme) ? theme : 'auto');
  byId('theme').addEventListener('click', nextTheme);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', recolour);
}
