// What the browser's own trace tells of inputs: from when to when each took, and what the page did meanwhile.

import { writeFileSync } from 'node:fs';

import { until } from './browser.mjs';

const CATEGORIES = ['devtools.timeline', 'loading', 'input.scrolling', 'blink.user_timing', 'disabled-by-default-devtools.timeline.frame'];
/** What people do; that lines pass under a pointer at rest is none of it. */
const GIVEN = /^(key|input|beforeinput|click|pointerdown|pointerup|mousedown|mouseup)/;
/** What a page's own thread does. */
const WORK = new Set(['FunctionCall', 'EvaluateScript', 'ParseHTML', 'UpdateLayoutTree', 'Layout', 'Paint', 'Layerize', 'Commit', 'MajorGC', 'MinorGC']);
/** The trace's clock, in microseconds: the monotonic one. */
const now = () => Number(process.hrtime.bigint() / 1000n);

export class Trace {
  #tab;
  #inputs = [];
  #events = [];
  unseen = 0;

  constructor(tab) {
    this.#tab = tab;
  }

  start() {
    return this.#tab.context().browser().startTracing(this.#tab, { categories: CATEGORIES });
  }

  /** Keeps it where somebody wants to look at it. */
  async stop(path) {
    const buffer = await this.#tab.context().browser().stopTracing();
    if (path) writeFileSync(path, buffer);
    this.#events = JSON.parse(buffer).traceEvents.sort((a, b) => a.ts - b.ts);
  }

  /** Gives an input; what the trace tells until the next one is about it. */
  async input(kind, give) {
    this.#inputs.push({ kind, from: now() });
    await give();
  }

  /** One that leads to another page, which is there when it says so: `whole` is what it takes until then. */
  async visit(kind, whole, address, give) {
    const marks = () => this.#tab.evaluate(() => performance.getEntriesByName('shown').length);
    const before = await marks();
    this.#inputs.push({ kind, whole, from: now() });
    await Promise.all([this.#tab.waitForURL(address), give()]);
    await until('the page is shown', async () => (await marks()) > before);
  }

  /** The times of each kind of input until the next paint, in milliseconds. */
  kinds() {
    const kinds = new Map();
    this.#inputs.forEach((input, i) => {
      const to = this.#inputs[i + 1]?.from ?? Infinity;
      this.#keep(kinds, input.kind, this.#took(input, to));
    });
    return kinds;
  }

  /** The times of each kind of visit until the page that was asked for is shown, in milliseconds. */
  visits() {
    const kinds = new Map();
    this.#inputs.forEach((input, i) => {
      if (input.whole) this.#keep(kinds, input.whole, this.#whole(input, this.#inputs[i + 1]?.from ?? Infinity));
    });
    return kinds;
  }

  #keep(kinds, kind, took) {
    if (took === undefined) this.unseen += 1;
    else kinds.set(kind, [...(kinds.get(kind) ?? []), took]);
  }

  #whole({ from }, to) {
    // It is said as the frame is made that has the page in it.
    const mark = this.#events.find((event) => event.name === 'shown' && event.ts >= from && event.ts < to);
    const frames = this.#slices('PipelineReporter').filter(([event, end]) => mark && isPresented(event) && event.ts <= mark.ts && end.ts >= mark.ts);
    return frames.length ? (frames.at(-1)[1].ts - from) / 1000 : undefined;
  }

  #took({ kind, from }, to) {
    const within = (event) => event.ts >= from && event.ts < to;
    if (kind === 'scrolling') {
      const found = this.#slices('EventLatency').filter(([event]) => within(event) && /WHEEL|SCROLL/.test(JSON.stringify(event.args)));
      return most(found.map(([event, end]) => (end.ts - event.ts) / 1000));
    }
    const found = this.#slices('EventTiming').filter(([event]) => within(event) && GIVEN.test(event.args.data.type));
    return most(found.map(([event, end]) => (end.ts - event.ts) / 1000));
  }

  #pairs = new Map();

  /** Begins with their ends. */
  #slices(name) {
    if (this.#pairs.has(name)) return this.#pairs.get(name);
    const open = new Map();
    const found = [];
    for (const event of this.#events) {
      if (event.name !== name) continue;
      const id = `${event.pid} ${event.id ?? JSON.stringify(event.id2)}`;
      if (event.ph === 'b') open.set(id, event);
      else if (event.ph === 'e' && open.has(id)) {
        found.push([open.get(id), event]);
        open.delete(id);
      }
    }
    this.#pairs.set(name, found);
    return found;
  }

  /** Times between two frames that were shown while such inputs were given, in milliseconds. */
  frames(kind) {
    const found = [];
    this.#inputs.forEach((input, i) => {
      if (input.kind !== kind || this.#inputs[i + 1]?.kind !== kind) return;
      const to = this.#inputs[i + 1].from;
      const shown = this.#slices('PipelineReporter').filter(([event]) => isPresented(event)).map(([, end]) => end.ts);
      const these = shown.filter((ts) => ts >= input.from && ts < to).sort((a, b) => a - b);
      // What was shown at one moment is one frame.
      for (let n = 1; n < these.length; n += 1) if (these[n] - these[n - 1] > 1000) found.push((these[n] - these[n - 1]) / 1000);
    });
    return found;
  }

  /** What kept pages busy for longest at a time: milliseconds by the clock, by the processor, and what it was. */
  tasks() {
    const pages = new Set(this.#events.filter((event) => event.name === 'thread_name' && event.args.name === 'CrRendererMain').map((event) => `${event.pid} ${event.tid}`));
    const long = this.#events.filter((event) => event.ph === 'X' && event.dur > 10_000 && WORK.has(event.name) && pages.has(`${event.pid} ${event.tid}`));
    return long.sort((a, b) => b.dur - a.dur).map(({ name, dur, tdur, args }) => {
      const { functionName, url, lineNumber, type } = args?.data ?? {};
      const place = url ? ` ${url.split('/').at(-1)}:${lineNumber}` : '';
      return [dur / 1000, (tdur ?? 0) / 1000, `${name}${place}${functionName ? ` ${functionName}` : ''}${type ? ` ${type}` : ''}`];
    });
  }
}

const isPresented = (event) => /PRESENTED/.test(event.args.frame_reporter?.state);
const most = (times) => (times.length ? Math.max(...times) : undefined);
