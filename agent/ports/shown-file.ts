/** A file that programs of other users read. Its folder is there. */
export type ShownFile = {
  /** Puts `text` in its place: a reader finds the one before or the new one, whole. After a power cut it may be gone. Rejects with the system's error. */
  replace(text: string): Promise<void>;
  /** Removes it, and what a failed `replace` left. Never throws. */
  remove(): void;
};
