// The drawings: requests over time, latency as a heat map, lines over time, and small courses inside tables.

import { h, svg } from './dom.js';
import { brief, clock, count, duration, rate } from './format.js';

/** A colour of the style sheet as the canvas needs it. */
function colour(name) {
  const probe = h('span', { class: 'unseen' });
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const FONT = '11px ui-sans-serif, system-ui, sans-serif';

function timeAxis() {
  return {
    stroke: () => colour('dim'), font: FONT, size: 20, gap: 3, space: 70,
    grid: { show: false }, ticks: { show: false },
    values: (plot, splits, _axis, _space, step) => splits.map((s) => {
      const text = clock(s * 1000, { millis: false });
      return step < 60 ? text : text.replace(/:\d\d$/, '');
    }),
  };
}

/** The axis of time, from the first part's start to the last one's end. */
function whole(course) {
  return {
    time: true,
    range: (_plot, low, high) => {
      const { from_ms, step_ms, requests } = course() ?? {};
      return from_ms === undefined ? [low, high] : [from_ms / 1000, (from_ms + step_ms * requests.length) / 1000];
    },
  };
}

/** Keeps a plot as wide as its box, in the colours of the theme. */
function hold(box, make) {
  let plot = null;
  let width = 0;
  const draw = () => {
    plot?.destroy();
    plot = width > 0 ? make(width) : null;
    if (!plot) return;
    for (const canvas of plot.root.querySelectorAll('canvas')) canvas.setAttribute('aria-hidden', 'true');
  };
  const observer = new ResizeObserver(([entry]) => {
    const wide = Math.floor(entry.contentRect.width);
    if (wide === width || wide === 0) return;
    width = wide;
    draw();
  });
  observer.observe(box);
  document.addEventListener('theme', draw);
  return { plot: () => plot, draw };
}

/** Requests per second with the failed ones in front; dragging over it asks for that time. */
export function rateChart({ onbrush, height = 84 }) {
  const readout = h('span.readout');
  const box = h('div.plot', { role: 'img', 'aria-label': 'Requests over time' });
  const figure = h('figure', h('figcaption', h('span', 'Requests'), readout), box);
  let course = null;
  let data = [[], [], []];
  const bars = (fill) => ({ stroke: () => colour(fill), fill: () => colour(fill), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [1, 40], gap: 1, align: 1 }) });
  const told = (i) => {
    if (!course) return '';
    if (i === null || i === undefined) {
      const all = course.requests.reduce((a, b) => a + b, 0);
      const bad = course.errors.reduce((a, b) => a + b, 0);
      const seconds = (course.step_ms * course.requests.length) / 1000;
      return `${count(all)} · ${rate(all / seconds)}${bad ? ` · ${count(bad)} failed` : ''}`;
    }
    const bad = course.errors[i];
    return `${clock(course.from_ms + i * course.step_ms, { millis: false })} · ${count(course.requests[i])}${bad ? ` · ${count(bad)} failed` : ''}`;
  };
  const held = hold(box, (width) => new uPlot({
    width, height, legend: { show: false }, padding: [4, 0, 0, 0],
    scales: { x: whole(() => course), y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.05)] } },
    axes: [timeAxis(), { stroke: () => colour('dim'), font: FONT, side: 1, size: 34, gap: 4, ticks: { show: false }, grid: { stroke: () => colour('line'), width: 1 }, space: 28, values: (_plot, splits) => splits.map((v) => (v % 1 ? '' : count(v))) }],
    series: [{}, bars('bar'), bars('failed-bar')],
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 5 } },
    hooks: {
      setCursor: [(plot) => { readout.textContent = told(plot.cursor.idx); }],
      setSelect: [(plot) => {
        const { left, width: wide } = plot.select;
        if (wide < 4) return;
        onbrush({ since: plot.posToVal(left, 'x') * 1000, until: plot.posToVal(left + wide, 'x') * 1000 });
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      }],
    },
  }, data, box));
  return {
    figure,
    show(next) {
      course = next;
      data = [next.requests.map((_, i) => (next.from_ms + i * next.step_ms) / 1000), next.requests, next.errors];
      held.plot()?.setData(data);
      readout.textContent = told(null);
      box.setAttribute('aria-label', `Requests over time: ${told(null)}`);
    },
  };
}

/** Latency over time: each cell is as dark as it has requests; dragging asks for that time and those durations. */
export function heatMap({ onbrush, height = 84 }) {
  const readout = h('span.readout');
  const box = h('div.plot', { role: 'img', 'aria-label': 'Latency over time' });
  const figure = h('figure', h('figcaption', h('span', 'Latency'), readout), box);
  let course = null;
  let first = 0;
  let last = 1;
  let data = [[], []];
  // Cells are told by where they end; here by where they begin.
  const edge = (i) => (i === 0 ? 0 : course?.latency.edges_ms[i - 1]);
  const span = (i) => {
    const to = edge(i + 1);
    return to === undefined ? `≥ ${duration(edge(i))}` : `${duration(edge(i))} – ${duration(to)}`;
  };
  const held = hold(box, (width) => new uPlot({
    width, height, legend: { show: false }, padding: [4, 0, 0, 0],
    scales: { x: whole(() => course), y: { range: () => [first, last] } },
    axes: [timeAxis(), {
      stroke: () => colour('dim'), font: FONT, side: 1, size: 48, gap: 4, ticks: { show: false }, grid: { show: false },
      splits: () => { const step = Math.max(1, Math.ceil((last - first) / 4)); const found = []; for (let i = first; i < last; i += step) found.push(i); return found; },
      values: (_plot, splits) => splits.map((i) => (edge(i) === undefined ? '' : brief(edge(i)))),
    }],
    series: [{}, { stroke: 'transparent', points: { show: false } }],
    cursor: { points: { show: false }, drag: { x: true, y: true, uni: 12, setScale: false, dist: 5 } },
    hooks: {
      draw: [(plot) => cells(plot)],
      setCursor: [(plot) => {
        const { left, top } = plot.cursor;
        if (!course || left < 0) { readout.textContent = ''; return; }
        const x = Math.floor((plot.posToVal(left, 'x') * 1000 - course.from_ms) / course.step_ms);
        const y = Math.floor(plot.posToVal(top, 'y'));
        const n = course.latency.cells[x]?.[y] ?? 0;
        readout.textContent = `${clock(course.from_ms + x * course.step_ms, { millis: false })} · ${span(y)} · ${count(n)}`;
      }],
      setSelect: [(plot) => {
        const { left, width: wide, top, height: high } = plot.select;
        if (!course || (wide < 4 && high < 4)) return;
        const low = Math.max(0, Math.floor(plot.posToVal(top + high, 'y') + 0.01));
        const up = Math.ceil(plot.posToVal(top, 'y') - 0.01);
        const whole = high >= plot.over.clientHeight - 2;
        onbrush({
          since: plot.posToVal(left, 'x') * 1000, until: plot.posToVal(left + wide, 'x') * 1000,
          from_ms: whole || low === 0 ? null : edge(low), to_ms: whole ? null : edge(up) ?? null,
        });
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      }],
    },
  }, data, box));
  const cells = (plot) => {
    if (!course) return;
    const { ctx } = plot;
    const most = Math.sqrt(Math.max(1, ...course.latency.cells.flat()));
    const fill = colour('heat');
    ctx.save();
    ctx.fillStyle = fill;
    course.latency.cells.forEach((column, x) => {
      const left = plot.valToPos((course.from_ms + x * course.step_ms) / 1000, 'x', true);
      const right = plot.valToPos((course.from_ms + (x + 1) * course.step_ms) / 1000, 'x', true);
      column.forEach((n, y) => {
        if (n === 0 || y < first || y >= last) return;
        const top = plot.valToPos(y + 1, 'y', true);
        const bottom = plot.valToPos(y, 'y', true);
        ctx.globalAlpha = 0.14 + 0.86 * (Math.sqrt(n) / most);
        ctx.fillRect(Math.round(left), Math.round(top), Math.max(1, Math.round(right) - Math.round(left) - 1), Math.max(1, Math.round(bottom) - Math.round(top) - 1));
      });
    });
    ctx.restore();
  };
  return {
    figure,
    show(next) {
      course = next;
      const used = [0, ...next.latency.edges_ms].map((_, y) => next.latency.cells.some((column) => column[y] > 0));
      first = Math.max(0, used.indexOf(true));
      last = Math.max(first + 1, used.lastIndexOf(true) + 1);
      const end = (next.from_ms + next.requests.length * next.step_ms) / 1000;
      data = [[...next.requests.map((_, i) => (next.from_ms + i * next.step_ms) / 1000), end], new Array(next.requests.length + 1).fill(first)];
      held.plot()?.setData(data);
      readout.textContent = '';
      const from = used.includes(true) ? `between ${duration(edge(first))} and ${edge(last) === undefined ? 'more' : duration(edge(last))}` : 'no requests';
      box.setAttribute('aria-label', `Latency over time: ${from}`);
    },
  };
}

/** Several lines over time, such as p50, p95 and p99; `lines`: `[{label, colour, values}]`. */
export function lineChart({ from_ms, step_ms, lines, format, height = 180, label, bars = false, log = false }) {
  const readout = h('span.readout');
  const box = h('div.plot', { role: 'img', 'aria-label': label });
  const legend = h('span.legend', lines.map((line) => { const dot = h('span.dot'); dot.style.background = `var(--${line.colour})`; return [dot, line.label]; }));
  const figure = h('figure', h('figcaption', h('span', label), legend, readout), box);
  const n = Math.max(0, ...lines.map((line) => line.values.length));
  const data = [Array.from({ length: n }, (_, i) => (from_ms + i * step_ms) / 1000), ...lines.map((line) => line.values)];
  const paths = bars ? uPlot.paths.bars({ size: [1, 40], gap: 1, align: 1 }) : undefined;
  hold(box, (width) => new uPlot({
    width, height, legend: { show: false }, padding: [6, 0, 0, 0],
    scales: { x: whole(() => ({ from_ms, step_ms, requests: data[0] })), y: log ? { distr: 3, range: (_plot, low, high) => [Math.max(0.001, (low ?? 1) / 1.2), (high ?? 10) * 1.2] } : { range: (_plot, _low, high) => [0, Math.max(1, (high ?? 1) * 1.08)] } },
    axes: [timeAxis(), { stroke: () => colour('dim'), font: FONT, side: 1, size: 56, gap: 4, ticks: { show: false }, grid: { stroke: () => colour('line'), width: 1 }, space: 32, filter: log ? (_plot, splits) => splits.map((v) => (/^[1]/.test(Number(v.toPrecision(2)).toExponential()) ? v : null)) : undefined, values: (_plot, splits) => splits.map((v) => (v === null ? '' : format(v))) }],
    series: [{}, ...lines.map((line) => ({ stroke: () => colour(line.colour), fill: bars ? () => colour(line.colour) : undefined, width: bars ? 0 : 1.5, spanGaps: true, points: { show: false }, paths }))],
    cursor: { y: false, points: { show: !bars, size: 5 }, drag: { x: false, y: false } },
    hooks: { setCursor: [(plot) => {
      const i = plot.cursor.idx;
      readout.textContent = i === null || i === undefined ? '' : `${clock(data[0][i] * 1000, { millis: false })} · ${lines.map((line) => `${line.label} ${line.values[i] === null ? '–' : format(line.values[i])}`).join(' · ')}`;
    }] },
  }, data, box));
  return figure;
}

/** A small course for a table's cell: bars, with the failed part in front. */
export function spark(counts, errors, { label, width = 120, height = 22 } = {}) {
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  const path = (values) => values.map((n, i) => {
    if (!n) return '';
    const high = Math.max(1.5, (n / most) * height);
    return `M${(i * step).toFixed(2)} ${height}v${(-high).toFixed(2)}h${Math.max(0.8, step - 0.8).toFixed(2)}V${height}z`;
  }).join('');
  const total = counts.reduce((a, b) => a + b, 0);
  const drawing = svg('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': label ?? `course: ${total} in all, at most ${most}` },
    svg('path', { class: errors ? 'all' : 'bad', d: path(counts) }));
  if (errors) drawing.append(svg('path', { class: 'bad', d: path(errors) }));
  return drawing;
}
