// What is known: the state, and what has changed it since.

const RETRY = 2000;

// Asks for the state and follows the changes. `changed` is called with the state;
// `connection` with 'live', 'lost' or 'ended'.
export function follow(changed, connection) {
  let state = null;
  let waiting = [];
  let asking = false;
  let ended = false;

  async function ask() {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch('/api/state', { credentials: 'same-origin' });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      state = indexed(await answer.json());
      const missed = waiting;
      waiting = [];
      missed.forEach((change) => merge(state, change));
      connection('live');
      changed(state);
    } catch {
      connection('lost');
      setTimeout(ask, RETRY);
    } finally {
      asking = false;
    }
  }

  const events = new EventSource('/api/events');
  events.onopen = ask;
  events.onerror = () => {
    if (!ended) connection('lost');
  };
  events.onmessage = (event) => {
    const change = JSON.parse(event.data);
    if (asking || !state) {
      waiting.push(change);
      return;
    }
    if (merge(state, change)) changed(state);
    else ask();
    if (state.ended) {
      ended = true;
      events.close();
      connection('ended');
    }
  };
}

// Routes by name.
export function indexed(state) {
  state.routes = new Map(state.routes.map((route) => [route.r, route]));
  return state;
}

// Takes what a window changed; false if the steps are others than before.
function merge(state, change) {
  if (String(change.windows) !== String(state.windows)) return false;
  const last = state.samples.at(-1);
  const sample = change.sample;
  // Older than what is known already.
  if (sample && last && sample.e < last.e) return true;
  if (sample) {
    if (last && last.s === sample.s) state.samples[state.samples.length - 1] = sample;
    else state.samples.push(sample);
  }
  for (const route of change.routes) state.routes.set(route.r, route);
  if (change.slowest) state.slowest = change.slowest;
  for (const key of ['groups', 'total', 'account', 'notices', 'ended']) state[key] = change[key];
  return true;
}

// The samples within a stretch of time, milliseconds.
export function within(samples, [begin, end]) {
  return samples.filter((sample) => sample.e > begin && sample.s < end);
}

export const seconds = (sample) => Math.max((sample.e - sample.s) / 1000, 0.001);
