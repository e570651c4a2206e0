// How times, durations, sizes and counts are written.

const two = (n) => String(n).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** 12:04:11.018, with the day before it unless it is today. */
export function clock(ms, { millis = true } = {}) {
  const at = new Date(ms);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const exact = millis ? `${time}.${String(at.getMilliseconds()).padStart(3, '0')}` : time;
  return isToday(at) ? exact : `${at.getDate()} ${MONTHS[at.getMonth()]} ${time}`;
}

/** 2026-11-23 12:04:11.018 and the zone's offset. */
export function moment(ms) {
  const at = new Date(ms);
  const minutes = -at.getTimezoneOffset();
  const sign = minutes < 0 ? '-' : '+';
  const zone = `${sign}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day} ${time}.${String(at.getMilliseconds()).padStart(3, '0')} ${zone}`;
}

function isToday(at) {
  return at.toDateString() === new Date().toDateString();
}

/** How long ago, in one unit. */
export function ago(ms, now = Date.now()) {
  const seconds = Math.max(0, (now - ms) / 1000);
  if (seconds < 1.5) return 'just now';
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}

/** 61.7 ms, 5.00 s, 2 min 4 s. */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–';
  const size = Math.abs(ms);
  if (size === 0) return '0 ms';
  if (size < 0.01) return `${(ms * 1000).toFixed(1)} µs`;
  if (size < 1000) return `${digits(ms)} ms`;
  if (size < 120_000) return `${digits(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (size < 7_200_000) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (size < 172_800_000) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** A duration for an axis: 2.5 ms, 10 ms. */
export function brief(ms) {
  return duration(ms).replace(/(\.\d*?)0+ /, '$1 ').replace('. ', ' ');
}

function digits(n) {
  const size = Math.abs(n);
  return n.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0);
}

/** 38 B, 1.2 KiB, 41.0 MiB. */
export function bytes(n) {
  if (n === null || n === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let size = n;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${n} B` : `${size.toFixed(size < 100 ? 1 : 0)} ${units[unit]}`;
}

/** 12 345. The space is one that no line breaks at. */
export function count(n) {
  if (n === null || n === undefined) return '–';
  return Math.round(n).toString().replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
}

/** A share between 0 and 1 as a percentage. */
export function percent(share) {
  if (!Number.isFinite(share)) return '–';
  const n = share * 100;
  if (n === 0) return '0 %';
  if (n < 0.1) return '< 0.1 %';
  return `${n < 10 && n % 1 > 0.05 ? n.toFixed(1) : Math.round(n)} %`;
}

/** How many a second. */
export function rate(n) {
  if (!Number.isFinite(n)) return '–';
  if (n === 0) return '0/s';
  if (n < 0.05) return `${(n * 60).toFixed(n * 60 < 1 ? 2 : 1)}/min`;
  return `${n < 10 ? n.toFixed(1) : count(n)}/s`;
}

/** One thing, or several: `several(2, 'request')`. */
export function several(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** The last part of a type's path: `CheckoutError`; of one that is called only `Error`, with its module: `io::Error`. */
export function shortType(type) {
  const parts = (type ?? '').replace(/<.*$/s, '').split('::');
  const last = parts.pop();
  if (last !== 'Error') return last || type || '';
  const module = parts.filter((part) => part !== 'error').pop();
  return module ? `${module}::Error` : last;
}

/** How a request ended, as the one word that stands where the status does: its status, or what it has instead. */
export function ending(row) {
  if (row.status) return String(row.status);
  if (row.grpc !== null && row.grpc !== undefined && row.grpc !== '') return String(row.grpc);
  return '–––';
}

/** What colour it has: `ok`, `moved`, `client`, `failed` or `gone`. */
export function tone(row) {
  if (row.failed || row.class || row.error || row.status >= 500 || row.outcome === 'panicked') return row.status < 500 && row.status >= 400 ? 'client' : 'failed';
  if (row.status >= 400) return 'client';
  if (row.status >= 300) return 'moved';
  if (row.status) return 'ok';
  if (row.outcome === 'answered' || !row.outcome) return 'ok';
  return 'gone';
}
