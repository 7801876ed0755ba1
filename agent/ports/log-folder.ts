/** A file in the folder, by its name. */
export type StoredLog = { readonly name: string; readonly bytes: number };

/** A log that is being written. Every call rejects with the system's error; after that only `close` is called. */
export interface LogFile {
  /** At the end of the file. The bytes may be changed once it has resolved. */
  append(bytes: Uint8Array): Promise<void>;
  /** Over the first bytes of the file. */
  overwrite(bytes: Uint8Array): Promise<void>;
  /** Resolves when everything written so far outlives a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Where logs of frames stay until somebody asks for them. Every call rejects with the system's error and may succeed later. */
export interface LogFolder {
  /** Regular files in it. Makes the folder when there is none. */
  list(): Promise<readonly StoredLog[]>;
  /** A new file, whose name outlives a power cut. Rejects when there is one of that name. */
  create(name: string): Promise<LogFile>;
  /** Removes a file; one that is gone already is no error. */
  remove(name: string): Promise<void>;
  /** Bytes that its disk has left for us. */
  freeBytes(): Promise<number>;
}
