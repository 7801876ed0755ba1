const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const clockTime = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayTime = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** @param {number} value */
export function count(value) {
  return whole.format(value);
}

/** One noun or more. @param {number} value @param {string} one @param {string} [many] */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** @param {number} value */
export function bytes(value) {
  if (value < 1000) return `${count(value)} B`;
  const steps = ["kB", "MB", "GB", "TB"];
  let scaled = value / 1000;
  let step = 0;
  while (scaled >= 1000 && step < steps.length - 1) {
    scaled /= 1000;
    step += 1;
  }
  return `${scaled.toFixed(scaled < 10 ? 1 : 0)} ${steps[step]}`;
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 48) return `${hours} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Time of day of this browser, with the day where it is another. @param {number} t s since the Unix epoch */
export function clock(t) {
  const date = new Date(t * 1000);
  return date.toDateString() === new Date().toDateString() ? clockTime.format(date) : dayTime.format(date);
}

/** @param {number} share */
export function percent(share) {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** A value with the digits that its signal has; a text where the DBC file has one. @param {import("./store.js").Signal} signal */
export function valueOf({ value, text, decimals }) {
  if (typeof value === "string") return value;
  const number = numberText(value, decimals);
  return text === "" ? number : `${text} (${number})`;
}

/** @param {number} value @param {number} decimals */
export function numberText(value, decimals) {
  if (!Number.isFinite(value)) return "-";
  const magnitude = Math.abs(value);
  return magnitude >= 1e9 || (magnitude > 0 && magnitude < 1e-4) ? value.toPrecision(6) : value.toFixed(decimals);
}
