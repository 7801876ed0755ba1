/** The server and the path of a URL, for people: without what lets its holder in. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
