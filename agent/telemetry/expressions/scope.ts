import { nearestWord } from "../../core/nearest-word.ts";

/** What a name in an expression stands for. */
export type ScopeName = {
  /** Number of the input on the `ValueBoard`. */
  readonly input: number;
  /** A bool is 1 or 0 on the board, a text the position of one of `texts`. */
  readonly type: "double" | "bool" | "text";
  /** All that a text can be, such as the states of a bus. */
  readonly texts?: readonly string[];
  /** Whether it is a state that holds until the next is noted, and so never gets too old: bus state, agent state. */
  readonly holds?: boolean;
};

/** The names that an expression may use; a name may have dots ("bus.can0.up"). */
export type Scope = ReadonlyMap<string, ScopeName>;

/** So much of an unknown name is repeated. */
const SHOWN_LENGTH = 64;

/** Names by which people ask for positions, which no input gives yet. */
const PLACE_WORDS = new Set(["position", "location", "latitude", "longitude", "gps", "gnss", "geofence"]);

/** What is wrong with a name that the scope does not have, and what may be meant. */
export function unknownName(path: string, scope: Scope): string {
  const name = path.length > SHOWN_LENGTH ? `${path.slice(0, SHOWN_LENGTH)}…` : path;
  if (PLACE_WORDS.has(name.split(".")[0].toLowerCase())) {
    return `${name}: positions are not known to expressions yet; use a signal that a receiver on the bus sends, under "inputs"`;
  }
  const near = nearestWord(path, [...scope.keys()]);
  if (near !== undefined) return `unknown name ${name}; did you mean ${near}?`;
  return `unknown name ${name}; give it to a signal under "inputs", or to a derived signal`;
}
