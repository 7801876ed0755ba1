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
 * Asks the backend. Throws `Refused` for a refusal, and whatever fetch throws when it cannot be reached.
 * @param {string} path
 * @param {RequestInit} [options]
 */
async function ask(path, options) {
  const response = await fetch(path, { credentials: "same-origin", redirect: "error", ...options });
  const body = await response.json();
  if (!response.ok) throw new Refused(String(body.code), String(body.title));
  return body;
}

/** @param {string} path */
export function read(path) {
  return ask(path);
}

/**
 * @param {string} path
 * @param {unknown} body
 * @param {Record<string, string>} [headers]
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
