/** Small text files of one folder of the state directory, by name. Calls are synchronous. */
export interface StateFiles {
  /** The text of a file; undefined where there is none. Throws the system's error, and one for what is longer than is ever written. */
  read(name: string): string | undefined;
  /** Puts `text` in the place of the file: after a power cut there is the old one or the new one, whole. Throws `output.unwritable`. */
  replace(name: string, text: string): void;
  /** Takes a file out of the way, beside it under another name, in the place of the one before. Gives that name; undefined where it cannot. */
  setAside(name: string): string | undefined;
}
