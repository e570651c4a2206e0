// The live stream: records as they end.

import { href, search } from './api.js';

/**
 * Listens until `stop()`; `onrecords({records, skipped})`, `onstate('live' | 'lost')`.
 *
 * While the page is not in sight nothing is open: a browser has six connections for all pages of one address. What came
 * meanwhile is told afterwards, from the last cursor on.
 */
export function listen({ query, cursor, onrecords, onrunning, onstate }) {
  let source = null;
  let timer = 0;
  let wait = 500;
  let last = cursor;
  let isResting = false;
  const open = () => {
    if (document.hidden || isResting || source) return;
    source = new EventSource(href(`live?${search({ q: query, cursor: last })}`));
    source.onopen = () => { wait = 500; onstate?.('live'); };
    source.onerror = () => {
      onstate?.('lost');
      // The browser tries again by itself unless the server refused; then we do, more and more slowly.
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      timer = setTimeout(open, wait);
      wait = Math.min(15_000, wait * 2);
    };
    source.addEventListener('records', (event) => {
      if (event.lastEventId) last = event.lastEventId;
      onrecords?.(JSON.parse(event.data));
    });
    source.addEventListener('running', (event) => onrunning?.(JSON.parse(event.data)));
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const look = () => (document.hidden ? close() : open());
  document.addEventListener('visibilitychange', look);
  addEventListener('pagehide', close);
  open();
  return {
    /** Nothing is open until it resumes; what came meanwhile is told then. */
    rest() {
      isResting = true;
      close();
    },
    resume() {
      isResting = false;
      open();
    },
    stop() {
      document.removeEventListener('visibilitychange', look);
      removeEventListener('pagehide', close);
      close();
    },
  };
}
