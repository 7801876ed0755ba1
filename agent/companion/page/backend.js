/** An answer of the backend that is no success. `code`: as its problem details name it. */
export class Refused extends Error {
  /**
   * @param {string} code
   * @param {string} title
   */
  constructor(code, title) {
    super(title);
    this.code = code;
  }
}

/**
 * What a text of JSON says. The caller names its type: what our backend sends is trusted.
 * @template T
 * @param {string} text
 * @returns {T}
 */
export function parsed(text) {
  return JSON.parse(text);
}

/**
 * Asks the backend. Throws `Refused` for a refusal, and whatever fetch throws when it cannot be reached.
 * @template T
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<T>}
 */
async function ask(path, options) {
  const response = await fetch(path, { credentials: "same-origin", redirect: "error", ...options });
  const text = await response.text();
  if (response.ok) return parsed(text);
  /** @type {{ code: unknown, title: unknown }} */
  const { code, title } = parsed(text);
  throw new Refused(String(code), String(title));
}

/**
 * @template T
 * @param {string} path
 * @returns {Promise<T>}
 */
export function read(path) {
  return ask(path);
}

/**
 * @template T
 * @param {string} path
 * @param {unknown} body
 * @param {Record<string, string>} [headers]
 * @returns {Promise<T>}
 */
export function post(path, body, headers = {}) {
  return ask(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-causeway": "1", ...headers },
    body: JSON.stringify(body),
  });
}

/** @param {string} vehicle */
export function vehiclePath(vehicle) {
  return `/api/vehicles/${encodeURIComponent(vehicle)}`;
}
