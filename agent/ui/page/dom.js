/**
 * The element with this id, which index.html has.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * A new element. Texts become text and never markup, wherever they come from.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * Sets a text, and touches nothing when it is there already: what a reader has selected stays so.
 * @param {Element} place
 * @param {string} text
 */
export function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/**
 * Whether a table, a list or the like must be made again: its content as a key.
 * @param {HTMLElement} place
 * @param {unknown} content
 */
export function isNew(place, content) {
  const key = JSON.stringify(content);
  if (contents.get(place) === key) return false;
  contents.set(place, key);
  return true;
}

/** @type {WeakMap<HTMLElement, string>} */
const contents = new WeakMap();

/** A cell of a table that is set to the right. @param {string} text */
export function number(text) {
  return element("td", { class: "number" }, text);
}

/**
 * Puts rows into the body of a table where they differ from those that are there; the first cell heads its row.
 * @param {HTMLElement} body
 * @param {(string | Node)[][]} rows
 * @param {unknown} [content] what the rows are made of, where they hold nodes
 */
export function fillRows(body, rows, content = rows) {
  if (!isNew(body, content)) return;
  const cellOf = (/** @type {string | Node} */ cell) =>
    cell instanceof HTMLTableCellElement ? cell : element("td", {}, cell);
  body.replaceChildren(
    ...rows.map(([head, ...cells]) =>
      element("tr", {}, element("th", { scope: "row" }, head), ...cells.map((cell) => cellOf(cell))),
    ),
  );
}

/**
 * What a text of JSON says. The caller names its type: what our own process sends is trusted.
 * @template T
 * @param {string} text
 * @returns {T}
 */
export function parsed(text) {
  return JSON.parse(text);
}
