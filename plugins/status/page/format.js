// How figures, times and lengths are written.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

export const count = (n) => whole.format(n);

export const rate = (n) => (n > 0 && n < 10 ? fine.format(n) : whole.format(n));

export function percent(part, all) {
  const share = all > 0 ? (100 * part) / all : 0;
  return share > 0 && share < 1 ? "<1%" : `${whole.format(share)}%`;
}

export function bytes(n) {
  for (const unit of ["B", "KiB", "MiB"]) {
    if (n < 1024) return `${unit === "B" || n >= 100 ? whole.format(n) : fine.format(n)} ${unit}`;
    n /= 1024;
  }
  return `${fine.format(n)} GiB`;
}

// clock writes a moment in the time zone of whoever looks, with the day if it
// is not today.
export function clock(ms) {
  const at = new Date(ms);
  const today = at.toDateString() === new Date().toDateString();
  return today ? time.format(at) : `${day.format(at)} ${time.format(at)}`;
}

export function length(seconds) {
  if (seconds < 10) return `${fine.format(Math.max(0, seconds))} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

// latency writes how long something takes: from milliseconds on.
export function latency(seconds) {
  if (seconds >= 10) return length(seconds);
  if (seconds >= 1) return `${fine.format(seconds)} s`;
  return seconds > 0 && seconds < 0.001 ? "<1 ms" : `${whole.format(1000 * seconds)} ms`;
}

// age is length without fractions: for what counts on while one looks.
export const age = (seconds) => (seconds < 10 ? `${Math.max(0, Math.floor(seconds))} s` : length(seconds));

export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
