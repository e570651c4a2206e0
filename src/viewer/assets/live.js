// The live stream: records as they end.

import { href, search } from './api.js';

/** Listens until `stop()`; `onrecords({records, skipped})`, `onstate('live' | 'lost')`. */
export function listen({ query, cursor, onrecords, onrunning, onstate }) {
  let source = null;
  let timer = 0;
  let wait = 500;
  let last = cursor;
  const open = () => {
    source = new EventSource(href(`live?${search({ q: query, cursor: last })}`));
    source.onopen = () => { wait = 500; onstate?.('live'); };
    source.onerror = () => {
      onstate?.('lost');
      // The browser tries again by itself unless the server refused; then we do, more and more slowly.
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      timer = setTimeout(open, wait);
      wait = Math.min(15_000, wait * 2);
    };
    source.addEventListener('records', (event) => {
      if (event.lastEventId) last = event.lastEventId;
      const message = JSON.parse(event.data);
      if (message.cursor) last = message.cursor;
      onrecords?.(message);
    });
    source.addEventListener('running', (event) => {
      let message = null;
      try {
        message = event.data ? JSON.parse(event.data) : null;
      } catch {
        // It only says that something changed.
      }
      onrunning?.(message);
    });
  };
  open();
  return {
    stop() {
      clearTimeout(timer);
      source.close();
    },
  };
}
